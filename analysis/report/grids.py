"""What raters said as (raters, images), in the forms that several chapters need; NaN is nothing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.mrmc.inference import t_test
from analysis.report.findings import Flags, Floats
from analysis.report.study import Grid, Study
from analysis.results import Number, Test, Unknown
from analysis.table import AnswerTable
from analysis.timing import Exclusions, counted_times

#: Of fewer nothing but counts is shown (images, raters).
LEAST_IMAGES, LEAST_RATERS = 5, 3


def judged_real(study: Study) -> Floats:
    """Return 1 where an image was judged real, 0 where synthetic."""
    answered = study.pooled.text("answered_origin")
    return study.grid.fill(np.where(answered == "", np.nan, answered == "real"))


def right_origin(study: Study) -> Floats:
    """Return 1 where the origin was told, 0 where not."""
    return _right(study, "origin")


def right_entity(study: Study) -> Floats:
    """Return 1 where the entity was named, 0 where another one."""
    return _right(study, "entity")


def right(study: Study) -> tuple[str, Floats]:
    """Return what being right is about, origin where it was asked, and who was right where."""
    told = right_origin(study)
    if np.isfinite(told).any():
        return "origin", told
    return "entity", right_entity(study)


def _right(study: Study, what: str) -> Floats:
    truth, answered = study.pooled.text(what), study.pooled.text(f"answered_{what}")
    return study.grid.fill(np.where(answered == "", np.nan, answered == truth))


def answers_in_words(grid: Grid, values: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return one text an answer as (raters, images), "" where there is none."""
    codes, numbers = np.unique(values, return_inverse=True)
    filled = grid.fill(numbers.astype(float))
    words = np.full(grid.shape, "", dtype=f"<U{max(1, *(len(code) for code in codes))}")
    known = np.isfinite(filled)
    words[known] = codes[filled[known].astype(int)]
    return words


def of_images(study: Study, column: str) -> NDArray[np.str_]:
    """Return what a column of texts says of each image, "" where no answer says anything."""
    values, images = study.pooled.text(column), study.pooled.text("image")
    known = values != ""
    found = dict(zip(images[known].tolist(), values[known].tolist(), strict=True))
    return np.array([found.get(name, "") for name in study.grid.images], dtype=str)


def of_raters(study: Study, column: str) -> NDArray[np.str_]:
    """Return what a column of texts says of each rater, "" where no answer says anything."""
    values, raters = study.pooled.text(column), study.pooled.text("rater")
    known = values != ""
    found = dict(zip(raters[known].tolist(), values[known].tolist(), strict=True))
    return np.array([found.get(name, "") for name in study.grid.raters], dtype=str)


def ages(study: Study) -> Floats:
    """Return the age of the person on each image, NaN where it is unknown."""
    values, images = study.pooled.number("age"), study.pooled.text("image")
    known = np.isfinite(values)
    found = dict(zip(images[known].tolist(), values[known].tolist(), strict=True))
    return np.array([found.get(name, np.nan) for name in study.grid.images], dtype=float)


def counted_answers(table: AnswerTable) -> tuple[Flags, Exclusions]:
    """Tell which answers' times count; those given over a page that was hidden do not."""
    return counted_times(table.number("response_ms"), table.number("hidden_ms") > 0)


def second_showings(study: Study) -> AnswerTable:
    """Return the answers of pooled raters about images that they were shown again, unawares."""
    answers = study.answers
    again = answers.flags["repeat"].copy()
    for name in ("practice", "check", "excluded"):
        again &= ~answers.flags[name]
    table = answers.where(again & np.isin(answers.text("rater"), study.grid.raters))
    pairs = np.char.add(np.char.add(table.text("rater"), "\n"), table.text("image"))
    order = np.argsort(table.number("trial"), kind="stable")
    first = np.zeros(len(table), dtype=bool)
    first[order[np.unique(pairs[order], return_index=True)[1]]] = True
    return table.where(first & np.isin(table.text("image"), study.grid.images))


def against(number: Number, null: float = 0.0) -> Test | None:
    """Return the test that an estimate with a standard error is `null`."""
    if isinstance(number, Unknown) or number.se is None:
        return None
    found = t_test(number.value - null, number.se**2, number.df, number.method or "")
    return None if found.p is None else found


def p_values(tests: Sequence[Test | None]) -> list[float | None]:
    """Return the p of each test, None where there is none."""
    return [None if test is None else test.p for test in tests]


def counted(flags: ArrayLike) -> int:
    """Return how many are true."""
    return int(np.count_nonzero(flags))
