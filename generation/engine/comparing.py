"""How far a photograph that was made differs from its original, where it should and where not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

STEP = 4  # levels, of 256, by which some channel of a pixel must differ to count as changed
LEAST_CHANGED = 0.9  # of the share of pixels that would differ by chance
NEAR = 8  # times in the shorter side: the distance at which skin is another, its light the same
SMOOTH = 0.1  # share of the pixels, however smooth the skin is
BLOCKS = 24  # across the shorter side
LEAST_BLOCK = 8  # px
TEXTURE = 1.5  # levels, standard deviation of a block that shows anything but shading
FEWEST = 20  # blocks whose mean correlation says anything
# Mean correlation of the blocks: of photographs of different lesions 99 % have less than 0.1; where
# three tenths of the original shine through, or where it is blurred or noisy, it is 0.19 or more.
MOST_ALIKE = 0.15


@dataclass(frozen=True)
class Check:
    """One thing that was checked of a photograph that was made.

    Attributes:
        name: `kept`, `changed`, `alike`, `painted`, `metadata`, `faces_kept` or `faces_painted`.
        found, limit: what was measured, and what at least or at most it must be.
        problem: in words, if it is not as it must be; else empty. What is over the limit without a
            problem is for a person to look at.
    """

    name: str
    found: float
    limit: float
    problem: str = ""


@dataclass(frozen=True)
class Difference:
    """What two photographs have in common.

    Attributes:
        kept: pixels that were to be kept, and `altered`: those of them that differ at all.
        replaced: the other pixels, and `changed`: the share of them that differ by `STEP` levels
            or more in some channel.
        by_chance: the same share, of what was made and the original a little further: on smooth
            skin many pixels are alike that have nothing to do with each other.
        blocks: squares of other pixels with texture in the original, and `alike`: their mean
            correlation with it, 0 where there are fewer than `FEWEST`.
    """

    kept: int
    altered: int
    replaced: int
    changed: float
    by_chance: float
    blocks: int
    alike: float

    def checks(self, *, hiding: bool) -> list[Check]:
        """Return what must hold, line by line; `hiding` if nothing else may be recognised."""
        differ = f"{self.altered} of {self.kept} pixels that were to be kept differ"
        kept = Check("kept", self.altered, 0, differ if self.altered else "")
        if not hiding:
            painted = "" if self.changed else "nothing was painted"
            return [kept, Check("painted", self.changed, 0, painted)]
        least = max(SMOOTH, LEAST_CHANGED * self.by_chance)
        unchanged = (
            f"only {self.changed:.0%} of the other pixels differ by {STEP} levels or more; "
            f"{least:.0%} must"
        )
        alike = (
            f"what was replaced looks like the original: correlation {self.alike:.2f}, "
            f"{MOST_ALIKE} may be"
        )
        return [
            kept,
            Check(
                "changed",
                self.changed,
                least,
                unchanged if self.changed < least else "",
            ),
            Check("alike", self.alike, MOST_ALIKE, alike if self.alike > MOST_ALIKE else ""),
        ]

    def problems(self, *, hiding: bool) -> list[str]:
        """Return what is not as it must be, in words."""
        return [check.problem for check in self.checks(hiding=hiding) if check.problem]


def compare(original: Pixels, made: Pixels, keep: Mask) -> Difference:
    """Compare photographs (H, W, 3) of one size; `keep` (H, W) says what should be the same."""
    steps = _steps(original, made)
    kept, other = steps[keep], steps[~keep]
    correlations = _correlations(original, made, keep)
    return Difference(
        kept=len(kept),
        altered=int((kept > 0).sum()),
        replaced=len(other),
        changed=float((other >= STEP).mean()) if len(other) else 0.0,
        by_chance=_by_chance(original, made, keep),
        blocks=len(correlations),
        alike=float(correlations.mean()) if len(correlations) >= FEWEST else 0.0,
    )


def _steps(one: Pixels, other: Pixels) -> NDArray[np.int16]:
    """Return by how many levels pixels differ in the channel in which they differ most."""
    found: NDArray[np.int16] = np.abs(one.astype(np.int16) - other).max(axis=2)
    return found


def _by_chance(original: Pixels, made: Pixels, keep: Mask) -> float:
    """Return how many pixels differ from the original a little further: under the same light."""
    far = min(keep.shape) // NEAR
    counts = []
    for moves in ((far, 0), (-far, 0), (0, far), (0, -far)):
        free = ~(keep | np.roll(keep, moves, (0, 1)))
        counts.append(_steps(np.roll(original, moves, (0, 1)), made)[free] >= STEP)
    found = np.concatenate(counts)
    return float(found.mean()) if found.size else 1.0


def _correlations(original: Pixels, made: Pixels, keep: Mask) -> NDArray[np.float64]:
    """Return the correlation of each square with texture in which nothing is kept.

    Level and slope are taken out first: shading is alike in all photographs of skin.
    """
    side = max(LEAST_BLOCK, min(keep.shape) // BLOCKS)
    free = ~_squares(keep.astype(np.float64), side).any(axis=1)
    before, after = (_squares(image.mean(axis=2), side)[free] for image in (original, made))
    at = np.linspace(-1, 1, side)
    rows, columns = np.meshgrid(at, at, indexing="ij")
    plane = np.stack([np.ones(side * side), rows.ravel(), columns.ravel()], axis=1)
    basis, _ = np.linalg.qr(plane)
    before, after = (values - (values @ basis) @ basis.T for values in (before, after))
    textured = before.std(axis=1) >= TEXTURE
    before, after = before[textured], after[textured]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    correlations: NDArray[np.float64] = (before * after).sum(axis=1) / np.maximum(lengths, 1e-9)
    return correlations


def _squares(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Cut (H, W) into squares (n, side * side); what is left over at the edges is left out."""
    high, wide = (length // side for length in values.shape)
    cut = values[: high * side, : wide * side].reshape(high, side, wide, side)
    return cut.transpose(0, 2, 1, 3).reshape(high * wide, side * side)
