"""`run_ablation`: arms share what they can, finish what was stopped, and are compared in pairs."""

import csv
import json
import shutil

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image as PillowImage

from analysis.classifier.ablation.arms import ARMS, arm_data, topping_up
from analysis.classifier.ablation.comparing import Answers, balanced_accuracy, compare
from analysis.classifier.ablation.running import Material, Plan, run_ablation
from analysis.classifier.data import Labelled
from analysis.errors import AnalysisError
from evaluation.entities import ENTITIES
from evaluation.importing import plan_import, run_import
from tests.conftest import square_phantom

TINY = Plan(size=32, steps=4, batch=8, seeds=2, arms=("original", "combined"))


def drawn(counts, seed, side=32):
    """Images that tell their number, so that copies are known."""
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), side, side, 3), np.uint8)
    return Labelled(pixels, labels)


def keys(data):
    return {each.tobytes() for each in data.pixels}


@pytest.fixture
def unseen(db, tmp_path):
    """Import two phantoms an entity as a dataset that no other shares images with."""
    with (tmp_path / "metadata.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image_id", "dx"))
        for entity in ENTITIES:
            for seed in (500, 501):
                name = f"unseen_{entity}_{seed}"
                PillowImage.fromarray(square_phantom(entity, seed)).save(tmp_path / f"{name}.png")
                rows.writerow((name, entity))
    source = str(tmp_path)
    plan = plan_import(
        source=source,
        metadata=str(tmp_path / "metadata.csv"),
        dataset="unseen",
        licence="CC0-1.0",
    )
    return run_import(plan, source=source)


def test_arms_train_on_what_they_say_and_never_on_what_they_are_tested_on():
    original, synthetic = drawn([60, 20, 4], 0), drawn([10, 10, 10], 1)

    arms = {arm: arm_data(arm, original, synthetic, seed=3) for arm in ARMS}

    for data in arms.values():
        assert not keys(data.train) & keys(data.held)
    assert keys(arms["original"].train) <= keys(original)
    assert keys(arms["synthetic"].train) <= keys(synthetic)
    assert keys(arms["combined"].train) == keys(arms["original"].train) | keys(
        arms["synthetic"].train
    )
    assert len(arms["topped_up"].train) == len(arms["oversampled"].train)
    assert np.array_equal(arms["topped_up"].train.labels, arms["oversampled"].train.labels)
    assert keys(arms["topped_up"].train) - keys(original) <= keys(synthetic)
    assert not keys(arms["oversampled"].train) & keys(synthetic)
    assert [arm for arm, data in arms.items() if data.anew] == ["augmented"]
    assert [arm for arm, data in arms.items() if data.evenly] == ["evenly", "combined_evenly"]
    for same, other in (("evenly", "original"), ("combined_evenly", "combined")):
        assert keys(arms[same].train) == keys(arms[other].train)
        assert keys(arms[same].held) == keys(arms[other].held)
    with pytest.raises(AnalysisError, match="use original"):
        arm_data("nothing", original, synthetic, seed=3)


def test_rare_entities_get_what_they_lack_of_the_median_or_all_there_is():
    labels = np.repeat([0, 1, 2, 3], [50, 20, 12, 2])
    available = np.repeat([0, 2, 3], [9, 9, 9])

    assert topping_up(labels, available) == {2: 4, 3: 9}


def test_a_stopped_ablation_goes_on_to_the_answers_of_one_that_was_not(tmp_path):
    material = Material(drawn([12, 8], 0), drawn([6, 6], 1), drawn([5, 5], 2), ("mel", "nv"))

    def stop(arm, seed, done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ablation(material, TINY, tmp_path / "stopped", on_run=stop)
    before = (tmp_path / "stopped" / "original-0.npz").stat().st_mtime_ns
    resumed = run_ablation(material, TINY, tmp_path / "stopped")
    straight = run_ablation(material, TINY, tmp_path / "straight")

    assert (tmp_path / "stopped" / "original-0.npz").stat().st_mtime_ns == before
    assert [(each.arm, each.seed) for each in resumed] == [
        (arm, seed) for arm in TINY.arms for seed in (0, 1)
    ]
    for one, other in zip(resumed, straight, strict=True):
        assert np.array_equal(one.test, other.test)
        assert np.array_equal(one.held, other.held)
    other = Material(drawn([12, 8], 5), material.synthetic, material.test, material.entities)
    with pytest.raises(AnalysisError, match="another --name"):
        run_ablation(other, TINY, tmp_path / "stopped")


def answers(arm, seed, right, labels):
    """A network that is right where it is told, else names the next entity."""
    named = np.where(right, labels, (labels + 1) % 3)
    places = np.arange(10) + seed
    held = np.zeros(10, dtype=int)
    return Answers(
        arm, seed, np.eye(3)[named], labels, np.eye(3)[held], held, places, np.ones(2), np.ones(3)
    )


def test_a_planted_gain_is_found_and_chance_is_not():
    labels = np.repeat([0, 1, 2], [200, 60, 40])
    rng = np.random.default_rng(0)
    given = []
    for seed in range(4):
        base = rng.random(300)
        for arm, share in (
            ("original", 0.5),
            ("combined", 0.5),
            ("augmented", 0.65),
            ("topped_up", 0.6),
            ("oversampled", 0.5),
            ("evenly", 0.6),
            ("combined_evenly", 0.6),
        ):
            luck = rng.random(300) if arm.startswith("combined") else base
            given.append(answers(arm, seed, luck < share, labels))

    found = compare(given, ["a", "b", "c"])

    better, same = found.against["augmented"], found.against["combined"]
    assert better.balanced.value == pytest.approx(0.15, abs=0.04)
    assert better.adjusted_balanced < 0.01 < 0.2 < same.p_balanced
    assert better.balanced.low > 0
    assert better.ensemble_test.p < 0.01
    assert found.arms["original"].balanced.low < 0.5 < found.arms["original"].balanced.high
    assert found.arms["original"].published.value == 1
    gain, none = found.gains["topped_up"], found.gains["combined_evenly"]
    assert gain.balanced.value == pytest.approx(0.1, abs=0.04)
    assert gain.adjusted < 0.01 < 0.2 < none.p <= none.adjusted
    assert (gain.control, none.control) == ("oversampled", "evenly")
    assert found.seeds == 4


def test_balanced_accuracy_counts_entities_alike():
    label, right = np.array([0, 0, 0, 1, 2]), np.array([1, 1, 0, 1, 0])

    assert balanced_accuracy(2.0 * label + right, right > 0) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_an_ablation_is_reported_with_all_arms_and_both_protocols(
    real_images, synthetic_images, unseen
):
    shutil.rmtree(settings.VAR_DIR / "ablation", ignore_errors=True)
    size = ("--size", "32", "--steps", "4", "--batch", "8", "--seeds", "2")
    asked = ("run_ablation", "--dataset", real_images.name, "--generator", "made", *size)

    call_command(*asked, "--test", "unseen")

    folder = settings.VAR_DIR / "ablation" / "ablation" / "report"
    numbers = json.loads((folder / "report.json").read_text())
    found = numbers["findings"]["compared"]
    assert [*found["arms"]] == [*ARMS]
    assert [*found["against"]] == [*ARMS][1:]
    assert [*found["gains"]] == ["topped_up", "combined_evenly"]
    assert sum(found["test_images"].values()) == 14
    for figure in numbers["figures"].values():
        assert all((folder / figure[kind]).exists() for kind in ("svg", "png", "data"))
    page = (folder / "index.html").read_text()
    assert "held out of each arm" in page
    with pytest.raises(CommandError, match="28 of 28 images"):
        call_command(*asked, "--test", real_images.name)
