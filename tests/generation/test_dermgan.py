"""`dermgan`: what it is told counts, and nothing else; how it is trained; what is recorded."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from benchmarks.controls import found, overlap
from evaluation.importing import plan_import, run_import
from evaluation.models import Image
from evaluation.skin.colour import lab_of, typology_angle
from generation.engine.colour import skin_of_tone
from generation.engine.dermgan.files import load_painting
from generation.engine.dermgan.generator import DermGanGenerator
from generation.engine.dermgan.networks import Shape
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.lesions import mask_of
from generation.engine.registry import BUILT_IN, load_generator
from generation.engine.training.contest import FRAME, ContestStage, coloured, colouring_of
from generation.engine.training.loop import Recipe, train
from generation.engine.training.pixels import LabelledPixels
from generation.models import Batch
from tests.generation.tiny_dermgan import save_tiny_dermgan

SMALL = Shape(2, width=16, widest=16, critic=8)
RECIPE = Recipe(images=8, batch=2, warmup=1, sample_every=16, momentum=0.5, clip=1000.0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return DermGanGenerator("tiny", save_tiny_dermgan(tmp_path_factory.mktemp("w") / "tiny"), "cpu")


@pytest.fixture
def own(monkeypatch, tmp_path):
    for module in ("batches", "training", "dermgan_training"):
        monkeypatch.setattr(f"generation.{module}.OWN_WEIGHTS", tmp_path / "weights")
    for name in ("ours", "next"):  # of an earlier run of the tests
        shutil.rmtree(settings.VAR_DIR / "training" / name, ignore_errors=True)
    return tmp_path / "weights"


def asked(entity="mel", seed=5, **changes):
    return replace(ImageRequest(entity=entity, seed=seed), **changes)


def photographs(n=6):
    """Frames of pale skin with a dark square, its mask beside them; two entities in turn."""
    rng = np.random.default_rng(0)
    pixels = np.full((n, FRAME[1], FRAME[0], 4), (220, 170, 160, 0), np.uint8)
    pixels[:, 37:107, 60:130] = (120, 70, 60, 255)
    pixels[:, 52:92, 75:115, :3] = (180, 120, 110)  # and a pale middle
    pixels[..., :3] += rng.integers(0, 5, (*pixels.shape[:3], 3), np.uint8)
    rows = np.stack([1 + np.arange(n) % 2, *[np.ones(n, int)] * 4], axis=1)
    return LabelledPixels(pixels, rows)


def test_the_colour_of_a_tone_has_its_angle():
    for tone in (-55, -10, 19, 48, 70, 100):
        assert typology_angle(lab_of(skin_of_tone(tone))) == pytest.approx(tone, abs=0.5)


def test_the_same_request_gives_the_same_pixels_in_any_company(tiny):
    lesion = mask_of("0.3,0.3,0.2,0.3", 1, 256)
    requests = [asked("nv", s, tone=20.0) for s in range(17)] + [asked(lesion=lesion)]

    together = tiny.generate(requests)
    backwards = tiny.generate(requests[::-1])[::-1]
    alone = [tiny.generate([requests[k]])[0] for k in (0, 17)]

    assert together[0].shape == (256, 256, 3)
    assert all(np.array_equal(a, b) for a, b in zip(together, backwards, strict=True))
    assert all(np.array_equal(a, together[k]) for a, k in zip(alone, (0, 17), strict=True))


def test_entity_seed_tone_and_lesion_each_change_the_image(tiny):
    lesion = mask_of("0.3,0.3,0.2,0.3", 5, 256)
    wanted = [asked(), asked("nv"), asked(seed=6), asked(tone=10.0), asked(lesion=lesion)]

    assert len({image.tobytes() for image in tiny.generate(wanted)}) == 5


def test_the_lesion_is_where_it_is_asked_for_on_skin_of_the_tone_that_is(tiny):
    for tone, place in ((-20.0, "0.35,0.35,0.3,0.3"), (60.0, "0.6,0.6,0.5,0.2")):
        mask = mask_of(place, 1, 256)

        (image,) = tiny.generate([asked(seed=1, tone=tone, lesion=mask)])

        measured = found(image)
        assert overlap(measured.lesion, mask[::2, ::2]) > 0.85
        assert measured.tone == pytest.approx(tone, abs=8)


def test_another_size_shows_the_same(tiny):
    small, large = (tiny.generate([asked(size=size)])[0] for size in (64, 256))

    shrunk = np.asarray(Picture.fromarray(large).resize((64, 64), Picture.Resampling.LANCZOS))
    assert np.abs(shrunk.astype(int) - small).mean() < 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sex": "female"}, "does not honour sex"),
        ({"prompt": "melanoma"}, "does not honour prompt"),
        ({"tone": 900.0}, "tone is 900 degrees"),
        ({"lesion": np.ones((64, 64), bool)}, "mask has 64 x 64 pixels, the image 256 x 256"),
        ({"lesion": np.zeros((256, 256), bool)}, "the mask is empty"),
    ],
)
def test_what_it_does_not_honour_is_refused(tiny, changes, words):
    with pytest.raises(GenerationError, match=words):
        tiny.generate([asked(**changes)])


def test_weights_that_are_broken_are_told_of(tmp_path):
    folder = save_tiny_dermgan(tmp_path / "own")
    (folder / "painter.safetensors").write_bytes(b"")

    with pytest.raises(GenerationError, match=r"own: holds no complete dermgan"):
        DermGanGenerator("own", folder, "cpu")


class Stopping(ContestStage):
    """A stage that is interrupted, as by Ctrl-C, at its third batch."""

    def example(self, rows, rng, device):
        drawn = getattr(self, "_drawn", 0)
        object.__setattr__(self, "_drawn", drawn + 1)
        if drawn == 2:
            raise KeyboardInterrupt
        return super().example(rows, rng, device)


def test_a_run_that_was_stopped_ends_as_the_run_that_was_not(tmp_path):
    data, left_out = coloured(photographs())
    recipe = replace(RECIPE, sample_every=0)
    whole = train(ContestStage(data, SMALL), recipe, tmp_path / "whole")

    with pytest.raises(KeyboardInterrupt):
        train(Stopping(data, SMALL), recipe, tmp_path / "stopped")
    resumed = train(ContestStage(data, SMALL), recipe, tmp_path / "stopped")

    assert left_out == 0
    for (name, one), other in zip(
        whole.state_dict().items(), resumed.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


def test_the_painter_learns_what_photographs_look_like_and_the_critic_to_tell(tmp_path):
    data, _ = coloured(photographs())
    stage = ContestStage(data, SMALL)
    example = stage.example(np.arange(6), np.random.default_rng(1), torch.device("cpu"))

    contest = train(stage, replace(RECIPE, images=96, learning_rate=1e-3, ema=0.5), tmp_path)

    before = stage.build()
    with torch.no_grad():
        off = [(each.painter(*example[1:]) - example[0]).abs().mean() for each in (before, contest)]
        real, made = (
            contest.critic(image, example[1])[0][-1].mean()
            for image in (example[0], contest.painter(*example[1:]))
        )
    assert off[1] < 0.75 * off[0]
    assert real > made
    assert Picture.open(tmp_path / "dermgan" / "samples-000048.png").height == 4 * 132 + 4


def test_the_namer_learns_entities_from_photographs_alone_and_the_painter_from_it(tmp_path):
    frames = photographs()
    frames.pixels[1::2, 52:92, 75:115, :3] = (40, 30, 90)  # every other one has a blue middle
    data, _ = coloured(frames)
    stage = ContestStage(data, SMALL)
    photograph, mapped, noise = stage.example(
        np.arange(6), np.random.default_rng(1), torch.device("cpu")
    )

    contest = train(stage, replace(RECIPE, images=240, learning_rate=5e-4, ema=0.5), tmp_path)

    def gradients(painted):
        for parameter in contest.parameters():
            parameter.grad, parameter.requires_grad = None, True
        fixed = {name: each.detach() for name, each in contest.critic.named_parameters()}
        contest._naming(photograph, painted, mapped, fixed).backward()
        return [each.grad for each in contest.critic.namer.parameters()]

    wanted = torch.from_numpy(data.data.labels)
    with torch.no_grad():
        named = contest.critic.namer(2 * photograph - 1).argmax(1)
    assert torch.equal(named, wanted)
    black, painted = torch.zeros_like(photograph), contest.painter(mapped, noise)
    for one, other in zip(gradients(black), gradients(painted), strict=True):
        assert torch.equal(one, other)
    assert contest.painter.out.weight.grad.abs().max() > 0


def test_colours_are_those_of_skin_and_lesion_and_odd_images_are_left_out():
    pixels = photographs(4)
    pixels.pixels[0, :40, :, :3] = 2  # corners that the dermatoscope does not show
    pixels.pixels[1, ..., 3] = 255  # no skin

    data, left_out = coloured(pixels)
    colouring = colouring_of(data, ("mel", "nv"))

    assert left_out == 2
    assert data.skins[0] * 255 == pytest.approx([222, 172, 162], abs=3)
    assert np.exp(colouring.lesions["nv"][0]) == pytest.approx([0.55, 0.42, 0.38], abs=0.04)


def with_masks(folder, real_images):
    """Import the real images again, under another name, each with the same mask."""
    place = {"source": str(folder / "images"), "masks": str(folder / "masks")}
    lines = ["image_id,dx"]
    for part in place.values():
        (folder / part.rsplit("/", 1)[1]).mkdir()
    for number, image in enumerate(Image.objects.filter(dataset=real_images).order_by("pk")[:8]):
        picture = Picture.open(image.file).convert("RGB")
        picture.putpixel((0, 0), (number, 0, 0))  # another file, so another image
        picture.save(folder / "images" / f"I{number}.png")
        mask = Picture.new("1", picture.size)
        width, height = picture.size
        mask.paste(1, (width // 3, height // 3, 2 * width // 3, 2 * height // 3))
        mask.save(folder / "masks" / f"I{number}.png")
        lines.append(f"I{number},{'nv' if number % 2 else 'mel'}")
    (folder / "index.csv").write_text("\n".join(lines))
    plan = plan_import(
        **place, metadata=str(folder / "index.csv"), dataset="masked", licence="CC-BY-NC-4.0"
    )
    run_import(plan, **place)


def test_one_is_trained_on_images_with_masks_and_makes_what_is_asked_for(
    real_images, own, tmp_path, capsys
):
    with_masks(tmp_path, real_images)
    run = ["train_generator", "--kind", "dermgan", "--name", "ours", "--images", "2"]
    call_command(*run, "--batch", "2", "--device", "cpu")
    make = ["generate_batch", "--generator", "ours", "--per-entity", "1", "--entity", "mel"]
    call_command(*make, "--tone", "20", "--lesion-size", "0.4,0.2", "--lesion-place", "0.3,0.6")
    call_command(*make, "--lesion", square_mask(tmp_path))

    card = (own / "ours" / "README.md").read_text()
    assert "7 images with lesion masks" in card or "8 images with lesion masks" in card
    assert "28 without a mask" in card
    first, second = Image.objects.filter(origin="synthetic").order_by("pk")
    assert first.recipe["lesion"] == "0.3,0.6,0.4,0.2"
    assert (first.recipe["tone"], first.skin_tone) == (20.0, 20.0)
    assert second.recipe["lesion"].startswith("png:")
    assert (first.generator, first.licence) == ("ours", "CC-BY-NC-4.0")
    assert Batch.objects.first().made_with["trained_on"] == ["masked"]
    again = [
        DermGanGenerator("ours", own / "ours", "cpu").generate(
            [asked(seed=each.recipe["seed"], tone=each.recipe.get("tone"), lesion=shape)]
        )[0]
        for each in (first, second)
        for shape in [mask_of(each.recipe["lesion"], each.recipe["seed"], 256)]
    ]
    for image, pixels in zip((first, second), again, strict=True):
        assert np.array_equal(np.asarray(Picture.open(image.file)), pixels)


def square_mask(folder):
    mask = Picture.new("1", (200, 200))
    mask.paste(1, (50, 50, 120, 150))
    mask.save(folder / "square.png")
    return str(folder / "square.png")


def test_another_begins_with_the_weights_of_one(real_images, own, tmp_path):
    with_masks(tmp_path, real_images)
    save_tiny_dermgan(own / "ours", ("mel", "nv", "akiec", "bkl", "bcc", "df", "vasc"))

    call_command(
        "train_generator", "--name", "next", "--start-from", "ours", "--images", "2",
        "--batch", "2", "--device", "cpu", "--dataset", "masked",
    )  # fmt: skip

    before, after = (load_painting(own / name, critic=True) for name in ("ours", "next"))
    assert after.shape == before.shape
    assert after.trained_on == ("masked", "none")
    assert after.licence == "CC-BY-NC-4.0 AND CC0-1.0"
    moved = {
        name: (one - other).abs().max().item()
        for (name, one), other in zip(
            before.painter.named_parameters(), after.painter.parameters(), strict=True
        )
    }
    assert 0 < max(moved.values()) < 0.001, moved


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fine-images", "5"], "a dermgan has one stage"),
        (["--images", "0"], "leave the only network as it is"),
        ([], r"with a lesion mask to train on .* import some with import_images --masks"),
    ],
)
def test_training_that_cannot_begin_says_why(real_images, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("train_generator", "--kind", "dermgan", *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--lesion-size", "1,2,3"], "--lesion-size 1,2,3: write it as a share"),
        (["--lesion-place", "0.5"], "--lesion-place 0.5: write it as X,Y"),
        (["--lesion-size", "3"], "the lesion's size, 3 x 3, is not between"),
        (["--lesion", "none.png"], "none.png: cannot be read"),
        (["--steps", "30"], "paints at once; leave guidance and steps out"),
        (["--sex", "male"], "does not honour sex"),
    ],
)
def test_a_batch_that_cannot_be_made_says_why(db, own, options, words):
    save_tiny_dermgan(own / "tiny")

    with pytest.raises(CommandError, match=words):
        call_command("generate_batch", "--generator", "tiny", "--per-entity", "1", *options)
    assert not Batch.objects.exists()


def test_a_lesion_is_no_wish_for_a_diffusion_model(db):
    with pytest.raises(CommandError, match="does not honour lesion"):
        call_command(
            "generate_batch", "--generator", "dermdiff", "--per-entity", "1", "--lesion-size", "0.4"
        )


def test_the_shipped_weights_do_what_they_are_told():
    shipped = load_generator("dermgan", BUILT_IN, "cpu")
    wanted = [
        asked(entity, seed=4, tone=tone, lesion=mask_of(place, 4, 256))
        for entity in ("mel", "nv", "vasc")
        for tone, place in ((-20.0, "0.4,0.4,0.5,0.4"), (65.0, "0.6,0.55,0.4,0.55"))
    ]

    measured = [found(image) for image in shipped.generate(wanted)]

    assert shipped.entities == ("mel", "nv", "akiec", "bkl", "bcc", "df", "vasc")
    assert "CC-BY-NC-4.0" in shipped.licence
    for request, each in zip(wanted, measured, strict=True):
        assert each.tone == pytest.approx(request.tone, abs=5)
    overlaps = [
        overlap(e.lesion, r.lesion[::2, ::2]) for r, e in zip(wanted, measured, strict=True)
    ]
    assert np.median(overlaps) > 0.6
