"""Submissions as services: every step of a photograph from its author to its public copy.

What may follow what is decided here, under a lock of the submission's row; each step is written to
the audit trail. Failed checks leave no copy, so there is nothing that could be approved.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image as Picture
from scipy import ndimage

from evaluation.audit_trail import record_event
from evaluation.catalogue import NewImage, add_synthetic_images, encoded
from evaluation.errors import EvaluationError
from evaluation.models import AuditEvent, Image
from generation.batches import OWN_WEIGHTS
from generation.deidentification import CANDIDATES, Wish, check_wish, commission_copy
from generation.engine.generator import GenerationError
from generation.engine.registry import BUILT_IN, keep_generator
from generation.engine.segmenter.finding import find_segmenter
from generation.licences import licence_of
from generation.models import Submission, SubmissionState
from generation.photographs import (
    ChecksFailed,
    Mask,
    Pixels,
    check_copy,
    mask_in,
    photograph_of,
)

MAY_SUBMIT = "generation.add_submission"
MAY_USE = "generation.view_submission"
MAY_REVIEW = "generation.review_submission"
MAY_APPROVE = "generation.approve_submission"
MAY_TAKE = "generation.add_batch"  # into the catalogue, as one's own synthetic images
ROLES = (MAY_SUBMIT, MAY_USE, MAY_REVIEW, MAY_APPROVE)
PREFIX = "deidentified-"  # of the generator's name in the catalogue: these are no images of its own
LOST = timedelta(minutes=15)  # a copy that is not made by then has lost its worker
SETTLED = (SubmissionState.APPROVED, SubmissionState.RETURNED)
OUTLINE = 250  # of the longer side: one in so many is the outline's width

State = SubmissionState


class SubmissionRefused(EvaluationError):
    """A step was asked for that does not come next, or not by this person."""


def seen_by(user: User) -> QuerySet[Submission]:
    """Return the submissions that an account may know of."""
    if user.has_perm(MAY_REVIEW) or user.has_perm(MAY_APPROVE):
        return Submission.objects.all()
    seen = Q(author=user)
    if user.has_perm(MAY_USE):
        seen |= Q(state=State.APPROVED)
    return Submission.objects.filter(seen)


def may_see_copy(user: User, submission: Submission) -> bool:
    """Tell whether an account, to which the submission is known, may see its copy now."""
    waiting = user.has_perm(MAY_REVIEW) or user.has_perm(MAY_APPROVE)
    return bool(submission.copy) and (waiting or submission.state == State.APPROVED)


def submit_photograph(
    *, author: User, photograph: Pixels, keep: Mask, wish: Wish, licence: str
) -> Submission:
    """Take a photograph in; of the files that were brought only the pixels are stored.

    Args:
        photograph: (H, W, 3).
        keep: (H, W), neither empty nor full.
        wish: which has been checked.

    Raises:
        GenerationError: the wish cannot be granted.
        EvaluationError: it cannot be stored; nothing is left of it.
    """
    check_wish(wish)
    submission = Submission(
        author=author,
        entity=wish.entity,
        sex=wish.sex or "",
        age=wish.age,
        site=wish.site or "",
        tone=wish.tone,
        licence=licence,
        generator=wish.generator,
    )
    white = keep.astype(np.uint8)[..., None].repeat(3, axis=2) * 255
    try:
        submission.original.save(
            _name(submission, "original"), ContentFile(encoded(photograph, "")), save=False
        )
        submission.mask.save(_name(submission, "mask"), ContentFile(encoded(white, "")), save=False)
        with transaction.atomic():
            submission.save()
            record_event("submit_photograph", actor=author, submission=submission.pk)
    except BaseException as problem:
        _delete_files(submission)
        if isinstance(problem, OSError):
            raise EvaluationError(
                f"the photograph cannot be stored ({problem.strerror}); make room, then try again"
            ) from problem
        raise
    return submission


def make_copy(submission: Submission) -> None:
    """Make and check the copy of a submission; what hinders it, failed checks too, is stored.

    A submission that waits for no copy is left as it is, so that a repeated run is harmless.
    """
    if submission.state != State.MAKING:
        return
    try:
        content, report, checks = _painted(submission)
    except ChecksFailed as failed:
        _failed(submission, str(failed), [asdict(check) for check in failed.checks])
        return
    except (GenerationError, EvaluationError) as problem:
        _failed(submission, str(problem))
        return
    except Exception as problem:
        _failed(submission, f"{type(problem).__name__}: {problem}")
        raise
    with _step(submission, None, "make_copy", [State.MAKING]) as locked:
        if locked.seed != submission.seed:
            raise SubmissionRefused("another copy is being made")
        locked.copy.save(_name(locked, f"copy-{locked.seed}"), ContentFile(content), save=False)
        locked.report, locked.checks, locked.problem = report, checks, ""
        locked.state = State.MADE


def _painted(submission: Submission) -> tuple[bytes, dict[str, object], list[dict[str, object]]]:
    """Return the checked copy as a PNG, its report and the lines of its checks."""
    photograph = photograph_of(Path("original.png"), _read(submission.original.name))
    keep = mask_in(photograph_of(Path("mask.png"), _read(submission.mask.name)))
    wish = wish_of(submission)
    segmenter = find_segmenter(OWN_WEIGHTS, BUILT_IN)
    generator = keep_generator(submission.generator, OWN_WEIGHTS, compute_batch=CANDIDATES)
    generator.fit()
    copy = commission_copy(photograph, keep, "of the author", wish, generator, segmenter)
    licence = licence_of("", [submission.licence, generator.licence])
    content = encoded(copy.paint(generator, segmenter), "")
    checked = check_copy(content, photograph.pixels, keep, hiding=True)
    if checked.problems:
        raise ChecksFailed("; ".join(checked.problems), checked.checks)
    report = {**copy.report, "licence": licence, "checks": checked.report("copy.png")}
    return content, report, [asdict(check) for check in checked.checks]


def wish_of(submission: Submission) -> Wish:
    """Return what was asked of the skin around the lesion."""
    return Wish(
        generator=submission.generator,
        entity=submission.entity,
        sex=submission.sex or None,
        age=submission.age,
        site=submission.site or None,
        tone=submission.tone,
        seed=submission.seed,
    )


def make_another(submission: Submission, actor: User) -> None:
    """Have the copy made again, with other skin, after one has failed or was lost.

    Raises:
        SubmissionRefused: it is not the author's, or nothing has failed.
    """
    with _step(submission, actor, "make_another", [State.FAILED, State.MAKING]) as locked:
        if actor.pk != locked.author_id:
            raise SubmissionRefused(_("Only its author can have the copy made again."))
        if locked.state == State.MAKING and not is_lost(locked):
            raise SubmissionRefused(_("The copy is still being made."))
        locked.seed += 1
        locked.problem, locked.checks, locked.state = "", [], State.MAKING


def is_lost(submission: Submission) -> bool:
    """Tell whether a copy has been in the making for so long that nobody makes it any more."""
    return submission.state == State.MAKING and timezone.now() - submission.since > LOST


def look_at_original(submission: Submission, reviewer: User) -> bytes:
    """Return the original as a JPEG with the mask's outline, and write down who saw it.

    Raises:
        SubmissionRefused: the original is deleted.
    """
    if not submission.original:
        raise SubmissionRefused(_("The original has been deleted."))
    record_event("view_original", actor=reviewer, submission=submission.pk)
    photograph = photograph_of(Path("original.png"), _read(submission.original.name)).pixels
    keep = mask_in(photograph_of(Path("mask.png"), _read(submission.mask.name)))
    width = max(1, max(keep.shape) // OUTLINE)
    edge = ndimage.binary_dilation(keep, iterations=width) & ~keep
    shown = np.where(edge[..., None], np.array([255, 255, 255], np.uint8), photograph)
    out = io.BytesIO()
    Picture.fromarray(shown).save(out, "JPEG", quality=90)
    return out.getvalue()


def has_looked(submission: Submission, reviewer: User) -> bool:
    """Tell whether a reviewer has seen the original."""
    return trail_of(submission).filter(act="view_original", actor=reviewer).exists()


def pass_on(submission: Submission, reviewer: User, *, nothing_left: bool) -> None:
    """Say, having seen the original, that the mask keeps the lesion and nobody's face or tattoo.

    Raises:
        SubmissionRefused: it does not wait for a reviewer, is the reviewer's own, or it is not said
            that nothing is left.
    """
    with _step(submission, reviewer, "pass_submission", [State.MADE]) as locked:
        _check_other(locked, reviewer)
        if not has_looked(submission, reviewer):
            raise SubmissionRefused(_("Look at the original first."))
        if not nothing_left:
            raise SubmissionRefused(
                _("Say that no face, tattoo or writing is inside the outline, or return it.")
            )
        locked.reviewed_by, locked.state = reviewer, State.REVIEWED


def return_submission(submission: Submission, actor: User, *, reason: str) -> None:
    """Give a submission back to its author, with a reason.

    Raises:
        SubmissionRefused: it is settled already, is the actor's own, or no reason is given.
    """
    reason = " ".join(reason.split())
    with _step(
        submission, actor, "return_submission", [State.MADE, State.REVIEWED], reason=reason
    ) as locked:
        _check_other(locked, actor)
        if not reason:
            raise SubmissionRefused(_("Say why it is returned."))
        locked.reason = reason[: Submission._meta.get_field("reason").max_length]
        locked.state = State.RETURNED


def approve_copy(submission: Submission, editor: User) -> None:
    """Let the copy out.

    Raises:
        SubmissionRefused: no reviewer has passed it on, it is the editor's own, a check has not
            passed, or the copy is not the one that was checked.
    """
    with _step(submission, editor, "approve_copy", [State.REVIEWED]) as locked:
        _check_other(locked, editor)
        if not locked.checks or any(check["problem"] for check in locked.checks):
            raise SubmissionRefused(_("Not all checks have passed."))
        read_copy(locked)
        locked.approved_by, locked.state = editor, State.APPROVED


def read_copy(submission: Submission) -> bytes:
    """Return the copy, which is the one that was checked.

    Raises:
        SubmissionRefused: it is another, or gone.
    """
    content = _read(submission.copy.name)
    checked = submission.report["checks"]["sha256"]
    if photograph_of(Path("copy.png"), content).sha256 != checked:
        raise SubmissionRefused(_("The copy is not the one that was checked; return it."))
    return content


def export_copy(submission: Submission, actor: User) -> bytes:
    """Return a zip with the copy and its report; nothing of the original is in it but its hash.

    Raises:
        SubmissionRefused: it is not approved.
    """
    _check_approved(submission)
    name = f"deidentified-{submission.pk}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}.png", read_copy(submission))
        archive.writestr(f"{name}.json", json.dumps(submission.report, indent=1) + "\n")
    record_event("export_copy", actor=actor, submission=submission.pk)
    return packed.getvalue()


def take_into_catalogue(submission: Submission, actor: User) -> Image:
    """Put an approved copy into the catalogue, as an image that never counts as real.

    Raises:
        SubmissionRefused: it is not approved, or there already.
        EvaluationError: it cannot be stored.
    """
    with _step(submission, actor, "take_copy", [State.APPROVED]) as locked:
        if locked.image_id:
            raise SubmissionRefused(_("The copy is in the catalogue already."))
        report = locked.report
        (image,) = add_synthetic_images(
            [
                NewImage(
                    pixels=photograph_of(Path("copy.png"), read_copy(locked)).pixels,
                    name=f"deidentified-{locked.pk}",
                    entity=locked.entity,
                    recipe={
                        "de-identified": "all but the lesion is made by AI",
                        **{key: report[key] for key in ("kept", "asked", "seeds", "method")},
                    },
                    sex=locked.sex,
                    age=locked.age,
                    site=locked.site,
                    skin_tone=report["told_of_the_rest"]["typology_angle"],
                )
            ],
            generator=f"{PREFIX}{locked.generator}"[:64],
            revision=report["generator"]["revision"],
            licence=report["licence"],
            made_with=report["generator"]["settings"],
        )
        locked.image = image
    return image


def delete_original(submission: Submission, actor: User | None) -> None:
    """Delete original and mask, for good; the copy stays.

    Raises:
        SubmissionRefused: it is not settled yet, or deleted already.
    """
    with _step(submission, actor, "delete_original", SETTLED) as locked:
        if not locked.original:
            raise SubmissionRefused(_("The original has been deleted."))
        # First the files: should the rest fail, the deletion can be repeated.
        for file in (locked.original, locked.mask):
            file.delete(save=False)


def originals_settled_before(days: int) -> QuerySet[Submission]:
    """Return the submissions that were approved or returned so long ago and have an original."""
    before = timezone.now() - timedelta(days=days)
    return Submission.objects.filter(state__in=SETTLED, since__lte=before).exclude(original="")


def trail_of(submission: Submission) -> QuerySet[AuditEvent]:
    """Return what was done to a submission, the newest first."""
    return AuditEvent.objects.filter(detail__submission=submission.pk)


@contextmanager
def _step(
    submission: Submission,
    actor: User | None,
    act: str,
    states: Sequence[str],
    **detail: Any,
) -> Iterator[Submission]:
    """Lock a submission for one step, store what the step makes of it, and write it down."""
    with transaction.atomic():
        locked = Submission.objects.select_for_update(of=("self",)).get(pk=submission.pk)
        if locked.state not in states:
            raise SubmissionRefused(
                _("This is not what comes next: %s.") % locked.get_state_display()
            )
        before = locked.state, locked.seed
        yield locked
        if (locked.state, locked.seed) != before:
            locked.since = timezone.now()
        locked.save()
        record_event(act, actor=actor, submission=locked.pk, **detail)
    submission.refresh_from_db()


def _failed(submission: Submission, problem: str, checks: Sequence[dict[str, object]] = ()) -> None:
    with _step(submission, None, "copy_failed", [State.MAKING], problem=problem) as locked:
        locked.state, locked.problem, locked.checks = State.FAILED, problem, list(checks)


def _check_other(submission: Submission, actor: User) -> None:
    if submission.author_id == actor.pk:
        raise SubmissionRefused(_("It is your own submission: somebody else must decide."))


def _check_approved(submission: Submission) -> None:
    if submission.state != State.APPROVED:
        raise SubmissionRefused(_("Only approved copies can be exported."))


def _name(submission: Submission, what: str) -> str:
    return f"{submission.folder}/{what}.png"


def _read(name: str | None) -> bytes:
    try:
        with Submission._meta.get_field("original").storage.open(str(name)) as file:
            return bytes(file.read())
    except OSError as problem:
        raise EvaluationError(f"a file of the submission is gone ({problem.strerror})") from problem


def _delete_files(submission: Submission) -> None:
    for file in (submission.original, submission.mask):
        if file:
            file.delete(save=False)
