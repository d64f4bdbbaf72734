"""Time and order: how long raters take, whether they learn or tire, and first encounters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis import timing
from analysis.proportions import wilson
from analysis.report import behaviour_figures
from analysis.report.cells import Cell, ReportTable, columns, printed, reasons
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import Facts, Floats
from analysis.report.grids import against, counted_answers, judged_real, right
from analysis.report.layout import Block, Section
from analysis.report.study import Study
from analysis.report.words import numbers_in_words, p_value
from analysis.results import Estimate, Number, Test, Unknown, attempt
from analysis.timing import Drift, Exclusions, SpeedAccuracy

KEY = "time"


@dataclass(frozen=True)
class Ratio:
    """A ratio, of times within raters averaged over them or of odds, and the test that it is 1."""

    ratio: Number
    test: Test | None


@dataclass(frozen=True)
class FirstEncounter:
    """Images of a generator: judged real when first met, and afterwards.

    Attributes:
        first: share of raters deceived by the first image of the generator that they saw.
        later: mean over raters of the share of the other images judged real.
        change: first less later, mean over the same raters, t over raters.
        test: that there is no change.
        trial: median trial of the first encounter.
    """

    first: Number
    later: Number
    change: Number
    test: Test | None
    trial: float


@dataclass(frozen=True)
class Time:
    """Times and order.

    Attributes:
        right: what being right is about here, "origin" or "entity".
        typical: geometric mean in ms over raters.
        excluded: answers whose times do not count.
        by_origin, by_right: synthetic to real, and right to wrong.
        speed_accuracy: how they go together; None without times.
        drift: learning and fatigue; None where trials have no numbers.
        learning: odds of being right 100 trials later, by a mixed model; Unknown with the reason
            where there is none.
        same_order: all raters had the images in one order, so that trial and image go together.
        encounters: by generator; empty where trials have no numbers.
        raters: in the order of what is given by rater.
    """

    right: str
    typical: Number
    excluded: Exclusions
    by_origin: Ratio
    by_right: Ratio
    speed_accuracy: SpeedAccuracy | None
    drift: Drift | None
    learning: Ratio
    same_order: bool
    encounters: Mapping[str, FirstEncounter]
    raters: tuple[str, ...]


def find(study: Study) -> Time | None:
    """Compute times where there are any, and what changes over trials where these are numbered."""
    grid, table = study.grid, study.pooled
    times, trial = grid.fill(table.number("response_ms")), grid.fill(table.number("trial"))
    timed, numbered = bool(np.isfinite(times).any()), bool(np.isfinite(trial).any())
    if not timed and not numbered:
        return None
    what, correct = right(study)
    counts, excluded = counted_answers(table)
    counted = grid.fill(counts.astype(float)) == 1
    synthetic = np.broadcast_to(grid.synthetic, grid.shape)
    return Time(
        right=what,
        typical=attempt(lambda: timing.response_times(np.where(counted, times, np.nan)).typical),
        excluded=excluded,
        by_origin=Ratio(*timing.ratio_of_times(times, synthetic, ~synthetic, counted)),
        by_right=Ratio(*timing.ratio_of_times(times, correct == 1, correct == 0, counted)),
        speed_accuracy=timing.speed_accuracy(times, correct, counted) if timed else None,
        drift=timing.drift(times, correct, trial, counted) if numbered else None,
        learning=Ratio(*timing.learning(correct, trial, grid.synthetic)),
        same_order=numbered and _same_order(trial),
        encounters=_encounters(study, trial) if numbered else {},
        raters=tuple(grid.raters),
    )


def _same_order(trial: Floats) -> bool:
    """Tell whether several raters saw what they have in common in one order."""
    if len(trial) < 2:
        return False
    for row in trial[1:]:
        both = np.flatnonzero(np.isfinite(row) & np.isfinite(trial[0]))
        if (np.argsort(row[both]) != np.argsort(trial[0][both])).any():
            return False
    return True


def _encounters(study: Study, trial: Floats) -> dict[str, FirstEncounter]:
    said, grid = judged_real(study), study.grid
    found = {}
    for name in sorted({str(name) for name in grid.generator[grid.synthetic] if name}):
        own = grid.generator == name
        first, later, when = [], [], []
        for answers, trials in zip(said[:, own], trial[:, own], strict=True):
            known = np.isfinite(answers) & np.isfinite(trials)
            if np.count_nonzero(known) < 2:
                continue
            ordered = answers[known][np.argsort(trials[known], kind="stable")]
            first.append(float(ordered[0]))
            later.append(float(ordered[1:].mean()))
            when.append(float(trials[known].min()))
        if first:
            found[name] = _encounter(np.array(first), np.array(later), float(np.median(when)))
    return found


def _encounter(first: Floats, later: Floats, trial: float) -> FirstEncounter:
    change = attempt(timing.mean_over_raters, first - later, "first less later", (-1.0, 1.0))
    return FirstEncounter(
        first=attempt(wilson, int(first.sum()), first.size),
        later=attempt(timing.mean_over_raters, later, "share judged real", (0.0, 1.0)),
        change=change,
        test=against(change),
        trial=trial,
    )


def show(found: Time, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out times, then order."""
    blocks = [Block(text=tuple(_sentences(found)))]
    if isinstance(found.typical, Estimate) or found.drift:
        blocks.append(Block(table=_times(found)))
    speed = found.speed_accuracy
    if speed and any(speed.raters):
        blocks.append(Block(heading="Speed and accuracy", drawings=(_speed(found, speed),)))
        blocks.append(Block(folded=True, table=_speed_table(found, speed)))
    if found.drift:
        blocks += _order(found, found.drift)
    if found.encounters:
        blocks.append(Block(heading="First encounters", table=_encounter_table(found)))
    return Section(KEY, "Time and order", tuple(blocks))


def _sentences(found: Time) -> list[str]:
    out, said = found.excluded, []
    if isinstance(found.typical, Estimate):
        said.append(
            f"A typical answer took {found.typical.value / 1000:.1f} s (geometric mean of "
            f"raters). Left out: {out.interrupted} answers given while the page was hidden for a "
            f"time, {out.too_fast} faster than {timing.FASTEST_MS} ms, {out.too_slow} slower than "
            f"{timing.SLOWEST_MS // 60_000} minutes, {out.missing} without a time."
        )
    else:
        said.append(f"There are no response times: {found.typical.reason}.")
    if len(found.raters) == 1:
        said.append("One rater: tests over raters need several.")
    return said


def _times(found: Time) -> ReportTable:
    timed = isinstance(found.typical, Estimate)
    rows: list[tuple[Cell, ...]] = []
    if timed:
        by_right = found.by_right
        rows += [
            ("Synthetic to real images", found.by_origin.ratio, _p(found.by_origin.test)),
            (f"Right to wrong answers ({found.right})", by_right.ratio, _p(by_right.test)),
        ]
    if speed := found.speed_accuracy:
        rows.append(
            ("Slower raters, right more often (correlation)", speed.between, _p(speed.between_test))
        )
    if drift := found.drift:
        later = [("Times 100 trials later", drift.time, _p(_log_test(drift.time)))] if timed else []
        rows += [
            *later,
            (
                "Change of the share right by 100 trials",
                drift.accuracy,
                _p(against(drift.accuracy)),
            ),
            (
                f"Odds of being right ({found.right}) 100 trials later, mixed model",
                found.learning.ratio,
                _p(found.learning.test),
            ),
        ]
    return ReportTable(
        "time",
        "Ratios of times, and changes over trials",
        columns(measure="Measure", estimate="Estimate (95% interval)", p="p"),
        tuple(rows),
        note="Log times, compared within each rater; t over raters, images as they are. A ratio "
        "of times below 1 is faster. In the mixed model raters, who may learn unequally, and "
        "images are random (with fewer than five raters these are fixed); an odds ratio above 1 "
        f"is learning, below fatigue. {reasons(rows)}".strip(),
    )


def _log_test(number: Number) -> Test | None:
    """Return the test that a ratio is 1, from the standard error of its logarithm."""
    if isinstance(number, Unknown) or number.se is None or number.value <= 0:
        return None
    logarithm = Estimate(float(np.log(number.value)), number.se / number.value, number.df)
    return against(logarithm)


def _p(test: Test | None) -> str | None:
    return None if test is None or test.p is None else p_value(test.p)


def _speed(found: Time, speed: SpeedAccuracy) -> Drawing:
    known = {
        name: one for name, one in zip(found.raters, speed.raters, strict=True) if one is not None
    }
    return draw(
        "speed_accuracy",
        behaviour_figures.speed_and_accuracy(list(known.values()), chance=_chance(found)),
        f"Share right ({found.right}) against typical time, one dot a rater with Wilson's "
        "interval.",
        f"Share right ({found.right}) by typical time of each rater: "
        + ", ".join(
            f"{name} {ms / 1000:.1f} s {printed(share)}" for name, (ms, share) in known.items()
        ),
    )


def _chance(found: Time) -> float | None:
    return 0.5 if found.right == "origin" else None


def _speed_table(found: Time, speed: SpeedAccuracy) -> ReportTable:
    return ReportTable(
        "speed_accuracy",
        "Typical time and share right of each rater",
        columns(rater="Rater", seconds="Typical time, s", right="Share right"),
        tuple(
            (name, one[0] / 1000, one[1])
            for name, one in zip(found.raters, speed.raters, strict=True)
            if one is not None
        ),
    )


def _order(found: Time, drift: Drift) -> list[Block]:
    said = (
        "Every rater saw the images in the same order: what looks like learning may be the images."
        if found.same_order
        else "Raters had orders of their own, so that a trend is learning or fatigue, not images."
    )
    if len(found.raters) == 1:
        said = "One order: what looks like learning or fatigue may be the images."
    drawings = []
    if drift.blocks:
        drawings.append(
            draw(
                "accuracy_over_trials",
                behaviour_figures.blocks_over_trials(
                    drift.blocks, ylabel=f"share right ({found.right})", chance=_chance(found)
                ),
                f"Share right ({found.right}) by block of {timing.BLOCK} trials: mean of raters "
                "with its 95% band, and each rater.",
                numbers_in_words(
                    "Share right by block",
                    [(f"from trial {one.first}", one.accuracy) for one in drift.blocks],
                ),
            )
        )
    if drift.time_blocks:
        drawings.append(
            draw(
                "time_over_trials",
                behaviour_figures.blocks_over_trials(drift.time_blocks, ylabel="time, log scale"),
                f"Time an image by block of {timing.BLOCK} trials (geometric means): mean of "
                "raters with its 95% band, and each rater.",
                "Seconds an image by block: "
                + ", ".join(
                    f"from trial {one.first} {one.mean.value / 1000:.1f}"
                    for one in drift.time_blocks
                    if isinstance(one.mean, Estimate)
                ),
            )
        )
    blocks = [Block(heading="Learning and fatigue", text=(said, _learning(found.learning.ratio)))]
    blocks += [Block(drawings=(drawing,)) for drawing in drawings]
    return [*blocks, Block(data=tuple(_over_trials(found, drift)))]


def _learning(odds: Number) -> str:
    """Return what the mixed model says of learning, as a sentence."""
    if isinstance(odds, Unknown):
        return f"There is no mixed model of learning: {odds.reason}."
    shown = "neither learning nor fatigue is shown"
    if odds.low is not None and odds.low > 1:
        shown = "raters learnt"
    elif odds.high is not None and odds.high < 1:
        shown = "raters tired"
    return (
        f"In a mixed model the odds of being right are multiplied by {printed(odds)} in 100 "
        f"trials: {shown}."
    )


def _over_trials(found: Time, drift: Drift) -> list[ReportTable]:
    """Return the numbers of the figures over trials, one row a block and rater."""
    right_rows = [
        (one.first, one.last, name, value)
        for one in drift.blocks
        for name, value in (("", one.accuracy), *zip(found.raters, one.by_rater, strict=True))
    ]
    time_rows = [
        (one.first, one.last, name, value)
        for one in drift.time_blocks
        for name, value in (
            ("", _seconds(one.mean)),
            *(
                (name, None if ms is None else ms / 1000)
                for name, ms in zip(found.raters, one.by_rater, strict=True)
            ),
        )
    ]
    spans = {"first": "First trial", "last": "Last trial", "rater": "Rater (empty: mean)"}
    tables = [
        ReportTable(
            "accuracy_over_trials",
            "Share right by block of trials",
            columns(**spans, right="Share right"),
            tuple(right_rows),
        ),
        ReportTable(
            "time_over_trials",
            "Seconds an image by block of trials",
            columns(**spans, seconds="Time, s"),
            tuple(time_rows),
        ),
    ]
    return [table for table in tables if table.rows]


def _seconds(number: Number) -> Number:
    if isinstance(number, Unknown):
        return number
    low, high = (None if end is None else end / 1000 for end in (number.low, number.high))
    return Estimate(number.value / 1000, None, number.df, low, high, number.level, number.n)


def _encounter_table(found: Time) -> ReportTable:
    rows: list[tuple[Cell, ...]] = [
        (name, one.trial, one.first, one.later, one.change, _p(one.test))
        for name, one in found.encounters.items()
    ]
    return ReportTable(
        "first_encounters",
        "Judged real when a generator was first met, and later",
        columns(
            generator="Generator",
            trial="Median trial",
            first="First image",
            later="Later images",
            change="First less later",
            p="p",
        ),
        tuple(rows),
        note="Share of raters, with Wilson's interval, who judged the first image real that they "
        f"saw of a generator; the others are means over raters. {reasons(rows)}".strip(),
    )
