"""Classes of skin tone, by the individual typology angle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Bounds in degrees between six classes of skin colour (Chardon et al. 1991, "Skin colour typology
#: and suntanning pathways"), each of which begins the class above it, and what the classes are
#: called.
TONES = (-30.0, 10.0, 28.0, 41.0, 55.0)
SKINS = ("dark", "brown", "tan", "intermediate", "light", "very light")


def tone_class(tone: float) -> int:
    """Return the class of a skin tone in degrees: its place in `SKINS`."""
    return int(np.digitize(tone, TONES))


@dataclass(frozen=True)
class Spread:
    """How measured tones lie.

    Attributes:
        images: how many there are.
        measured: of these, those in which skin was found.
        percentiles: 5th, 50th and 95th, in degrees; None where nothing was measured.
        classes: how many are in each class of `SKINS`.
    """

    images: int
    measured: int
    percentiles: tuple[float, float, float] | None
    classes: tuple[int, ...]


def spread(tones: Sequence[float | None]) -> Spread:
    """Return how tones lie; None stands for an image in which no skin was found."""
    known = np.array([tone for tone in tones if tone is not None])
    counts = np.bincount(np.digitize(known, TONES), minlength=len(SKINS))
    low, middle, high = np.percentile(known, (5, 50, 95)).tolist() if len(known) else (0, 0, 0)
    return Spread(
        len(tones),
        len(known),
        (low, middle, high) if len(known) else None,
        tuple(counts.tolist()),
    )


def table(spreads: Mapping[str, Spread]) -> list[str]:
    """Return the lines of a table in Markdown: sources, and which share is in each class."""
    lines = [
        f"| source | images | skin found | median (5 % to 95 %) | {' | '.join(SKINS)} |",
        "|---" * (4 + len(SKINS)) + "|",
    ]
    for source, found in spreads.items():
        middle = "–"
        if found.percentiles:
            low, median, high = (f"{value:.0f}" for value in found.percentiles)
            middle = f"{median}° ({low}° to {high}°)"
        shares = [f"{100 * n / max(1, found.measured):.1f} %" for n in found.classes]
        lines.append(
            f"| {source} | {found.images:,} | {found.measured:,} | {middle} | "
            f"{' | '.join(shares)} |"
        )
    return lines
