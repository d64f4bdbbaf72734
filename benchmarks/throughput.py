"""How near the machine's limit images are made: `python -m benchmarks.throughput [NAME|sd]`.

`--device cpu|cuda`, `--images N`, `--steps K`, `--compiled`. A generator, or `sd`: a pipeline as
large as Stable Diffusion 1.5 with random weights. In one run: images a second, made as
`generate_batch` has them made, beside (a) the same networks in a loop as pipelines of diffusers run
it, eager, in the same batches, dtype and steps, guided at every step, and (b) the same loop in
float32, an image at a time; the share of the time that is spent in networks; the rate of arithmetic
beside that of a large product of matrices; peak memory. All images are guided.
Limits hold on a GPU alone.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.large_pipeline import SIZE
from benchmarks.product import ROOT, machine
from generation.engine.cascade.generator import (
    COARSE_NOISE,
    FINE_TIMES,
    CascadeGenerator,
)
from generation.engine.cascade.networks import (
    BASE_FOLD,
    BASE_SIZE,
    FINE_FOLD,
    FINE_SIZE,
    add_noise_level,
    enlarge,
    fold,
    solver,
    times_of,
    unfold,
)
from generation.engine.generator import ImageRequest
from generation.engine.making import InThread
from generation.engine.pipeline import PipelineGenerator
from generation.engine.prompts import prompt_of
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import load_generator

LIMIT_BATCHED, LIMIT_ALONE, LIMIT_SHARE = 1.5, 10.0, 0.85
GUIDANCE = 3.0

Made = Callable[[Sequence[ImageRequest]], object]


class Timed:
    """Stands for a network and adds up the seconds that its calls take."""

    def __init__(self, network: Any, seconds: list[float]) -> None:
        """Wrap it; `seconds` is shared by the networks of a generator."""
        self._network, self._seconds = network, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the network and wait until it is done."""
        _wait()
        begun = time.perf_counter()
        made = self._network(*given, **named)
        _wait()
        self._seconds.append(time.perf_counter() - begun)
        return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and on a GPU fail if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="dermdiff", metavar="NAME|sd")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--images", type=int, help="of ours (default: four compute batches)")
    parser.add_argument("--steps", type=int, help="(default: of a batch; for sd on the CPU 2)")
    parser.add_argument("--compiled", action="store_true")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        generator = _generator(options.name, options.device, options.compiled, Path(folder))
        return _measure(generator, options.name, options.images, options.steps)


def _generator(
    name: str, device: str, compiled: bool, folder: Path
) -> CascadeGenerator | PipelineGenerator:
    if name == "sd":
        # In a process of its own, whose memory is not counted.
        subprocess.run(
            [sys.executable, "-m", "benchmarks.large_pipeline", folder / name], check=True
        )
        recipe = PipelineRecipe(str(folder / name), "CC0-1.0", size=SIZE)
        small = 1 if device == "cpu" or not torch.cuda.is_available() else None
        generator: Any = PipelineGenerator(name, recipe, device, small, compiled)
    else:
        generator = load_generator(name, ROOT / "var" / "weights", device, compiled=compiled)
    generator.fit()
    return generator


def _measure(
    generator: CascadeGenerator | PipelineGenerator,
    name: str,
    images: int | None,
    steps: int | None,
) -> int:
    on_gpu = generator.device.type == "cuda"
    count = images or 4 * generator.compute_batch
    known = generator.vocabulary
    steps = steps or (2 if name == "sd" and not on_gpu else known.steps)
    size = SIZE if name == "sd" else FINE_SIZE
    entities = generator.entities
    requests = [
        ImageRequest(entities[k % len(entities)], k, size=size, guidance=GUIDANCE, steps=steps)
        for k in range(count)
    ]
    batch = generator.compute_batch
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    ours = _rate(_in_calls(generator), requests, batch)
    memory = _peak(on_gpu)
    batched = _rate(_peer(generator, None), requests[:batch], batch)
    alone = _rate(_peer(generator, torch.float32), requests[:1], 1)
    with FlopCounterMode(display=False) as counter, torch.compiler.set_stance("force_eager"):
        generator.generate(requests[:batch])
    work = counter.get_total_flops() / batch
    dtype = getattr(torch, str(generator.settings()["dtype"]))
    possible = _matmul_rate(generator.device, dtype)
    share = _share(generator, requests)

    device = torch.cuda.get_device_name() if on_gpu else machine()
    print(f"{name} {generator.revision}, {count} images of {steps} steps, {batch} at once,")
    print(f"{dtype}, {'' if generator.compiled else 'not '}compiled, on {device}, ")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    rows = (
        ("images/s over batched eager diffusers loop", ours / batched, LIMIT_BATCHED),
        ("images/s over one image at a time, float32", ours / alone, LIMIT_ALONE),
        ("share of the time in networks", share, LIMIT_SHARE),
    )
    print(f"{'images/s, ours / batched / alone':<46} {ours:.3f} / {batched:.3f} / {alone:.3f}")
    for what, value, limit in rows:
        print(f"{what:<46} {value:.2f}" + (f"   limit {limit}" if on_gpu else ""))
    print(
        f"{'arithmetic of an image':<46} {work / 1e12:.3f} TFLOP, done at {ours * work / 1e9:.0f} "
        f"GFLOP/s: {100 * ours * work / possible:.0f} % of the {possible / 1e9:.0f} of a matmul"
    )
    print(f"{'peak memory':<46} {memory / 2**20:.0f} MB")
    return 1 if on_gpu and any(value < limit for _, value, limit in rows) else 0


def _in_calls(generator: CascadeGenerator | PipelineGenerator) -> Made:
    """Return how batches are made: a compute batch a call, as many calls under way as it takes."""

    def make(requests: Sequence[ImageRequest]) -> object:
        made: list[np.ndarray] = []
        size = generator.compute_batch
        calls = deque(requests[k : k + size] for k in range(0, len(requests), size))
        with InThread(generator) as maker:
            while len(made) < len(requests):
                while calls and maker.has_room:
                    maker.submit(len(calls), calls.popleft())
                if finished := maker.collect(timeout=60):
                    made += finished[1]
        return made

    return make


def _rate(make: Made, requests: Sequence[ImageRequest], warm: int) -> float:
    """Return images a second, warmed up."""
    make(requests[:warm])
    _wait()
    begun = time.perf_counter()
    make(requests)
    _wait()
    return len(requests) / (time.perf_counter() - begun)


@torch.inference_mode()
def _matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the operations a second of a product of large matrices, the best of five."""
    side = 8192 if device.type == "cuda" else 2048
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(6):
        _wait()
        begun = time.perf_counter()
        one @ other
        _wait()
        times.append(time.perf_counter() - begun)
    return 2 * side**3 / min(times[1:])


def _share(
    generator: CascadeGenerator | PipelineGenerator, requests: Sequence[ImageRequest]
) -> float:
    """Return which part of the time networks take; text is encoded once and counts as outside."""
    seconds: list[float] = []
    if isinstance(generator, CascadeGenerator):
        generator._base = Timed(generator._base, seconds)
        generator._upsampler = Timed(generator._upsampler, seconds)
    else:
        pipeline = generator._pipeline
        pipeline.unet = Timed(pipeline.unet, seconds)
        pipeline.vae.decode = Timed(pipeline.vae.decode, seconds)
    _wait()
    begun = time.perf_counter()
    _in_calls(generator)(requests)
    _wait()
    return sum(seconds) / (time.perf_counter() - begun)


def _peer(generator: CascadeGenerator | PipelineGenerator, dtype: torch.dtype | None) -> Made:
    if isinstance(generator, CascadeGenerator):
        return _cascade_peer(generator, dtype)
    return _pipeline_peer(generator, dtype)


def _cascade_peer(generator: CascadeGenerator, dtype: torch.dtype | None) -> Made:
    """Return a loop over the same networks as pipelines of diffusers run theirs."""
    wanted = dtype or getattr(torch, str(generator.settings()["dtype"]))
    device = generator.device
    base, upsampler, conditions = (
        torch.nn.Module.to(part, device, wanted)  # diffusers' own would warn of what is meant
        for part in _plain_networks(generator)
    )
    upsampler.class_embedding.float()  # which diffusers gives numbers in float32

    @torch.no_grad()
    def make(requests: Sequence[ImageRequest]) -> object:
        def noise(side: int) -> torch.Tensor:
            return torch.randn(len(requests), 3, side, side, device=device, dtype=wanted)

        rows = torch.tensor([generator.vocabulary.rows(r) for r in requests])
        labels = conditions(torch.cat([torch.zeros_like(rows), rows]).to(device))
        assert requests[0].steps is not None
        scheduler = solver(times_of(requests[0].steps))
        sample = fold(noise(BASE_SIZE), BASE_FOLD)
        for t in scheduler.timesteps:
            both = base(torch.cat([sample, sample]), t, class_labels=labels, return_dict=False)[0]
            free, asked = both.chunk(2)
            painted = free + GUIDANCE * (asked - free)
            sample = scheduler.step(painted, t, sample, return_dict=False)[0]
        level = torch.full((len(requests),), COARSE_NOISE, device=device, dtype=wanted)
        coarse = unfold(sample, BASE_FOLD)
        veiled = add_noise_level(coarse, noise(BASE_SIZE), level)
        seen = fold(enlarge(veiled), FINE_FOLD)
        scheduler, sample = solver(FINE_TIMES), fold(noise(FINE_SIZE), FINE_FOLD)
        for t in scheduler.timesteps:
            given = torch.cat([sample, seen], dim=1)
            painted = upsampler(given, t, class_labels=1000 * level, return_dict=False)[0]
            sample = scheduler.step(painted, t, sample, return_dict=False)[0]
        images = (unfold(sample, FINE_FOLD) / 2 + 0.5).clamp(0, 1)
        return images.cpu().permute(0, 2, 3, 1).float().numpy()

    return make


def _plain_networks(generator: CascadeGenerator) -> list[torch.nn.Module]:
    """Return copies of the networks as they come from their files, without what we do to them."""
    plain = []
    for network in (generator._base, generator._upsampler, generator._conditions):
        shape = {key: value for key, value in network.config.items() if not key.startswith("_")}
        copy = type(network).from_config(shape).eval()
        copy.load_state_dict(network.state_dict())
        plain.append(copy.to(memory_format=torch.contiguous_format))
    return plain


def _pipeline_peer(generator: PipelineGenerator, dtype: torch.dtype | None) -> Made:
    """Return a loop over the same pipeline, as it comes from its directory."""
    from diffusers import AutoPipelineForText2Image

    pipeline = AutoPipelineForText2Image.from_pretrained(
        generator.recipe.source, dtype=dtype or generator.dtype, safety_checker=None
    ).to(generator.device)
    pipeline.set_progress_bar_config(disable=True)

    def make(requests: Sequence[ImageRequest]) -> object:
        return pipeline(
            [prompt_of(request) for request in requests],
            num_inference_steps=requests[0].steps,
            guidance_scale=requests[0].guidance,
            height=SIZE,
            width=SIZE,
            output_type="np",
        ).images

    return make


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak(on_gpu: bool) -> float:
    if on_gpu:
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
