"""Addresses of the API of batches."""

from django.urls import path

from generation import api

urlpatterns = [
    path("generators", api.GeneratorsView.as_view(), name="api_generators"),
    path("batches", api.BatchesView.as_view(), name="api_batches"),
    path("batches/<int:pk>", api.BatchView.as_view(), name="api_batch"),
    path("batches/<int:pk>/<int:image>.png", api.BatchImageView.as_view(), name="api_batch_image"),
    path("batches/<int:pk>/tones", api.BatchTonesView.as_view(), name="api_batch_tones"),
    path("batches/<int:pk>/tones.csv", api.BatchTonesCsvView.as_view(), name="api_batch_tones_csv"),
]
