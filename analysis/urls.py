"""Addresses of the reports."""

from django.urls import path

from analysis import views

app_name = "analysis"
urlpatterns = [
    path("<slug:slug>/", views.report, name="report"),
    path("<slug:slug>/report.zip", views.archive, name="archive"),
    path("<slug:slug>/<path:name>", views.part, name="part"),
]
