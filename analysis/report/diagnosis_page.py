"""The section on diagnosis: was the entity named rightly."""

from analysis.report import figures, tables, words
from analysis.report.cells import printed
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import EntityFindings, Findings
from analysis.report.layout import Block, Section
from analysis.table import ORIGINS

#: More small matrices than this are not looked at; the CSV has them all.
MOST_MATRICES = 24


def show(findings: Findings, names: dict[str, str]) -> Section:
    """Lay out how images of each entity were named, over all, real and synthetic images."""
    entity = findings.entity
    codes = findings.facts.entities
    by_origin = {origin: entity[origin] for origin in ORIGINS if origin in entity}
    blocks = [
        Block(
            text=tuple(filter(None, [words.diagnosis(findings)])),
            drawings=(
                draw(
                    "recall_by_entity",
                    figures.paired_dots(
                        [names[code] for code in codes],
                        {
                            origin: [found.recalls[code] for code in codes]
                            for origin, found in by_origin.items()
                        },
                        axis="right entity named",
                    ),
                    "Share of each entity's images that were named rightly, with 95% interval.",
                    " ".join(
                        words.numbers_in_words(
                            f"Right entity, {origin} images",
                            [(names[code], found.recalls[code]) for code in codes],
                        )
                        + "."
                        for origin, found in by_origin.items()
                    ),
                ),
            ),
        )
    ]
    blocks.append(
        Block(
            heading="Confusion matrices",
            drawings=tuple(_entity_confusion(found, codes) for found in entity.values()),
        )
    )
    blocks += [
        Block(
            table=tables.classification(
                found.report,
                found.accuracy,
                found.recalls,
                names,
                f"report_entity_{subset}",
                f"Classification report of entity, {subset} images",
            )
        )
        for subset, found in entity.items()
    ]
    blocks += [
        Block(
            folded=True,
            table=tables.confusion_counts(
                found.confusion,
                names,
                f"confusion_entity_{subset}",
                f"Counts behind the confusion matrix, {subset} images",
            ),
        )
        for subset, found in entity.items()
    ]
    blocks += _each_against_rest(findings, names)
    matrices = entity["all"].by_rater
    if 1 < len(matrices) <= MOST_MATRICES:
        blocks.append(
            Block(
                heading="Confusion of each rater, all images",
                folded=True,
                drawings=(
                    draw(
                        "confusion_entity_by_rater",
                        figures.confusion_maps(matrices, codes),
                        "One matrix a rater; truth in the rows.",
                        f"Confusion matrices of {len(matrices)} raters; the counts are in "
                        "tables/confusion_entity_by_rater.csv",
                    ),
                ),
            )
        )
    return Section("diagnosis", "Was the diagnosis right?", tuple(blocks))


def _entity_confusion(found: EntityFindings, codes: tuple[str, ...]) -> Drawing:
    accuracy = printed(found.accuracy)
    return draw(
        f"confusion_entity_{found.subset}",
        figures.confusion_map(found.confusion, codes),
        f"{found.subset.capitalize()} images, {found.confusion.n} answers. Accuracy {accuracy}.",
        f"Confusion matrix of entity, {found.subset} images, accuracy {accuracy}; the counts are "
        "in the table below",
    )


def _each_against_rest(findings: Findings, names: dict[str, str]) -> list[Block]:
    entity = findings.entity
    table = tables.areas(entity, names)
    graded = any(one.graded for found in entity.values() for one in found.discrimination)
    drawing = draw(
        "roc_entity" if graded else "operating_points_entity",
        figures.entity_curves(
            {subset: found.discrimination for subset, found in entity.items()},
            list(names.values()),
        ),
        "ROC curves from the stated confidence, mean of raters."
        if graded
        else "One operating point a subset: only the chosen entity is known, hence no curve.",
        f"{table.title}; the numbers are in the table below",
    )
    return [Block(heading=table.title, drawings=(drawing,)), Block(table=table)]
