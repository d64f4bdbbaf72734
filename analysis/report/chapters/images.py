"""Images: which fooled whom, against what chance would do were all images of an origin alike."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.report import behaviour_figures
from analysis.report.cells import ReportTable, columns
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import Facts, Flags, Floats
from analysis.report.grids import judged_real, right_entity
from analysis.report.layout import Block, Picture, Section
from analysis.report.study import Study
from analysis.report.words import listed
from analysis.table import ORIGINS

KEY = "images"
MOST_BINS = 20  # of a histogram; with fewer raters one a count
MOST_NAMED = 24  # images of one kind on the page; the CSV has them all
LEAST_RATERS = 3  # of fewer "all raters" says nothing


@dataclass(frozen=True)
class ImageCount:
    """One image: how many raters judged it real, and named its entity."""

    image: str
    origin: str
    generator: str
    entity: str
    raters: int
    judged_real: int
    right_entity: int


@dataclass(frozen=True)
class Histogram:
    """How many images were judged real by which share of raters.

    Attributes:
        edges: of the bins.
        counts: images in each bin, by origin.
        expected: what raters' own rates would give, were all images of an origin alike.
        spread: standard deviation of the shares, by origin; `expected_spread` by chance alone.
    """

    edges: tuple[float, ...]
    counts: Mapping[str, tuple[int, ...]]
    expected: Mapping[str, tuple[float, ...]]
    spread: Mapping[str, float]
    expected_spread: Mapping[str, float]


@dataclass(frozen=True)
class Extremes:
    """Images that all raters took for one thing, of those that three raters or more have judged.

    `expected` is how many there would be were all images of an origin alike.
    """

    images: tuple[str, ...]
    expected: float


@dataclass(frozen=True)
class Images:
    """What each image did.

    Attributes:
        images: all, in order of their names.
        histogram: None with one rater.
        fooled_all, fooled_none: synthetic images that all, or none, judged real.
        real_doubted_by_all: real images that all judged synthetic.
        pictures: small JPEGs of the extremes, by name, where they are at hand.
    """

    images: tuple[ImageCount, ...]
    histogram: Histogram | None
    fooled_all: Extremes
    fooled_none: Extremes
    real_doubted_by_all: Extremes
    pictures: Mapping[str, bytes]


def find(study: Study) -> Images | None:
    """Count answers by image; None where origin was not asked."""
    said = judged_real(study)
    if not np.isfinite(said).any():
        return None
    read = np.isfinite(said).sum(axis=0)
    real = np.nansum(said, axis=0).astype(int)
    chances = {
        origin: _chances(said, own) for origin, own in _origins(study.grid.synthetic).items()
    }
    enough, synthetic = read >= LEAST_RATERS, study.grid.synthetic
    none, every = real == 0, real == read
    names = np.array(study.grid.images)

    def extremes(origin: str, of_origin: Flags, found: Flags, count: int) -> Extremes:
        chosen = enough & of_origin
        likely = [chances[origin][int(i)][count] for i in np.flatnonzero(chosen)]
        images = tuple(str(name) for name in names[chosen & found])
        return Extremes(images, float(np.sum(likely)))

    fooled_all = extremes("synthetic", synthetic, every, -1)
    fooled_none = extremes("synthetic", synthetic, none, 0)
    doubted = extremes("real", ~synthetic, none, 0)
    wanted = [
        name for one in (fooled_all, fooled_none, doubted) for name in one.images[:MOST_NAMED]
    ]
    pictures = study.context.pictures
    return Images(
        images=_counts(study, read, real),
        histogram=_histogram(study, read, real, chances) if len(said) > 1 else None,
        fooled_all=fooled_all,
        fooled_none=fooled_none,
        real_doubted_by_all=doubted,
        pictures=dict(pictures(wanted)) if pictures and wanted else {},
    )


def _origins(synthetic: Flags) -> dict[str, Flags]:
    return {"real": ~synthetic, "synthetic": synthetic}


def _counts(study: Study, read: Floats, real: Floats) -> tuple[ImageCount, ...]:
    grid = study.grid
    right = np.nansum(right_entity(study), axis=0).astype(int)
    return tuple(
        ImageCount(
            name,
            ORIGINS[int(grid.synthetic[i])],
            str(grid.generator[i]),
            str(grid.entity[i]),
            int(read[i]),
            int(real[i]),
            int(right[i]),
        )
        for i, name in enumerate(grid.images)
    )


def _chances(said: Floats, own: Flags) -> dict[int, Floats]:
    """Return for each image of an origin how likely each count of "real" is by chance.

    Each rater says "real" with their own rate for that origin, whatever the image: a sum of
    unlike coins (Poisson-binomial). Images with the same raters share one distribution.
    """
    given = np.isfinite(said)
    seen = (given & own).sum(axis=1)
    rates = np.nansum(np.where(own, said, 0.0), axis=1) / np.maximum(seen, 1)
    known: dict[bytes, Floats] = {}
    found = {}
    for i in np.flatnonzero(own):
        key = given[:, i].tobytes()
        if key not in known:
            known[key] = _sum_of_coins(rates[given[:, i]])
        found[int(i)] = known[key]
    return found


def _sum_of_coins(rates: Floats) -> Floats:
    chances = np.ones(1)
    for rate in rates:
        chances = np.convolve(chances, [1 - rate, rate])
    return chances


def _histogram(
    study: Study, read: Floats, real: Floats, chances: Mapping[str, Mapping[int, Floats]]
) -> Histogram:
    raters = len(study.grid.raters)
    complete = bool((read[read > 0] == raters).all())
    bins = raters + 1 if complete and raters <= MOST_BINS else min(raters, MOST_BINS) + 1
    # Shares k / (bins - 1) stand in the middle of their bins.
    half = 0.5 / (bins - 1)
    edges = np.linspace(-half, 1 + half, bins + 1)
    counts, expected, spread, by_chance = {}, {}, {}, {}
    for origin, own in _origins(study.grid.synthetic).items():
        shown = np.flatnonzero(own & (read > 0))
        if not shown.size:
            continue
        shares = real[shown] / read[shown]
        counts[origin] = tuple(int(n) for n in np.histogram(shares, edges)[0])
        total, variance = np.zeros(bins), 0.0
        for i in shown:
            steps = np.arange(read[i] + 1) / read[i]
            likely = chances[origin][int(i)]
            total += np.histogram(steps, edges, weights=likely)[0]
            variance += float(likely @ steps**2 - (likely @ steps) ** 2) / shown.size
        expected[origin] = tuple(float(n) for n in total)
        spread[origin], by_chance[origin] = float(shares.std()), float(np.sqrt(variance))
    return Histogram(tuple(float(e) for e in edges), counts, expected, spread, by_chance)


def show(found: Images, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the histogram, the extremes, and every image as a file."""
    blocks = []
    if found.histogram:
        blocks.append(
            Block(
                text=tuple(_sentences(found.histogram)),
                drawings=(_drawing(found.histogram),),
                data=(_histogram_table(found.histogram),),
            )
        )
    else:
        said = "One rater: each image has one answer, and images cannot be compared by them."
        blocks.append(Block(text=(said,)))
    by_name = {one.image: one for one in found.images}
    for heading, one, key in (
        ("Synthetic images that fooled all raters", found.fooled_all, "fooled_all"),
        ("Synthetic images that fooled nobody", found.fooled_none, "fooled_none"),
        ("Real images that all took for synthetic", found.real_doubted_by_all, "doubted"),
    ):
        blocks.append(_extremes(heading, one, key, by_name, found.pictures, names))
    blocks.append(Block(data=(_table(found),)))
    return Section(KEY, "Which images fooled whom?", tuple(blocks))


def _sentences(found: Histogram) -> list[str]:
    said = []
    for origin, spread in found.spread.items():
        by_chance = found.expected_spread[origin]
        more = "more than" if spread > 1.1 * by_chance else "about as much as"
        said.append(
            f"Shares of raters who judged an image real spread over {origin} images with a "
            f"standard deviation of {spread:.2f}, {more} the {by_chance:.2f} that raters' own "
            "rates would give were these images all alike."
        )
    return said


def _drawing(found: Histogram) -> Drawing:
    shown = {origin: found.counts[origin] for origin in reversed(ORIGINS) if origin in found.counts}
    return draw(
        "judged_real_by_image",
        behaviour_figures.image_histogram(found.edges, shown, found.expected),
        "Images by the share of raters who judged them real. Dashes: what raters' own rates would "
        "give were the images of an origin all alike; bars beyond them at the ends are images that "
        "fool, or give themselves away.",
        "Images by share of raters who judged them real; "
        + "; ".join(
            f"{origin} images: {counts[0]} by nobody, {counts[-1]} by all, {sum(counts)} in all"
            for origin, counts in shown.items()
        ),
    )


def _histogram_table(found: Histogram) -> ReportTable:
    return ReportTable(
        "judged_real_by_image",
        "Images by the share of raters who judged them real",
        columns(
            origin="Origin", low="From", high="To", images="Images", expected="Expected if alike"
        ),
        tuple(
            (origin, max(low, 0.0), min(high, 1.0), count, likely)
            for origin, counts in found.counts.items()
            for low, high, count, likely in zip(
                found.edges, found.edges[1:], counts, found.expected[origin], strict=False
            )
        ),
    )


def _extremes(
    heading: str,
    found: Extremes,
    key: str,
    by_name: Mapping[str, ImageCount],
    pictures: Mapping[str, bytes],
    names: Mapping[str, str],
) -> Block:
    shown = found.images[:MOST_NAMED]
    count = len(found.images) or "No"
    said = (
        f"{count} image{'s' * (count != 1)}; by chance there would be {found.expected:.1f}, were "
        "all images of this origin alike."
    )
    missing = [name for name in shown if name not in pictures]
    if missing:
        more = " and more, in tables/images_counts.csv" if len(found.images) > len(shown) else ""
        said += f" {listed(missing)}{more}."
    elif len(found.images) > len(shown):
        said += f" The first {len(shown)}; all are in tables/images_counts.csv."
    return Block(
        heading=heading,
        text=(said,),
        pictures=tuple(
            Picture(f"{key}-{number}", _caption(by_name[name], names), pictures[name])
            for number, name in enumerate(shown, start=1)
            if name in pictures
        ),
    )


def _caption(one: ImageCount, names: Mapping[str, str]) -> str:
    made = one.generator or one.origin
    return f"{names.get(one.entity, one.entity)}, {made}: {one.image}"


def _table(found: Images) -> ReportTable:
    return ReportTable(
        "images_counts",
        "Every image: answers about it",
        columns(
            image="Image",
            origin="Origin",
            generator="Generator",
            entity="Entity",
            raters="Raters",
            judged_real="Judged real",
            right_entity="Right entity",
        ),
        tuple(
            (
                one.image,
                one.origin,
                one.generator,
                one.entity,
                one.raters,
                one.judged_real,
                one.right_entity,
            )
            for one in found.images
        ),
    )
