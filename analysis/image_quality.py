"""From the catalogue to the quality report of a generator, by features that are kept."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from os import cpu_count
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image

from analysis.classifier.store import images_learnt
from analysis.errors import AnalysisError
from analysis.quality.assess import Missing, Task, assess
from analysis.quality.extractors import (
    AppearanceExtractor,
    DomainExtractor,
    Extractor,
    InceptionExtractor,
    KerasInceptionExtractor,
    TransformersExtractor,
)
from analysis.quality.kept import KeptFeatures
from analysis.quality.keras_inception import SAVE
from analysis.quality.page import contents
from analysis.quality.sets import ImageSet, Rows
from analysis.quality.treatment import NAME, SIDE, Pixels, treated
from analysis.quality_reports import ARCHIVE, REPORTS
from analysis.report.publish import ReportPaths, publish, refuse_other
from evaluation.entities import known_entities
from evaluation.errors import EvaluationError
from evaluation.material import (
    Collection,
    Material,
    generated_by,
    photographs_of,
    sole_dataset,
)

OnStep = Callable[[str, int, int], None]

REPORT, VERSION = "dermturing-quality", 1
KEPT = settings.VAR_DIR / "quality"
BATCH = 64
SHOWN = 160  # px of a picture in the report
LEAST_SIDE = 32
MOST_NAMED = 3  # of unreadable images

#: What else can be given by a path: title, option, and what has to be downloaded.
OPTIONAL = {
    "inception": (
        "FID, KID and inception score of Inception-v3 (2015)",
        "pt_inception-2015-12-05-6726825d.pth of github.com/mseitzer/pytorch-fid",
    ),
    "dinov2": ("Distances in DINOv2's features", "facebook/dinov2-large of huggingface.co"),
    "clip": (
        "CMMD, and other distances in CLIP's features",
        "openai/clip-vit-large-patch14-336 of huggingface.co",
    ),
}


@dataclass(frozen=True)
class Paths:
    """Weights that were given by their path; see `OPTIONAL`, and for `keras`, `SAVE`."""

    inception: Path | None = None
    dinov2: Path | None = None
    clip: Path | None = None
    keras: Path | None = None


def evaluate_images(
    generator: str,
    reference: str = "",
    *,
    held_out: str = "",
    out: Path | None = None,
    side: int = SIDE,
    paths: Paths = Paths(),
    published: bool = False,
    on_step: OnStep | None = None,
) -> ReportPaths:
    """Compare a generator's images with real ones, and write the quality report.

    Features are kept as they are computed; a second run goes on where the first one stopped.

    Args:
        generator: whose images of the newest revision are compared.
        reference: dataset of the real images; "" means the only one.
        held_out: dataset of real images that the generator has not learnt from, where `reference`
            is what it has; "" leaves memorisation out.
        out: folder to write; else where the desk finds it.
        side: px to which all images are brought.
        paths: of further extractors.
        published: compute the published study's table in its way, too.
        on_step: told what is done, and how much of how much.

    Raises:
        EvaluationError: generator or dataset is unknown.
        AnalysisError: there is nothing to compare, what was held out was not, or weights cannot
            be loaded.
        FolderRefused: the folder cannot be written.
    """
    if side < LEAST_SIDE:
        raise AnalysisError(f"--side {side} is too small; choose {LEAST_SIDE} px or more")
    say = on_step or (lambda what, done, total: None)
    dataset = reference or sole_dataset()
    made, real = generated_by(generator), photographs_of([dataset]).one_a_lesion()
    collections = {"synthetic": made, "real": real}
    if held_out:
        collections["held-out"] = photographs_of([held_out]).one_a_lesion()
        _refuse_shared(real, collections["held-out"], dataset, held_out)
    folder = (out or REPORTS / generator).resolve()
    refuse_other(folder, REPORT)
    domain = DomainExtractor()
    extractors: list[Extractor] = [domain, *_given(paths)]
    keras = KerasInceptionExtractor(paths.keras) if paths.keras else None
    beside: list[Extractor] = [*([keras] if keras else []), AppearanceExtractor()]
    sets, caveats = _measured(collections, [*extractors, *beside], side, say)
    if any(each.phantom for origin, each in collections.items() if origin != "synthetic"):
        caveats.insert(
            0,
            "Computer-drawn phantoms stand in for photographs: these numbers show "
            "how a report looks and say nothing about images of skin.",
        )
    if known := _known_to(domain.trained_on, real):
        caveats.append(
            f"The entity classifier has learnt from {known} of the {len(real)} real images, or of "
            "their lesions: their agreement, and distances in its features, flatter them. Compare "
            "with a dataset that it has not seen."
        )
    alone = sum(not each.lesion for each in real.material)
    if alone:
        caveats.append(
            f"{alone} real images name no lesion and count as one each; where several show the "
            "same lesion, intervals are too narrow and the floor too low."
        )
    caveats += [e.about.remark for e in extractors if e.about.remark]
    task = Task(
        generator,
        made.revision,
        dataset,
        held_out,
        side,
        tuple(e.about for e in extractors),
        _missing(paths, published, held_out, f"--generator {generator} --reference {dataset}"),
        domain.entities,
        domain.trained_on,
        published or keras is not None,
        keras.about if keras else None,
        tuple(caveats),
    )
    quality = assess(
        sets["real"],
        sets["synthetic"],
        task,
        list(known_entities()),
        held_out=sets.get("held-out"),
        pictures=lambda rows: [_picture(px) for px in sets["synthetic"].pixels(np.array(rows))],
        on_step=lambda done, total: say("groups of distances", done, total),
    )
    return publish(
        contents(quality),
        quality,
        folder,
        name=REPORT,
        version=VERSION,
        archive="" if out else ARCHIVE,
    )


def _known_to(classifier: str, real: Collection) -> int:
    """Return how many images a classifier has learnt from, or of whose lesion."""
    learnt = images_learnt(classifier) or {}
    digests, lesions, names = ({*learnt.get(k, ())} for k in ("digests", "lesions", "names"))
    return sum(
        each.image.sha256 in digests or each.lesion in lesions or each.image.name in names
        for each in real.material
    )


def _refuse_shared(learnt: Collection, held_out: Collection, reference: str, other: str) -> None:
    """Refuse held-out images that are in the reference, or of a lesion that is."""
    lesions = {each.lesion for each in learnt.material if each.lesion}
    digests = {each.image.sha256 for each in learnt.material}
    shared = sum(
        each.lesion in lesions or each.image.sha256 in digests for each in held_out.material
    )
    if shared:
        raise AnalysisError(
            f"{shared} of {len(held_out)} images of '{other}' are of lesions in '{reference}', so "
            "that they were not held out; name a dataset that shares none"
        )


def _given(paths: Paths) -> list[Extractor]:
    found: list[Extractor] = []
    if paths.inception:
        found.append(InceptionExtractor(paths.inception))
    for key, path in (("dinov2", paths.dinov2), ("clip", paths.clip)):
        if path:
            found.append(TransformersExtractor(key, path))
    return found


def _missing(paths: Paths, published: bool, held_out: str, asked: str) -> tuple[Missing, ...]:
    command = f"manage.py evaluate_images {asked} --"
    weights = "No weights were given, and nothing else stands in for them:"
    missing = [
        Missing(title, f"{weights} download {needs}, then", f"{command}{key} PATH")
        for key, (title, needs) in OPTIONAL.items()
        if getattr(paths, key) is None
    ]
    if published and paths.keras is None:
        title = "FID and inception score as published"
        missing.append(
            Missing(title, f"{weights} where Keras is, {SAVE}, then", f"{command}keras PATH")
        )
    if not held_out:
        needs = (
            "No held-out images were named: with the dataset that the generator learnt from as "
            "reference, and one of other lesions,"
        )
        missing.append(Missing("Memorisation", needs, f"{command}held-out DATASET"))
    return tuple(missing)


def _measured(
    collections: Mapping[str, Collection], extractors: Sequence[Extractor], side: int, say: OnStep
) -> tuple[dict[str, ImageSet], list[str]]:
    """Return the sets of images with their features, and what must be said of what is missing."""
    kept = {
        e.about.key: KeptFeatures(KEPT / f"{e.about.key}-{e.about.sha256[:16]}-{side}-{_slug()}")
        for e in extractors
    }
    everything = [each for one in collections.values() for each in one.material]
    unread = _extract(everything, extractors, kept, side, say)
    sets, caveats = {}, []
    for origin, one in collections.items():
        usable = [each for each in one.material if each.image.sha256 not in unread]
        if not usable:
            raise AnalysisError(f"no {origin} image can be read: {next(iter(unread.values()))}")
        sets[origin] = _as_set(usable, extractors, kept, side)
        if told := _left_out(one):
            caveats.append(f"Left out of the {origin} images: {told}.")
    if unread:
        named = "; ".join(list(unread.values())[:MOST_NAMED])
        rest = len(unread) - MOST_NAMED
        caveats.insert(
            0, f"Left out, since unreadable: {named}" + f" and {rest} more." * (rest > 0)
        )
    return sets, caveats


def _slug() -> str:
    return "".join(c if c.isalnum() else "_" for c in NAME)


def _left_out(found: Collection) -> str:
    counts = {
        "of a study that is open for reading, or of its lesions": found.withheld,
        "of a lesion that another image shows": found.others,
        "of an older revision": found.older,
        "suspected copies": found.copies,
    }
    return ", ".join(f"{count} {why}" for why, count in counts.items() if count)


def _extract(
    material: Sequence[Material],
    extractors: Sequence[Extractor],
    kept: Mapping[str, KeptFeatures],
    side: int,
    say: OnStep,
) -> dict[str, str]:
    """Compute what is not kept yet; return what is wrong with images that cannot be read."""
    missing = [
        each for each in material if any(each.image.sha256 not in one for one in kept.values())
    ]
    unread: dict[str, str] = {}

    def opened(each: Material) -> Pixels | None:
        try:
            return treated(each.open(), side)
        except EvaluationError as problem:
            unread[each.image.sha256] = str(problem)
            return None

    done = len(material) - len(missing)
    try:
        with ThreadPoolExecutor(cpu_count()) as pool:
            for at in range(0, len(missing), BATCH):
                part = missing[at : at + BATCH]
                found = list(pool.map(opened, part))
                images = [i for i in found if i is not None]
                if images:
                    names = [
                        e.image.sha256 for e, i in zip(part, found, strict=True) if i is not None
                    ]
                    for extractor in extractors:
                        rows = extractor.rows(np.stack(images))
                        kept[extractor.about.key].add(dict(zip(names, rows, strict=True)))
                done += len(part)
                say("images measured", done, len(material))
    finally:
        for one in kept.values():
            one.write()
    return unread


def _as_set(
    material: Sequence[Material],
    extractors: Sequence[Extractor],
    kept: Mapping[str, KeptFeatures],
    side: int,
) -> ImageSet:
    names = [each.image.sha256 for each in material]
    features, posteriors = {}, {}
    for extractor in extractors:
        about = extractor.about
        rows = kept[about.key].of(names).astype(float)
        features[about.key] = rows[:, : about.features]
        if about.classes:
            posteriors[about.key] = rows[:, about.features :]
    traits = features.pop("appearance")

    def pixels(rows: Rows) -> Pixels:
        with ThreadPoolExecutor(cpu_count()) as pool:
            found = list(pool.map(lambda row: treated(material[row].open(), side), rows))
        return np.stack(found) if found else np.empty((0, side, side, 3), np.uint8)

    images = [each.image for each in material]
    return ImageSet(
        np.array([image.name for image in images]),
        np.array([image.entity for image in images]),
        features,
        posteriors,
        traits,
        np.array([np.nan if image.age is None else image.age for image in images], float),
        np.array([image.sex for image in images]),
        np.array([_site(image.site) for image in images]),
        pixels,
    )


def _site(site: str) -> str:
    site = site.replace("_", " ").lower()
    return "" if site == "unknown" else site


def _picture(pixels: Pixels) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS).save(
        out, "JPEG", quality=88
    )
    return out.getvalue()
