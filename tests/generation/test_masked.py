"""Masked generation: what is kept is kept, and nothing else of a photograph has any influence."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.phantoms import draw_phantom
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.dermgan.generator import DermGanGenerator
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.masked import Masked, colour_around, complete
from generation.engine.pipeline import PipelineGenerator
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import BUILT_IN, load_generator
from tests.generation.tiny_cascade import save_tiny_cascade
from tests.generation.tiny_dermgan import save_tiny_dermgan
from tests.generation.tiny_pipeline import SIZE, save_tiny_inpainting, save_tiny_pipeline

PHOTOGRAPHS = {"mel": (0, 0, 288, 384), "nv": (0, 90, 150, 240), "bcc": (20, 60, 263, 181)}


@pytest.fixture(scope="module")
def dermdiff():
    return load_generator("dermdiff", BUILT_IN, "cpu", compute_batch=2)


@pytest.fixture(scope="module")
def cascade(tmp_path_factory):
    folder = save_tiny_cascade(tmp_path_factory.mktemp("tiny") / "cascade", tuple(PHOTOGRAPHS))
    return CascadeGenerator("tiny", folder, "cpu", compute_batch=3)


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    folder = save_tiny_dermgan(tmp_path_factory.mktemp("tiny") / "painter", tuple(PHOTOGRAPHS))
    return DermGanGenerator("shaped", folder, "cpu", compute_batch=3)


def disc(shape, share=0.3, at=(0.5, 0.5)):
    """A disc, its radius a share of the shorter side."""
    rows, columns = np.indices(shape)
    y, x = at[0] * shape[0], at[1] * shape[1]
    return np.hypot(rows - y, columns - x) <= share * min(shape)


def tasks(size=256, skin=True, **asked):
    """Three photographs of other sizes, and masks at other places, one at the edge."""
    made = []
    places = ((0.5, 0.5), (0.4, 0.6), (0.0, 0.3))
    for seed, ((entity, cut), at) in enumerate(zip(PHOTOGRAPHS.items(), places, strict=True)):
        top, left, high, wide = cut
        photograph = draw_phantom(entity, seed)[top : top + high, left : left + wide]
        lesion = disc(photograph.shape[:2], at=at)
        keep = lesion if skin else ~lesion
        request = ImageRequest(
            entity=entity, seed=seed, size=size, **{"steps": 3, "guidance": 1.0, **asked}
        )
        made.append(Masked(photograph, keep, (200, 150, 140), request, skin))
    return made


def elsewhere(task, rng):
    """The same task on a photograph that shows noise where nothing is kept."""
    noise = rng.integers(0, 256, task.photograph.shape, np.uint8)
    photograph = np.where(task.keep[..., None], task.photograph, noise)
    return replace(task, photograph=photograph)


@pytest.mark.parametrize("which", ["cascade", "painter"])
@pytest.mark.parametrize("skin", [True, False], ids=["around a lesion", "inside a mask"])
def test_what_is_not_kept_has_no_influence_and_what_is_kept_stays(request, which, skin):
    rng, generator = np.random.default_rng(0), request.getfixturevalue(which)
    wanted = tasks(skin=skin)

    made = complete(generator, wanted)
    others = complete(generator, [elsewhere(task, rng) for task in wanted])

    for task, one, other in zip(wanted, made, others, strict=True):
        assert one.tobytes() == other.tobytes()
        assert one.shape == task.photograph.shape
        assert np.array_equal(one[task.keep], task.photograph[task.keep])
        changed = np.abs(one[~task.keep].astype(int) - task.photograph[~task.keep]).max(-1) > 0
        assert changed.mean() > 0.9


def test_a_painter_of_shapes_is_told_where_the_lesion_is_and_of_which_colour_the_skin(painter):
    around, inside = (
        replace(tasks(skin=skin)[0], ground=ground)
        for skin, ground in ((True, (90, 60, 50)), (False, (200, 150, 140)))
    )

    skin, lesion = complete(painter, [around, inside])

    painted = skin[~around.keep].reshape(-1, 3)
    assert np.abs(np.median(painted, axis=0) - around.ground).max() < 12
    middle = disc(lesion.shape[:2], share=0.15)
    assert np.median(lesion[middle]) < np.median(lesion[~disc(lesion.shape[:2], share=0.4)])


@pytest.mark.parametrize("which", ["cascade", "painter"])
def test_what_is_kept_and_what_is_asked_do_have_influence(request, which):
    (task,), generator = tasks()[:1], request.getfixturevalue(which)
    other_seed = replace(task, request=replace(task.request, seed=9))
    paler = np.where(task.keep[..., None], task.photograph // 2, task.photograph)

    made = complete(generator, [task, other_seed, replace(task, photograph=paler)])

    outside = [image[~task.keep].tobytes() for image in made]
    assert len(set(outside)) == 3


@pytest.mark.parametrize("skin", [True, False], ids=["around a lesion", "inside a mask"])
def test_what_is_shipped_keeps_to_it_and_leaves_no_edge(dermdiff, skin):
    """Across the border of what is kept, colours jump little more than elsewhere."""
    wanted = tasks(skin=skin)[:2]
    wanted = [replace(t, ground=colour_around(t.photograph, t.keep)) for t in wanted]

    made = complete(dermdiff, wanted)
    others = complete(dermdiff, [elsewhere(task, np.random.default_rng(0)) for task in wanted])

    for task, one, other in zip(wanted, made, others, strict=True):
        assert one.tobytes() == other.tobytes()
        assert np.array_equal(one[task.keep], task.photograph[task.keep])
        assert one[~task.keep].std() > 3  # not flat
        pasted = np.where(task.keep[..., None], task.photograph, np.array((90, 90, 160), np.uint8))
        assert _jump(one, task.keep) < 2.5 * _jump(task.photograph, task.keep)
        assert _jump(one, task.keep) < _jump(pasted, task.keep) / 2


def _jump(image, keep):
    across = keep[:, 1:] != keep[:, :-1]
    return np.abs(np.diff(image.astype(float), axis=1))[across].mean()


def test_neighbours_without_a_canvas_are_as_they_are_alone(cascade):
    (task,) = tasks()[:1]
    canvas = np.full((256, 256, 3), 128, np.uint8)
    plain = task.request
    masked = replace(plain, canvas=canvas, keep=disc((256, 256)))

    alone, beside = cascade.generate([plain]), cascade.generate([masked, plain])

    assert np.array_equal(alone[0], beside[1])
    assert not np.array_equal(beside[0], beside[1])


@pytest.mark.parametrize("save", [save_tiny_pipeline, save_tiny_inpainting], ids=["any", "own"])
def test_pipelines_paint_into_photographs_too(save, tmp_path):
    """Those that text alone asks, with their own networks; and those that were made for it."""
    folder = save(tmp_path / "pipeline")
    recipe = PipelineRecipe(source=str(folder), licence="CC0-1.0", size=SIZE, dtype="float32")
    tiny = PipelineGenerator("tiny", recipe, "cpu", compute_batch=3)
    tiny.fit()
    rng = np.random.default_rng(0)
    wanted = tasks(guidance=3.0)

    made = complete(tiny, wanted)
    others = complete(tiny, [elsewhere(task, rng) for task in wanted])

    for task, one, other in zip(wanted, made, others, strict=True):
        assert one.tobytes() == other.tobytes()
        assert np.array_equal(one[task.keep], task.photograph[task.keep])
    if save is save_tiny_inpainting:
        with pytest.raises(GenerationError, match="paints into photographs only"):
            tiny.generate([wanted[0].request])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"keep": None}, "canvas and keep go together"),
        ({"keep": np.zeros((9, 9), bool)}, "make both 256 x 256"),
        ({"canvas": draw_phantom("mel", 0)[:256, :256]}, "shows what is not to be kept"),
    ],
)
def test_a_generator_refuses_a_canvas_that_could_tell(cascade, changes, words):
    given = {"canvas": np.zeros((256, 256, 3), np.uint8), "keep": disc((256, 256))}

    with pytest.raises(GenerationError, match=words):
        cascade.generate([ImageRequest(entity="mel", seed=0, **{**given, **changes})])


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((288, 384), bool), "is empty"),
        (np.ones((288, 384), bool), "is full"),
        (disc((384, 288)), "has 288 x 384 pixels, its photograph 384 x 288"),
    ],
)
def test_masks_that_are_none_are_refused(cascade, mask, words):
    with pytest.raises(GenerationError, match=words):
        complete(cascade, [replace(tasks()[0], keep=mask)])
