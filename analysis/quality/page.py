"""Contents of a quality report: which sentences, figures and tables stand in which section."""

from collections.abc import Mapping, Sequence

from analysis.quality import measures, plots
from analysis.quality.assess import Quality
from analysis.quality.diversity_page import diversity_section
from analysis.quality.faithfulness_page import faithfulness_section
from analysis.quality.memorisation_page import memorisation_section, memorisation_warnings
from analysis.quality.methods import methods
from analysis.quality.published_page import published_section
from analysis.quality.resemblance import ALL, KINDS, PairFigure, SetFigure
from analysis.quality.sets import About
from analysis.report import words
from analysis.report.cells import Cell, Column, ReportTable, columns, printed, reasons
from analysis.report.drawing import draw
from analysis.report.elements import house_style
from analysis.report.layout import Block, Contents, KeyNumber, Section
from analysis.results import Estimate, Number, Unknown

#: Decimals of each measure's numbers.
DECIMALS = {"kid": 3, "cmmd": 3, "fid": 1, "fid_infinity": 1, "mind": 1}
#: Measures that belong to one extractor.
SPECIAL = {
    "cmmd": ("clip", "Kernel distance of CLIP's embeddings"),
    "inception_score": ("inception", "Inception score"),
}
TOGETHER = "All together"
SHORT = "7 < 50 means: n too small, 7 images where the figure needs 50."


def contents(quality: Quality) -> Contents:
    """Lay out a quality report; draws all figures."""
    names = {code: words.ENTITY_NAMES.get(code, code) for code in quality.facts.entities}
    names[ALL] = TOGETHER
    with house_style():
        sections = [
            _compared(quality, names),
            _likeness(quality, names),
            *([memorisation_section(quality, names)] if quality.memorisation else []),
            faithfulness_section(quality, names),
            diversity_section(quality),
            _pairs(quality, names),
            *([published_section(quality, names)] if quality.published else []),
        ]
    told = methods(quality)
    sections.append(Section("methods", "Methods", (Block(text=tuple(told)), _extractors(quality))))
    return Contents(
        title=f"Image quality: {quality.facts.generator}",
        headline=_headline(quality),
        verdict=_verdict(quality),
        key_numbers=_key_numbers(quality),
        warnings=(*memorisation_warnings(quality, names), *quality.facts.caveats),
        sections=tuple(sections),
        extra_tables=(_everything(quality),),
        methods="\n\n".join(["## Methods", *told]) + "\n",
    )


def _figure(quality: Quality, measure: str, entity: str = ALL) -> SetFigure:
    """Return a figure in the domain's own features."""
    about = quality.facts.extractors[0]
    return next(
        one
        for one in quality.sets
        if (one.entity, one.extractor, one.measure) == (entity, about.key, measure)
    )


def _headline(quality: Quality) -> str:
    facts, kid = quality.facts, _figure(quality, "kid")
    if not isinstance(kid.value, Estimate) or not isinstance(kid.floor, Estimate):
        return (
            f"There are too few images to say how near those of {facts.generator} are to real ones."
        )
    low, high = kid.value.low or 0.0, kid.floor.high or 0.0
    if low > high:
        times = f"{kid.ratio:.1f} times" if kid.ratio else "beyond"
        return (
            f"Images of {facts.generator} differ from real ones by more than real ones differ "
            f"among themselves: kernel distance {kid.value.value:.3f}, {times} the upper end of "
            "the floor."
        )
    return (
        f"Images of {facts.generator} cannot be told from real ones by their kernel distance, "
        f"{kid.value.value:.3f}, with {kid.n} images of each: other real images reach {high:.3f}."
    )


def _verdict(quality: Quality) -> str:
    agreement = quality.faithfulness.mean
    if not isinstance(agreement.synthetic, Estimate) or not isinstance(agreement.real, Estimate):
        return ""
    return (
        "On average over diagnoses the classifier sees what was asked for in "
        f"{words.percent(agreement.synthetic.value)} of synthetic images"
        f"{words.between(agreement.synthetic)}; of real ones it names the diagnosis in "
        f"{words.percent(agreement.real.value)}{words.between(agreement.real)}."
    )


def _key_numbers(quality: Quality) -> tuple[KeyNumber, ...]:
    agreement = quality.faithfulness.mean
    shown: list[tuple[str, Number, str]] = [
        ("Right entity, synthetic images", agreement.synthetic, "synthetic"),
        ("Right entity, real images", agreement.real, "real"),
        ("Precision: look like real ones", _figure(quality, "precision").value, "ink"),
        ("Recall: real ones that are reached", _figure(quality, "recall").value, "ink"),
        ("Coverage: real ones with one nearby", _figure(quality, "coverage").value, "ink"),
    ]
    return tuple(
        KeyNumber(label, number, None, colour)
        for label, number, colour in shown
        if isinstance(number, Estimate)
    )


def _compared(quality: Quality, names: Mapping[str, str]) -> Section:
    facts = quality.facts
    totals = {origin: sum(by.values()) for origin, by in facts.images.items()}
    origins = [origin for origin in ("synthetic", "real", "held_out") if origin in facts.images]
    revision = f", revision {facts.revision[:12]}" if facts.revision else ""
    said = [
        f"{totals['synthetic']} images of {facts.generator}{revision}, and {totals['real']} real "
        f"images of {facts.reference}, one a lesion."
        + (f" Held out: {totals['held_out']} of {facts.held_out}." if facts.held_out else ""),
        f"Distances move with the number of images. So they are measured at one n: as many "
        f"synthetic as real images of each diagnosis ({sum(facts.drawn.values())} of each in all), "
        "and beside them as many other real images in the synthetic ones' stead. That is the "
        "floor, which a perfect generator would reach.",
    ]
    rows: list[tuple[Cell, ...]] = [
        (names[e], *(facts.images[origin][e] for origin in origins), facts.drawn[e])
        for e in facts.entities
    ]
    rows.append((TOGETHER, *(totals[o] for o in origins), sum(facts.drawn.values())))
    table = ReportTable(
        "images",
        "Images",
        (
            Column("entity", "Diagnosis"),
            *(Column(origin, origin.capitalize().replace("_", "-")) for origin in origins),
            Column("drawn", "Of each, at equal n"),
        ),
        tuple(rows),
        summary_rows=1,
    )
    return Section("compared", "What was compared", (Block(text=tuple(said)), Block(table=table)))


def _likeness(quality: Quality, names: Mapping[str, str]) -> Section:
    facts = quality.facts
    own = facts.extractors[0]
    order = (*facts.entities, ALL)
    kid = [_figure(quality, "kid", e) for e in order]
    blocks = [
        Block(
            text=(
                "Kernel distance (KID) is the headline: unlike FID it does not grow as images get "
                "fewer. 0 is no distance; what counts is how far it lies above its floor.",
            ),
            drawings=(
                draw(
                    "kid",
                    plots.against_floor(
                        [names[e] for e in order],
                        [one.value for one in kid],
                        [one.floor for one in kid],
                        f"KID, features of the {own.title}",
                    ),
                    "Kernel distance of synthetic from real images with 95% interval, and the same "
                    "of other real images (the floor).",
                    "Kernel distance, synthetic and floor: "
                    + "; ".join(
                        f"{names[one.entity]} {printed(one.value, 3)} and {printed(one.floor, 3)}"
                        for one in kid
                    ),
                ),
            ),
        )
    ]
    for about in facts.extractors:
        blocks += _tables(quality, names, about)
    blocks += [
        Block(
            heading=f"{one.title}: not computed",
            text=(one.needs,),
            pasted=one.command,
        )
        for one in facts.missing
    ]
    return Section("likeness", "Are they like real images?", tuple(blocks))


def _tables(quality: Quality, names: Mapping[str, str], about: About) -> list[Block]:
    """Return the figures of one extractor: distances, overlap, what belongs to it alone."""
    kinds = {
        "kid": ("Kernel and sliced distance", ["kid", "mind"]),
        "fid": ("Fréchet distance", ["fid", "fid_infinity"]),
        "overlap": ("Overlap", [measure.key for measure in measures.OVERLAP]),
    }
    kinds |= {key: (title, [key]) for key, (own, title) in SPECIAL.items() if own == about.key}
    label = f"{about.title}, SHA-256 {about.sha256[:16]}"
    return [
        Block(table=_table(quality, names, about, keys, name, f"{title}: {label}"))
        for name, (title, keys) in kinds.items()
    ]


def _table(
    quality: Quality,
    names: Mapping[str, str],
    about: About,
    keys: list[str],
    name: str,
    title: str,
) -> ReportTable:
    titles = {measure.key: measure.title for measure in measures.MEASURES}
    distances = {measure.key for measure in measures.DISTANCES}
    found = {(one.entity, one.measure): one for one in quality.sets if one.extractor == about.key}
    heads = [Column("entity", "Diagnosis"), Column("n", "n of each")]
    for key in keys:
        decimals = DECIMALS.get(key, 2)
        heads += [Column(key, titles[key], decimals), Column(f"{key}_floor", "Floor", decimals)]
        if key in distances:
            heads.append(Column(f"{key}_ratio", "× floor", 1))
    rows: list[tuple[Cell, ...]] = []
    for entity in (*quality.facts.entities, ALL):
        row: list[Cell] = [names[entity], found[entity, keys[0]].n]
        for key in keys:
            one = found[entity, key]
            row += [one.value, one.floor, *([one.ratio] if key in distances else [])]
        rows.append(tuple(row))
    note = f"{reasons(rows)} {SHORT}" if _any_short(rows) else reasons(rows)
    if distances & {*keys}:
        note += " × floor: the distance over the upper end of its floor."
    if "mind" in keys:
        note += " MIND grows as images get fewer: it is read against its floor."
    if "fid" in keys:
        note += (
            f" FID of fewer than {measures.FEW_FRECHET:,} images is mostly their number: it is "
            "read against its floor."
        )
    if "inception_score" in keys:
        note += f" Not informative: {measures.NO_SCORE.reason}."
    return ReportTable(
        f"{name}_{about.key}", title, tuple(heads), tuple(rows), note.strip(), summary_rows=1
    )


def _any_short(rows: Sequence[Sequence[Cell]]) -> bool:
    return any(isinstance(cell, Unknown) and cell.short for row in rows for cell in row)


def _pairs(quality: Quality, names: Mapping[str, str]) -> Section:
    heads = [
        Column("entity", "Diagnosis"),
        Column("pairs", "Pairs"),
        Column("n", "n"),
        Column("ssim", "SSIM", 3),
        Column("psnr", "PSNR (dB)", 1),
        Column("mse", "MSE", 4),
    ]

    def row(one: PairFigure) -> tuple[Cell, ...]:
        return (names[one.entity], KINDS[one.kind], one.n, one.ssim, one.psnr, one.mse)

    together = tuple(row(one) for one in quality.pairs if one.entity == ALL)
    each = tuple(row(one) for one in quality.pairs if one.entity != ALL)
    said = (
        "These compare pixels. A synthetic image is of no lesion in particular, so that no real "
        "image belongs to it: pairs are drawn at random within a diagnosis, or with the nearest "
        "real image in the classifier's features. Blurred images of a usual lesion in the middle "
        "do best. Read them beside the same figures of two real images, and as no sign of quality.",
    )
    return Section(
        "pairs",
        "Pixel by pixel",
        (
            Block(text=said),
            Block(
                table=ReportTable(
                    "pairs", "Pairs, all diagnoses", tuple(heads), together, reasons(together)
                )
            ),
            Block(
                folded=True,
                table=ReportTable(
                    "pairs_by_entity", "Pairs by diagnosis", tuple(heads), each, reasons(each)
                ),
            ),
        ),
    )


def _extractors(quality: Quality) -> Block:
    facts = quality.facts
    given = (*facts.extractors, *([facts.keras] if facts.keras else []))
    return Block(
        table=ReportTable(
            "extractors",
            "What features come from",
            columns(extractor="Extractor", features="Features", sha256="SHA-256 of its weights"),
            tuple((one.title, one.features, one.sha256) for one in given),
        )
    )


def _everything(quality: Quality) -> ReportTable:
    """Return every distance with its method, for files."""
    hashes = {one.key: one.sha256 for one in quality.facts.extractors}
    return ReportTable(
        "distances",
        "Every distance, with its method",
        columns(
            entity="Entity",
            extractor="Extractor",
            sha256="SHA-256",
            measure="Measure",
            n="n",
            value="Value",
            floor="Floor",
            ratio="Ratio",
            method="Method",
        ),
        tuple(
            (
                one.entity or "all",
                one.extractor,
                hashes[one.extractor],
                one.measure,
                one.n,
                one.value,
                one.floor,
                one.ratio,
                one.value.method or "" if isinstance(one.value, Estimate) else one.value.reason,
            )
            for one in quality.sets
        ),
    )
