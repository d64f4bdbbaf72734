"""The audit of a draft's blinding: from a rehearsal and the catalogue to a certificate."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from math import ceil
from os import cpu_count
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from joblib import Parallel, delayed
from numpy.typing import NDArray
from PIL import Image

from analysis.leakage.ceiling import Ceiling, machine_ceiling
from analysis.leakage.certificate import certificate, summary
from analysis.leakage.checks import (
    Check,
    Verdict,
    addresses,
    balance,
    canaries,
    corrected,
    probes,
    timing,
    transport,
)
from analysis.leakage.features import feature_table
from analysis.leakage.order import order
from analysis.leakage.planted import Planted, pixel_leak, plant_leaks
from analysis.leakage.resemblance import Member, contamination, reidentification
from analysis.leakage.sham import ENOUGH, sham_control
from analysis.leakage.walk import Seen, Shown, Target, read_as_raters
from evaluation.auditing import Draft, draft_of, keep_certificate
from evaluation.design.randomness import SeededStream
from evaluation.material import Material, balanced, material_of
from evaluation.rehearsal import Around, Rehearsal, orders_of, rehearse
from evaluation.stimuli import SIZE, Treatment, centred_square, render_stimulus

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
OnStep = Callable[[str, int, int], None]

RATERS, FETCHES = 4, 3200  # who read a rehearsal, and how many images they fetch to time them
LISTS, BOUND_LISTS = 1000, 200  # orders compared, and where rules make them slow to draw
PHOTOGRAPHS = 3000  # compared with the AI images
FEWEST = 20  # images an arm, for a machine to learn from
CONTROL = 200  # stimuli among which a leak of pixels is planted


@dataclass(frozen=True)
class Audited:
    """What came of an audit: `document` without its signature, and the same as a page."""

    document: dict[str, Any]
    page: bytes


@dataclass(frozen=True)
class Extremes:
    """Stimuli of which the machine is surest, and in which way."""

    title: str
    images: Pixels


def audit_and_keep(
    slug: str, *, actor: User | None = None, on_step: OnStep | None = None
) -> Audited:
    """Audit a draft, keep the certificate, and return it as it was signed.

    Raises:
        UnknownStudy, StudySealed: there is no such draft.
        EvaluationError, DesignImpossible: it could not be sealed as it stands.
    """
    draft = draft_of(slug)
    audited = audit(slug, on_step=on_step)
    signed = keep_certificate(slug, draft.subject, audited.document, audited.page, actor=actor)
    return Audited(signed, audited.page)


def audit(
    slug: str,
    *,
    on_step: OnStep | None = None,
    around: Around = lambda app, rehearsal: app,
) -> Audited:
    """Audit a draft: read it over HTTP as raters do, and let machines look at its images.

    Args:
        slug: the draft's short name; nothing of it changes.
        on_step: told what is done, and how much of how much.
        around: wraps the product while it is read, to plant a leak.

    Raises:
        UnknownStudy, StudySealed: there is no such draft.
        EvaluationError, DesignImpossible: it could not be sealed as it stands.
    """
    draft = draft_of(slug)
    begun = datetime.now(UTC)
    say = on_step or (lambda what, done, total: None)
    seen, rehearsal = _read(draft, say, around)
    orders = orders_of(slug, BOUND_LISTS if draft.bound else LISTS)
    checks = _read_checks(seen, rehearsal)
    checks.append(order(orders, bound=draft.bound))
    planted = plant_leaks(seen, rehearsal.of_images, orders)
    measured = _measure(draft, say)
    checks = corrected([*checks, *measured.checks])
    planted += measured.planted
    document = certificate(
        study=slug,
        software=settings.VERSION,
        begun=begun,
        ended=datetime.now(UTC),
        images=len(rehearsal.originals),
        raters=len(rehearsal.links),
        checks=checks,
        planted=planted,
        ceiling=measured.ceiling,
        headers=_two_headers(seen),
    )
    page = certificate_page(document, draft.title, measured.extremes)
    return Audited(document, page)


def _read(draft: Draft, say: OnStep, around: Around) -> tuple[Seen, Rehearsal]:
    """Let raters read a rehearsal of the study, and return what they noticed."""
    raters = min(RATERS, max(2, draft.raters_at_most))
    with rehearse(draft.slug, raters, around) as rehearsal:
        target = Target(
            address=rehearsal.address,
            host=rehearsal.host,
            secure=settings.HTTPS,
            links=rehearsal.links,
            trials=_shown(rehearsal),
            given=_given(draft),
            staircase=draft.staircase,
        )
        times = max(1, ceil(FETCHES / max(1, len(target.trials))))
        seen, _ = read_as_raters(
            target, times=times, on_step=lambda done, total: say("trials read", done, total)
        )
    seen.tables, seen.log = rehearsal.tables, rehearsal.log
    return seen, rehearsal


def _shown(rehearsal: Rehearsal) -> dict[str, tuple[Shown, ...]]:
    """Return the images of every trial but practice."""
    of = rehearsal.originals
    return {
        token: tuple(Shown(k, of[k].synthetic, of[k].entity) for k in trial.stimuli)
        for token, trial in rehearsal.trials.items()
        if trial.kind != "practice"
    }


def _given(draft: Draft) -> dict[str, object]:
    """Return an answer to every question, the same whatever is shown."""
    every = {
        "entity": draft.entities[0],
        "origin": "real",
        "side": "left",
        "confidence": 1,
        "scale": 1,
        "quality": 1,
    }
    asked = {name: value for name, value in every.items() if name in draft.questions}
    return {**asked, "response_ms": 1000}


def _read_checks(seen: Seen, rehearsal: Rehearsal) -> list[Check]:
    """Return what can be checked of what was read."""
    cells = Counter(
        (each.entity, each.synthetic)
        for each in rehearsal.originals.values()
        if each.use == "study"
    )
    return [
        *transport(seen.fetched, seen.told),
        addresses(seen.fetched),
        timing(seen.fetched),
        probes(
            "refused", "Addresses out of turn", seen.refused, none="addresses got the same refusal"
        ),
        probes("queries", "Queries", seen.queries, none="queries changed nothing"),
        probes(
            "conditions",
            "Conditional and partial requests",
            seen.conditions,
            none="ways to ask changed nothing",
        ),
        probes(
            "interference",
            "What other raters answer",
            seen.interference,
            none="pages and images stayed the same while another rater answered",
        ),
        *canaries(seen, rehearsal.of_images, rehearsal.of_study),
        balance(cells),
    ]


def _two_headers(seen: Seen) -> list[list[str]]:
    """Return the headers of a real and a synthetic image, for people to compare."""
    pick = [next((f for f in seen.fetched if f.synthetic == arm), None) for arm in (False, True)]
    return [[f"{name}: {value}" for name, value in each.headers] for each in pick if each]


@dataclass(frozen=True)
class _Measured:
    checks: list[Check]
    planted: list[Planted]
    ceiling: Ceiling | None
    extremes: list[Extremes]


def _measure(draft: Draft, say: OnStep) -> _Measured:
    """Let machines look at the study's images and at others from the same sources."""
    material = material_of(draft.slug, photographs=PHOTOGRAPHS)
    treatment = draft.treatment
    real = [each for each in material if not each.synthetic]
    side = _native_side(material)
    for shams in (real[: 2 * ENOUGH], real):  # all only where fewer do not do
        usual, generated, lesser = _three_ways(shams, treatment, side, say)
        sham = sham_control(usual, generated, [each.group for each in shams], _table)
        if sham.verdict is Verdict.HOLDS or len(shams) == len(real):
            break
    checks = [sham]
    count = min(CONTROL, len(shams))
    planted = [pixel_leak(usual[:count], lesser[:count], _table)] if count >= 2 * FEWEST else []
    checks += _resembling(material, usual, treatment, say)
    asked = [each for each in material if each.entity in draft.entities]
    chosen = balanced(asked, ENOUGH)
    if len(chosen) < 2 * FEWEST:
        return _Measured(checks, planted, None, [])
    ceiling, extremes = _ceiling(chosen, treatment, say)
    return _Measured(checks, planted, ceiling, extremes)


def _native_side(material: Sequence[Material]) -> int:
    """Return the side of most of the images that generators made; a stimulus' if there are none."""
    sides = Counter(min(each.image.width, each.image.height) for each in material if each.synthetic)
    return sides.most_common(1)[0][0] if sides else SIZE


def _pixels(png: bytes) -> Pixels:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image)


def _each(
    material: Sequence[Material], do: Callable[[int, Material], Any], what: str, say: OnStep
) -> list[Any]:
    """Do something to each image, some at once, saying how far."""
    done = []
    with ThreadPoolExecutor(cpu_count()) as pool:
        for result in pool.map(do, range(len(material)), material):
            done.append(result)
            say(what, len(done), len(material))
    return done


def _three_ways(
    shams: Sequence[Material], treatment: Treatment, side: int, say: OnStep
) -> tuple[Pixels, Pixels, Pixels]:
    """Return stimuli of photographs, of the same saved as a generator does, and a leaky kind."""

    def ways(number: int, each: Material) -> list[Pixels]:
        original = each.open()
        lossless = BytesIO()
        centred_square(original, side).save(lossless, "PNG", compress_level=1)
        with Image.open(lossless) as saved:
            pngs = [
                render_stimulus(image, treatment, SeededStream("sham", number))
                for image in (original, saved)
            ]
        sharp = np.asarray(centred_square(original, SIZE))
        return [*map(_pixels, pngs), sharp]

    made = _each(shams, ways, "photographs in both ways", say)
    empty = np.zeros((0, SIZE, SIZE, 3), dtype=np.uint8)
    usual, generated, lesser = (
        np.stack([row[k] for row in made]) if made else empty for k in range(3)
    )
    return usual, generated, lesser


def _table(images: Pixels) -> tuple[list[str], Floats]:
    """Compute features on all cores."""
    parts = np.array_split(images, min(len(images), 4 * (cpu_count() or 1)))
    tables = Parallel(n_jobs=-1)(delayed(feature_table)(part) for part in parts)
    return tables[0][0], np.concatenate([table for _, table in tables])


def _resembling(
    material: Sequence[Material], usual: Pixels, treatment: Treatment, say: OnStep
) -> list[Check]:
    """Check for copies and for lesions met twice; report how many can be searched for."""

    def small(number: int, each: Material) -> Pixels:
        return np.asarray(centred_square(each.open(), 64))

    thumbs: list[Pixels] = _each(material, small, "images compared", say)
    members = [
        Member(str(each.image.pk), thumb, each.synthetic, each.lesion, each.use)
        for each, thumb in zip(material, thumbs, strict=True)
    ]
    real = [thumb for each, thumb in zip(material, thumbs, strict=True) if not each.synthetic]
    studied = sum(1 for each in material if each.use and not each.synthetic)
    return [*contamination(members), reidentification(list(usual[:studied]), real)]


def _ceiling(
    chosen: Sequence[Material], treatment: Treatment, say: OnStep
) -> tuple[Ceiling, list[Extremes]]:
    """Let machines tell the arms apart, and show what they are surest of."""
    from analysis.classifier.detector import held_out_scores

    def both(number: int, each: Material) -> tuple[Pixels, Pixels]:
        original = each.open()
        png = render_stimulus(original, treatment, SeededStream("ceiling", number))
        native = centred_square(original)
        room = max(0, (native.width - SIZE) // 2)
        side = min(native.width, SIZE)
        return _pixels(png), np.asarray(native.crop((room, room, room + side, room + side)))

    made = _each(chosen, both, "stimuli for the machine", say)
    served = np.stack([stimulus for stimulus, _ in made])
    labels = [int(each.synthetic) for each in chosen]
    groups = [each.group for each in chosen]
    names, table = _table(served)
    natives = Parallel(n_jobs=-1)(delayed(feature_table)(native[None]) for _, native in made)
    scores = held_out_scores(served, labels, groups)
    ceiling = machine_ceiling(
        names,
        table,
        np.concatenate([rows for _, rows in natives]),
        scores,
        labels,
        groups,
        [each.entity for each in chosen],
    )
    return ceiling, _extremes(served, np.array(labels), ceiling.served.scores)


def _extremes(served: Pixels, labels: NDArray[np.int64], scores: Floats) -> list[Extremes]:
    """Return the stimuli of which the machine is surest, of either origin and in either way."""
    rows = []
    for arm, name in ((1, "AI"), (0, "real")):
        members = np.flatnonzero(labels == arm)
        ranked = members[np.argsort(scores[members])]
        right, wrong = (ranked[::-1], ranked) if arm else (ranked, ranked[::-1])
        rows += [
            Extremes(f"{name}, and told at once", served[right[:6]]),
            Extremes(f"{name}, and taken for the other", served[wrong[:6]]),
        ]
    return rows


def certificate_page(
    document: Mapping[str, Any], title: str, extremes: Sequence[Extremes] = ()
) -> bytes:
    """Return a certificate as a page that stands alone."""
    shown = [(row.title, [_data_uri(image) for image in row.images]) for row in extremes]
    context = {
        "certificate": document,
        "title": title,
        "summary": summary(document),
        "extremes": shown,
        "begun": datetime.fromisoformat(document["begun"]),
    }
    return render_to_string("analysis/certificate.html", context).encode()


def _data_uri(image: Pixels) -> str:
    out = BytesIO()
    Image.fromarray(image).resize((128, 128), Image.Resampling.LANCZOS).save(out, "JPEG")
    return f"data:image/jpeg;base64,{b64encode(out.getvalue()).decode()}"
