"""Monitoring: how far and how fast raters are, and nothing that unblinds."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from evaluation.entering import decline
from evaluation.invitations import invite_rater
from evaluation.models import Answer, Rater
from evaluation.monitoring import progress_csv, rater_progress, standing
from evaluation.simulated import Skill, read_study
from tests.conftest import begin


@pytest.fixture
def study(sealed_with):
    return sealed_with(entities=["mel", "nv"], images_per_cell=2, practice_images=2)


def session_of(study, **kwargs):
    return invite_rater(study, **kwargs).rater.sessions.get()


def test_each_state_is_told_and_counted(study):
    session_of(study, label="invited")
    decline(session_of(study, label="declined"))
    read_study(session_of(study, label="finished", kind=Rater.Kind.SIMULATED), Skill(), seed=1)
    for name, days in (("reading", 0), ("stalled", 8)):
        session = begin(study, label=name)
        seen = timezone.now() - timedelta(days=days)
        session.trials.filter(position=1).update(shown_at=seen)

    progress = rater_progress(study)

    assert [row.state for row in progress] == [row.rater.label for row in progress]
    counts = standing(progress)
    assert (counts.invited, counts.started, counts.finished) == (5, 3, 1)
    assert (counts.declined, counts.stalled) == (1, 1)


def test_times_and_counts_leave_practice_out(study):
    session = session_of(study, kind=Rater.Kind.SIMULATED)
    read_study(session, Skill(), seed=1)

    [row] = rater_progress(study)

    times = sorted(Answer.objects.filter(trial__kind="first").values_list("response_ms", flat=True))
    assert (row.answered, row.total, row.percent) == (8, 8, 100)
    assert row.median_s == pytest.approx((times[3] + times[4]) / 2000)
    assert row.per_hour == pytest.approx(3600 / (sum(times) / 8000))


def test_the_csv_names_raters_by_their_codes_only(study):
    session = session_of(study, label="Dr Secret", kind=Rater.Kind.SIMULATED)
    read_study(session, Skill(), seed=1)

    text = progress_csv(rater_progress(study))

    [row] = csv.DictReader(io.StringIO(text))
    assert row["rater"] == session.rater.code
    assert (row["state"], row["answered"], row["total"]) == ("finished", "8", "8")
    assert "Secret" not in text
    assert not {"real", "synthetic", "mel", "nv"} & set(text.replace("\n", ",").split(","))
