"""The built-in generator with the weights that are shipped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from generation.engine.cascade.files import WeightsOrigin, load_cascade, save_cascade
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.cascade.networks import build_base, build_upsampler, soften
from generation.engine.contact_sheet import contact_sheet
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.prompts import prompt_of
from generation.engine.registry import (
    BUILT_IN,
    generator_names,
    load_generator,
    vocabulary_of,
)
from generation.engine.vocabulary import Vocabulary
from tests.generation.tiny_cascade import save_tiny_cascade

STEPS = 4
ORIGIN = WeightsOrigin(("clinic",), "CC0-1.0")
TWO = Vocabulary(("mel", "nv"))


@pytest.fixture(scope="module")
def dermdiff():
    return load_generator("dermdiff", BUILT_IN, "cpu")


def request(entity="mel", seed=5, **changes):
    return replace(ImageRequest(entity=entity, seed=seed, steps=STEPS), **changes)


def test_the_same_request_gives_the_same_pixels_in_any_company(dermdiff):
    requests = [request(e, s) for s, e in enumerate(dermdiff.entities)] + [request("nv", 9)] * 3

    together = dermdiff.generate(requests)
    backwards = dermdiff.generate(requests[::-1])[::-1]
    alone = [dermdiff.generate([requests[k]])[0] for k in (0, 6, 9)]

    for one, other in zip(together, backwards, strict=True):
        assert np.array_equal(one, other)
    for k, image in zip((0, 6, 9), alone, strict=True):
        assert np.array_equal(image, together[k])


def test_images_have_the_promised_shape_and_are_neither_flat_nor_noise(dermdiff):
    (image,) = dermdiff.generate([request(steps=14)])

    assert image.shape == (256, 256, 3)
    assert image.dtype == np.uint8
    assert image.std() > 8
    steps = np.abs(np.diff(image.astype(int), axis=1)).mean()
    assert steps < 12  # neighbours are alike, as in no noise


def test_entity_seed_and_guidance_each_change_the_image(dermdiff):
    images = dermdiff.generate([request(), request("vasc"), request(seed=6), request(guidance=4.0)])

    assert len({image.tobytes() for image in images}) == 4


def test_guidance_suits_the_entity_unless_it_is_asked_for(tmp_path):
    save_tiny_cascade(tmp_path / "tiny", guidance={"nv": 4.0})
    tiny = load_generator("tiny", tmp_path, "cpu")
    known = vocabulary_of("tiny", tmp_path)

    assert known == tiny.vocabulary
    assert tiny.settings()["guidance"] == {"mel": 1.5, "nv": 4.0}
    for entity, suited in (("mel", 1.5), ("nv", 4.0)):
        left, said, other = tiny.generate(
            [
                ImageRequest(entity=entity, seed=3, steps=STEPS, guidance=guidance)
                for guidance in (None, suited, 9.0)
            ]
        )
        assert np.array_equal(left, said)
        assert not np.array_equal(left, other)


def test_attributes_change_the_image_and_words_say_the_same(dermdiff):
    told = {"sex": "female", "age": 80.0, "site": "face"}
    words = prompt_of(request(**told))
    plain, attributes, said, other = (
        np.stack(dermdiff.generate([replace(each, seed=s) for s in range(4)])).astype(float)
        for each in (request(), request(**told), request(prompt=words), request("vasc", **told))
    )

    changed = np.abs(attributes - plain).mean()
    assert changed > 0.5
    assert np.abs(said - attributes).mean() < changed
    assert np.abs(said - attributes).mean() < np.abs(other - attributes).mean() / 3


def test_coloured_grain_goes_while_colours_and_grey_lines_stay():
    draw = torch.Generator().manual_seed(1)
    skin = torch.tensor([0.6, 0.2, 0.1]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    grain = 0.1 * torch.randn(1, 3, 64, 64, generator=draw)
    line = torch.zeros(1, 3, 64, 64)
    line[..., 32] = -0.5

    assert torch.allclose(soften(skin), skin, atol=1e-5)
    left = soften(skin + grain) - skin
    tint = left - left.mean(1, keepdim=True)
    assert tint.std() < 0.4 * (grain - grain.mean(1, keepdim=True)).std()
    drawn = soften(skin + line) - skin
    assert drawn[0, :, 32, 32].max() < 0.7 * -0.5  # as deep in every colour
    assert torch.allclose(drawn[0, 0], drawn[0, 2], atol=1e-5)


def test_entities_look_as_they_should(dermdiff):
    """Vascular lesions are redder than nevi; melanomas are darker than dermatofibromas."""
    per_entity = 4
    wanted = [
        request(e, s, steps=12) for e in ("vasc", "nv", "mel", "df") for s in range(per_entity)
    ]
    images = dermdiff.generate(wanted)
    vasc, nv, mel, df = (
        np.stack(images[k : k + per_entity])[:, 64:192, 64:192].reshape(-1, 3).mean(0)
        for k in range(0, 4 * per_entity, per_entity)
    )

    assert vasc[0] - vasc[1] > 0
    assert vasc[2] - vasc[1] > nv[2] - nv[1]  # blue and red, where nevi are brown
    assert mel.sum() < df.sum()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entity": "wart"}, "entity 'wart' is unknown; use one of mel, nv"),
        ({"lesion": np.ones((256, 256), bool)}, "does not honour lesion"),
        ({"prompt": "a mole"}, "the prompt 'a mole' names nv, but mel is asked for"),
        ({"prompt": "melanoma", "sex": "female", "age": 60.0}, "put sex, age into its words"),
        ({"prompt": "melanoma on the moon"}, "word 'moon' is unknown"),
        ({"tone": 20.0}, "does not honour tone"),
        ({"prompt": "melanoma of a man with dark skin"}, "word 'dark' is unknown"),
        ({"prompt": "an image of a woman"}, "names no diagnosis; put one in, such as melanoma"),
        ({"site": "moon"}, "site 'moon' is unknown; use one of abdomen, back"),
        ({"size": 512}, "makes images of 256 px, not 512"),
    ],
)
def test_what_would_be_ignored_is_refused(dermdiff, changes, words):
    with pytest.raises(GenerationError, match=words):
        dermdiff.generate([request(**changes)])


def test_a_device_that_is_not_there_is_an_error_with_the_mend():
    if torch.cuda.is_available():
        word, device = "unknown", "quantum"
    else:
        word, device = "no CUDA device found; run with --device cpu", "cuda"

    with pytest.raises(GenerationError, match=word):
        load_generator("dermdiff", BUILT_IN, device)


def test_an_unknown_generator_is_named_with_those_that_exist(tmp_path):
    with pytest.raises(GenerationError, match="'dermdif' is unknown; there are: dermdiff, dermgan"):
        load_generator("dermdif", tmp_path)


def test_the_shipped_weights_are_small_and_say_where_they_come_from():
    folder = BUILT_IN / "dermdiff"
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    card = (folder / "README.md").read_text()

    assert weights <= 40_000_000
    assert not [path for path in folder.rglob("*") if path.suffix in (".pt", ".bin", ".ckpt")]
    for word in ("HAM10000", "CC BY-NC 4.0", "held out", "non-commercial"):
        assert word in card


def test_a_generator_of_ones_own_goes_before_a_built_in_one_and_has_another_revision(
    tmp_path, dermdiff
):
    torch.manual_seed(0)
    save_cascade(tmp_path / "dermdiff", build_base(TWO), build_upsampler(), "card", ORIGIN)

    own = load_generator("dermdiff", tmp_path, "cpu")

    assert own.entities == ("mel", "nv")
    assert own.revision != dermdiff.revision
    assert generator_names(tmp_path) == ["dermdiff", "dermgan"]


def test_weights_come_back_as_they_were_saved_to_half_precision(tmp_path):
    base = build_base(TWO)
    save_cascade(tmp_path / "own", base, build_upsampler(), "card", ORIGIN)

    loaded, _ = load_cascade(tmp_path / "own")

    for saved, read in zip(base.parameters(), loaded.parameters(), strict=True):
        assert torch.equal(saved.detach().half().float(), read)


def test_weights_that_were_loaded_and_saved_tell_nothing_of_where_they_lay(tmp_path):
    save_cascade(tmp_path / "own", build_base(TWO), build_upsampler(), "card", ORIGIN)
    base, upsampler = load_cascade(tmp_path / "own")

    save_cascade(tmp_path / "next", base, upsampler, "card", ORIGIN)

    for path in (tmp_path / "next").rglob("*.json"):
        assert str(tmp_path) not in path.read_text()


@pytest.mark.parametrize("missing", ["cascade.json", "base/config.json", "conditions", "upsampler"])
def test_a_directory_with_a_part_missing_is_an_error_with_the_mend(tmp_path, missing):
    save_cascade(tmp_path / "own", build_base(TWO), build_upsampler(), "card", ORIGIN)
    (tmp_path / "own" / missing).rename(tmp_path / "gone")

    with pytest.raises(GenerationError, match="holds no complete cascade"):
        CascadeGenerator("own", tmp_path / "own", "cpu")


def test_a_contact_sheet_holds_every_image_on_grey():
    white, black = (np.full((8, 8, 3), value, np.uint8) for value in (255, 0))

    sheet = np.asarray(contact_sheet([[white, black], [black]], gap=2))

    assert sheet.shape == (22, 22, 3)
    assert (sheet[2:10, 2:10] == 255).all()
    assert (sheet[12:20, 12:20] == 128).all()
