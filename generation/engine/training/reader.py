"""Teaching the reader of prompts: words shall condition as the attributes do that they name."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from generation.engine.cascade.conditions import Conditions
from generation.engine.generator import ImageRequest
from generation.engine.prompts import AGES, TONES, any_prompt_of
from generation.engine.vocabulary import SEXES, Vocabulary

LESSONS, BATCH, RATE = 2000, 64, 2e-3


def teach_reader(conditions: Conditions, *, seed: int = 0, steps: int = LESSONS) -> float:
    """Fit `conditions.read` to the attributes' own vectors, on prompts in wordings at random.

    The tables stay as they are: whatever the base network has learnt of an attribute can then be
    said in words. Takes about a minute.

    Returns:
        Share of the vectors' variance that the words leave unexplained, on prompts not seen.
    """
    rng = np.random.default_rng(seed)
    own = conditions.reader_parameters()
    for parameter in own:
        parameter.requires_grad_(True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        optimizer = torch.optim.AdamW(own, RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
        _, some = _drawn(conditions, rng, 512)
        spread = some.std(dim=0).square().mean().sqrt().clamp(min=1e-6)
        for _ in range(steps):
            tokens, wanted = _drawn(conditions, rng, BATCH)
            loss = ((conditions.read(tokens) - wanted) / spread).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    with torch.no_grad():
        tokens, wanted = _drawn(conditions, rng, 512)
        left = (conditions.read(tokens) - wanted).square().sum()
        return float(left / (wanted - wanted.mean(0)).square().sum().clamp(min=1e-9))


def _drawn(
    conditions: Conditions, rng: np.random.Generator, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return prompts' tokens (B, 32) and the vectors (B, width) of what they say."""
    known = conditions.vocabulary
    asked = [_any_request(known, rng) for _ in range(count)]
    tokens = torch.tensor([known.tokens(any_prompt_of(request, rng)) for request in asked])
    with torch.no_grad():
        wanted = conditions(torch.tensor([known.rows(request) for request in asked]))
    return tokens, wanted


def _any_request(known: Vocabulary, rng: np.random.Generator) -> ImageRequest:
    """Return a request with some attributes of those that `known` has."""
    request = ImageRequest(entity=str(rng.choice(known.entities)), seed=0)
    values: dict[str, Sequence[Any]] = {
        "sex": SEXES,
        "age": tuple(map(float, AGES)),
        "site": known.sites,
        "tone": (TONES[0] - 1, *TONES),  # one of each class: a bound belongs to the class above
    }
    told: dict[str, Any] = {
        name: values[name][int(rng.integers(len(values[name])))]
        for name in known.attributes
        if rng.random() < 0.5
    }
    return replace(request, **told)
