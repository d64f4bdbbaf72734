"""The one place where figures meet the database: the table of answers of a closed study."""

from collections.abc import Sequence

from analysis.table import AnswerTable, table_from_rows
from evaluation.dataset import study_facts, unblinded_table

PHANTOMS = (
    "Computer-drawn phantoms stand in for photographs. These numbers show how a report looks "
    "and say nothing about images of skin."
)


def closed_study(slug: str, entities: Sequence[str] = ()) -> AnswerTable:
    """Return the answers of a closed study, all its entities in the study's order.

    Args:
        slug: the study's short name.
        entities: another order, or more entities than the study has.

    Raises:
        UnknownStudy, StillBlinded: there is no such study, or it is not closed.
        TableRefused: nobody has answered.
    """
    rows = unblinded_table(slug)
    facts = study_facts(slug)
    caveats = (PHANTOMS,) if facts.phantoms else ()
    return table_from_rows(rows, f"study '{slug}'", entities or facts.entities, caveats)
