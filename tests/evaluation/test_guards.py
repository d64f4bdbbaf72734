"""The database guards what is sealed, and it is noticed when it does not."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from config.errors import ConfigurationError
from config.serving import prepare
from evaluation.closing import close_study
from evaluation.entering import debrief, describe_rater, give_consent, start_reading, take_over
from evaluation.errors import EvaluationError
from evaluation.guards import broken_guards
from evaluation.invitations import invite_rater
from evaluation.models import Session
from evaluation.sealing import seal_study

pytestmark = pytest.mark.django_db


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_fresh_database_guards_everything():
    assert broken_guards() == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("DROP TRIGGER answer_append_only ON evaluation_answer", "answer_append_only is missing"),
        (
            "ALTER TABLE evaluation_study DISABLE TRIGGER study_keeps_its_seal",
            "study_keeps_its_seal is off",
        ),
        (
            "CREATE OR REPLACE FUNCTION evaluation_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN NEW; END $$",
            "function evaluation_refuse is not the one",
        ),
        (
            "ALTER TABLE evaluation_image DISABLE ROW LEVEL SECURITY",
            "rows of evaluation_image are not hidden",
        ),
        (
            "CREATE POLICY open ON evaluation_stimulustruth FOR SELECT USING (true)",
            "policy open of evaluation_stimulustruth is not ours",
        ),
        (
            "DROP POLICY images_of_no_open_study ON evaluation_image",
            "policy images_of_no_open_study of evaluation_image is missing",
        ),
        ("SET synchronous_commit = off", "synchronous_commit is off"),
    ],
)
def test_a_guard_that_is_gone_keeps_the_product_from_being_served_and_a_study_from_being_sealed(
    draft, harm, said
):
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(harm)

    with pytest.raises(ConfigurationError, match=said):
        prepare()
    with pytest.raises(EvaluationError, match=said):
        seal_study(draft, reason="a test")
    execute("SET synchronous_commit = on")


@pytest.mark.parametrize(
    "table", ["answer", "auditevent", "stimulus", "stimulustruth", "readinglist", "session"]
)
def test_tables_of_the_product_are_never_emptied(table):
    """TRUNCATE is refused but in test databases, so the trigger is asked what it would say."""
    with transaction.atomic():
        body = "IF left(current_database(), 5) <> 'test_' THEN"
        with connection.cursor() as cursor:
            cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'evaluation_keep_rows'")
            [(source,)] = cursor.fetchall()
        assert body in source
        execute(
            "CREATE OR REPLACE FUNCTION evaluation_keep_rows() RETURNS trigger LANGUAGE plpgsql "
            f"AS $${source.replace(body, 'IF true THEN')}$$"
        )
        with pytest.raises(IntegrityError, match="is never emptied"), transaction.atomic():
            execute(f"TRUNCATE evaluation_{table} CASCADE")
        transaction.set_rollback(True)


def test_a_reading_stays_as_it_was_when_the_study_was_closed(sealed):
    session = invite_rater(sealed).rater.sessions.get()
    give_consent(session)
    session.refresh_from_db()
    close_study(sealed, reason="enough")

    describe_rater(session, {"role": "resident"})
    debrief(session, {"ai_percent": 40})
    start_reading(session)
    take_over(session)

    after = Session.objects.select_related("rater").get()
    assert (after.debrief, after.started_at, after.window) == (None, None, "")
    assert after.rater.about is None
    with pytest.raises(IntegrityError, match="readings of a closed study"), transaction.atomic():
        Session.objects.update(started_at=timezone.now())
