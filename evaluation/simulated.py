"""Simulated raters: readers drawn by a program, for examples and for tests of the whole flow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

import numpy as np

from evaluation.design.questions import QUALITY_LEVELS, rating
from evaluation.entering import describe_rater, give_consent, start_reading
from evaluation.errors import StudyNotOpen
from evaluation.models import Origin, Rater, Session, Side, StimulusTruth, Study, Trial
from evaluation.sessions import GivenAnswer, record_answer, turn

#: An assumption, of the order of the times that HYPE shows images for.
HALF_MS = 250
#: What simulated raters say they are, in turn, and the years in dermatology of each: from, below.
ROLES = (("dermatologist", (6, 31)), ("resident", (0, 6)))


@dataclass(frozen=True)
class Skill:
    """How well a simulated rater reads, in the equal-variance model of signal detection.

    `sensitivity` is d' for telling synthetic from real, `criterion` above 0 a habit of saying
    "real", `diagnosis` the chance of naming the right entity (real, synthetic).
    """

    sensitivity: float = 1.0
    criterion: float = 0.0
    diagnosis: tuple[float, float] = (0.7, 0.6)

    def within(self, exposure_ms: int | None) -> "Skill":
        """Return the skill where an image is seen for so long only; None is as long as one likes.

        Sensitivity grows with time towards its full value; half of it is there at `HALF_MS`.
        """
        if exposure_ms is None:
            return self
        return replace(self, sensitivity=self.sensitivity * exposure_ms / (exposure_ms + HALF_MS))

    @classmethod
    def drawn(cls, sensitivity: float, spread: float, seed: int) -> "Skill":
        """Return a rater drawn from a population with that mean d' and standard deviation."""
        rng = np.random.default_rng((seed, 1))  # another stream than that of the answers
        return cls(rng.normal(sensitivity, spread), rng.normal(0, spread))


def said_of_themselves(role: str, years: int) -> dict[str, object]:
    """Return a rater's answers to the questionnaire: role, and years of both kinds."""
    return {"role": role, "years_dermatology": years, "years_dermoscopy": years}


def drawn_words(seed: int) -> dict[str, object]:
    """Return what a simulated rater says of themselves; it has no bearing on how they read."""
    role, years = ROLES[seed % len(ROLES)]
    return said_of_themselves(role, int(np.random.default_rng((seed, 2)).integers(*years)))


def read_study(
    session: Session, skill: Skill, *, seed: int, about: Mapping[str, object] | None = None
) -> None:
    """Let a simulated rater read all of a sealed study, as a browser would, trial by trial.

    Args:
        session: of the rater.
        skill: how well they read.
        seed: of their answers.
        about: what they say of themselves, if anything.

    Raises:
        StudyNotOpen: the session's rater is a person, or the study is not open.
    """
    _begin(session, about)
    rng = np.random.default_rng(seed)
    study = session.rater.study
    # The answers are made from the truth, which nothing that serves raters may do.
    truths = {t.stimulus_id: t for t in StimulusTruth.objects.filter(stimulus__study=study)}
    while trial := turn(session).current:
        truth, seen = truths[trial.stimulus_id], skill.within(trial.exposure_ms)
        given = (
            _choose_side(truth, study, seen, rng)
            if study.pairs
            else _answer(truth, study, seen, rng)
        )
        record_answer(session=session, token=trial.token, key=_key(trial, rng), given=given)


def take_lesson(session: Session, *, knows: float, keeps: float, showings: int, seed: int) -> None:
    """Let a simulated learner answer the cases of a class that is asked for the diagnosis.

    Args:
        session: of the learner.
        knows: the chance that a case is answered rightly when it is first met.
        keeps: the same once it was told.
        showings: how many are answered before they leave; fewer where all cases are learnt.
        seed: of their answers.

    Raises:
        StudyNotOpen: the session's rater is a person, or the class is not open.
    """
    _begin(session)
    rng = np.random.default_rng(seed)
    study = session.rater.study
    met: set[int] = set()
    trial = turn(session).current
    for _ in range(showings):
        if trial is None:
            return
        truth = trial.stimulus.feedback or {}
        right = rng.random() < (keeps if trial.stimulus_id in met else knows)
        others = [code for code in study.entities if code != truth["entity"]]
        given = GivenAnswer(
            response_ms=_response_ms(rng.normal(), rng),
            entity=truth["entity"] if right else str(rng.choice(others)),
            origin=truth["origin"] if "origin" in study.questions else "",
        )
        met.add(trial.stimulus_id)
        _, standing = record_answer(
            session=session, token=trial.token, key=_key(trial, rng), given=given
        )
        trial = standing.current


def _begin(session: Session, about: Mapping[str, object] | None = None) -> None:
    if session.rater.kind != Rater.Kind.SIMULATED:
        raise StudyNotOpen("only a simulated rater may be read for by a program")
    give_consent(session)
    if about:
        describe_rater(session, about)
    start_reading(session)


def _key(trial: Trial, rng: np.random.Generator) -> UUID:
    """Return an answer's key: no other trial has it, though the same seed reads many studies."""
    return uuid5(UUID(bytes=rng.bytes(16)), trial.token)


def _choose_side(
    left: StimulusTruth, study: Study, skill: Skill, rng: np.random.Generator
) -> GivenAnswer:
    """Choose the image of a pair with more evidence: right in Phi(d' / sqrt 2) of the trials."""
    evidence = rng.normal() + skill.sensitivity / np.sqrt(2)
    on_the_left = (left.origin == Origin.SYNTHETIC) == (evidence > 0)
    return GivenAnswer(
        response_ms=_response_ms(evidence, rng),
        side=Side.LEFT if on_the_left else Side.RIGHT,
        confidence=_confidence(evidence, study) if "confidence" in study.questions else None,
    )


def _confidence(evidence: float, study: Study) -> int:
    levels = study.confidence_levels
    return 1 + min(int(abs(evidence) * levels / 2), levels - 1)


def _response_ms(evidence: float, rng: np.random.Generator) -> int:
    return int(rng.lognormal(np.log(6500 - 600 * min(abs(evidence), 3)), 0.45))


def _answer(
    truth: StimulusTruth, study: Study, skill: Skill, rng: np.random.Generator
) -> GivenAnswer:
    synthetic = truth.origin == "synthetic"
    evidence = rng.normal() + (skill.sensitivity / 2) * (1 if synthetic else -1) - skill.criterion
    confidence = _confidence(evidence, study)
    others = [code for code in study.entities if code != truth.entity]
    right = rng.random() < skill.diagnosis[synthetic] or not others
    origin = "synthetic" if evidence > 0 else "real"
    asked = set(study.questions)
    return GivenAnswer(
        response_ms=_response_ms(evidence, rng),
        entity=(truth.entity if right else str(rng.choice(others))) if "entity" in asked else "",
        origin=origin if "origin" in asked else "",
        confidence=confidence if "confidence" in asked else None,
        scale=rating(origin, confidence, study.confidence_levels) if "scale" in asked else None,
        quality=int(rng.integers(1, QUALITY_LEVELS + 1)) if "quality" in asked else None,
    )
