"""Certificates of blinding: on what audit of a draft its sealing rests."""

from django.conf import settings

from evaluation.errors import Uncertified
from evaluation.models import Certificate, Study
from evaluation.seal import digest
from evaluation.stimuli import PIPELINE


def subject_of(study: Study) -> str:
    """Return what a certificate is about: the SHA-256 of settings, images, pipeline and software.

    Whatever of it changes makes another study of the draft, which needs an audit of its own.
    """
    drawn = study.drawn.order_by("image__sha256").values_list("image__sha256", "use")
    own = (
        "id", "slug", "title", "contact", "consent_text", "opens_at", "closes_at", "margin",
    )  # fmt: skip
    chosen = {
        field.name: getattr(study, field.attname)
        for field in Study._meta.concrete_fields
        if field.editable and field.name not in own
    }
    return digest([chosen, [list(row) for row in drawn], PIPELINE, settings.VERSION])


def certificate_of(study: Study) -> Certificate | None:
    """Return the certificate of a sealed study, or that of a draft as it stands now."""
    kept = Certificate.objects.filter(study=study).first()
    return kept if kept and (study.sealed_at or kept.subject == subject_of(study)) else None


def certified_by(study: Study, reason: str) -> dict[str, object]:
    """Return what the protocol says of the certificate; `reason` stands in for one that passed.

    Raises:
        Uncertified: the draft is not certified as it stands, and no reason is given; or the audit
            found what no reason excuses.
    """
    kept = certificate_of(study)
    if kept and kept.refused:
        raise Uncertified(
            f"the audit of study '{study.slug}' found a leak in the images' processing that no "
            "reason excuses; mend it and audit the draft again"
        )
    passed = kept is not None and kept.passed
    if not passed and not reason:
        why = "did not pass its audit" if kept else "has no certificate of blinding"
        raise Uncertified(
            f"study '{study.slug}' {why}; run audit_blinding on the draft as it stands now, or "
            "give a reason to seal it all the same, which everybody can read"
        )
    return {
        "sha256": digest(kept.document if kept else None),
        "passed": passed,
        "reason": "" if passed else reason,
    }


def page_names(study: Study) -> list[str]:
    """Return the file of a study's certificate, in a list that is empty without one."""
    return [str(each.page.name) for each in Certificate.objects.filter(study=study) if each.page]
