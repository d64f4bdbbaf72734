"""How the faithfulness of a quality report is laid out."""

from collections.abc import Mapping

from analysis.quality.assess import Quality
from analysis.report import figures, words
from analysis.report.cells import ReportTable, columns, printed, reasons
from analysis.report.drawing import draw
from analysis.report.layout import Block, Picture, Section

MEAN = "Mean of diagnoses"


def faithfulness_section(quality: Quality, names: Mapping[str, str]) -> Section:
    """Lay out agreement by entity, what is seen instead, and the hardest images."""
    found, facts = quality.faithfulness, quality.facts
    entities = [one for one in found.agreement if one.entity]
    rows = tuple(
        (names[one.entity] if one.entity else MEAN, one.synthetic, one.real, one.difference)
        for one in (*entities, found.mean)
    )
    said = [
        f"The classifier (trained on {facts.trained_on}) errs on real images, too: what counts is "
        "the difference. Far below real images, what was asked for is not there; far above, images "
        "are more typical than real ones are. The mean counts each diagnosis once, since synthetic "
        "and real images have them in other proportions."
    ]
    alt = "; ".join(
        f"{names[one.entity]} {printed(one.synthetic)} and {printed(one.real)}" for one in entities
    )
    blocks = [
        Block(
            text=tuple(said),
            drawings=(
                draw(
                    "agreement",
                    figures.paired_dots(
                        [names[one.entity] for one in entities],
                        {
                            "real": [one.real for one in entities],
                            "synthetic": [one.synthetic for one in entities],
                        },
                        axis="classifier names the diagnosis",
                    ),
                    "Share of images in which the classifier sees what was asked for, or was "
                    "diagnosed, with 95% interval.",
                    f"Classifier agreement, synthetic and real: {alt}",
                ),
            ),
        ),
        Block(
            table=ReportTable(
                "agreement",
                "Classifier agreement",
                columns(
                    entity="Diagnosis",
                    synthetic="Synthetic",
                    real="Real",
                    difference="Synthetic − real",
                ),
                rows,
                reasons(rows),
                summary_rows=1,
            )
        ),
        _confusions(quality),
        _hardest(quality, names),
    ]
    return Section("faithfulness", "Do they show what was asked for?", tuple(blocks))


def _confusions(quality: Quality) -> Block:
    found = quality.faithfulness.confusion
    labels = next(iter(found.values())).labels
    rows = tuple(
        (origin, truth, seen, int(one.counts[i, j]))
        for origin, one in found.items()
        for i, truth in enumerate(labels)
        for j, seen in enumerate(labels)
    )
    return Block(
        heading="What the classifier sees",
        drawings=tuple(
            draw(
                f"confusion_{origin}",
                figures.confusion_map(one, labels),
                f"{origin.capitalize()} images, {one.n}; rows are what was "
                f"{'asked for' if origin == 'synthetic' else 'diagnosed'}, columns what is seen.",
                f"Confusion matrix of the classifier, {origin} images; the counts are in "
                "tables/confusion.csv",
            )
            for origin, one in found.items()
        ),
        data=(
            ReportTable(
                "confusion",
                "What the classifier sees: counts",
                columns(origin="Origin", truth="Truth", seen="Seen", images="Images"),
                rows,
            ),
        ),
    )


def _hardest(quality: Quality, names: Mapping[str, str]) -> Block:
    found = quality.faithfulness.hardest
    if not found:
        return Block(
            heading="Hardest images",
            text=("The classifier sees in every synthetic image what was asked for.",),
        )
    return Block(
        heading="Hardest images",
        text=("Synthetic images in which the classifier sees least of what was asked for.",),
        pictures=tuple(
            Picture(
                f"hardest-{place}",
                f"{names.get(one.asked, one.asked)} asked for, seen as "
                f"{names.get(one.seen, one.seen).lower()} ({words.percent(one.sure)}): {one.name}",
                quality.pictures[one.name],
            )
            for place, one in enumerate(found, start=1)
            if one.name in quality.pictures
        ),
        data=(
            ReportTable(
                "hardest",
                "Hardest images",
                columns(
                    image="Image",
                    asked="Asked for",
                    seen="Seen as",
                    sure="Probability of what is seen",
                    given="Of what was asked for",
                ),
                tuple((o.name, o.asked, o.seen, o.sure, o.asked_for) for o in found),
            ),
        ),
    )
