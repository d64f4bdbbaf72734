"""Two sets of images, what is known of each, and equal samples of them to measure figures on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.quality.treatment import Pixels

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Texts = NDArray[np.str_]

#: Images of each kind at most: distances between more take gigabytes and say no more.
MOST = 4000


@dataclass(frozen=True)
class About:
    """What an extractor is.

    Attributes:
        key, title: in files and on the page.
        sha256: of its weights, or of the code where there are none.
        features: how many numbers it gives of an image.
        classes: how many of a posterior follow them in a row; 0 without.
        domain: whether it was trained on images of this kind.
        remark: what must be known before its figures are believed.
    """

    key: str
    title: str
    sha256: str
    features: int
    classes: int = 0
    domain: bool = False
    remark: str = ""


@dataclass(frozen=True)
class ImageSet:
    """Images of one origin, independent of one another: real ones are one a lesion.

    Attributes:
        names, entity: (n,).
        features, posteriors: by extractor, (n, d) and (n, classes).
        traits: (n, traits), see `appearance.TRAITS`; NaN where unknown.
        age: (n,) years, NaN where unknown.
        sex, site: (n,), "" where unknown.
        pixels: from rows to the treated images (k, side, side, 3).
    """

    names: Texts
    entity: Texts
    features: Mapping[str, Floats]
    posteriors: Mapping[str, Floats]
    traits: Floats
    age: Floats
    sex: Texts
    site: Texts
    pixels: Callable[[Rows], Pixels]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Drawn:
    """As many synthetic images as real ones, and as many other real ones in their stead.

    The three hold the same number of each entity. No lesion is on both real sides.
    """

    synthetic: Rows
    stand_in: Rows
    reference: Rows

    def __len__(self) -> int:
        return len(self.synthetic)

    def where(self, chosen: NDArray[np.bool_]) -> "Drawn":
        """Return some places of all three."""
        return Drawn(self.synthetic[chosen], self.stand_in[chosen], self.reference[chosen])


def draw(real: ImageSet, synthetic: ImageSet, entities: Sequence[str], *, seed: int = 0) -> Drawn:
    """Draw equal samples at random: of each entity half of the real images at most.

    Beyond `MOST` in all, every entity's share is cut alike.
    """
    rng = np.random.default_rng(seed)
    shuffled = {
        entity: [rng.permutation(np.flatnonzero(s.entity == entity)) for s in (synthetic, real)]
        for entity in entities
    }
    counts = {entity: min(len(s), len(r) // 2) for entity, (s, r) in shuffled.items()}
    scale = min(1.0, MOST / max(1, sum(counts.values())))
    parts: list[list[Rows]] = [[], [], []]
    for entity, (made, taken) in shuffled.items():
        n = int(counts[entity] * scale)
        for part, rows in zip(parts, (made[:n], taken[:n], taken[n : 2 * n]), strict=True):
            part.append(rows)
    return Drawn(*(np.concatenate([*part, np.empty(0, np.intp)]).astype(np.intp) for part in parts))
