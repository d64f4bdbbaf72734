"""What a crossed model is fitted to: answers and columns, checked, with their groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.mixed_model.laplace import Factor, Link
from analysis.results import NotEstimable

Floats = NDArray[np.float64]
Effects = Literal["independent", "correlated"]

FEWEST_RATERS = 5  # below, a variance between raters means nothing


@dataclass(frozen=True)
class Data:
    """Answers and columns of a model.

    Attributes:
        answers: (n,) 0 or 1.
        design: (n, p) fixed effects: the caller's columns, then those of fixed raters.
        factors: raters and images.
        names: of the caller's columns.
        given: how many those are.
        slope: place of the column whose effect differs between raters.
        rater_names, image_names: in the order of the factors' codes.
        fixed_raters: there are too few for a variance.
        notes: what must be said beside the figures.
    """

    answers: Floats
    design: Floats
    factors: tuple[Factor, Factor]
    names: tuple[str, ...]
    given: int
    slope: int | None
    rater_names: tuple[str, ...]
    image_names: tuple[str, ...]
    fixed_raters: bool
    notes: tuple[str, ...]

    @property
    def scale(self) -> Floats:
        """Range of each column; 1 where it is constant."""
        ranges = np.ptp(self.design, axis=0)
        return np.where(ranges > 0, ranges, 1.0)


def prepare(
    answers: ArrayLike,
    design: ArrayLike,
    raters: ArrayLike,
    images: ArrayLike,
    names: Sequence[str] | None,
    slope: str | None,
    effects: Effects,
    link: Link,
) -> Data:
    """Check what a model is to be fitted to.

    Raises:
        NotEstimable, ValueError: as `crossed_logistic` says.
    """
    y, x = np.asarray(answers, dtype=float), np.asarray(design, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    who, what = np.asarray(raters), np.asarray(images)
    if not len(y) == len(x) == len(who) == len(what):
        raise ValueError(f"{len(y)} answers, {len(x)} rows, {len(who)} raters, {len(what)} images")
    called = tuple(names) if names is not None else tuple(f"x{k}" for k in range(x.shape[1]))
    if len(called) != x.shape[1] or len(set(called)) != len(called):
        raise ValueError(f"names {called} must be {x.shape[1]} different ones")
    if slope is not None and slope not in called:
        raise ValueError(f"slope '{slope}' is unknown; use one of {', '.join(called)}")
    if effects not in ("independent", "correlated") or link not in ("logit", "probit"):
        raise ValueError(f"effects '{effects}' or link '{link}' is unknown")
    known = ~np.isnan(y)
    y, x, who, what = y[known], x[known], who[known], what[known]
    if not y.size:
        raise NotEstimable("no answers")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("answers must be 0 or 1")
    if not np.isfinite(x).all():
        raise ValueError("a value of the design is missing; leave out the answer")
    rater_names, rater = np.unique(who, return_inverse=True)
    image_names, image = np.unique(what, return_inverse=True)
    if len(image_names) < 2:
        raise NotEstimable("fewer than two images")
    place = called.index(slope) if slope is not None else None
    given, notes = x.shape[1], []
    few = len(rater_names) < FEWEST_RATERS
    columns, entries = np.ones((len(y), 1)), ((0, 0),)
    all_entries: tuple[tuple[int, int], ...] = entries
    if few:
        own = deviations(len(rater_names))
        extra = [own[rater]] if len(rater_names) > 1 else []
        if place is not None:
            extra += [part * x[:, [place]] for part in extra]
        x = np.hstack([x, *extra])
        columns, all_entries = np.empty((len(y), 0)), ()
        notes.append(
            f"{len(rater_names)} raters are too few for a variance: they are fixed, and the "
            "results hold for these raters"
        )
    elif place is not None:
        columns = np.stack([np.ones(len(y)), x[:, place]], axis=1)
        all_entries = ((0, 0), (1, 0), (1, 1)) if effects == "correlated" else ((0, 0), (1, 1))
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise NotEstimable("columns of the design determine one another")
    return Data(
        answers=y,
        design=x,
        factors=(
            Factor(rater, len(rater_names), columns, all_entries),
            Factor(image, len(image_names), np.ones((len(y), 1)), ((0, 0),)),
        ),
        names=called,
        given=given,
        slope=place,
        rater_names=tuple(str(name) for name in rater_names),
        image_names=tuple(str(name) for name in image_names),
        fixed_raters=few,
        notes=tuple(notes),
    )


def deviations(raters: int) -> Floats:
    """Return the columns (raters, raters - 1) of fixed raters, one row a rater.

    They are deviations from the mean of these raters, so that other columns speak of that mean.
    """
    each = np.eye(raters)
    columns: Floats = each[:, 1:] - each[:, :1]
    return columns


def refuse_if_hopeless(answers: Floats, raters: ArrayLike, images: ArrayLike) -> None:
    """Refuse answers of which no model could say what lies in images and what in chance.

    Args:
        answers: (n,) 0 or 1.
        raters, images: (n,) who gave the answer about what.

    Raises:
        NotEstimable: one rater, images read by one rater only, or all answers alike.
    """
    if len(np.unique(raters)) < 2:
        raise NotEstimable(
            "one rater gave one answer an image: what lies in images cannot be told from chance"
        )
    if len(answers) < 2 * len(np.unique(images)) * 0.75:
        raise NotEstimable("most images were read by one rater only")
    if not 0 < answers.mean() < 1:
        raise NotEstimable("every answer is the same")
