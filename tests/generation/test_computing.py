"""What holds however images are computed: company, dtype, compiler, memory, broken files."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from django.conf import settings

from generation.batches import generator_for, plan_batch, run_batch
from generation.engine import devices
from generation.engine.cascade import generator as module
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.devices import choose_device, out_of_memory
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.pipeline import PipelineGenerator
from generation.engine.recipe import PipelineRecipe
from tests.generation.tiny_cascade import save_tiny_cascade
from tests.generation.tiny_pipeline import SIZE, save_tiny_pipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_cascade(tmp_path_factory.mktemp("tiny") / "cascade")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = save_tiny_pipeline(tmp_path_factory.mktemp("tiny") / "pipeline", blocks=1)
    return PipelineRecipe(str(folder), "CC0-1.0", size=SIZE, dtype="float32")


@pytest.fixture
def tiny(folder):
    return CascadeGenerator("tiny", folder, "cpu")


def request(entity="mel", seed=5, **changes):
    return replace(ImageRequest(entity=entity, seed=seed, steps=2), **changes)


def apart(one, other):
    """The largest difference of two lists of images, in levels of 255."""
    return int(np.abs(np.stack(one).astype(int) - np.stack(other)).max())


@pytest.fixture(params=["native", torch.float32, torch.bfloat16], ids=str)
def dtype(request, monkeypatch):
    if request.param != "native":
        compute_in(request.param, monkeypatch)


def compute_in(dtype, monkeypatch):
    for place in (devices, module):
        monkeypatch.setattr(place, "compute_dtype", lambda _: dtype)


@pytest.mark.usefixtures("dtype")
def test_eight_requests_give_the_same_bytes_together_alone_reversed_and_resumed(tiny):
    wanted = [request(("mel", "nv")[seed % 2], seed, age=10.0 * seed) for seed in range(8)]
    together = tiny.generate(wanted)

    assert apart(together, [tiny.generate([each])[0] for each in wanted]) == 0
    assert apart(together, tiny.generate(wanted[::-1])[::-1]) == 0
    assert apart(together, tiny.generate(wanted[:3]) + tiny.generate(wanted[3:])) == 0


@pytest.mark.parametrize("kind", ["cascade", "pipeline"])
def test_threads_that_ask_at_once_get_what_each_asked_for(kind, tiny, pipeline):
    if kind == "pipeline":
        tiny = PipelineGenerator("tiny", pipeline, "cpu", 2)
    size = 256 if kind == "cascade" else SIZE
    entities = tiny.entities[:2]
    wanted = [
        [request(entities[k % 2], seed, size=size, age=10.0 * k) for seed in (k, k + 50)]
        for k in range(6)
    ]

    inside, most = [], []

    def enter(*_):
        inside.append(0)
        time.sleep(0.005)  # long enough for another to come in, if it may
        most.append(len(inside))

    def leave(*_):
        inside.pop()

    network = tiny._base if kind == "cascade" else tiny._pipeline.unet
    network.register_forward_pre_hook(enter)
    network.register_forward_hook(leave)

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(tiny.generate, wanted))

    assert set(most) == {1}
    assert all(apart(tiny.generate(w), t) == 0 for w, t in zip(wanted, together, strict=True))


def test_what_is_kept_of_a_canvas_comes_back_as_it_was(tiny):
    keep = np.zeros((256, 256), bool)
    keep[60:180, 90:200] = True
    canvas = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    canvas[~keep] = 128

    image = tiny.generate([request(canvas=canvas, keep=keep)])[0]

    assert np.abs(image.astype(int) - canvas)[keep].max() <= 1
    assert image[~keep].std() > 1


def test_every_dtype_begins_from_the_same_noise(folder, monkeypatch):
    begun = []
    for dtype in (torch.float32, torch.bfloat16):
        compute_in(dtype, monkeypatch)
        generator, seen = CascadeGenerator("tiny", folder, "cpu"), []
        for network in (generator._base, generator._upsampler):
            network.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]))
        generator.generate([request()])
        fine = next(sample for sample in seen if sample.shape[1] == 96)[:, :48]
        begun.append((seen[0], fine))

    for one, other in zip(*begun, strict=True):
        assert one.dtype is other.dtype is torch.float32
        assert torch.equal(one, other)


def test_the_entity_changes_the_image_and_nothing_else_does(tiny):
    image, same, other = (tiny.generate([request(e)])[0] for e in ("mel", "mel", "nv"))

    assert np.array_equal(image, same)
    assert not np.array_equal(image, other)


@pytest.mark.parametrize("kind", ["cascade", "pipeline"])
def test_compiled_networks_paint_what_eager_ones_paint(kind, folder, pipeline, monkeypatch):
    """In float32: random weights, unlike trained ones, enlarge bfloat16's rounding to 8 levels."""
    compute_in(torch.float32, monkeypatch)

    def loaded(compiled):
        if kind == "cascade":
            return CascadeGenerator("tiny", folder, "cpu", 2, compiled)
        return PipelineGenerator("tiny", pipeline, "cpu", 2, compiled)

    eager, compiled = loaded(False), loaded(True)
    size = 256 if kind == "cascade" else SIZE
    wanted = [request(seed=seed, size=size) for seed in range(3)]
    compiled.fit()

    assert apart(eager.generate(wanted), compiled.generate(wanted)) <= 2
    assert compiled.revision != eager.revision
    assert compiled.settings()["compiled"]


def test_a_missing_compiler_is_an_error_with_the_mend(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    torch.compiler.reset()

    with pytest.raises(GenerationError, match=r"cannot be compiled .*install a C\+\+ compiler"):
        CascadeGenerator("tiny", folder, "cpu", 3, compiled=True).fit()


def with_memory_for(images, generator):
    """Let a network fail as PyTorch does where memory runs out, beyond so many images."""

    def full(_, given):
        if len(given[0]) > images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    generator._upsampler.register_forward_pre_hook(full)
    return generator


def test_the_compute_batch_is_halved_until_it_fits_and_is_part_of_the_revision(tiny, caplog):
    revision = tiny.revision

    with_memory_for(3, tiny).fit()

    assert tiny.compute_batch == 2
    assert tiny.settings()["compute_batch"] == 2
    assert tiny.revision != revision
    assert "ran out of memory with 8 images at once; goes on with 4" in caplog.text
    assert len(tiny.generate([request(seed=seed) for seed in range(3)])) == 3


def test_memory_that_runs_out_later_is_an_error_with_the_mend(tiny):
    with pytest.raises(GenerationError, match=r"with 8 images at once; .* --compute-batch 4 and"):
        with_memory_for(3, tiny).generate([request()])


def test_what_does_not_fit_at_all_is_said(tiny):
    with pytest.raises(GenerationError, match="needs more memory than cpu has for one image"):
        with_memory_for(0, tiny).fit()


LIMITED = """
import resource, sys
from pathlib import Path
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.generator import GenerationError, ImageRequest
import torch
torch.set_num_threads(1)
generator = CascadeGenerator("tiny", Path(sys.argv[1]), "cpu", 4)
request = ImageRequest(entity="mel", seed=5, steps=2)
generator.generate([request])  # loads what is loaded once
used = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
generator.compute_batch = 128
limit = used + 250_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
try:
    generator.generate([request])
except GenerationError as problem:
    print(problem)
generator.fit()
# How the allocator cuts up what is left is chance: not what is tested.
resource.setrlimit(resource.RLIMIT_AS, (limit + 100_000_000, resource.RLIM_INFINITY))
print(generator.compute_batch, len(generator.generate([request])))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
def test_a_real_limit_of_memory_halves_the_compute_batch(folder):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    problem, fitted = done.stdout.splitlines()
    assert "ran out of memory with 128 images at once; free some" in problem
    batch, images = map(int, fitted.split())
    assert 1 <= batch < 128
    assert images == 1
    assert "'tiny' ran out of memory with 128 images at once; goes on with 64" in done.stderr


def test_only_what_says_so_is_out_of_memory():
    allocator = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"

    assert out_of_memory(RuntimeError(allocator))
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried to"))
    assert out_of_memory(RuntimeError("could not create a primitive"))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not out_of_memory(RuntimeError("could not create a primitive descriptor for a matmul"))
    assert not out_of_memory(ValueError("out of memory"))


@pytest.fixture
def batch(db, folder, monkeypatch):
    monkeypatch.setattr("generation.batches.OWN_WEIGHTS", folder.parent)
    return plan_batch(generator="cascade", per_entity=2, seed=1, steps=4)


def test_a_batch_is_gone_on_with_as_it_was_begun(batch):
    generator = generator_for(batch, compute_batch=2)
    assert (batch.compute_batch, batch.compiled) == (2, False)
    assert batch.revision == generator.revision

    again = generator_for(batch)

    assert again.compute_batch == 2
    assert again.revision == generator.revision
    assert run_batch(batch, again) == 4


@pytest.mark.parametrize("other", [{"compute_batch": 3}, {"compute_batch": 0}, {"compiled": True}])
def test_a_batch_is_not_gone_on_with_in_another_way(batch, other):
    generator_for(batch, compute_batch=2)

    with pytest.raises(GenerationError, match="begun with 2 images at once, not compiled, which"):
        generator_for(batch, **other)


def test_a_batch_that_another_process_began_meanwhile_is_left_to_it(batch):
    generator_for(type(batch).objects.get(), compute_batch=2)

    with pytest.raises(GenerationError, match=r"begun with 2 images .* go on with --resume"):
        generator_for(batch, compute_batch=4)


def test_a_compute_batch_that_makes_no_sense_is_refused(batch):
    with pytest.raises(GenerationError, match="compute batch is 0; use at least 1"):
        generator_for(batch, compute_batch=0)


@pytest.mark.parametrize("name", ["mps", "meta", "quantum", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(GenerationError, match=r"is unknown; use auto|no CUDA device"):
        choose_device(name)


WEIGHTS = "diffusion_pytorch_model.safetensors"


def half_a_file(part):
    whole = (part / WEIGHTS).read_bytes()
    (part / WEIGHTS).write_bytes(whole[: len(whole) // 2])


def other_shapes(part):
    config = part / "config.json"
    text = config.read_text()
    config.write_text(text.replace('"layers_per_block": 1', '"layers_per_block": 2'))


def pickled(part):
    (part / WEIGHTS).unlink()
    torch.save({}, part / "diffusion_pytorch_model.bin")


HARM = {
    "no weights": (lambda part: (part / WEIGHTS).unlink(), "holds no complete cascade"),
    "text": (lambda part: (part / WEIGHTS).write_text("no weights"), "holds no complete cascade"),
    "half a file": (half_a_file, "holds no complete cascade"),
    "empty": (lambda part: (part / WEIGHTS).write_bytes(b""), "holds no complete cascade"),
    "pickles": (pickled, "pickled weights can run code and are not read"),
    "no JSON": (lambda part: (part / "config.json").write_text("{"), "holds no complete cascade"),
    "other shapes": (other_shapes, "holds no complete cascade"),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_wrong_with_the_weights_of_a_cascade_is_said(tmp_path, harm):
    folder = save_tiny_cascade(tmp_path / "own")
    spoil, said = HARM[harm]
    spoil(folder / "upsampler")

    with pytest.raises(GenerationError, match=said):
        CascadeGenerator("own", folder, "cpu")


def test_a_directory_of_something_else_is_no_cascade(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")

    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "notes.txt"):
        with pytest.raises(GenerationError, match="holds no complete cascade"):
            CascadeGenerator("own", place, "cpu")


@pytest.mark.parametrize("value", [torch.nan, -1e9], ids=["no number", "black"])
def test_an_image_that_is_none_is_an_error_with_the_mend(tiny, value):
    with torch.no_grad():
        tiny._upsampler.conv_out.weight.zero_()
        tiny._upsampler.conv_out.bias.fill_(value)

    with pytest.raises(GenerationError, match=r"made no image of mel from seed 5: .* train it"):
        tiny.generate([request()])
