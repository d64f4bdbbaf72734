"""The demonstration: every part of the product at work, on real images where they can be had."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import OutputWrapper
from django.urls import reverse

from config.demonstration_class import ensure_class
from config.progress import Progress
from evaluation.accounts import Role, create_account
from evaluation.closing import close_study
from evaluation.demo_images import ensure_demo_images
from evaluation.invitations import invite_rater, link_of
from evaluation.models import Dataset, Rater, Study
from evaluation.sealing import seal_study
from evaluation.simulated import Skill, read_study, said_of_themselves
from evaluation.studies import create_study
from generation.batches import generator_for, plan_batch, progress_of, run_batch

GENERATOR = "dermdiff"
#: A second arm of the example, so that its report compares two generators.
RIVAL = "dermgan"
#: Images per entity and origin of the study to read, and of the example that was read.
OWN, EXAMPLE = 10, 5
COORDINATOR = "coordinator"
#: How far from chance still counts as guessing in both studies.
MARGIN = Decimal("0.10")

#: Sensitivity, criterion and share of right diagnoses differ, as between real readers; so do role
#: and years in dermatology.
SIMULATED = (
    (Skill(0.9, 0.1, (0.74, 0.66)), "resident", 1),
    (Skill(1.6, -0.1, (0.80, 0.62)), "dermatologist", 9),
    (Skill(0.5, 0.4, (0.62, 0.55)), "resident", 0),
    (Skill(1.2, 0.2, (0.71, 0.68)), "dermatologist", 22),
    (Skill(0.8, -0.3, (0.66, 0.50)), "resident", 1),
    (Skill(1.4, 0.0, (0.84, 0.72)), "dermatologist", 14),
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Demonstration:
    """Where the demonstration is entered; paths begin with a slash."""

    rater: str
    learner: str
    admin: str
    password: str
    report: str


def build_demonstration(say: Say, stream: OutputWrapper) -> Demonstration:
    """Make whatever of the demonstration is not there yet, showing progress.

    Raises:
        EvaluationError, GenerationError: images or weights cannot be had.
    """
    if not Study.objects.filter(slug="example", closed_at__isnull=False).exists():
        with Progress(stream, "real images") as progress:
            dataset = ensure_demo_images(say, progress)
        _generate(say, stream)
        title = "Real or AI-generated? Seven skin lesions"
        _seal("demo", title, [GENERATOR], OWN, dataset, say)
        _read_example(dataset, say, stream)
    password = _password(settings.VAR_DIR / "demo_password")
    study, example = (Study.objects.get(slug=slug) for slug in ("demo", "example"))
    open_link = ensure_class(example, User.objects.get(username=COORDINATOR))
    rater = study.raters.filter(kind=Rater.Kind.HUMAN).first()
    invitation = (
        rater.invitations.get(revoked_at=None) if rater else invite_rater(study, label="you")
    )
    return Demonstration(
        rater=link_of(invitation, ""),
        learner=reverse("open_link", args=[open_link.token]),
        admin="/admin/",
        password=password,
        report="/reports/example/",
    )


def _generate(say: Say, stream: OutputWrapper) -> None:
    for generator, per_entity in ((GENERATOR, OWN + EXAMPLE), (RIVAL, EXAMPLE)):
        batch = plan_batch(generator=generator, per_entity=per_entity, seed=2023)
        done, total = progress_of(batch)
        if done < total:
            say(f"synthetic images: {total - done} by {generator}")
            with Progress(stream, "made") as progress:
                run_batch(batch, generator_for(batch), progress)


def _seal(
    slug: str, title: str, generators: Sequence[str], per_cell: int, dataset: Dataset, say: Say
) -> Study:
    study = Study.objects.filter(slug=slug).first() or create_study(
        slug=slug,
        title=title,
        dataset=dataset,
        generators=generators,
        images_per_cell=per_cell,
        contact=settings.CONTACT,
        margin=MARGIN,
    )
    if not study.sealed_at:
        study = seal_study(study, reason="a demonstration")
        say(f"study '{slug}': {study.stimuli.count()} images, sealed")
    return study


def _read_example(dataset: Dataset, say: Say, stream: OutputWrapper) -> None:
    title = "Example: read by simulated raters"
    study = _seal("example", title, [GENERATOR, RIVAL], EXAMPLE, dataset, say)
    missing = len(SIMULATED) - study.raters.filter(sessions__completed_at__isnull=False).count()
    with Progress(stream, "simulated raters") as progress:
        for number in range(len(SIMULATED) - missing, len(SIMULATED)):
            invitation = invite_rater(
                study, label=f"simulated {number + 1}", kind=Rater.Kind.SIMULATED
            )
            skill, role, years = SIMULATED[number]
            about = said_of_themselves(role, years)
            read_study(invitation.rater.sessions.get(), skill, seed=number, about=about)
            progress(number + 1, len(SIMULATED))
    close_study(study, reason="example of a finished study")


def _password(path: Path) -> str:
    """Return the demonstration's password, kept so that it can be said again."""
    if not User.objects.filter(username=COORDINATOR).exists():
        path.touch(mode=0o600)
        path.write_text(create_account(COORDINATOR, [Role.COORDINATOR, Role.OFFICER]))
    return path.read_text()
