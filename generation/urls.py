"""Addresses of the page that generates images."""

from django.urls import path

from generation import views

urlpatterns = [
    path("", views.generate, name="generate"),
    path("mask", views.mask, name="generate_mask"),
    path("<int:pk>/", views.made, name="generated"),
    path("<int:pk>/progress", views.progress, name="generated_progress"),
    path("<int:pk>/stop", views.stop, name="generated_stop"),
    path("<int:pk>/<int:image>/", views.large, name="generated_image"),
    path("<int:pk>/<int:image>.png", views.original, name="generated_original"),
]
