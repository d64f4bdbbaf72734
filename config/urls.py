"""All addresses."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from analysis.audit_views import audit_certificate, audit_document, audit_page
from analysis.quality_views import quality_list, quality_part
from analysis.views import plan_page, reach

urlpatterns = [
    path("", include("evaluation.urls")),
    path("reports/", include("analysis.urls")),
    path("audits/<slug:slug>/", audit_page, name="audit"),
    path("audits/<slug:slug>/certificate", audit_certificate, name="audit_certificate"),
    path("audits/<slug:slug>/certificate.json", audit_document, name="audit_document"),
    path("quality/", quality_list, name="quality_list"),
    path("quality/<slug:slug>/", quality_part, name="quality_part"),
    path("quality/<slug:slug>/<path:name>", quality_part, name="quality_file"),
    path("generate/", include("generation.urls")),
    path("deidentify/", include("generation.submissions.urls")),
    path("api/", include("generation.api_urls")),
    path("planning/", plan_page, name="plan"),
    path("planning/reach", reach, name="reach"),
    path("language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
]
