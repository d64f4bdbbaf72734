"""All addresses."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from analysis.views import plan_page, reach

urlpatterns = [
    path("", include("evaluation.urls")),
    path("reports/", include("analysis.urls")),
    path("planning/", plan_page, name="plan"),
    path("planning/reach", reach, name="reach"),
    path("language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
]
