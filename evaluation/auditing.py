"""The door between a study and the audit of its blinding, which is made elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.signing import Signer
from django.db import transaction

from evaluation.audit_trail import record_event
from evaluation.certificates import certificate_of, subject_of
from evaluation.errors import StudySealed
from evaluation.hiding import store_of
from evaluation.models import Certificate, Study
from evaluation.seal import canonical, digest
from evaluation.sealing import design_of, treatment_of
from evaluation.stimuli import Treatment
from evaluation.studies import get_study

SIGNER = Signer(salt="certificate of blinding")


@dataclass(frozen=True)
class Draft:
    """What an audit needs to know of a draft.

    Attributes:
        subject: what a certificate of it is about, see certificates.py.
        bound: whether rules bind the order of the images.
    """

    slug: str
    title: str
    subject: str
    entities: tuple[str, ...]
    questions: tuple[str, ...]
    raters_at_most: int
    staircase: bool
    bound: bool
    treatment: Treatment


def draft_of(slug: str) -> Draft:
    """Return the facts of a draft.

    Raises:
        UnknownStudy: there is no such study.
        StudySealed: it is sealed.
    """
    study = get_study(slug)
    if study.sealed_at:
        raise StudySealed(f"study '{slug}' is sealed; audit a draft before it is sealed")
    rules = design_of(study).rules
    return Draft(
        slug=slug,
        title=study.title,
        subject=subject_of(study),
        entities=tuple(study.entities),
        questions=tuple(study.questions),
        raters_at_most=study.raters_at_most,
        staircase=study.staircase,
        bound=bool(
            rules.block or rules.run_of_origin or rules.run_of_entity or study.repeats_percent
        ),
        treatment=treatment_of(study),
    )


@transaction.atomic
def keep_certificate(
    slug: str,
    subject: str,
    content: Mapping[str, object],
    page: bytes,
    *,
    actor: User | None = None,
) -> dict[str, Any]:
    """Sign what an audit found of a draft and keep it in place of an earlier certificate.

    Args:
        slug: the draft's short name.
        subject: of the draft when the audit began.
        content: JSON values; `passed` and `refused` decide what sealing asks for.
        page: the same for people, as HTML; it may show images of known origin.
        actor: who asked for the audit.

    Returns:
        The content, signed.

    Raises:
        StudySealed: it was sealed meanwhile.
    """
    study = Study.objects.select_for_update(no_key=True).get(slug=slug)
    if study.sealed_at:
        raise StudySealed(f"study '{slug}' was sealed during its audit")
    unsigned = {**content, "subject": subject}
    document: dict[str, Any] = {
        **unsigned,
        "signature": SIGNER.signature(canonical(unsigned).decode()),
    }
    earlier = Certificate.objects.filter(study=study).first()
    if earlier:
        storages["originals"].delete(str(earlier.page.name))
        earlier.delete()
    sha256 = digest(document)
    file = storages["originals"].save(f"certificates/{sha256}.html", ContentFile(page))
    kept = Certificate.objects.create(
        study=study, subject=subject, document=document, sha256=sha256, page=file
    )
    record_event("audit_blinding", study=study, actor=actor, certificate=sha256, passed=kept.passed)
    return document


def _is_signed_here(certificate: Certificate) -> bool:
    document = dict(certificate.document)
    signature = document.pop("signature", "")
    return signature == SIGNER.signature(canonical(document).decode())


def note_problem(slug: str, problem: str, *, actor: User | None = None) -> None:
    """Write in the trail that an audit could not be made."""
    study = Study.objects.get(slug=slug)
    record_event("audit_broke", study=study, actor=actor, problem=problem)


@dataclass(frozen=True)
class Standing:
    """Where a study stands with its audit.

    Attributes:
        draft: whether it can be audited.
        document: the signed certificate; None if there is none of the study as it stands.
        changed: whether there is one of the draft as it was before.
        page: the certificate for people, with images; None while the study is read.
        ours: whether this server's key signed it.
        last: when an audit ended last, and why it could not be made, if so.
    """

    study: int
    title: str
    draft: bool
    document: dict[str, Any] | None
    changed: bool
    page: bytes | None
    ours: bool
    last: tuple[datetime, str] | None


def standing_of(slug: str) -> Standing:
    """Return where a study stands with its audit.

    Raises:
        UnknownStudy: there is no such study.
    """
    study = get_study(slug)
    kept = certificate_of(study)
    hidden = study.state == Study.State.SEALED or kept is None or not kept.page
    event = study.events.filter(act__in=("audit_blinding", "audit_broke")).first()
    return Standing(
        study=study.pk,
        title=study.title,
        draft=study.sealed_at is None,
        document=kept.document if kept else None,
        changed=kept is None and Certificate.objects.filter(study=study).exists(),
        page=None if hidden or kept is None else _page_of(kept),
        ours=kept is not None and _is_signed_here(kept),
        last=(event.at, event.detail.get("problem", "")) if event else None,
    )


def _page_of(certificate: Certificate) -> bytes:
    name = str(certificate.page.name)
    with store_of(name).open(name) as file:
        return file.read()
