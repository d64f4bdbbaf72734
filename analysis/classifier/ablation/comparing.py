"""What an ablation found: figures of the arms, and each arm beside the originals alone.

Networks trained under different seeds stand where readers stand in a reader study: seeds and test
images are both samples, and a difference counts that holds for other seeds and other images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import mrmc
from analysis.classifier.ablation.arms import CONTROLS
from analysis.proportions import holm, mcnemar, newcombe_difference
from analysis.results import Estimate, NotEstimable, Number, Test, Unknown

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BASE = "original"


@dataclass(frozen=True)
class Answers:
    """What one network of one arm said.

    Attributes:
        arm, seed: which.
        test: (n, entities) probabilities about the untouched test set.
        test_labels: (n,) the truth.
        held, held_labels: the same about the arm's own images, held out at random.
        places: (held,) which images those are.
        loss: of the parts of the training, in order.
        counts: (entities,) images that it was trained on.
    """

    arm: str
    seed: int
    test: Floats
    test_labels: NDArray[np.int_]
    held: Floats
    held_labels: NDArray[np.int_]
    places: NDArray[np.int_]
    loss: Floats
    counts: NDArray[np.int_]


@dataclass(frozen=True)
class ArmFigures:
    """One arm, mean over its seeds.

    Attributes:
        trained_on: images of each entity, under the first seed.
        accuracy, balanced: on the untouched test set: share named right, and its mean over
            entities; seeds and images random.
        recalls: of each entity.
        published: accuracy as published, on images held out of the arm's own data.
        published_balanced: its mean over entities, over the seeds, without an interval.
        by_seed: accuracy and balanced accuracy of each seed.
    """

    trained_on: Mapping[str, int]
    accuracy: Number
    balanced: Number
    recalls: Mapping[str, Number]
    published: Number
    published_balanced: float
    by_seed: Mapping[int, tuple[float, float]]


@dataclass(frozen=True)
class Against:
    """An arm less the originals alone, on the untouched test set.

    Attributes:
        accuracy, balanced: differences, seeds and images random.
        p, p_balanced: of no difference; `adjusted` ones over all arms (Holm).
        ensemble: difference in accuracy of the two means over seeds, taken as one network each.
        ensemble_test: McNemar's of it.
    """

    accuracy: Number
    p: float | None
    adjusted: float | None
    balanced: Number
    p_balanced: float | None
    adjusted_balanced: float | None
    ensemble: Estimate
    ensemble_test: Test


@dataclass(frozen=True)
class Gain:
    """What synthetic images alone add: an arm less its control, on the untouched test set.

    Attributes:
        control: the arm that differs by nothing but the lack of synthetic images.
        balanced: difference of the means over entities, seeds and images random.
        p, adjusted: of no difference; adjusted over the gains (Holm).
    """

    control: str
    balanced: Number
    p: float | None
    adjusted: float | None


@dataclass(frozen=True)
class AblationFindings:
    """All of an ablation.

    Attributes:
        against: each arm less the originals alone.
        gains: each arm of `CONTROLS` less its control, where both were trained.
    """

    entities: tuple[str, ...]
    seeds: int
    test_images: Mapping[str, int]
    arms: Mapping[str, ArmFigures]
    against: Mapping[str, Against]
    gains: Mapping[str, Gain]


def compare(answers: Sequence[Answers], entities: Sequence[str]) -> AblationFindings:
    """Compare the arms.

    Args:
        answers: of the same seeds for each arm.
        entities: what the labels stand for.

    Raises:
        NotEstimable: there are no answers.
    """
    if not answers:
        raise NotEstimable("no network was trained")
    names = list(dict.fromkeys(each.arm for each in answers))
    by_arm = {name: [each for each in answers if each.arm == name] for name in names}
    labels = answers[0].test_labels
    counts = np.bincount(labels, minlength=len(entities))
    return AblationFindings(
        tuple(entities),
        len(by_arm[names[0]]),
        {entity: int(n) for entity, n in zip(entities, counts, strict=True)},
        {name: _figures(own, entities) for name, own in by_arm.items()},
        _against(by_arm),
        _gains(by_arm),
    )


def balanced_accuracy(codes: Floats, truth: Flags) -> float:
    """Return the mean over entities of the share named right, of codes 2 entity + right."""
    label, right = np.divmod(codes.astype(int), 2)
    shown = np.bincount(label)
    hits = np.bincount(label, weights=right)
    return float((hits[shown > 0] / shown[shown > 0]).mean())


def _right(answers: Sequence[Answers]) -> Floats:
    """Return (seeds, images): whether each network named each image of the test set right."""
    return np.stack([each.test.argmax(1) == each.test_labels for each in answers]).astype(float)


def _codes(answers: Sequence[Answers]) -> Floats:
    return 2 * answers[0].test_labels + _right(answers)


def _figures(answers: Sequence[Answers], entities: Sequence[str]) -> ArmFigures:
    right, labels = _right(answers), answers[0].test_labels
    return ArmFigures(
        {entity: int(n) for entity, n in zip(entities, answers[0].counts, strict=True)},
        _attempt(right),
        _balanced(answers),
        {entity: _attempt(right[:, labels == k]) for k, entity in enumerate(entities)},
        _attempt(_held_right(answers)),
        float(np.mean([_held_balanced(each) for each in answers])),
        {
            each.seed: (float(row.mean()), balanced_accuracy(2 * labels + row, row > 0))
            for each, row in zip(answers, right, strict=True)
        },
    )


def _attempt(right: Floats) -> Number:
    try:
        return _worded(mrmc.proportion(right))
    except NotEstimable as why:
        return Unknown(str(why))


def _balanced(answers: Sequence[Answers]) -> Number:
    codes = _codes(answers)
    try:
        found = mrmc.obuchowski_rockette(
            codes, np.ones(codes.shape[1]), statistic=balanced_accuracy
        )
    except NotEstimable as why:
        return Unknown(str(why))
    return _worded(found.estimates[0])


def _worded(found: Estimate) -> Estimate:
    """Say seeds where the method speaks of raters."""
    method = (found.method or "").replace("raters", "seeds").replace("rater", "seed")
    return Estimate(**{**vars(found), "method": method})


def _held_right(answers: Sequence[Answers]) -> Floats:
    """Return (seeds, images) of the arm's own images; NaN where a seed trained on one."""
    places = np.unique(np.concatenate([each.places for each in answers]))
    table = np.full((len(answers), len(places)), np.nan)
    for row, each in zip(table, answers, strict=True):
        row[np.searchsorted(places, each.places)] = each.held.argmax(1) == each.held_labels
    return table


def _held_balanced(answers: Answers) -> float:
    right = answers.held.argmax(1) == answers.held_labels
    return balanced_accuracy(2.0 * answers.held_labels + right, right)


def _against(by_arm: Mapping[str, Sequence[Answers]]) -> dict[str, Against]:
    others = [name for name in by_arm if name != BASE]
    if BASE not in by_arm or not others:
        return {}
    base = by_arm[BASE]
    shares = {name: _difference(_right(by_arm[name]), _right(base), None) for name in others}
    means = {
        name: _difference(_codes(by_arm[name]), _codes(base), balanced_accuracy) for name in others
    }
    adjusted, adjusted_means = (
        dict(zip(others, holm([found[name][1] for name in others]), strict=True))
        for found in (shares, means)
    )
    return {
        name: Against(
            *shares[name],
            adjusted[name],
            *means[name],
            adjusted_means[name],
            *_ensembles(by_arm[name], base),
        )
        for name in others
    }


def _gains(by_arm: Mapping[str, Sequence[Answers]]) -> dict[str, Gain]:
    pairs = {arm: other for arm, other in CONTROLS.items() if {arm, other} <= {*by_arm}}
    found = {
        arm: _difference(_codes(by_arm[arm]), _codes(by_arm[other]), balanced_accuracy)
        for arm, other in pairs.items()
    }
    adjusted = holm([p for _, p in found.values()])
    return {
        arm: Gain(pairs[arm], *found[arm], more) for arm, more in zip(found, adjusted, strict=True)
    }


def _difference(
    first: Floats, second: Floats, statistic: mrmc.Statistic | None
) -> tuple[Number, float | None]:
    """Return the mean over seeds of first less second, and its p."""
    if np.array_equal(first, second):
        return Estimate(0.0, n=first.size, method="all networks answered alike"), 1.0
    try:
        found = mrmc.obuchowski_rockette(
            np.stack([first, second]),
            np.ones(first.shape[1]),
            statistic=statistic or "proportion",
            treatments=["first", "second"],
        ).headline
    except NotEstimable as why:
        return Unknown(str(why)), None
    pair = ("first", "second")
    return _worded(found.differences[pair]), found.difference_tests[pair].p


def _ensembles(first: Sequence[Answers], second: Sequence[Answers]) -> tuple[Estimate, Test]:
    """Compare the means over seeds of either arm's probabilities, as one network each."""
    labels = first[0].test_labels
    one, other = (
        np.mean([each.test for each in arm], axis=0).argmax(1) == labels for arm in (first, second)
    )
    kinds = (one & other, one & ~other, ~one & other, ~one & ~other)
    both, gained, lost, neither = (int(np.count_nonzero(kind)) for kind in kinds)
    return newcombe_difference(both, gained, lost, neither), mcnemar(gained, lost)
