"""Addresses of de-identification."""

from django.urls import path

from generation.submissions import views

urlpatterns = [
    path("", views.submissions, name="submissions"),
    path("new", views.submit, name="submit"),
    path("propose", views.propose, name="submit_propose"),
    path("original/<str:token>", views.original, name="submission_original"),
    path("<int:pk>/", views.submission, name="submission"),
    path("<int:pk>/look", views.look, name="submission_look"),
    path("<int:pk>/copy.png", views.copy, name="submission_copy"),
    path("<int:pk>/copy.zip", views.export, name="submission_export"),
    path("<int:pk>/again", views.again, name="submission_again"),
    path("<int:pk>/pass", views.passed_on, name="submission_pass"),
    path("<int:pk>/return", views.returned, name="submission_return"),
    path("<int:pk>/approve", views.approve, name="submission_approve"),
    path("<int:pk>/forget", views.forget, name="submission_forget"),
    path("<int:pk>/take", views.take, name="submission_take"),
]
