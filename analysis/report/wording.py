"""Words that the chapters of a report share."""

from analysis.report.cells import Printed
from analysis.report.words import p_value

MEASURES = {
    "deception_rate": "Deception rate",
    "false_alarm_rate": "False alarm rate",
    "accuracy": "Accuracy of origin",
    "balanced_accuracy": "Balanced accuracy",
    "auc": "AUC of origin",
    "entity_accuracy": "Accuracy of entity",
    "judged_real_difference": "Judged real, synthetic − real",
}


def p_text(p: float | None) -> str:
    """Return a p value as printed in papers; n/a where there was no test."""
    if p is None:
        return "n/a"
    return "< 10⁻⁹⁹" if p < 1e-99 else p_value(p)


def p_cell(p: float | None) -> Printed:
    """Return a p value as a cell of a table."""
    return Printed(p, p_text(p))


def digits(number: float | None, decimals: int) -> Printed:
    """Return a number as a cell with so many decimals."""
    return Printed(number, "n/a" if number is None else f"{number:.{decimals}f}")
