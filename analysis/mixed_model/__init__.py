"""Crossed mixed models: what moves an answer, with raters and images both drawn at random.

    link P(answer = 1) = x beta + u_rater (+ v_rater * covariate) + w_image

with normal effects u, v, w: in the notation of lme4 `(1 | rater) + (1 | image)`, with a slope
`(covariate || rater)` where u and v are independent and `(covariate | rater)` where they are
correlated. Independent effects depend on how the covariate is coded: centre it (-0.5, 0.5) or let
them correlate.

Maximum likelihood by Laplace's approximation (`laplace`), the one that exists for crossed
effects; standard errors from the observed information on all parameters.
"""

from analysis.mixed_model.data import refuse_if_hopeless
from analysis.mixed_model.fit import CrossedFit, crossed_logistic
from analysis.mixed_model.uses import detection, expected, likelihood_ratio, population_rate

__all__ = [
    "CrossedFit",
    "crossed_logistic",
    "detection",
    "expected",
    "likelihood_ratio",
    "population_rate",
    "refuse_if_hopeless",
]
