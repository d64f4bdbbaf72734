"""What an earlier study says of the variances that a plan rests on."""

from dataclasses import dataclass

import numpy as np

from analysis import mrmc
from analysis.errors import TableRefused
from analysis.report.study import Context, said_synthetic, study_of
from analysis.results import NotEstimable
from analysis.table import AnswerTable


@dataclass(frozen=True)
class Pilot:
    """Variances by the analysis of variance of Obuchowski and Rockette.

    Attributes:
        variances: of the deception rate, or of the difference of two generators' rates; cases are
            the synthetic images (of each of the two).
        words: what was read there and what came out.
    """

    variances: mrmc.Variances
    words: str


def pilot_of(
    answers: AnswerTable, difference: float | None, generators: tuple[str, str] | None = None
) -> Pilot:
    """Return what a study says of what a plan is for: one rate, or two generators' difference.

    Raises:
        TableRefused: see `pilot_of_rate` and `pilot_of_difference`.
    """
    if difference is None:
        return pilot_of_rate(answers)
    return pilot_of_difference(answers, generators)


def pilot_of_rate(answers: AnswerTable) -> Pilot:
    """Return what a study says of one deception rate, over all its synthetic images.

    Raises:
        TableRefused: it says nothing of how raters or images differ.
    """
    return _pilot(answers, None)


def pilot_of_difference(answers: AnswerTable, generators: tuple[str, str] | None) -> Pilot:
    """Return what a study says of the difference of two generators' deception rates.

    Args:
        answers: of a study whose raters read both.
        generators: which; None where it has only two.

    Raises:
        TableRefused: it lacks one of them, or says nothing of how raters or images differ.
    """
    generator = answers.text("generator")
    there = [str(name) for name in np.unique(generator[answers.text("origin") == "synthetic"])]
    pair = generators or tuple(name for name in there if name)
    if len(pair) != 2 or len(set(pair)) != 2:
        several = len(there) > 2
        mend = "name the two to compare with --generators" if several else "a comparison takes two"
        raise TableRefused(
            f"{answers.source}: its generators are {', '.join(there) or 'none'}; {mend}"
        )
    if missing := [name for name in pair if name not in there]:
        raise TableRefused(
            f"{answers.source}: there is no generator '{missing[0]}'; use two of {', '.join(there)}"
        )
    return _pilot(answers, pair)


def _pilot(answers: AnswerTable, generators: tuple[str, ...] | None) -> Pilot:
    study = study_of(answers, Context())
    grid = study.grid
    judged_real = 1 - said_synthetic(study)
    own = [
        grid.synthetic & (True if name is None else grid.generator == name)
        for name in generators or (None,)
    ]
    shown_in = np.logical_or.reduce(own)
    ratings = np.stack([np.where(shown, judged_real, np.nan)[:, shown_in] for shown in own])
    ratings = ratings[:, np.isfinite(ratings).any(axis=2).all(axis=0)]
    try:
        if not ratings.size:
            raise NotEstimable("nobody judged its synthetic images real or synthetic")
        found = mrmc.obuchowski_rockette(ratings, statistic="proportion")
        variances = mrmc.variances(found)
    except NotEstimable as why:
        raise TableRefused(f"{answers.source}: {why}; plan with another pilot or none") from why
    if variances.case + variances.reader_case <= 0:
        raise TableRefused(f"{answers.source}: its answers do not vary; plan with another pilot")
    rates = [f"{estimate.value:.2f}" for estimate in found.estimates.values()]
    counts = [str(int(np.isfinite(arm).any(axis=0).sum())) for arm in ratings]
    # Two generators' images are cases of their own: as many of each in the plan.
    arms = len(ratings)
    variances = mrmc.Variances(
        variances.reader, variances.case / arms, variances.reader_case / arms
    )
    return Pilot(
        variances,
        f"Pilot {answers.source}: {len(found.readers)} raters of {' and '.join(counts)} AI images, "
        f"deception rate {' and '.join(rates)}; variance between raters {variances.reader:.4f}, "
        f"between images {variances.case:.4f}, of what is left {variances.reader_case:.4f}.",
    )
