"""Checks that statistics make of the arrays they are given."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_truth(truth: ArrayLike) -> NDArray[np.bool_]:
    """Return which cases are positive (synthetic).

    Raises:
        ValueError: something other than 1 (True) and 0 (False), such as labels of 1 and 2, of
            which nobody knows the positive one.
    """
    return as_flags(truth, "the truth of a case is 1 (positive, synthetic) or 0 (negative, real)")


def as_flags(values: ArrayLike, words: str) -> NDArray[np.bool_]:
    """Return what is 1 (True) among values of 1 and 0.

    Raises:
        ValueError: something else, a gap included; `words` say what was wanted.
    """
    given = np.asarray(values)
    try:
        numbers = given.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"{words}, not {given.ravel().tolist()[0]!r}") from None
    strange = ~np.isin(numbers, (0, 1))
    if strange.any():
        raise ValueError(f"{words}, not {given[strange].tolist()[0]!r}")
    return numbers == 1
