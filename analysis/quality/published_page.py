"""The section of a quality report with the published study's table, computed in its way."""

from collections.abc import Mapping

from analysis.quality.assess import Quality
from analysis.quality.published import PublishedRow
from analysis.quality.resemblance import ALL
from analysis.report.cells import Cell, Column, ReportTable, reasons
from analysis.report.layout import Block, Section
from analysis.results import Number

MEAN = "Plain mean"


def published_section(quality: Quality, names: Mapping[str, str]) -> Section:
    """Lay out its figures, and beside them those that say something."""
    facts = quality.facts
    ours = {(one.entity, one.extractor, one.measure): one.value for one in quality.sets}
    psnr = {one.entity: one.psnr for one in quality.pairs if one.kind == "random"}
    own = facts.extractors[0]
    given = any(one.key == "inception" for one in facts.extractors)
    heads = [
        Column("entity", "Diagnosis"),
        Column("pairs", "Pairs"),
        Column("ssim", "SSIM", 3),
        Column("published_psnr", "PSNR as published (dB)", 1),
        Column("psnr", "PSNR (dB)", 1),
        Column("mse", "MSE", 4),
        Column("synthetic", "n synthetic"),
        Column("real", "n real"),
        Column("published_fid", "FID as published", 1),
        *([Column("fid", "FID", 1)] if given else []),
        Column("published_score", "IS as published", 2),
        *([Column("inception_score", "IS", 2)] if given else []),
        Column("kid", f"KID, {own.title}", 3),
    ]

    def row(one: PublishedRow) -> tuple[Cell, ...]:
        def right(measure: str) -> list[Number]:
            return [ours[one.entity, "inception", measure]] if given else []

        return (
            MEAN if one.entity == ALL else names[one.entity],
            one.pairs,
            one.ssim,
            one.psnr,
            psnr[one.entity],
            one.mse,
            one.synthetic,
            one.real,
            one.fid,
            *right("fid"),
            one.score,
            *right("inception_score"),
            ours[one.entity, own.key, "kid"],
        )

    rows = tuple(row(one) for one in quality.published)
    said = (
        "To be compared with the published table, and with nothing else. Its PSNR has a peak of "
        "255 over errors of values in [0, 1], 48.13 dB more than PSNR. Its FID and inception score "
        "come from the averaged features of Keras\u2019 Inception-v3, of all images there are: FID "
        "follows mostly from their number, and features are no posterior, so that the score says "
        "nothing. That study does not tell how it made probabilities of them, how it resized "
        "images, or what it paired; here features are divided by their sum, images are those of "
        "this report, brought to 299 px, and pairs are drawn at random within a diagnosis. The "
        "last row is the plain mean of the diagnoses; columns without \u201cas "
        "published\u201d have there the figure of all images together.",
    )
    table = ReportTable(
        "published",
        "Table 1 as the published study computed it",
        tuple(heads),
        rows,
        reasons(rows),
        summary_rows=1,
    )
    return Section(
        "published", "As the published study computed it", (Block(text=said), Block(table=table))
    )
