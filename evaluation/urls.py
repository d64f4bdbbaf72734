"""Addresses of the pages and of the API that the reading page speaks."""

from django.urls import path

from evaluation.api.reading import AnswersView, PostponeView, PracticeView
from evaluation.views import front, lessons, reading, seals

urlpatterns = [
    path("", front.front, name="front"),
    path("seals/<str:fingerprint>", seals.seal, name="seal"),
    path("seals/<str:fingerprint>/protocol.json", seals.protocol, name="sealed_protocol"),
    path("r/<str:token>", reading.invitation, name="invitation"),
    path("join/<str:token>", reading.open_link, name="open_link"),
    path("reading/", reading.reading, name="reading"),
    path("reading/consent", reading.consent, name="consent"),
    path("reading/about", reading.about, name="about"),
    path("reading/device", reading.device, name="device"),
    path("reading/ending", reading.ending, name="ending"),
    path("reading/start", reading.start, name="start"),
    path("reading/progress", lessons.progress, name="progress"),
    path("reading/progress.csv", lessons.results, name="results"),
    path("reading/certificate", lessons.certificate, name="lesson_certificate"),
    path("stimulus/<str:token>", reading.stimulus, name="stimulus"),
    path("stimulus/<str:token>/right", reading.stimulus, {"beside": True}, name="stimulus_right"),
    path("api/answers", AnswersView.as_view(), name="answers"),
    path("api/postpone", PostponeView.as_view(), name="postpone"),
    path("api/practice", PracticeView.as_view(), name="practice"),
]
