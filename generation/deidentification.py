"""De-identification: the lesion stays as it is, all around it is painted anew."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from evaluation.entities import ENTITIES
from evaluation.skin.colour import lab_of, typology_angle
from generation.batches import OWN_WEIGHTS
from generation.engine.colour import skin_of_tone
from generation.engine.faces import count_faces
from generation.engine.generator import GenerationError, Generator, ImageRequest
from generation.engine.masked import (
    METHOD,
    Mask,
    Masked,
    Pixels,
    check_keep,
    colour_around,
    finish,
    sketch,
)
from generation.engine.registry import BUILT_IN, load_generator, vocabulary_of
from generation.engine.segmenter.finding import find_segmenter
from generation.photographs import (
    Photograph,
    is_made,
    photographs_in,
    read_mask,
    read_photograph,
    write_checked,
)

if TYPE_CHECKING:
    from generation.engine.segmenter.segmenter import Segmenter

PROPOSE = "propose"
GUIDANCE = 1.0  # none: with more, lesions grow in the skin, too
CANDIDATES = 4
MARGIN = 0.05  # by which a proposed mask is grown, as a share of the lesion's diameter
TONES = (-90.0, 180.0)  # degrees
MUCH = 0.5  # of a photograph: more is not kept unless a person says so

Say = Callable[[str], None]
OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """What is asked of the skin around every lesion.

    Attributes:
        tone: individual typology angle in degrees; None takes the colour around the lesion.
        seed: with what is kept it decides the skin.
        candidates: skins that are painted for each photograph; the one is taken in which the
            segmenter sees least of a lesion.
        margin: by which masks are grown, as a share of the lesion's diameter; None grows proposed
            ones only.
    """

    generator: str
    entity: str
    sex: str | None = None
    age: float | None = None
    site: str | None = None
    tone: float | None = None
    seed: int = 0
    steps: int | None = None
    candidates: int = CANDIDATES
    margin: float | None = None


@dataclass(frozen=True)
class Work:
    """One photograph, where its mask is from (None: proposed), and where the copy goes."""

    photograph: Path
    mask: Path | None
    target: Path


def plan_deidentification(photographs: Path, masks: str, out: Path, wish: Wish) -> list[Work]:
    """Match photographs and masks, and refuse what cannot be done before anything is.

    Raises:
        GenerationError: a photograph has no mask, or the wish cannot be granted.
    """
    check_wish(wish)
    found = photographs_in(photographs)
    if masks == PROPOSE:
        return [Work(path, None, out / f"{name}.png") for name, path in found.items()]
    given = photographs_in(Path(masks))
    if photographs.is_file() and Path(masks).is_file():
        given = dict(zip(found, given.values(), strict=True))
    if missing := sorted(found.keys() - given.keys()):
        raise GenerationError(
            f"{masks}: has no mask for {found[missing[0]].name}; call it {missing[0]}.png, or let "
            f"masks be proposed with --mask {PROPOSE}"
        )
    return [Work(path, given[name], out / f"{name}.png") for name, path in found.items()]


def check_wish(wish: Wish) -> None:
    """Refuse what no photograph could be given.

    Raises:
        GenerationError: with what can be asked for.
    """
    if wish.entity not in ENTITIES:
        raise GenerationError(
            f"entity '{wish.entity}' is unknown; use one of {', '.join(ENTITIES)}"
        )
    if wish.tone is not None and not TONES[0] <= wish.tone <= TONES[1]:
        raise GenerationError(
            f"tone is {wish.tone:g} degrees; use {TONES[0]:g} to {TONES[1]:g}: dark skin has about "
            "-50, pale skin 60"
        )
    if wish.candidates < 1:
        raise GenerationError(f"{wish.candidates} candidates; use at least 1")
    if wish.margin is not None and not 0 <= wish.margin <= 1:
        raise GenerationError(f"margin is {wish.margin:g}; use 0 to 1, a share of the diameter")
    vocabulary_of(wish.generator, OWN_WEIGHTS).check(_request(wish, 0, honours_tone=False))


def deidentify(
    works: Sequence[Work],
    wish: Wish,
    *,
    device: str = "auto",
    faces_seen: bool = False,
    say: Say = print,
    on_step: OnStep | None = None,
) -> None:
    """Make a copy of each photograph, in which only the lesion is its own.

    A run that was stopped goes on: what is there already, made from the same, is passed over.

    Args:
        works: as planned.
        wish: what is asked.
        device: auto, cpu or cuda.
        faces_seen: whether a person has looked at what is kept, so that what seems to be a face in
            it may stay.
        say: told what a person must know of a copy.
        on_step: told how many are done.

    Raises:
        GenerationError: a photograph or mask cannot be used, a face seems to be in what is kept, a
            check of a copy fails, or another file stands in the way; the copies before it are
            whole.
    """
    segmenter = find_segmenter(OWN_WEIGHTS, BUILT_IN)
    generator = load_generator(wish.generator, OWN_WEIGHTS, device, compute_batch=wish.candidates)
    generator.fit()
    for k, work in enumerate(works):
        _deidentify(work, wish, generator, segmenter, faces_seen, say)
        if on_step:
            on_step(k + 1, len(works))


def _deidentify(
    work: Work,
    wish: Wish,
    generator: Generator,
    segmenter: "Segmenter",
    faces_seen: bool,
    say: Say,
) -> None:
    photograph = read_photograph(work.photograph)
    keep = keep_of(photograph, work.mask, wish.margin, segmenter)
    mask = "proposed by the segmenter" if work.mask is None else work.mask.name
    copy = commission_copy(photograph, keep, mask, wish, generator, segmenter)
    if is_made(work.target, copy.report):
        return
    if not faces_seen and count_faces(photograph.pixels, keep):
        raise GenerationError(
            f"{work.photograph}: a face seems to be in what is kept, and would stay as it is; keep "
            "less of it, or say with --faces-seen that you have looked and none can be recognised"
        )
    made = copy.paint(generator, segmenter)
    checked = write_checked(made, photograph.pixels, keep, copy.report, work.target, hiding=True)
    if painted := checked.faces["faces_painted"]:
        say(f"{work.target}: {painted} of what was painted looks like a face; look at it")
    difference = checked.difference
    if difference.kept > MUCH * keep.size:
        say(
            f"{work.target}: {difference.kept / keep.size:.0%} of {work.photograph.name} is kept; "
            "look whether a face, a tattoo or writing is in it"
        )


@dataclass(frozen=True)
class Commission:
    """A copy that is to be made.

    Attributes:
        photograph: of which `keep` (H, W) stays.
        tasks: the skins to be painted around it, of which one is taken.
        report: what is said of the copy beside its checks, as JSON values.
    """

    photograph: Photograph
    keep: Mask
    tasks: Sequence[Masked]
    report: Mapping[str, object]

    def paint(self, generator: Generator, segmenter: "Segmenter") -> Pixels:
        """Return the copy (H, W, 3): the one in whose skin the segmenter sees least of a lesion."""
        made = sketch(generator, self.tasks)
        lesions = [float(segmenter.shares(each.image)[~each.keep].mean()) for each in made]
        return finish(generator, made[int(np.argmin(lesions))])


def commission_copy(
    photograph: Photograph,
    keep: Mask,
    mask: str,
    wish: Wish,
    generator: Generator,
    segmenter: "Segmenter",
) -> Commission:
    """Settle all that decides a copy; `mask` says in the report where the mask is from."""
    ground = _ground(photograph, keep, wish.tone)
    seeds = _seeds(photograph, keep, wish)
    honours_tone = "tone" in generator.controls
    return Commission(
        photograph,
        keep,
        [
            Masked(photograph.pixels, keep, ground, _request(wish, seed, honours_tone))
            for seed in seeds
        ],
        _report(photograph, mask, keep, ground, seeds, wish, generator, segmenter),
    )


def keep_of(
    photograph: Photograph, mask: Path | None, margin: float | None, segmenter: "Segmenter"
) -> Mask:
    """Return what is kept of a photograph: a mask from a file, or one that is proposed.

    Raises:
        GenerationError: the mask cannot be used, or no lesion is found.
    """
    try:
        keep = segmenter.propose(photograph.pixels) if mask is None else read_mask(mask)
        check_keep(photograph.pixels, keep)
        share = margin if margin is not None else (MARGIN if mask is None else 0.0)
        if grown := share * 2 * np.sqrt(keep.sum() / np.pi):
            keep = ndimage.distance_transform_edt(~keep) <= grown
            check_keep(photograph.pixels, keep)
        if mask is None and keep.mean() > MUCH:
            raise GenerationError(
                f"what is proposed is {keep.mean():.0%} of it, too much to be kept unseen; draw "
                "the mask by hand"
            )
    except GenerationError as problem:
        if str(problem).startswith(f"{mask}"):
            raise
        where = photograph.path if mask is None else mask
        raise GenerationError(f"{where}: {problem}") from None
    return keep


def _ground(photograph: Photograph, keep: Mask, tone: float | None) -> tuple[int, int, int]:
    if tone is None:
        return colour_around(photograph.pixels, keep)
    red, green, blue = (skin_of_tone(tone) * 255).round().astype(int).tolist()
    return red, green, blue


def _seeds(photograph: Photograph, keep: Mask, wish: Wish) -> list[int]:
    """Return seeds that follow from what is kept alone: or one skin would show in all copies."""
    kept = hashlib.sha256(f"{wish.seed}|{keep.shape}".encode())
    kept.update(np.packbits(keep).tobytes() + photograph.pixels[keep].tobytes())
    first = int.from_bytes(kept.digest()[:7], "big")
    return [first + k for k in range(wish.candidates)]


def _request(wish: Wish, seed: int, honours_tone: bool) -> ImageRequest:
    return ImageRequest(
        entity=wish.entity,
        seed=seed,
        sex=wish.sex,
        age=wish.age,
        site=wish.site,
        tone=wish.tone if honours_tone else None,
        guidance=GUIDANCE,
        steps=wish.steps,
    )


def _report(
    photograph: Photograph,
    mask: str,
    keep: Mask,
    ground: tuple[int, int, int],
    seeds: Sequence[int],
    wish: Wish,
    generator: Generator,
    segmenter: "Segmenter",
) -> dict[str, object]:
    """Return what is said of a copy beside its checks."""
    angle = float(typology_angle(lab_of(np.array(ground) / 255)))
    return {
        "made": "by AI, but for the lesion",
        "photograph": {"name": photograph.path.name, "sha256": photograph.sha256},
        "kept": {
            "mask": mask,
            "share": round(float(keep.mean()), 4),
            "sha256": hashlib.sha256(np.packbits(keep).tobytes()).hexdigest(),
        },
        "told_of_the_rest": {
            "colour": list(ground),
            "typology_angle": round(angle, 1),
            "from": "the median of the ring around what is kept" if wish.tone is None else "--tone",
        },
        "asked": {key: value for key, value in asdict(wish).items() if value is not None},
        "seeds": list(seeds),
        "generator": {
            "name": generator.name,
            "revision": generator.revision,
            "licence": generator.licence,
            "settings": generator.settings(),
        },
        "segmenter": segmenter.sha256,
        "method": METHOD,
    }
