"""The network of the segmenter: a U-Net on pixels folded into channels."""

import itertools

import torch
from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle

FOLD = 2
WIDTHS = (32, 64, 96, 128)
STRIDE = FOLD * 2 ** (len(WIDTHS) - 1)  # sides that it sees are multiples of it
GROUPS = 8


class Block(nn.Module):
    """Two convolutions beside a shortcut; groups are normalised, so that a batch has no say."""

    def __init__(self, width: int, wider: int) -> None:
        """Map `width` channels to `wider`."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, wider, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, wider),
            nn.SiLU(),
            nn.Conv2d(wider, wider, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, wider),
        )
        self.shortcut = nn.Conv2d(width, wider, 1, bias=False) if width != wider else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, wider, H, W)."""
        return nn.functional.silu(self.shortcut(x) + self.body(x))


class SegmenterNetwork(nn.Module):
    """From pixels to the logit of each to belong to the lesion (Ronneberger et al. 2015).

    On the way up what was seen at each scale is added, not joined: half the arithmetic.
    """

    def __init__(self) -> None:
        """Make it untrained."""
        super().__init__()
        widths = (3 * FOLD**2, *WIDTHS)
        self.down = nn.ModuleList(
            Block(width, wider) for width, wider in itertools.pairwise(widths)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(wider, width, 1) for width, wider in itertools.pairwise(WIDTHS)
        )
        self.up = nn.ModuleList(Block(width, width) for width in WIDTHS[:-1])
        self.out = nn.Conv2d(WIDTHS[0], FOLD**2, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 1, H, W) of (B, 3, H, W) in [-1, 1]; sides are multiples of STRIDE."""
        x = pixel_unshuffle(pixels, FOLD)  # (B, 12, H / 2, W / 2)
        seen = []
        for k, block in enumerate(self.down):
            x = block(x if k == 0 else nn.functional.avg_pool2d(x, 2))
            seen.append(x)
        for k in reversed(range(len(self.up))):  # coarse to fine
            x = interpolate(self.narrow[k](x), scale_factor=2.0, mode="bilinear")
            x = self.up[k](x + seen[k])
        return pixel_shuffle(self.out(x), FOLD)
