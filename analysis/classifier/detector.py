"""A small network that learns to tell synthetic stimuli from real ones, scored on held-out images.

It looks at crops at full resolution, where generators and codecs leave their traces.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from torch import nn

FOLDS, EPOCHS, BATCH, CROP = 3, 6, 32, 96
LEARNING_RATE = 2e-3


def detector() -> nn.Sequential:
    """Return the untrained network: (n, 3, height, width) in [0, 1] to (n, 1) logits."""
    layers: list[nn.Module] = []
    width = 3
    for wider in (16, 32, 48, 64):
        layers += [
            nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(),
        ]
        width = wider
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1))


def held_out_scores(
    images: NDArray[np.uint8], labels: Sequence[int], groups: Sequence[object], *, seed: int = 0
) -> NDArray[np.float64]:
    """Return a score for each image by a network that has seen neither it nor its group.

    Args:
        images: (n, height, width, 3) uint8, at least 96 pixels wide and high.
        labels: (n,) 1 for synthetic.
        groups: (n,) what must not be split between training and test.
        seed: of weights, crops and batches.
    """
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    truth = torch.tensor(list(labels), dtype=torch.float32)
    scores = np.zeros(len(images))
    named = np.array([str(group) for group in groups])
    for train, test in GroupKFold(FOLDS).split(images, groups=named):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = detector()
        _fit(network, pixels[train], truth[train], generator)
        network.eval()
        with torch.inference_mode():
            for part in np.array_split(test, max(1, len(test) // BATCH)):
                scores[part] = network(pixels[part].float() / 255).squeeze(1).double().numpy()
    return scores


def _fit(
    network: nn.Module, pixels: torch.Tensor, truth: torch.Tensor, generator: torch.Generator
) -> None:
    """Train on random crops, mirrored at random."""
    steps = EPOCHS * max(1, len(pixels) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    height, width = pixels.shape[2:]
    for _ in range(steps):
        chosen = torch.randint(len(pixels), (BATCH,), generator=generator)
        top = int(torch.randint(height - CROP + 1, (1,), generator=generator))
        left = int(torch.randint(width - CROP + 1, (1,), generator=generator))
        crop = pixels[chosen, :, top : top + CROP, left : left + CROP].float() / 255
        if torch.rand(1, generator=generator) < 0.5:
            crop = crop.flip(3)
        loss = nn.functional.binary_cross_entropy_with_logits(
            network(crop).squeeze(1), truth[chosen]
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
