"""The painter, which turns a map of what shall be where into an image, and its critic.

In the manner of pix2pix (Isola et al. 2017) and pix2pixHD (Wang et al. 2018), as DermGAN (Ghorbani
et al. 2019) used it for skin. The map fills skin and lesion with one colour each; the painter says
by which factor each pixel differs from that. Light that comes back from skin is what was not
absorbed on the way, and absorbers multiply: so the painter need not learn every colour of skin.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

SIZE = 128  # px of what is painted
NOISE = 2  # channels of it: one fine, one coarse
COARSE_NOISE = 8  # px
BORDER = 7  # px over which one colour of a map goes over into the other
GROUP = 8  # channels that are normalised together
NAMER = (24, 48, 96, 192)  # channels of its levels
MOST = 1.5  # of the factor's logarithm, either way


@dataclass(frozen=True)
class Shape:
    """How wide the networks are.

    Attributes:
        entities: of the map.
        width: of the painter's first level; each next one has twice as many channels, `widest`
            at most.
        levels: halvings of the image's side.
        critic: width of the critic's first level.
    """

    entities: int
    width: int = 32
    widest: int = 192
    levels: int = 6
    critic: int = 32

    @property
    def mapped(self) -> int:
        """Channels of a map: colours, mask, entities."""
        return 3 + 1 + self.entities


def map_of(
    skin: torch.Tensor, lesion: torch.Tensor, mask: torch.Tensor, entity: torch.Tensor, count: int
) -> torch.Tensor:
    """Return a map (B, 4 + count, H, W): colours, mask, and the entity where the lesion is.

    Args:
        skin, lesion: colours (B, 3) in 0 to 1.
        mask: (B, 1, H, W), 1 where the lesion is.
        entity: (B,), which of `count`.
    """
    soft = avg_pool2d(mask, BORDER, stride=1, padding=BORDER // 2, count_include_pad=False)
    fill = torch.lerp(skin[:, :, None, None], lesion[:, :, None, None], soft)
    which = nn.functional.one_hot(entity, count)[:, :, None, None] * mask
    return torch.cat([fill, mask, which], dim=1)


def noise_of(fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
    """Return what a painter is given of chance (B, 2, 128, 128): a fine and a coarse noise."""
    wide = interpolate(coarse[:, None], size=SIZE, mode="bilinear")
    return torch.cat([fine[:, None], wide], dim=1)


class Painter(nn.Module):
    """A U-Net whose way up enlarges and then convolves, which leaves no chequers."""

    def __init__(self, shape: Shape) -> None:
        """Make it untrained: it begins by painting the fill as it is."""
        super().__init__()
        widths = [min(shape.widest, shape.width * 2**level) for level in range(shape.levels)]
        before = [shape.mapped + NOISE, *widths]
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before[level], width, 4, stride=2, padding=1),
                # Neither the colours at the top nor the few pixels at the bottom are normalised.
                nn.GroupNorm(width // GROUP, width)
                if 0 < level < len(widths) - 1
                else nn.Identity(),
                nn.LeakyReLU(0.2),
            )
            for level, width in enumerate(widths)
        )
        self.up = nn.ModuleList()
        above = 0
        for level in reversed(range(len(widths))):
            width = widths[level - 1] if level else shape.width // 2
            self.up.append(
                nn.Sequential(
                    nn.Conv2d(
                        widths[level] + above + (0 if level else before[0]), width, 3, padding=1
                    ),
                    nn.GroupNorm(width // GROUP, width),
                    nn.LeakyReLU(0.2),
                )
            )
            above = width
        self.out = nn.Conv2d(above, 3, 3, padding=1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, mapped: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Paint (B, 3, 128, 128), dark 0 to bright 1, over maps and noise (B, 2, 128, 128)."""
        given = state = torch.cat([mapped, noise], dim=1)
        levels: list[torch.Tensor] = []
        for part in self.down:
            state = part(state)
            levels.append(state)  # (B, 32, 64, 64), (B, 64, 32, 32), … (B, 192, 2, 2)
        state = levels.pop()
        for part in self.up:
            state = interpolate(state, scale_factor=2)
            if part is self.up[-1]:  # border and noise pixel by pixel
                state = torch.cat([state, given], dim=1)
            state = part(state)
            if levels:
                state = torch.cat([state, levels.pop()], dim=1)
        factor = (MOST * torch.tanh(self.out(state).float() / MOST)).exp()
        return mapped[:, :3] * factor


class Critic(nn.Module):
    """Says of every patch how real it looks beside its map: at full and at half size.

    Its `namer` says of a whole image, whose map it does not see, which entity it shows (as in
    AC-GAN, Odena et al. 2017).
    """

    def __init__(self, shape: Shape) -> None:
        """Make it untrained; its weights are held to a spectral norm of 1 (Miyato et al. 2018)."""
        super().__init__()
        widths = [3 + shape.mapped, *(shape.critic * 2**level for level in range(3))]
        self.scales = nn.ModuleList(
            nn.ModuleList(
                [
                    *(_held(widths[k], widths[k + 1], 4, stride=2) for k in range(3)),
                    _held(widths[-1], 1, 3, stride=1),
                ]
            )
            for _ in range(2)
        )
        self.namer = namer(shape.entities)

    def forward(self, image: torch.Tensor, mapped: torch.Tensor) -> list[list[torch.Tensor]]:
        """Return what each layer of each scale says; the last of each scale is the verdict."""
        seen = torch.cat([2 * image - 1, mapped], dim=1)
        said: list[list[torch.Tensor]] = []
        for layers in self.scales:
            state, each = seen, []
            for layer in layers:  # type: ignore[attr-defined]
                state = layer(state)
                each.append(state)
                state = nn.functional.leaky_relu(state, 0.2)
            said.append(each)
            seen = avg_pool2d(seen, 2)
        return said


def namer(entities: int) -> nn.Module:
    """Return a network from images (B, 3, 128, 128), in -1 to 1, to scores (B, entities)."""
    parts: list[nn.Module] = []
    for before, width in pairwise((3, *NAMER)):
        parts += [nn.Conv2d(before, width, 4, stride=2, padding=1)]
        parts += [nn.GroupNorm(width // GROUP, width), nn.LeakyReLU(0.2)]
    return nn.Sequential(
        *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(NAMER[-1], entities)
    )


def _held(inward: int, outward: int, kernel: int, stride: int) -> nn.Module:
    layer = nn.Conv2d(inward, outward, kernel, stride=stride, padding=1)
    return nn.utils.parametrizations.spectral_norm(layer)
