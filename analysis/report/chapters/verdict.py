"""The verdict: can synthetic images be told from real ones, and what does the answer rest on?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from analysis import mrmc
from analysis.equivalence import Judgement, judge, judge_share
from analysis.mrmc.inference import FIXED_CASES, FIXED_READERS, RANDOM, on_logit_scale
from analysis.proportions import newcombe_independent
from analysis.report.findings import Flags, Floats
from analysis.report.study import Study, follows_answers, in_pairs, said_synthetic
from analysis.results import Estimate, NotEstimable, Number, Unknown

KEY = "verdict"
SCOPES = (RANDOM, FIXED_READERS, FIXED_CASES)
#: Sizes of studies in the figure of power.
RATERS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
IMAGES = (20, 30, 40, 50, 70, 100, 140, 200, 280, 400)
WANTED = 0.8
NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class VarianceShares:
    """Where the variance of a mean over raters comes from.

    Attributes:
        ms_r, var_e, cov2, reader: as estimated; negative values are possible and shown.
        raters, images: what is divided by.
        between_raters, between_images, rest: parts of the variance of the mean; negative
            components count as 0.
        variance: their sum.
        effective_n: independent answers that would be as sure: p (1 - p) / variance.
        answers: how many there are.
    """

    ms_r: float
    var_e: float
    cov2: float
    reader: float | None
    raters: int
    images: int
    between_raters: float
    between_images: float
    rest: float
    variance: float
    effective_n: float | None
    answers: int


@dataclass(frozen=True)
class PlannedSize:
    """What a study of this size could show with the variances of this one."""

    raters: int
    images: int
    half_width: float
    power: float | None


@dataclass(frozen=True)
class VerdictFindings:
    """What the verdict says and rests on.

    Attributes:
        margin: distance from chance that counts as none; None where nobody fixed one.
        raters: how many enter the averages.
        pairs: raters chose between two images, so that there are no false alarms.
        timed: the time to look followed the answers: shares say nothing of skill.
        measures: "deception_rate", "accuracy", "balanced_accuracy", "auc" and
            "judged_real_difference" (synthetic minus real images), as far as there are answers.
        deception_by_generator: the deception rate of each generator, where there are several.
        inferences: measure, then "random", "fixed_readers", "fixed_cases".
        variances: of the measures that are shares.
        planned: sizes of studies, for the deception rate.
        enough: the fewest raters whose chance of showing equivalence is 0.8 with this study's
            images, if raters guess; None without a margin, or where 200 would be too few.
    """

    margin: float | None
    raters: int
    pairs: bool
    timed: bool
    measures: Mapping[str, Judgement]
    deception_by_generator: Mapping[str, Judgement]
    inferences: Mapping[str, Mapping[str, Number]]
    variances: Mapping[str, VarianceShares | Unknown]
    planned: tuple[PlannedSize, ...] | Unknown
    enough: int | None


def find(study: Study) -> VerdictFindings | None:
    """Judge the measures of origin; None where raters were not asked for it."""
    said, scores = said_synthetic(study), study.grid.fill(study.pooled.number("rating"))
    asked, rated = bool(np.isfinite(said).any()), bool(np.isfinite(scores).any())
    if not (asked or rated):
        return None
    margin, synthetic = study.context.margin, study.grid.synthetic
    raters = study.grid.raters
    pairs, graded = in_pairs(study), rated and not in_pairs(study)
    measures: dict[str, Judgement] = {}
    if asked:
        measures["deception_rate"] = judged_share(1 - said[:, synthetic], margin)
    if asked and not pairs:
        right = np.where(synthetic, said, 1 - said)
        measures["accuracy"] = judged_share(right, margin)
        measures["balanced_accuracy"] = judge(
            lambda level: mrmc.balanced_accuracy(said, synthetic, level), margin, logit=True
        )
    if graded:
        measures["auc"] = judged_area(scores, synthetic, margin)
    if asked and not pairs:
        measures["judged_real_difference"] = _judged_difference(said, synthetic, margin)
    timed = follows_answers(study)
    if timed:
        measures = {name: replace(one, verdict=NO_VERDICT) for name, one in measures.items()}
    inferences = {}
    if asked:
        inferences["deception_rate"] = _inferences(said, synthetic, "deception_rate", raters)
    if asked and not pairs:
        inferences["false_alarm_rate"] = _inferences(said, synthetic, "false_alarm_rate", raters)
        inferences["balanced_accuracy"] = _inferences(said, synthetic, "balanced_accuracy", raters)
    if graded:
        inferences["auc"] = _inferences(scores, synthetic, "auc", raters)
    shares = [name for name in ("deception_rate", "false_alarm_rate") if name in inferences]
    planned = (
        _planned(said, synthetic, margin, raters) if asked else Unknown("no answers on origin")
    )
    generators = [str(name) for name in np.unique(study.grid.generator[synthetic]) if name]
    return VerdictFindings(
        margin,
        study.grid.shape[0],
        pairs,
        timed,
        measures,
        {
            name: judged_share(1 - said[:, synthetic & (study.grid.generator == name)], margin)
            for name in generators
            if asked and len(generators) > 1 and not timed
        },
        inferences,
        {name: _variances(said, synthetic, name, raters) for name in shares},
        planned,
        _enough(said, synthetic, margin, raters) if asked else None,
    )


def judged_share(counts: Floats, margin: float | None) -> Judgement:
    """Judge a share of answers (raters, images): exactly for one rater, else over raters."""
    if counts.size:
        counts = counts[np.isfinite(counts).any(axis=1)]
    if len(counts) == 1 or not counts.size:
        return judge_share(int(np.nansum(counts)), int(np.isfinite(counts).sum()), margin)
    return judge(lambda level: mrmc.proportion(counts, level), margin, logit=True)


def judged_area(scores: Floats, truth: Flags, margin: float | None) -> Judgement:
    """Judge an area (raters, images) against 0.5."""
    alone = len(scores) == 1
    return judge(lambda level: mrmc.mean_auc(scores, truth, level), margin, logit=alone)


def _judged_difference(said: Floats, synthetic: Flags, margin: float | None) -> Judgement:
    """Judge how much more often synthetic than real images were judged real."""
    real = 1 - said
    if len(said) > 1:
        return judge(
            lambda level: mrmc.proportion_difference(
                real[:, synthetic], real[:, ~synthetic], level
            ),
            margin,
            centre=0.0,
        )
    counts, n = (
        (int(f(real[:, synthetic])), int(f(real[:, ~synthetic])))
        for f in (np.nansum, lambda table: np.isfinite(table).sum())
    )
    return judge(lambda level: newcombe_independent(counts, n, level), margin, centre=0.0)


def _analysis(
    table: Floats, truth: Flags, statistic: str, raters: Sequence[str]
) -> mrmc.ObuchowskiRockette:
    """Analyse the raters who have read what the statistic is about.

    Raises:
        NotEstimable: there is none, or one of them has read too little.
    """
    cases = {"deception_rate": truth, "false_alarm_rate": ~truth}.get(statistic)
    own = [bool(np.isfinite(row).any()) for row in (table if cases is None else table[:, cases])]
    if not any(own):
        raise NotEstimable("no answers")
    return mrmc.obuchowski_rockette(
        table[own],
        truth,
        statistic=statistic,
        covariance="delong" if statistic == "auc" else "jackknife",
        readers=[name for name, reads in zip(raters, own, strict=True) if reads],
        treatments=["all"],
    )


def _inferences(
    table: Floats, truth: Flags, measure: str, raters: Sequence[str]
) -> dict[str, Number]:
    statistic = "auc" if measure == "balanced_accuracy" else measure
    try:
        found = _analysis(table, truth, statistic, raters)
    except NotEstimable as why:
        return dict.fromkeys(SCOPES, _unknown(why))
    means = {scope: next(iter(found.inferences[scope].estimates.values())) for scope in SCOPES}
    if measure != "auc":
        means = {scope: on_logit_scale(mean) for scope, mean in means.items()}
    return {scope: _with_interval(mean) for scope, mean in means.items()}


def _unknown(why: NotEstimable) -> Unknown:
    """Return the reason without the one treatment that there is."""
    return Unknown(str(why).replace("treatment all, ", ""))


def _with_interval(estimate: Estimate) -> Number:
    if estimate.low is None:
        return Unknown((estimate.method or "").rpartition("no interval: ")[2])
    return estimate


def _variances(
    said: Floats, truth: Flags, statistic: str, raters: Sequence[str]
) -> VarianceShares | Unknown:
    try:
        found = _analysis(said, truth, statistic, raters)
        parts = mrmc.variances(found)
    except NotEstimable as why:
        return _unknown(why)
    c, readers = found.components, len(found.readers)
    share = next(iter(found.estimates.values()))
    total = parts.of_mean(readers, c.cases)
    return VarianceShares(
        ms_r=c.ms_r or 0.0,
        var_e=c.var_e,
        cov2=c.cov2 or 0.0,
        reader=c.reader,
        raters=readers,
        images=c.cases,
        between_raters=parts.reader / readers,
        between_images=parts.case / c.cases,
        rest=parts.reader_case / (readers * c.cases),
        variance=total,
        effective_n=share.value * (1 - share.value) / total if total > 0 else None,
        answers=share.n or 0,
    )


def _expected(said: Floats, truth: Flags, raters: Sequence[str]) -> tuple[mrmc.Variances, int]:
    """Return the variances of the logit of the deception rate, and the number of images."""
    found = _analysis(said, truth, "deception_rate", raters)
    share = next(iter(found.estimates.values())).value
    if not 0 < share < 1:
        raise NotEstimable("nothing varies")
    # Answers vary most at a rate of 0.5, where these studies are planned; correlations stay.
    scale = 0.25 / (share * (1 - share))
    parts = mrmc.variances(found)
    expected = mrmc.Variances(
        scale * parts.reader, scale * parts.case, scale * parts.reader_case
    ).of_logit(0.5)
    if expected.of_mean(2, found.components.cases) <= 0:
        raise NotEstimable("nothing varies")
    return expected, found.components.cases


def _planned(
    said: Floats, truth: Flags, margin: float | None, raters: Sequence[str]
) -> tuple[PlannedSize, ...] | Unknown:
    try:
        expected, cases = _expected(said, truth, raters)
    except NotEstimable as why:
        return _unknown(why)
    sizes = sorted({*IMAGES, cases})
    return tuple(
        PlannedSize(
            readers,
            images,
            _half_width(expected, readers, images),
            None
            if margin is None
            else mrmc.power(
                expected, readers=readers, cases=images, difference=0.0, margin=_room(margin)
            ).power,
        )
        for images in sizes
        for readers in RATERS
    )


def _half_width(expected: mrmc.Variances, readers: int, images: int) -> float:
    size = mrmc.power(expected, readers=readers, cases=images, difference=0.0)
    return float(expit(size.half_width())) - 0.5


def _room(margin: float) -> float:
    """Return a margin around chance on the logit scale, on which rates are judged."""
    return float(logit(0.5 + margin))


def _enough(said: Floats, truth: Flags, margin: float | None, raters: Sequence[str]) -> int | None:
    if margin is None:
        return None
    try:
        expected, cases = _expected(said, truth, raters)
    except NotEstimable:
        return None
    found = mrmc.fewest_readers(
        expected, cases=cases, difference=0.0, margin=_room(margin), wanted=WANTED, most=200
    )
    return None if found is None else found.readers
