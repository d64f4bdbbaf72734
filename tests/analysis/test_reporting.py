"""What guidelines ask for: from the record of a closed study, and from a bare table of answers."""

import csv
import json
from collections import Counter

import pytest

from analysis.closed_study import closed_context, closed_study
from analysis.report.build import write_report
from analysis.report.chapters import checklist, flow, subgroups
from analysis.report.study import Context, study_of
from analysis.table import table_from_rows
from evaluation.closing import close_study
from evaluation.invitations import invite_rater
from evaluation.models import Image, Rater
from evaluation.sealing import seal_study
from evaluation.simulated import Skill, read_study
from tests.analysis.conftest import rows_of


@pytest.fixture
def closed(draft):
    """Return a study that two of three invited raters have read."""
    draft.analysis_plan = "The deception rate, margin 0.10"
    draft.practice_images = 0
    draft.tell_share = True
    draft.save()
    sealed = seal_study(draft, reason="no time")
    raters = [invite_rater(sealed, kind=Rater.Kind.SIMULATED).rater for _ in range(3)]
    for seed, rater in enumerate(raters[:2]):
        rater.about = {"role": "dermatologist", "years_dermatology": 4 + 2 * seed}
        rater.save()
        read_study(rater.sessions.get(), Skill(), seed=seed)
    return close_study(sealed, reason="enough")


@pytest.fixture
def study(closed):
    context = closed_context(closed.slug)
    return study_of(closed_study(closed.slug), context)


def values(study):
    return {item.item: item.value for item in checklist.find(study).items}


def counts(stages):
    return {stage.name: stage.count for stage in stages}


def test_a_closed_study_fills_the_checklist_from_its_record(study, closed):
    found = values(study)

    assert found["Objectives and hypotheses"] == "The deception rate, margin 0.10"
    assert closed.protocol_sha256 in found["Registration, frozen protocol"]
    assert closed.fingerprint in found["Registration, frozen protocol"]
    assert found["Audit of the blinding"].endswith("without a certificate that passes: no time")
    assert found["Invited, started, finished"].startswith("3 invited, 0 declined")
    assert "2 started, 2 finished" in found["Invited, started, finished"]
    assert "role: dermatologist 2" in found["Specialty and experience"]
    assert "years dermatology: median 5, 4 to 6" in found["Specialty and experience"]
    assert "seed 7" in found["Selection"]
    assert found["Told the share of AI images or not"] == "raters were told that half is AI"
    assert "made, revision r1" in found["Generator, version, settings"]
    assert "14 of 14 images with their seed" in found["Seeds and prompts"]
    assert "14 of 21 in the catalogue" in found["Selection rule"]
    assert "JPEG quality 75" in found["Processing equal for both origins"]
    assert found["Source and licence"] == (
        f"dataset {closed.dataset.name}, licence {closed.dataset.licence}"
    )


def test_what_raters_said_of_themselves_groups_them_in_the_report(study):
    found = subgroups.find(study)

    levels = found.raters["rater_experience"].levels
    assert [(one.label, one.raters) for one in levels] == [
        ("2 to 5 years", 1),
        ("more than 5 years", 1),
    ]
    assert found.raters_missing == ("rater_role", "rater_dermoscopy")  # one role, nothing said


def test_what_nobody_has_told_is_not_provided_and_counted(study):
    found = checklist.find(study)

    missing = {item.item for item in found.items if item.value is None}
    assert {"Funding", "Ethics approval", "Margin of equivalence, with its reason"} <= missing
    assert found.provided == len(found.items) - len(missing)


def test_the_flow_of_a_closed_study_is_known_from_end_to_end(study, closed):
    found = flow.find(study)

    stock = Counter(Image.objects.values_list("origin", flat=True))
    assert counts(found.images["real"]) == {
        "imported": stock["real"],
        "screened": stock["real"],
        "drawn": 14,
        "shown": 14,
        "answered": 14,
        "analysed": 14,
    }
    assert counts(found.images["synthetic"])["generated"] == 21
    assert counts(found.raters) == {
        "invited": 3,
        "consented": 2,
        "started": 2,
        "answered": 2,
        "finished": 2,
        "analysed": 2,
    }


def test_suspected_copies_are_lost_at_the_screening(study, closed):
    left = Image.objects.filter(origin="synthetic", drawn_for=None).first()
    Image.objects.filter(pk=left.pk).update(suspected_copy=True, likeness=0.99)

    again = study_of(study.answers, closed_context(closed.slug))

    stages = counts(flow.find(again).images["synthetic"])
    assert (stages["generated"], stages["screened"]) == (21, 20)
    copies = values(again)["Copies of photographs looked for"]
    assert copies.startswith("1 generated images compared")
    assert copies.endswith("1 left out as suspected copies")


def test_no_fact_tells_one_image_from_another(closed):
    """The description goes into files that people hand on; the truth stays in the answers."""
    told = json.dumps(closed_context(closed.slug), default=str)

    for name in Image.objects.values_list("name", flat=True):
        assert name not in told


def test_of_a_table_of_answers_the_report_says_what_is_not_known(tmp_path):
    table = table_from_rows(rows_of(raters=4), "x")

    folder = write_report(table, tmp_path / "report").folder

    with (folder / "tables" / "checklist.csv").open(encoding="utf-8") as file:
        rows = {row["item"]: row for row in csv.DictReader(file)}
    for item in ("Registration, frozen protocol", "Selection rule", "Blinding and feedback"):
        assert rows[item]["value"] == "NOT PROVIDED"
    assert rows["Failure analysis"]["value"].startswith("of 14 synthetic images")
    assert rows["What is random, what is fixed"]["value"] == "images and 4 raters random"
    with (folder / "tables" / "flow.csv").open(encoding="utf-8") as file:
        stages = [tuple(row.values()) for row in csv.DictReader(file)]
    assert ("AI images", "generated", "not known") in stages
    assert ("AI images", "analysed", "14") in stages
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "stages that are not known are dashed" in page
    assert "NOT PROVIDED" in page


def test_failures_and_robustness_are_counted_by_hand():
    """Four raters of three synthetic images: one fools all, one nobody, one half of them."""
    said = {"fools": "rrrr", "fails": "ssss", "half": "rrss"}
    rows = [
        {
            "rater": f"r{rater}",
            "image": image,
            "origin": "synthetic",
            "entity": "mel",
            "answered_origin": "real" if answer == "r" else "synthetic",
        }
        for image, answers in said.items()
        for rater, answer in enumerate(answers)
    ]

    found = values(study_of(table_from_rows(rows, "x"), Context()))

    assert found["Failure analysis"] == (
        "of 3 synthetic images 1 were judged real by all of their raters, 1 by nobody"
    )
    # Rates are 2/3, 2/3, 1/3, 1/3: without one of them 4/9 or 5/9, with all 1/2.
    assert found["Robustness"].startswith(
        "without any one rater the deception rate is 0.44 to 0.56 (all: 0.50)"
    )


def test_practice_and_checks_are_no_answers_of_the_flow():
    rows = rows_of(raters=2)
    rows += [{**rows[0], "image": "p", "practice": "true"}, {**rows[0], "image": "c", "check": "1"}]
    rows += [{**row, "rater": "out", "excluded": "true"} for row in rows_of(raters=1)]

    found = flow.find(study_of(table_from_rows(rows, "x"), Context()))

    assert counts(found.images["real"])["answered"] == 14
    raters = counts(found.raters)
    assert (raters["answered"], raters["analysed"]) == (3, 2)
