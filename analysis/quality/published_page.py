"""The section of a quality report with the published study's table, computed in its way."""

from collections.abc import Mapping, Sequence

from analysis.quality.assess import Quality
from analysis.quality.published import PublishedRow
from analysis.quality.resemblance import ALL
from analysis.report.cells import Cell, Column, ReportTable, reasons
from analysis.report.layout import Block, Section

MEAN = "Plain mean"


def published_section(quality: Quality, names: Mapping[str, str]) -> Section:
    """Lay out its figures, and below them those that say something."""
    said = (
        "To be compared with the published table, and with nothing else. Its PSNR has a peak of "
        "255 over errors of values in [0, 1], 48.13 dB more than PSNR. Its FID and inception score "
        "come from the averaged features of Keras\u2019 Inception-v3, of all images there are: FID "
        "follows mostly from their number, and features are no posterior, so that the score says "
        "nothing. That study does not tell how it made probabilities of them, how it resized "
        "images, or what it paired; here features are divided by their sum, images are those of "
        "this report, brought to 299 px, and pairs are drawn at random within a diagnosis.",
    )
    blocks = (
        Block(text=said),
        Block(table=_as_published(quality.published, names)),
        Block(table=_instead(quality, names)),
    )
    return Section("published", "As the published study computed it", blocks)


def _as_published(found: Sequence[PublishedRow], names: Mapping[str, str]) -> ReportTable:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            MEAN if one.entity == ALL else names[one.entity],
            one.pairs,
            one.ssim,
            one.psnr,
            one.mse,
            one.synthetic,
            one.real,
            one.fid,
            one.score,
        )
        for one in found
    )
    heads = (
        Column("entity", "Diagnosis"),
        Column("pairs", "Pairs"),
        Column("ssim", "SSIM", 3),
        Column("psnr", "PSNR + 48.13 dB", 1),
        Column("mse", "MSE", 4),
        Column("synthetic", "n synthetic"),
        Column("real", "n real"),
        Column("fid", "FID, Keras", 1),
        Column("score", "IS, of features", 2),
    )
    title = "Table 1 as the published study computed it"
    return ReportTable("published", title, heads, rows, reasons(rows), summary_rows=1)


def _instead(quality: Quality, names: Mapping[str, str]) -> ReportTable:
    """Return what these figures should have been, of all images together in the last row."""
    sets = {(one.entity, one.extractor, one.measure): one.value for one in quality.sets}
    psnr = {one.entity: one.psnr for one in quality.pairs if one.kind == "random"}
    own = quality.facts.extractors[0]
    given = any(one.key == "inception" for one in quality.facts.extractors)
    heads = [Column("entity", "Diagnosis"), Column("psnr", "PSNR (dB)", 1)]
    if given:
        heads += [Column("fid", "FID, Inception-v3 of 2015", 1)]
        heads += [Column("inception_score", "IS, of its posterior", 2)]
    heads.append(Column("kid", f"KID, {own.title}", 3))
    rows: list[tuple[Cell, ...]] = []
    for entity in (*quality.facts.entities, ALL):
        keys = ("fid", "inception_score") if given else ()
        both = [sets[entity, "inception", key] for key in keys]
        rows.append((names[entity], psnr[entity], *both, sets[entity, own.key, "kid"]))
    title = "What they should have been, with intervals"
    return ReportTable(
        "published_instead", title, tuple(heads), tuple(rows), reasons(rows), summary_rows=1
    )
