"""Diversity: how skin, lesions and people are distributed in synthetic and in real images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from analysis.quality.appearance import TRAITS
from analysis.quality.measures import LEAST_DISTRIBUTION, half_sampled, too_few
from analysis.quality.sets import Drawn, Floats, ImageSet, Rows, Texts
from analysis.results import Estimate, Number, Unknown
from evaluation.skin.tones import SKINS, TONES

BINS = 24
#: Levels of a category at most; rarer ones are joined.
MOST_LEVELS = 12
OTHERS = "others"


@dataclass(frozen=True)
class Quantity:
    """Something measured: its key, title, unit, what it is called, and what more and less are."""

    key: str
    title: str
    unit: str
    noun: str
    more: str
    less: str
    decimals: int


QUANTITIES = (
    Quantity(
        "tone",
        "Typology angle of the skin",
        "°",
        "lightness of skin",
        "skin is lighter",
        "skin is darker",
        0,
    ),
    Quantity(
        "size",
        "Lesion's share of the image",
        "",
        "size of lesions",
        "lesions are larger",
        "lesions are smaller",
        2,
    ),
    Quantity(
        "lightness",
        "Lesion, lightness L*",
        "",
        "lightness of lesions",
        "lesions are lighter",
        "lesions are darker",
        0,
    ),
    Quantity(
        "redness",
        "Lesion, redness a*",
        "",
        "redness of lesions",
        "lesions are redder",
        "lesions are less red",
        0,
    ),
    Quantity(
        "yellowness",
        "Lesion, yellowness b*",
        "",
        "yellowness of lesions",
        "lesions are browner",
        "lesions are greyer",
        0,
    ),
    Quantity(
        "contrast",
        "Lesion against skin (Lab)",
        "",
        "contrast of lesions",
        "lesions stand out more",
        "lesions are fainter",
        0,
    ),
    Quantity("age", "Age", " years", "age", "patients are older", "patients are younger", 0),
)
CATEGORIES = {"skin": "Class of typology angle", "sex": "Sex", "site": "Body site"}


@dataclass(frozen=True)
class Spread:
    """Quantiles of one origin: 5th, 25th, 50th, 75th and 95th percentile of `n` images."""

    n: int
    percentiles: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Distribution:
    """One quantity in synthetic and real images.

    Attributes:
        edges, shares: histogram, by origin.
        spread: by origin; None where nothing is known.
        distance: Wasserstein's, in the quantity's unit, of synthetic from real images.
        floor: the same of other real images.
        width: the middle half of synthetic images over that of real ones.
    """

    quantity: Quantity
    edges: Floats
    shares: Mapping[str, Floats]
    spread: Mapping[str, Spread | None]
    distance: Number
    floor: Number
    width: Number


@dataclass(frozen=True)
class Shares:
    """One category: the share of each level by origin; the distance is the total variation."""

    key: str
    title: str
    levels: tuple[str, ...]
    shares: Mapping[str, Floats]
    known: Mapping[str, int]
    distance: Number
    floor: Number


@dataclass(frozen=True)
class Diversity:
    """All distributions, at equal numbers of each entity."""

    quantities: tuple[Distribution, ...]
    categories: tuple[Shares, ...]


def diversity(real: ImageSet, synthetic: ImageSet, drawn: Drawn) -> Diversity:
    """Compare the distributions of everything that is known of the drawn images."""
    quantities = []
    for quantity in QUANTITIES:
        values = [
            _values(quantity.key, images)[rows] for images, rows in _sides(real, synthetic, drawn)
        ]
        quantities.append(_distribution(quantity, *(v[np.isfinite(v)] for v in values)))
    categories = []
    for key, title in CATEGORIES.items():
        names = [_names(key, images)[rows] for images, rows in _sides(real, synthetic, drawn)]
        categories.append(_shares(key, title, *(n[n != ""] for n in names)))
    return Diversity(tuple(quantities), tuple(categories))


def total_variation(one: Texts, other: Texts) -> float:
    """Return half the summed differences of the shares of all levels, 0 to 1."""
    levels = np.unique(np.concatenate([one, other]))
    return float(sum(abs((one == level).mean() - (other == level).mean()) for level in levels) / 2)


def _sides(real: ImageSet, synthetic: ImageSet, drawn: Drawn) -> tuple[tuple[ImageSet, Rows], ...]:
    return (synthetic, drawn.synthetic), (real, drawn.stand_in), (real, drawn.reference)


def _values(key: str, images: ImageSet) -> Floats:
    return images.age if key == "age" else images.traits[:, TRAITS.index(key)]


def _names(key: str, images: ImageSet) -> Texts:
    if key != "skin":
        return images.sex if key == "sex" else images.site
    tone = images.traits[:, TRAITS.index("tone")]
    names = np.array(SKINS)[np.digitize(np.nan_to_num(tone), TONES)]
    return np.where(np.isfinite(tone), names, "")


def _distribution(
    quantity: Quantity, synthetic: Floats, stand_in: Floats, reference: Floats
) -> Distribution:
    both = np.concatenate([synthetic, reference])
    ends = np.quantile(both, [0.002, 0.998]) if both.size else (0.0, 1.0)
    edges = np.linspace(ends[0], max(ends[1], ends[0] + 1e-6), BINS + 1)
    shown = {"real": reference, "synthetic": synthetic}

    def distance(one: Floats, what: str) -> Number:
        return _unknown(one, reference, what) or _distance(
            lambda x, y: float(wasserstein_distance(reference[x], one[y])),
            reference,
            one,
            "Wasserstein distance",
            np.inf,
        )

    return Distribution(
        quantity,
        edges,
        {origin: _histogram(values, edges) for origin, values in shown.items()},
        {origin: _spread(values) for origin, values in shown.items()},
        distance(synthetic, "synthetic"),
        distance(stand_in, "other real"),
        _width(reference, synthetic),
    )


def _width(reference: Floats, synthetic: Floats) -> Number:
    if reason := _unknown(synthetic, reference, "synthetic"):
        return reason

    def ratio(x: Rows, y: Rows) -> Sequence[float]:
        real, made = (
            float(np.subtract(*np.quantile(values, [0.75, 0.25])))
            for values in (reference[x], synthetic[y])
        )
        return [made / real if real else np.nan]

    found = half_sampled(
        ratio,
        (len(reference), len(synthetic)),
        "ratio of interquartile ranges; interval from half-samples (Shao and Wu 1989)",
        bounds=(0.0, np.inf),
    )[0]
    return found if np.isfinite(found.value) else Unknown("real images do not vary")


def _shares(key: str, title: str, synthetic: Texts, stand_in: Texts, reference: Texts) -> Shares:
    names, counts = np.unique(np.concatenate([synthetic, reference]), return_counts=True)
    if key == "skin":
        levels = [name for name in SKINS if name in names]
    else:
        levels = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    kept = levels[:MOST_LEVELS]

    def joined(texts: Texts) -> Texts:
        return np.where(np.isin(texts, kept), texts, OTHERS)

    synthetic, stand_in, reference = (joined(each) for each in (synthetic, stand_in, reference))
    if len(levels) > len(kept):
        kept = [*kept, OTHERS]
    shown = {"real": reference, "synthetic": synthetic}

    def distance(one: Texts, what: str) -> Number:
        return _unknown(one, reference, what) or _distance(
            lambda x, y: total_variation(reference[x], one[y]),
            reference,
            one,
            "total variation",
            1.0,
        )

    return Shares(
        key,
        title,
        tuple(kept),
        {
            origin: np.array([(t == level).mean() if t.size else np.nan for level in kept])
            for origin, t in shown.items()
        },
        {origin: int(t.size) for origin, t in shown.items()},
        distance(synthetic, "synthetic"),
        distance(stand_in, "other real"),
    )


def _unknown(one: NDArray, reference: NDArray, what: str) -> Unknown | None:
    for values, of in ((one, what), (reference, "real")):
        if not len(values):
            return Unknown(f"not known of {of} images")
    return too_few(min(len(one), len(reference)), LEAST_DISTRIBUTION)


def _distance(
    statistic: Callable[[Rows, Rows], float],
    reference: NDArray,
    one: NDArray,
    what: str,
    most: float,
) -> Estimate:
    return half_sampled(
        lambda x, y: [statistic(x, y)],
        (len(reference), len(one)),
        f"{what}; interval from half-samples of both sets (Shao and Wu 1989)",
        bounds=(0.0, most),
    )[0]


def _histogram(values: Floats, edges: Floats) -> Floats:
    if not values.size:
        return np.zeros(len(edges) - 1)
    counts: Floats = np.histogram(values.clip(edges[0], edges[-1]), edges)[0] / values.size
    return counts


def _spread(values: Floats) -> Spread | None:
    if not values.size:
        return None
    five, low, middle, high, last = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
    return Spread(len(values), (five, low, middle, high, last))


def biased(found: Sequence[Distribution]) -> list[Distribution]:
    """Return the quantities that are farther from real images than other real ones are."""
    return [
        one
        for one in found
        if isinstance(one.distance, Estimate)
        and isinstance(one.floor, Estimate)
        and (one.distance.low or 0.0) > (one.floor.high or 0.0)
    ]
