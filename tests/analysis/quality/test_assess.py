"""A whole assessment of sets whose difference is known, and the page that tells it."""

import re

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.quality.assess import Task, assess
from analysis.quality.distances import frechet
from analysis.quality.page import contents
from analysis.quality.sets import About, ImageSet
from analysis.report.cells import printed
from analysis.results import Estimate

ENTITIES = ("mel", "nv")
DOMAIN = About("domain", "entity classifier of x", "ab" * 32, 6, 2, domain=True)
KERAS = About("keras", "Inception-v3 of Keras", "ef" * 32, 3)
CLIP = About("clip", "CLIP (small)", "12" * 32, 4)
INCEPTION = About("inception", "Inception-v3 of 2015", "cd" * 32, 4, 5)


def images(n, *, shift=0.0, tone=50.0, seed=0):
    """Return n images of each entity, classified rightly by `right` of them."""
    rng = np.random.default_rng(seed)
    entity = np.repeat(ENTITIES, n)
    truth = np.repeat([0, 1], n)
    sure = np.where(rng.random(2 * n) < 0.8, 0.9, 0.2)
    chances = np.where(truth[:, None] == [0, 1], sure[:, None], 1 - sure[:, None])
    traits = rng.normal(size=(2 * n, 6)) * [10, 0.1, 5, 5, 5, 5] + [tone, 0.5, 50, 20, 10, 20]
    return ImageSet(
        np.array([f"{seed}-{k}" for k in range(2 * n)]),
        entity,
        {
            "domain": rng.normal(shift, 1, (2 * n, 6)),
            "inception": rng.normal(shift, 1, (2 * n, 4)),
            "clip": rng.normal(1 + shift, 1, (2 * n, 4)),
            "keras": rng.gamma(1 + shift, 1, (2 * n, 3)),
        },
        {"domain": chances, "inception": rng.dirichlet(np.ones(5), 2 * n)},
        traits,
        rng.uniform(20, 80, 2 * n),
        rng.choice(["female", "male"], 2 * n),
        np.full(2 * n, ""),
        lambda rows: rng.integers(0, 256, (len(rows), 16, 16, 3)).astype(np.uint8),
    )


def assessed(synthetic, n=240):
    task = Task(
        *(
            "ours",
            "r1",
            "x",
            "",
            131,
            (DOMAIN, INCEPTION, CLIP),
            (),
            ENTITIES,
            "x",
            True,
            KERAS,
            (),
        ),
    )
    return assess(
        images(n, seed=1), synthetic, task, ENTITIES, pictures=lambda rows: [b""] * len(rows)
    )


@pytest.fixture(scope="module")
def shifted():
    return assessed(images(110, shift=0.6, tone=75.0, seed=2))


@pytest.fixture(scope="module")
def page(shifted):
    return contents(shifted)


def figure(quality, measure, extractor="domain", entity=""):
    return next(
        one
        for one in quality.sets
        if (one.measure, one.extractor, one.entity) == (measure, extractor, entity)
    )


def test_what_is_far_lies_above_its_floor_and_what_is_alike_does_not(shifted, page):
    alike = assessed(images(110, seed=3))

    for quality, far in ((shifted, True), (alike, False)):
        for extractor in ("domain", "inception"):
            kid = figure(quality, "kid", extractor)
            assert (kid.value.low > kid.floor.high) is far
            assert kid.n == kid.value.n == kid.floor.n == 220
    assert "differ from real ones by more" in page.headline
    assert "cannot be told from real ones" in contents(alike).headline
    assert figure(alike, "coverage").value.value > 0.8


def test_only_figures_with_enough_images_are_told(shifted, page):
    assert isinstance(figure(shifted, "fid").value, Estimate)
    assert figure(shifted, "fid", "inception").value.reason == "n too small: 220 < 500"
    assert figure(shifted, "inception_score", "inception").value.short == "220 < 500"
    assert isinstance(figure(shifted, "kid", entity="nv").value, Estimate)
    assert figure(shifted, "inception_score", "inception", "nv").value.short == "not informative"
    assert figure(shifted, "mind").value.short == "220 < 500"
    tables = {table.name: table for table in page.tables}
    assert "220 < 500" in [printed(cell) for cell in tables["kid_inception"].rows[-1]]


def test_every_distance_stands_beside_its_floor_and_its_ratio_to_that(shifted, page):
    tables = {table.name: table for table in page.tables}
    heads = {name: [c.key for c in table.columns] for name, table in tables.items()}

    for name, shown in (
        ("kid_domain", ("kid", "mind")),
        ("fid_domain", ("fid", "fid_infinity")),
        ("cmmd_clip", ("cmmd",)),
    ):
        wanted = [f"{measure}{end}" for measure in shown for end in ("", "_floor", "_ratio")]
        assert heads[name][2:] == wanted
    cmmd = figure(shifted, "cmmd", "clip")
    assert cmmd.ratio == pytest.approx(cmmd.value.value / cmmd.floor.high)
    coverage = figure(shifted, "coverage")
    assert coverage.ratio == pytest.approx(coverage.value.value / coverage.floor.value)
    assert not any(one.measure == "cmmd" for one in shifted.sets if one.extractor != "clip")
    assert all("SHA-256" in tables[f"{kind}_clip"].title for kind in ("kid", "cmmd", "fid"))


def test_the_published_table_is_computed_as_published_beside_what_is_right(shifted, page):
    mel, nv, mean = shifted.published
    pairs = {one.entity: one for one in shifted.pairs if one.kind == "random"}
    features = images(110, shift=0.6, tone=75.0, seed=2).features["keras"][:110]
    real = images(240, seed=1).features["keras"][:240]
    share = features / features.sum(1, keepdims=True)
    divergence = (share * np.log(share / share.mean(0))).sum(1).mean()

    assert mel.psnr.value - pairs["mel"].psnr.value == pytest.approx(48.1308, abs=1e-4)
    assert (mel.mse.value, mel.ssim.value) == (pairs["mel"].mse.value, pairs["mel"].ssim.value)
    assert (mel.synthetic, mel.real) == (110, 240)
    assert mel.fid.value == pytest.approx(frechet(real, features))
    assert mel.score.value == pytest.approx(np.exp(divergence))
    for figure in ("ssim", "psnr", "mse", "fid", "score"):
        both = [getattr(row, figure).value for row in (mel, nv)]
        assert getattr(mean, figure).value == pytest.approx(np.mean(both))
        assert getattr(mean, figure).low is None
    tables = {table.name: table for table in page.tables}
    assert [row[0] for row in tables["published"].rows][-1] == "Plain mean"
    heads = [column.title for column in tables["published_instead"].columns]
    assert heads[1:3] == ["PSNR (dB)", "FID, Inception-v3 of 2015"]


def test_agreement_is_counted_by_entity_with_the_difference(shifted):
    right = {
        one.entity: one.synthetic.value * one.synthetic.n for one in shifted.faithfulness.agreement
    }

    assert right[""] == pytest.approx(right["mel"] + right["nv"])
    overall = shifted.faithfulness.agreement[0]
    assert overall.difference.value == pytest.approx(overall.synthetic.value - overall.real.value)
    mean, entities = shifted.faithfulness.mean, shifted.faithfulness.agreement[1:]
    assert mean.real.value == pytest.approx(np.mean([one.real.value for one in entities]))
    assert mean.difference.value == pytest.approx(mean.synthetic.value - mean.real.value)
    assert shifted.faithfulness.confusion["synthetic"].n == 220
    assert len(shifted.faithfulness.hardest) == 12


def test_the_bias_that_a_user_would_import_is_said_in_words(shifted, page):
    section = next(one for one in page.sections if one.key == "diversity")
    bias, caveat = section.blocks[0].text

    assert re.search(r"imports a bias: skin is lighter \(median 7\d° against (49|50|51)°\)\.", bias)
    assert bias.endswith("Nothing can be said of body site.")
    assert "no skin type" in caveat
    tone = next(o for o in shifted.diversity.quantities if o.quantity.key == "tone")
    assert tone.distance.value == pytest.approx(25, abs=4)
    assert tone.floor.value < 4


def test_sets_without_a_common_entity_are_refused():
    task = Task(*("ours", "", "x", "", 131, (DOMAIN,), (), ENTITIES, "x", True, KERAS, ()))
    real, synthetic = images(5), images(5)
    only = ImageSet(
        **{
            **vars(synthetic),
            "entity": np.full(10, "df"),
        }
    )

    with pytest.raises(AnalysisError, match="real images of mel, nv and generator 'ours' images"):
        assess(real, only, task, (*ENTITIES, "df"), pictures=lambda rows: [])
