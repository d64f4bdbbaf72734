"""Single checks of the audit, on what they are given."""

import numpy as np
import pytest

from analysis.classifier.detector import held_out_scores
from analysis.leakage.ceiling import telling_features
from analysis.leakage.certificate import certificate, summary
from analysis.leakage.checks import Check, Verdict, corrected, forms_of
from analysis.leakage.order import order
from analysis.leakage.planted import Planted
from analysis.leakage.resemblance import Member, contamination, reidentification, turned
from analysis.leakage.separability import roc_areas
from analysis.leakage.walk import skeleton_of
from evaluation.phantoms import draw_phantom
from evaluation.stimuli import Treatment, render_stimulus

RNG = np.random.default_rng(4)


def square(entity, seed):
    return np.ascontiguousarray(draw_phantom(entity, seed)[:256, :256])


@pytest.mark.parametrize(
    ("sequences", "verdict"),
    [
        ([RNG.permutation([0, 1] * 40) for _ in range(300)], Verdict.HOLDS),
        ([np.repeat([0, 1], 40) for _ in range(300)], Verdict.FAILS),
        ([[0, 1] * 40 for _ in range(300)], Verdict.FAILS),
        ([[0, 0, 1, 1] * 20 for _ in range(300)], Verdict.FAILS),
        ([[1] * 80], Verdict.UNSHOWN),
    ],
    ids=["shuffled", "one after the other", "in turn", "two by two", "one origin"],
)
def test_orders_that_tell_are_found(sequences, verdict):
    assert order([list(each) for each in sequences], bound=False).verdict is verdict


def test_where_rules_bind_the_order_only_the_place_is_tested():
    in_turn = [[k % 2, 1 - k % 2] * 40 for k in range(300)]

    assert order(in_turn, bound=True).verdict is Verdict.HOLDS
    assert order([sorted(each) for each in in_turn], bound=True).verdict is Verdict.FAILS


def test_a_copy_is_found_in_every_orientation():
    real = [Member(f"r{k}", square("nv", k), False, f"l{k}", "") for k in range(6)]
    others = [Member(f"s{k}", square("mel", 50 + k), True, "", "study") for k in range(6)]
    for turn in range(8):
        copied = Member("copy", turned(real[2].pixels, turn), True, "", "study")
        copies = contamination([*real, *others, copied])[0]
        assert (copies.verdict, copies.figures["copies"]) == (Verdict.FAILS, 1)
    assert contamination([*real, *others])[0].verdict is Verdict.HOLDS


def test_a_lesion_or_an_image_that_is_met_twice_is_found():
    one, other = square("bcc", 1), square("bcc", 2)
    members = [Member("a", one, False, "L1", "study"), Member("b", other, False, "L2", "practice")]

    assert contamination(members)[1].verdict is Verdict.HOLDS
    same_lesion = [*members, Member("c", square("bcc", 3), False, "L1", "practice")]
    assert contamination(same_lesion)[1].figures == {"lesions": 1, "pairs": 0}
    same_image = [*members, Member("c", one, True, "", "check")]
    assert contamination(same_image)[1].figures == {"lesions": 0, "pairs": 1}


def test_turned_stimuli_are_harder_to_search_for():
    from io import BytesIO

    from PIL import Image

    from evaluation.design.randomness import SeededStream

    sources = [square("bkl", seed) for seed in range(12)]

    def served(treatment):
        return [
            np.asarray(
                Image.open(
                    BytesIO(render_stimulus(Image.fromarray(each), treatment, SeededStream("t", k)))
                )
            )
            for k, each in enumerate(sources)
        ]

    plain = reidentification(served(Treatment()), sources).figures
    turned_ones = reidentification(served(Treatment(turned=True)), sources).figures

    assert plain["found"] == 12
    assert turned_ones["found"] <= 4


def test_a_networks_held_out_scores_tell_what_it_can_learn_and_nothing_else():
    noise = RNG.integers(0, 255, (120, 96, 96, 3), dtype=np.uint8)
    labels = np.arange(120) % 2
    smooth = noise.copy()
    smooth[labels == 1] = smooth[labels == 1] // 2 + 64

    told, untold = (held_out_scores(images, labels, range(120)) for images in (smooth, noise))

    areas = roc_areas(np.stack([told, untold]), np.stack([labels, labels]))
    assert areas[0] > 0.95
    assert 0.3 < areas[1] < 0.7


def test_the_features_that_tell_come_first():
    labels = np.arange(200) % 2
    features = RNG.normal(size=(200, 5))
    features[:, 3] += 2 * labels

    [first, *others] = telling_features(["a", "b", "c", "d", "e"], features, labels)

    assert (first.feature, first.p < 0.001, first.auc > 0.8) == ("d", True, True)
    assert min(each.p for each in others) > 0.01


def test_a_small_p_among_many_is_excused_and_what_rests_on_no_p_is_not():
    found = [
        Check("a", "", Verdict.FAILS, "", 0.003, True),
        Check("b", "", Verdict.HOLDS, "", 0.4, True),
        Check("c", "", Verdict.HOLDS, "", 0.6, True),
        Check("d", "", Verdict.FAILS, ""),
    ]

    settled = corrected(found)

    assert [check.verdict for check in settled] == [
        *[Verdict.HOLDS] * 3,
        Verdict.FAILS,
    ]
    assert settled[0].p == pytest.approx(0.009)
    assert corrected(found[:1])[0].verdict is Verdict.FAILS


def test_words_hide_in_six_forms():
    forms = forms_of("canary-image-1")

    assert len(forms) == 6
    assert "63616e6172792d696d6167652d31" in forms


def test_the_skeleton_of_a_file_is_all_but_its_pixels():
    one, other = (render_stimulus(_phantom(seed)) for seed in (1, 2))

    assert skeleton_of(one) == skeleton_of(other)
    assert skeleton_of(one + b"\0") != skeleton_of(one)
    assert skeleton_of(b"\xff\xd8\xff") == "no PNG: ffd8ff"


def _phantom(seed):
    from PIL import Image

    return Image.fromarray(square("nv", seed))


@pytest.mark.parametrize(
    ("verdicts", "missed", "passed", "said"),
    [
        ([Verdict.HOLDS, Verdict.REPORTED], False, True, "No leak was found: 1 checks hold"),
        ([Verdict.HOLDS, Verdict.FAILS], False, False, "The blinding leaks: Check 1."),
        ([Verdict.HOLDS, Verdict.UNSHOWN], False, False, "1 of 2 checks could not be shown"),
        ([Verdict.HOLDS, Verdict.HOLDS], True, False, "missed leaks that were planted: an ETag"),
    ],
)
def test_a_certificate_passes_only_if_all_holds_and_all_planted_leaks_are_found(
    verdicts, missed, passed, said
):
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    document = certificate(
        study="pilot",
        software="1",
        begun=now,
        ended=now,
        images=2,
        raters=2,
        checks=[Check(f"c{k}", f"Check {k}", each, "") for k, each in enumerate(verdicts)],
        planted=[Planted("an ETag", "headers", not missed, 0.0005)],
        ceiling=None,
        headers=[],
    )

    assert document["passed"] is passed
    assert document["refused"] is False
    assert said in summary(document)


def test_a_leak_of_our_own_processing_is_refused():
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    sham = Check("sham", "", Verdict.FAILS, "", 0.001, figures={"upper": 0.7})
    facts = {"study": "", "software": "", "begun": now, "ended": now, "images": 0, "raters": 0}
    document = certificate(**facts, checks=[sham], planted=[], ceiling=None, headers=[])

    assert (document["passed"], document["refused"]) == (False, True)
