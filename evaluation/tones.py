"""Skin tones as a service: measured in the originals, and how they lie in each source."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db.models import QuerySet

from evaluation.catalogue import open_original
from evaluation.errors import EvaluationError
from evaluation.models import Image
from evaluation.skin.finding import METHOD, measured_tone
from evaluation.skin.tones import Spread, spread

AT_ONCE = 256  # images that are written together: a run that is stopped loses no more

OnStep = Callable[[int, int], None]


@dataclass
class Measured:
    """How many images were measured, in how many of them skin was found, and what hindered."""

    images: int = 0
    found: int = 0
    problems: list[str] = field(default_factory=list)


def measure_tones(images: QuerySet[Image], on_step: OnStep | None = None) -> Measured:
    """Measure the skin in images that came in before it was measured, or by an older method.

    Images that were measured are passed over, so that a stopped run goes on. Images that an open
    study hides take part: whoever runs this must see them. One that cannot be read hinders no
    other; it is told, and tried again the next time.
    """
    missing = images.filter(tone_method__lt=METHOD).order_by("pk").values_list("pk", flat=True)
    keys, measured, done = list(missing), Measured(), 0
    with ThreadPoolExecutor() as pool:  # decoding leaves the interpreter's lock
        for first in range(0, len(keys), AT_ONCE):
            part = list(Image.objects.filter(pk__in=keys[first : first + AT_ONCE]).order_by("pk"))
            sound = []
            for image, problem in zip(part, pool.map(_measure, part), strict=True):
                if problem:
                    measured.problems.append(problem)
                else:
                    sound.append(image)
            Image.objects.bulk_update(sound, ["measured_tone", "tone_method"])
            measured.images += len(sound)
            measured.found += sum(image.measured_tone is not None for image in sound)
            done += len(part)
            if on_step:
                on_step(done, len(keys))
    return measured


def _measure(image: Image) -> str:
    """Measure one image, and return what hinders that, if anything."""
    try:
        image.measured_tone = measured_tone(open_original(image))
    except EvaluationError as problem:
        return str(problem)
    image.tone_method = METHOD
    return ""


def tones_by_source() -> dict[str, Spread]:
    """Return how measured tones lie, by dataset or generator; images not measured are left out."""
    tones: dict[str, list[float | None]] = {}
    rows = Image.objects.filter(tone_method=METHOD).order_by("dataset__name", "generator")
    for dataset, generator, tone in rows.values_list("dataset__name", "generator", "measured_tone"):
        tones.setdefault(dataset or generator, []).append(tone)
    return {source: spread(of) for source, of in tones.items()}
