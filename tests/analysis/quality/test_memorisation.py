"""Copies are found, other cameras are not taken for copies, and the page says which it was."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.quality.assess import Task, assess
from analysis.quality.memorisation import memorisation
from analysis.quality.page import contents
from analysis.report.cells import printed
from tests.analysis.quality.test_assess import DOMAIN, ENTITIES, images

#: Each entity's; synthetic, learnt from, held out.
N = (110, 240, 200)


def three(copied=0.0, shift=0.0):
    """Return sets of one distribution, but for copies and for the shift of what was held out."""
    synthetic, learnt = images(N[0], seed=1), images(N[1], seed=2)
    held_out = images(N[2], shift=shift, seed=3)
    rng = np.random.default_rng(4)
    for entity in ENTITIES:
        own, seen = (np.flatnonzero(each.entity == entity) for each in (synthetic, learnt))
        some = rng.choice(own, round(copied * len(own)), replace=False)
        near = learnt.features["domain"][rng.choice(seen, len(some), replace=False)]
        synthetic.features["domain"][some] = near + rng.normal(0, 0.2, near.shape)
    return synthetic, learnt, held_out


def of_all(sets):
    return memorisation(*sets, (DOMAIN,), ENTITIES)[0]


def test_copies_of_a_third_are_found_by_their_nearest_photograph():
    found = of_all(three(copied=0.35))

    assert found.image_warning
    assert found.nearest_excess.low > 0
    assert found.nearest.value - found.nearest_floor.value == pytest.approx(
        found.nearest_excess.value
    )


def test_copies_of_a_single_diagnosis_are_found_whatever_the_others_are_like():
    synthetic, learnt, held_out = three(copied=0.6)
    fresh = images(N[0], seed=9)
    nevi = synthetic.entity == "nv"
    synthetic.features["domain"][nevi] = fresh.features["domain"][nevi] * 1.5

    _, mel, nv = memorisation(synthetic, learnt, held_out, (DOMAIN,), ENTITIES)

    assert mel.image_warning
    assert not nv.image_warning


def test_images_of_the_same_distribution_raise_no_warning():
    found = of_all(three())

    assert not found.image_warning
    assert not found.set_warning
    assert found.nearest.value == pytest.approx(240 / 440, abs=0.08)
    assert found.nearest_floor.value == pytest.approx(240 / 440, abs=0.08)


def test_held_out_images_of_another_camera_move_the_set_and_not_the_images():
    found = of_all(three(shift=0.5))

    assert found.set_warning
    assert found.difference.value == pytest.approx(-found.apart.value, rel=0.5)
    assert not found.image_warning
    assert found.nearest.value > 0.65


def test_counts_are_those_of_looking_at_every_distance():
    synthetic, learnt, held_out = (s.features["domain"] for s in three(copied=0.2))
    entity = [np.repeat(ENTITIES, n) for n in N]

    def nearer(row, own, learnt_row=None):
        seen = np.linalg.norm(learnt[entity[1] == own] - row, axis=1)
        if learnt_row is not None:
            seen[seen == 0] = np.inf
        return seen.min() < np.linalg.norm(held_out[entity[2] == own] - row, axis=1).min()

    near = np.mean([nearer(x, e) for x, e in zip(synthetic, entity[0], strict=True)])
    every = np.mean([nearer(x, e, x) for x, e in zip(learnt, entity[1], strict=True)])

    found = of_all(three(copied=0.2))
    assert found.nearest.value == pytest.approx(near)
    assert found.nearest_floor.value == pytest.approx(every, abs=0.08)  # of 110 of 240 each


def test_an_entity_without_held_out_images_counts_in_no_figure():
    synthetic, learnt, held_out = three()
    none_of = replace(held_out, entity=np.where(held_out.entity == "nv", "df", held_out.entity))

    everything, mel, nv = memorisation(synthetic, learnt, none_of, (DOMAIN,), ENTITIES)

    assert printed(nv.difference) == "0 < 50"
    assert printed(nv.nearest) == "0 < 50"
    assert (everything.n, everything.nearest.n) == (mel.n, mel.nearest.n) == (110, 110)


@pytest.fixture(scope="module")
def page():
    def told(**how):
        synthetic, learnt, held_out = three(**how)
        task = Task(*("ours", "r1", "x", "y", 131, (DOMAIN,), (), ENTITIES, "x", False, None, ()))
        return contents(
            assess(
                *(learnt, synthetic, task, ENTITIES),
                held_out=held_out,
                pictures=lambda rows: [b""] * len(rows),
            )
        )

    return told


def test_the_page_warns_of_copies_and_says_what_another_camera_does(page):
    copies, camera, clean = page(copied=0.5), page(shift=0.5), page()

    (warning,) = copies.warnings
    assert "have their nearest photograph in x, by more than the interval (All together" in warning
    assert "Look for copies" in warning
    (warning,) = camera.warnings
    assert "nearer to x, which was learnt from, than to y" in warning
    assert "a generator that copies nothing would lie as much nearer" in warning
    assert clean.warnings == ()
    tables = {table.name: table for table in copies.tables}
    assert [row[0] for row in tables["memorisation_images_domain"].rows][-1] == "All together"
    assert [column.key for column in tables["images"].columns][1:4] == [
        *("synthetic", "real", "held_out")
    ]
