"""How the distributions of a quality report are laid out, and what bias they tell of."""

from collections.abc import Sequence

from analysis.quality import plots
from analysis.quality.assess import Quality
from analysis.quality.diversity import Distribution, Shares, Spread, biased
from analysis.report.cells import Cell, ReportTable, columns, printed, reasons
from analysis.report.drawing import draw
from analysis.report.layout import Block, Section
from analysis.report.words import listed
from analysis.results import Estimate

CAVEAT = (
    "The typology angle is measured on skin around the lesion. Dermoscopy's polarised, pink light "
    "moves it far up (mean 80° in HAM10000): it compares images taken alike and is no skin type. "
    "Nothing here says how a generator treats dark skin, of which these datasets have next to none."
)


def diversity_section(quality: Quality) -> Section:
    """Lay out distributions side by side, their distances, and the bias in words."""
    found = quality.diversity
    told = [one for one in found.quantities if any(one.spread.values())]
    categories = [one for one in found.categories if one.levels]
    blocks = [Block(text=(bias(quality), CAVEAT))]
    if told:
        blocks.append(
            Block(
                drawings=(
                    draw(
                        "distributions",
                        plots.distributions(told),
                        "Distributions in synthetic and in real images at equal numbers of each "
                        "diagnosis; dashes are medians.",
                        "Medians, synthetic and real: "
                        + "; ".join(
                            f"{one.quantity.title} {_median(one, 'synthetic')} and "
                            f"{_median(one, 'real')}"
                            for one in told
                        ),
                    ),
                ),
                data=(_histograms(told),),
            )
        )
    blocks.append(Block(table=_quantities(found.quantities)))
    for one in categories:
        blocks.append(_category(one))
    blocks.append(Block(table=_categories(found.categories)))
    return Section("diversity", "Are they as varied?", tuple(blocks))


def bias(quality: Quality) -> str:
    """Return in a sentence what whoever uses these images would import."""
    facts, found = quality.facts, quality.diversity
    shifted = biased(found.quantities)
    measured = [o for o in found.quantities if isinstance(o.distance, Estimate)]
    narrow = [o for o in measured if isinstance(o.width, Estimate) and (o.width.high or 1.0) < 1]
    if not measured:
        return "There are too few images to say how these images are biased."
    said = []
    if shifted:
        changes = listed([_shift(one) for one in shifted])
        said.append(
            f"Whoever trains or tests with these images in place of {facts.reference} imports a "
            f"bias: {changes}."
        )
    else:
        said.append(
            "In nothing that was measured do these images differ from real ones by more than other "
            "real ones do."
        )
    if narrow:
        what = listed([one.quantity.noun for one in narrow])
        said.append(f"They vary less than real images in {what}.")
    unknown = [o.quantity.noun for o in found.quantities if not isinstance(o.distance, Estimate)]
    unknown += [o.title for o in found.categories if not isinstance(o.distance, Estimate)]
    if unknown:
        said.append(f"Nothing can be said of {listed([each.lower() for each in unknown])}.")
    return " ".join(said)


def _shift(one: Distribution) -> str:
    real, made = (one.spread[origin] for origin in ("real", "synthetic"))
    assert real is not None  # there is a distance
    assert made is not None
    moved = made.percentiles[2] - real.percentiles[2]
    width = real.percentiles[3] - real.percentiles[1]
    if abs(moved) < 0.1 * width:
        return f"{one.quantity.noun} is spread otherwise around the same middle"
    said = one.quantity.more if moved > 0 else one.quantity.less
    return f"{said} (median {_median(one, 'synthetic')} against {_median(one, 'real')})"


def _median(one: Distribution, origin: str) -> str:
    spread = one.spread[origin]
    if spread is None:
        return "n/a"
    return f"{spread.percentiles[2]:.{one.quantity.decimals}f}{one.quantity.unit}"


def _range(spread: Spread | None, decimals: int) -> Cell:
    if spread is None:
        return None
    _, low, middle, high, _ = (f"{each:.{decimals}f}" for each in spread.percentiles)
    return f"{middle} [{low}, {high}]"


def _quantities(found: Sequence[Distribution]) -> ReportTable:
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        known = [one.spread[origin] for origin in ("synthetic", "real")]
        rows.append(
            (
                one.quantity.title
                + (f" ({one.quantity.unit.strip()})" if one.quantity.unit else ""),
                *(_range(each, one.quantity.decimals) for each in known),
                one.distance,
                one.floor,
                one.width,
                *(each.n if each else 0 for each in known),
            )
        )
    return ReportTable(
        "distributions",
        "Distributions and their distance",
        columns(
            quantity="Quantity",
            synthetic="Synthetic, median [quartiles]",
            real="Real",
            distance="Wasserstein distance",
            floor="Floor",
            width="Width, synthetic / real",
            known_synthetic="Known of synthetic",
            known_real="Known of real",
        ),
        tuple(rows),
        "Distances are in the quantity's own unit; width is that of the middle half. "
        f"{reasons(rows)}".strip(),
    )


def _histograms(found: Sequence[Distribution]) -> ReportTable:
    return ReportTable(
        "distributions_shares",
        "Histograms of the distributions",
        columns(quantity="Quantity", low="From", high="To", real="Real", synthetic="Synthetic"),
        tuple(
            (one.quantity.key, float(low), float(high), float(real), float(made))
            for one in found
            for low, high, real, made in zip(
                one.edges, one.edges[1:], one.shares["real"], one.shares["synthetic"], strict=False
            )
        ),
    )


def _category(one: Shares) -> Block:
    rows = tuple(
        (level, float(one.shares["synthetic"][k]), float(one.shares["real"][k]))
        for k, level in enumerate(one.levels)
    )
    if not all(one.known.values()):
        where = listed([origin for origin, n in one.known.items() if n])
        return Block(
            folded=True,
            table=ReportTable(
                f"shares_{one.key}",
                f"{one.title}: known of {where} images only",
                columns(level=one.title, synthetic="Synthetic", real="Real"),
                tuple((row[0], *(None if v != v else v for v in row[1:])) for row in rows),
            ),
        )
    return Block(
        drawings=(
            draw(
                f"shares_{one.key}",
                plots.shares(one),
                f"{one.title}: share of synthetic and of real images.",
                f"{one.title}, synthetic and real: "
                + "; ".join(f"{level} {printed(a)} and {printed(b)}" for level, a, b in rows),
            ),
        ),
        data=(
            ReportTable(
                f"shares_{one.key}",
                f"{one.title}: shares",
                columns(level=one.title, synthetic="Synthetic", real="Real"),
                rows,
            ),
        ),
    )


def _categories(found: Sequence[Shares]) -> ReportTable:
    rows = tuple(
        (o.title, o.known["synthetic"], o.known["real"], o.distance, o.floor) for o in found
    )
    return ReportTable(
        "categories",
        "Categories and their distance",
        columns(
            category="Category",
            known_synthetic="Known of synthetic",
            known_real="Known of real",
            distance="Total variation",
            floor="Floor",
        ),
        rows,
        reasons(rows),
    )
