"""What a painter and its critic learn from: photographs, and maps made of their lesion masks.

Both learn in one step from one pass: the painter from what the critic says of its images, the
critic from the same images as they are.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, cross_entropy, relu, softmax

from generation.engine.colour import skin_of_tone
from generation.engine.dermgan.files import Colouring
from generation.engine.dermgan.networks import (
    COARSE_NOISE,
    SIZE,
    Critic,
    Painter,
    Shape,
    map_of,
    noise_of,
)
from generation.engine.training.pixels import LabelledPixels, balanced_weights, crops, normal

FRAME = (192, 144)  # px; squares of 128 are cut anywhere from it
# Weights of the painter's losses, beside 1 for what the critic says. The colours are given, so an
# error of the wide shades is one; of fine texture, many are as good as the photograph's, and a
# painter that is held to its pixels paints none.
PIXELS, SHADES, FEATURES, NAMING = 1.0, 10.0, 4.0, 1.0
SMOOTHED = 0.1  # of the entities' certainty
SHADE = 8  # px
LESION = 1.0  # how much more an error within the lesion weighs
RECOLOURED = 0.5  # of the examples: the tone is drawn from all, not the photograph's own
TONES = (-50.0, 75.0)  # degrees
BRIGHTEST = 1.15  # times: brighter, and what is white already would not follow
DARK = 0.16  # of 1: corners that the dermatoscope does not show
CRITIC_PACE = 2.0
ACROSS = 6  # of the sheets that show what is learnt


@dataclass(frozen=True)
class ColouredPixels:
    """Photographs with their lesions' masks and colours.

    Attributes:
        data: its pixels have four channels, the last is the mask.
        skins, lesions: median colours (N, 3) in 0 to 1.
    """

    data: LabelledPixels
    skins: np.ndarray
    lesions: np.ndarray


def coloured(data: LabelledPixels) -> tuple[ColouredPixels, int]:
    """Measure the colours of `data`, whose pixels have a mask as their fourth channel.

    Images are left out that show too little skin or lesion to tell its colour, or corners that the
    dermatoscope does not show, of which no map says where they are.

    Returns:
        The rest, and how many were left out.
    """
    kept: list[int] = []
    skins, lesions = [], []
    for row, image in enumerate(data.pixels):
        small = image[::2, ::2].reshape(-1, 4)
        colours, mask = small[:, :3] / 255, small[:, 3]
        skin, lesion = mask < 8, mask > 240
        corners = skin & (colours.max(axis=1) < DARK)
        skin &= ~corners
        if skin.sum() < 0.02 * len(small) or lesion.sum() < 10 or corners.sum() > 0.01 * len(small):
            continue
        kept.append(row)
        skins.append(np.median(colours[skin], axis=0))
        lesions.append(np.median(colours[lesion], axis=0))
    floor = 1 / 255
    told = (np.maximum(np.array(each).reshape(-1, 3), floor) for each in (skins, lesions))
    rest = LabelledPixels(data.pixels[kept], data.rows[kept])
    return ColouredPixels(rest, *told), len(data) - len(kept)


def colouring_of(data: ColouredPixels, entities: tuple[str, ...]) -> Colouring:
    """Return how the skin and the lesions of `data` are coloured."""

    def told(values: np.ndarray) -> tuple[list[float], list[list[float]]]:
        mean, spread = values.mean(axis=0), np.cov(values.T)
        return mean.round(4).tolist(), spread.round(5).tolist()

    ratios = np.log(data.lesions / data.skins)
    labels = data.data.labels
    some = {label for label in range(len(entities)) if (labels == label).sum() > 3}
    return Colouring(
        told(np.log(data.skins)),
        {
            entity: told(ratios[labels == label] if label in some else ratios)
            for label, entity in enumerate(entities)
        },
    )


class Contest(nn.Module):
    """A painter and its critic, and what each wants of the other."""

    def __init__(self, painter: Painter, critic: Critic) -> None:
        """Bring them together."""
        super().__init__()
        self.painter, self.critic = painter, critic

    def forward(
        self, photograph: torch.Tensor, mapped: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of both: hinge (Lim and Ye 2017), likeness of all kinds, and naming."""
        painted = self.painter(mapped, noise)
        both = torch.cat([photograph, painted.detach()])
        judged = [
            [layer.float().chunk(2) for layer in scale]
            for scale in self.critic(both, torch.cat([mapped, mapped]))
        ]
        # The critic as it is, so that its own weights do not learn to be pleased.
        fixed = {name: each.detach() for name, each in self.critic.named_parameters()}
        told = functional_call(self.critic, fixed, (painted, mapped))
        mask = mapped[:, 3:4]
        off = painted - photograph
        likeness = (off.abs() * (1 + LESION * mask)).mean()
        shades = avg_pool2d(off, SHADE).abs().mean()
        loss = 2 * (PIXELS * likeness + SHADES * shades)
        for said, scale in zip(told, judged, strict=True):
            real, made = scale[-1]
            loss = loss + (relu(1 - real).mean() + relu(1 + made).mean()) / len(told)
            loss = loss - said[-1].float().mean() / len(told)
            for layer, (seen, _) in zip(said[:-1], scale[:-1], strict=True):
                wrong = (layer.float() - seen.detach()).abs().mean()
                loss = loss + FEATURES * wrong / (len(said) * len(told))
        return loss + self._naming(photograph, painted, mapped, fixed)

    def _naming(
        self,
        photograph: torch.Tensor,
        painted: torch.Tensor,
        mapped: torch.Tensor,
        fixed: dict[str, torch.Tensor],
    ) -> torch.Tensor:
        """Return what the namer loses on photographs, and the painter on what it is told by it.

        It learns of photographs alone, so that the two cannot agree on signs of their own, and is
        believed as far as it is right about them.
        """
        told = mapped[:, 4:].amax((2, 3))
        shown, entity = (told.amax(1) > 0).float(), told.argmax(1)
        namer = self.critic.namer
        own = {
            name.removeprefix("namer."): each
            for name, each in fixed.items()
            if name.startswith("namer.")
        }
        real = namer(2 * photograph - 1).float()
        made = functional_call(namer, own, (2 * painted - 1,)).float()
        right = softmax(real.detach(), 1).gather(1, entity[:, None])[:, 0]
        learnt, followed = (
            cross_entropy(each, entity, label_smoothing=SMOOTHED, reduction="none")
            for each in (real, made)
        )
        share = shown / shown.sum().clamp(min=1)
        return (share * learnt).sum() + NAMING * (share * right).sum() * (share * followed).sum()


@dataclass(frozen=True)
class ContestStage:
    """Learns to paint photographs from their maps; training begins with `start`, if it is given."""

    data: ColouredPixels
    shape: Shape
    start: Contest | None = None
    wander: int = max(FRAME)
    name: str = "dermgan"

    def build(self) -> Contest:
        """Return the networks to begin with."""
        return self.start or Contest(Painter(self.shape), Critic(self.shape))

    def pace(self, parameter: str) -> float:
        """Let the critic learn faster (Heusel et al. 2017)."""
        return CRITIC_PACE if parameter.startswith("critic") else 1.0

    def loss(
        self, network: nn.Module, batch: int, rng: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """Draw a batch, entities by the root of their frequency, and return both losses' sum."""
        chances = balanced_weights(self.data.data.labels, self.shape.entities)
        rows = rng.choice(len(self.data.data), size=batch, p=chances)
        return network(*self.example(rows, rng, device))

    def example(
        self, rows: np.ndarray, rng: np.random.Generator, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return photographs (B, 3, 128, 128) in 0 to 1, their maps, and noise."""
        cut = (crops(self.data.data.on(device), rows, SIZE, self.wander, rng) + 1) / 2
        skins, lesions = (
            torch.from_numpy(each[rows]).float() for each in (self.data.skins, self.data.lesions)
        )
        gains = torch.ones(len(rows), 3)
        for k in np.flatnonzero(rng.random(len(rows)) < RECOLOURED):
            wanted = torch.from_numpy(skin_of_tone(rng.uniform(*TONES))).float()
            gains[k] = (wanted / skins[k]).clamp(max=BRIGHTEST)
        gains, skins, lesions = (each.to(device) for each in (gains, skins, lesions))
        photograph = (cut[:, :3] * gains[:, :, None, None]).clamp(max=1)
        entities = torch.from_numpy(self.data.data.labels[rows]).long().to(device)
        mapped = map_of(skins * gains, lesions * gains, cut[:, 3:], entities, self.shape.entities)
        fine, coarse = (
            normal((len(rows), side, side), rng, device) for side in (SIZE, COARSE_NOISE)
        )
        noise = noise_of(fine, coarse)
        return photograph, mapped, noise

    def samples(self, network: nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return for each entity a row of photographs, and below it what is painted of the maps."""
        sheet: list[list[np.ndarray]] = []
        rng = np.random.default_rng(0)
        for label in np.unique(self.data.data.labels):
            rows = np.resize(np.flatnonzero(self.data.data.labels == label), ACROSS)
            photograph, mapped, noise = self.example(rows, rng, device)
            painted = network.painter(mapped, noise)  # type: ignore[operator]
            for images in (photograph, painted):
                pixels = (images.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
                sheet.append(list(pixels.permute(0, 2, 3, 1).numpy()))
        return sheet
