"""The mean of several raters' figures, whatever they are; raters and images are both random.

One treatment in the analysis of Obuchowski and Rockette (1995, Commun Stat Simul 24:285) with the
degrees of freedom of Hillis (2007, Stat Med 26:596). What two raters' figures have in common comes
from the images that both have read, through what each image adds to each figure.
"""

import numpy as np

from analysis.mrmc.cells import Floats
from analysis.mrmc.inference import RANDOM, interval, reader_mean
from analysis.mrmc.means import ONE_RATER, RATERS_AND_IMAGES
from analysis.results import Estimate, NotEstimable


def mean_over_raters(
    values: Floats,
    influence: Floats,
    *,
    level: float,
    n: int,
    what: str,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Return the mean of the raters' figures.

    Args:
        values: (raters,) one figure each.
        influence: (raters, images) what each image adds to the error of each figure, 0 where the
            rater has not read it: cross products are the covariances of the figures.
        level: coverage of the interval, clipped to `bounds`.
        n: how many answers the figures rest on.
        what: the figure's name.
        bounds: the range of the figure.

    Returns:
        With one rater the normal interval over images. No interval where nothing varies.

    Raises:
        NotEstimable: there is no rater.
    """
    if not len(values):
        raise NotEstimable("no rater has answers that suffice")
    mean = reader_mean(values, influence @ influence.T)
    alone = len(values) == 1
    variance, df = (mean.var_e, None) if alone else mean.variance(RANDOM)
    method = ONE_RATER if alone else RATERS_AND_IMAGES
    return interval(
        float(values.mean()),
        variance,
        df,
        level=level,
        bounds=bounds,
        n=n,
        method=f"{what}; {method}",
    )
