"""Pipelines of other kinds go through the same interface and keep its promises."""

import numpy as np
import pytest

from generation.engine.generator import ImageRequest
from generation.engine.pipeline import PipelineGenerator
from generation.engine.recipe import PipelineRecipe
from tests.generation.tiny_kinds import KINDS, save_tiny_kind

SIZE = 32


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_pipeline_makes_the_same_image_of_a_request_in_any_company(kind, tmp_path):
    folder = save_tiny_kind(kind, tmp_path / "pipeline")
    recipe = PipelineRecipe(str(folder), "CC0-1.0", size=SIZE, dtype="float32", compute_batch=2)
    generator = PipelineGenerator("tiny", recipe, "cpu")
    asked = [
        ImageRequest(entity=entity, seed=seed, size=SIZE, steps=2)
        for entity, seed in (("mel", 1), ("nv", 1), ("mel", 2))
    ]

    together = generator.generate(asked)
    alone = [generator.generate([request])[0] for request in reversed(asked)][::-1]

    assert generator.settings()["pipeline"] == kind
    assert together[0].shape == (SIZE, SIZE, 3)
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    assert not np.array_equal(together[0], together[1])  # the words count
    assert not np.array_equal(together[0], together[2])  # the seed counts
