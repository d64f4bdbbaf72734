"""Which images a study shows: stratified by entity and origin, one image a lesion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.design.randomness import SeededStream
from evaluation.errors import TooFewImages


@dataclass(frozen=True)
class Candidate:
    """An image that might be drawn; `lesion` is empty where none is known.

    `arm` names the generator of a synthetic image and is empty for a real one.
    """

    image: int
    sha256: str
    entity: str
    arm: str
    lesion: str


def draw_images(
    candidates: Sequence[Candidate],
    *,
    entities: Sequence[str],
    arms: Sequence[str],
    per_cell: int,
    seed: int,
) -> list[int]:
    """Draw `per_cell` images of each entity and arm, and as many real ones, never two of a lesion.

    With several arms there are as many real images as synthetic ones of all arms together, so
    that half of what raters see is real, and each arm meets the same real images.

    The draw depends on the seed and on the images' content, not on the order or the numbers
    under which a database holds them.

    Returns:
        The drawn images, by entity, real ones first.

    Raises:
        TooFewImages: names every cell that cannot be filled.
    """
    drawn: list[int] = []
    lesions: set[str] = set()
    missing: list[str] = []
    for entity in entities:
        for arm in ("", *arms):
            wanted = per_cell if arm else per_cell * len(arms)
            cell = [c for c in candidates if c.entity == entity and c.arm == arm]
            chosen = _pick(cell, wanted, lesions, SeededStream(seed, entity, arm))
            if len(chosen) < wanted:
                missing.append(
                    f"{entity} {f'by {arm}' if arm else 'real'} {len(chosen)} of {wanted}"
                )
            drawn += chosen
    if missing:
        raise TooFewImages(
            "too few images of different lesions: "
            + "; ".join(missing)
            + "; import or generate more, or ask for fewer an entity and origin"
        )
    return drawn


def draw_practice(
    candidates: Sequence[Candidate],
    *,
    drawn: Sequence[int],
    count: int,
    seed: int,
    pairs: bool = False,
) -> list[int]:
    """Draw `count` further images to practise on, real and synthetic in turn, of any entity.

    Args:
        candidates: as for `draw_images`.
        drawn: images of the study, whose lesions are passed over.
        count: how many.
        seed: decides the draw.
        pairs: each synthetic image has a real one of its entity beside it.

    Raises:
        TooFewImages: says which origin has too few left.
    """
    lesions = {c.lesion for c in candidates if c.image in set(drawn)}
    left = [c for c in candidates if c.image not in set(drawn)]
    synthetic = _pick_practice(
        [c for c in left if c.arm], count // 2, lesions, seed, "synthetic images"
    )
    real = [c for c in left if not c.arm]
    if not pairs:
        return synthetic + _pick_practice(real, count - count // 2, lesions, seed, "real images")
    entities = Counter(c.entity for c in left if c.image in set(synthetic))
    for entity, number in sorted(entities.items()):
        cell = [c for c in real if c.entity == entity]
        synthetic += _pick_practice(cell, number, lesions, seed, f"real images of {entity}")
    return synthetic


def _pick_practice(
    cell: Sequence[Candidate], wanted: int, lesions: set[str], seed: int, what: str
) -> list[int]:
    picked = _pick(cell, wanted, lesions, SeededStream(seed, "practice", what))
    if len(picked) < wanted:
        raise TooFewImages(
            f"too few {what} are left to practise on: {len(picked)} of {wanted}; "
            "import or generate more, or ask for fewer"
        )
    return picked


def draw_checks(
    candidates: Sequence[Candidate], *, entities: Sequence[str], count: int, seed: int
) -> list[int]:
    """Draw `count` obvious cases from a source of their own.

    Raises:
        TooFewImages: the source has not enough.
    """
    known = [c for c in candidates if c.entity in entities]
    chosen = _pick(known, count, set(), SeededStream(seed, "checks"))
    if len(chosen) < count:
        raise TooFewImages(
            f"too few images for attention checks: {len(chosen)} of {count}; name a dataset or "
            "generator with more obvious cases, or ask for fewer"
        )
    return chosen


def _pick(
    cell: Sequence[Candidate], wanted: int, lesions: set[str], stream: SeededStream
) -> list[int]:
    """Pick images of lesions that are not in `lesions`, which grows by them."""
    chosen: list[int] = []
    for candidate in stream.shuffled(sorted(cell, key=lambda each: each.sha256)):
        if len(chosen) == wanted:
            break
        if candidate.lesion and candidate.lesion in lesions:
            continue
        lesions.add(candidate.lesion)
        chosen.append(candidate.image)
    return chosen
