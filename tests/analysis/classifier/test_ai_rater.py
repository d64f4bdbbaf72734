"""An AI reads a sealed study beside simulated raters, and the report compares it with them."""

import json
import re
import shlex
import shutil
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from analysis.classifier.detecting import make_detector
from analysis.classifier.network import KINDS, save
from analysis.classifier.store import images_learnt
from analysis.closed_study import closed_context, closed_study
from analysis.report.build import write_report
from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.entities import ENTITIES
from evaluation.errors import EvaluationError
from evaluation.invitations import invite_rater
from evaluation.machine_reading import Said, judged, read_by_machine
from evaluation.models import Answer, Rater, Trial
from evaluation.simulated import Skill, read_study
from tests.conftest import add_synthetic_image, square_phantom


@pytest.fixture(autouse=True)
def own():
    """Keep classifiers in a folder of this test's own, an untrained one among them."""
    folder = settings.VAR_DIR / "classifiers"
    shutil.rmtree(folder, ignore_errors=True)
    save(KINDS["paper"](len(ENTITIES), 32), list(ENTITIES), folder / "plain")
    return folder


@pytest.fixture
def spotter(sealed, own):
    """Train a detector on what the sealed study leaves, and more."""
    for entity in ENTITIES:
        add_synthetic_image(
            pixels=square_phantom(entity, 2000), name=f"more-{entity}", entity=entity
        )
    make_detector("spotter", "plain", [], "made", most=4)
    return "spotter"


def test_an_ai_beside_raters_is_compared_on_origin_and_on_entity(sealed, spotter, tmp_path):
    call_command("ai_rater", sealed.slug, "--network", "plain", "--detector", spotter)
    for seed in range(2):
        rater = invite_rater(sealed, kind=Rater.Kind.SIMULATED).rater
        read_study(rater.sessions.get(), Skill(), seed=seed)
    close_study(sealed, reason="a test")

    table, context = closed_study(sealed.slug), closed_context(sealed.slug)
    paths = write_report(table, tmp_path / "report", context=context)

    ai = sealed.raters.get(kind=Rater.Kind.AI)
    found = json.loads(paths.numbers.read_text())["findings"]
    compared = found["chapters"]["ai"]["compared"][ai.code]
    assert {"accuracy", "deception_rate", "auc", "entity_accuracy"} <= {*compared}
    for measure in ("accuracy", "entity_accuracy"):
        assert compared[measure]["difference"]["low"] is not None
        assert len(compared[measure]["by_rater"]) == 2
    own = table.where(table.text("rater") == ai.code)
    right = (own.text("answered_entity") == own.text("entity")).mean()
    assert compared["entity_accuracy"]["ai"]["value"] == pytest.approx(right)
    assert "Accuracy of entity" in paths.index.read_text()
    (event,) = sealed.events.filter(act="read_by_machine")
    assert event.detail["rater"] == ai.code
    assert event.detail["model"].startswith("plain ")


def test_the_program_of_the_documentation_reads_and_the_report_compares_it(sealed, tmp_path):
    docs = settings.BASE_DIR / "docs" / "classifier.md"
    (text,) = re.findall(r"```python\n(.*?)```", docs.read_text(), re.DOTALL)
    reader = tmp_path / "reader.py"
    reader.write_text(text)
    command = shlex.join([sys.executable, str(reader)])

    call_command("ai_rater", sealed.slug, "--program", command)
    read_study(
        invite_rater(sealed, kind=Rater.Kind.SIMULATED).rater.sessions.get(), Skill(), seed=1
    )
    close_study(sealed, reason="a test")
    table, context = closed_study(sealed.slug), closed_context(sealed.slug)
    paths = write_report(table, tmp_path / "report", context=context)

    ai = sealed.raters.get(kind=Rater.Kind.AI)
    answers = Answer.objects.filter(trial__session__rater=ai)
    assert {a.origin for a in answers} == {"real", "synthetic"}
    assert len({a.entity for a in answers}) > 2
    assert all(a.confidence for a in answers)
    compared = json.loads(paths.numbers.read_text())["findings"]["chapters"]["ai"]["compared"]
    assert {"accuracy", "auc", "entity_accuracy"} <= {*compared[ai.code]}
    assert "AI beside the raters" in paths.index.read_text()


def test_a_machine_gets_the_bytes_that_raters_get_one_at_a_time_and_nothing_else(sealed):
    given = []

    def machine(*told):
        given.append(told)
        return judged(told[1], "mel", [0.99])

    rater = read_by_machine(
        sealed.slug, machine, answers=("entity", "origin", "confidence"), name="net", model="m"
    )

    files = {stimulus.file.open("rb").read() for stimulus in sealed.stimuli.all()}
    assert {stimulus for (stimulus,), _ in given} <= files
    assert len(given) == rater.sessions.get().trials.count()
    assert all(
        vars(asked)
        == {
            "questions": tuple(sealed.questions),
            "entities": tuple(sealed.entities),
            "confidence_levels": sealed.confidence_levels,
        }
        for _, asked in given
    )
    answers = Answer.objects.filter(trial__session__rater=rater)
    assert {(a.entity, a.origin, a.confidence) for a in answers} == {("mel", "synthetic", 5)}
    assert all(answer.response_ms > 0 for answer in answers)


def test_a_stopped_reading_goes_on_as_the_same_rater(sealed):
    left = [3]

    def machine(stimuli, asked):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return judged(asked, "nv", [0.2])

    how = {"answers": ("entity", "origin"), "name": "net", "model": "m"}
    with pytest.raises(KeyboardInterrupt):
        read_by_machine(sealed.slug, machine, **how)
    left[0] = 1000
    rater = read_by_machine(sealed.slug, machine, **how)

    assert sealed.raters.filter(kind=Rater.Kind.AI).get() == rater
    assert not Trial.objects.filter(session__rater=rater, answered=False).exists()


def test_what_was_trained_on_a_studys_images_may_not_read_it(sealed, spotter, own):
    shown = sealed.stimuli.filter(truth__origin="real").first().truth
    ways = {"digests": shown.original_sha256, "lesions": shown.lesion, "names": shown.name}
    for way, value in ways.items():
        learnt = {"digests": [], "lesions": [], "names": []} | {way: [value]}
        (own / "spotter" / "images.json").write_text(json.dumps(learnt))

        with pytest.raises(CommandError, match="has learnt from images"):
            call_command("ai_rater", sealed.slug, "--network", "plain", "--detector", spotter)

    assert not sealed.raters.exists()


def test_the_shipped_classifier_reads_no_study_of_photographs_that_it_learnt_from(
    real_images, sealed_with
):
    known = images_learnt("ham10000")
    for image, name in zip(real_images.images.all(), known["names"], strict=False):
        real_images.images.filter(pk=image.pk).update(name=name, lesion="")
    sealed_with(slug="known", seed=1)

    with pytest.raises(CommandError, match="'ham10000' has learnt from images, or lesions"):
        call_command("ai_rater", "known", "--network", "ham10000")

    assert (len(known["digests"]), len(known["lesions"])) == (10_013, 7_470)


def test_a_machine_that_cannot_answer_is_not_invited(sealed):
    with pytest.raises(EvaluationError, match="this machine answers quality only"):
        read_by_machine(
            sealed.slug, lambda *told: Said(), answers=("quality",), name="n", model="m"
        )

    assert not sealed.raters.exists()


def test_a_detector_learns_from_stimuli_alone_as_many_of_either_origin(spotter, own, sealed):
    card = (own / spotter / "README.md").read_text()
    learnt = json.loads((own / spotter / "images.json").read_text())

    assert "all through the pipeline of stimuli" in card
    assert not {*learnt["digests"]} & {
        *sealed.stimuli.values_list("truth__original_sha256", flat=True)
    }


def test_of_a_pair_the_image_that_is_more_likely_synthetic_is_chosen(sealed_with):
    pairs = sealed_with(slug="pairs", pairs=True, questions=["side", "confidence"], seed=1)
    origins = {
        each.file.open("rb").read(): each.truth.origin == "synthetic"
        for each in pairs.stimuli.select_related("truth")
    }

    def machine(stimuli, asked):
        return judged(asked, synthetic=[0.8 if origins[each] else 0.4 for each in stimuli])

    how = {"answers": ("side", "confidence"), "name": "net", "model": "m"}
    rater = read_by_machine("pairs", machine, **how)
    close_study(pairs, reason="a test")

    rows = [row for row in unblinded_table("pairs") if row["rater"] == rater.code]
    assert {row["answered_origin"] for row in rows} == {"synthetic"}
    assert {row["confidence"] for row in rows} == {3}
