"""Agreement of raters with one another, and of a rater with themselves.

Percent agreement, Krippendorff's alpha and Gwet's AC1 belong side by side: where nearly all
answers are alike, chance-corrected kappas collapse although raters agree (the paradox of Feinstein
and Cicchetti 1990). Where every answer is the same one, chance agreement is complete and nothing
can be corrected for: not estimable, with 100 % agreement.

A table of answers is (raters, images) of numbers, NaN where there is none, or of text, "" where
there is none. Images are the sample that intervals speak of; raters are taken as they are.
"""

from analysis.agreement.alpha import krippendorff_alpha
from analysis.agreement.repeats import IntraRater, Repeatability, icc_2_1, intra_rater
from analysis.agreement.several_raters import (
    fleiss_kappa,
    fleiss_kappa_test,
    gwet_ac1,
    gwet_ac2,
    percent_agreement,
)
from analysis.agreement.two_raters import cohen_kappa, cohen_kappa_test

__all__ = [
    "IntraRater",
    "Repeatability",
    "cohen_kappa",
    "cohen_kappa_test",
    "fleiss_kappa",
    "fleiss_kappa_test",
    "gwet_ac1",
    "gwet_ac2",
    "icc_2_1",
    "intra_rater",
    "krippendorff_alpha",
    "percent_agreement",
]
