"""Inception-v3 as the Fréchet distance was published with: the graph of December 2015.

The weights were ported from TensorFlow by M. Seitzer (pytorch-fid); the network here has their
names. It differs from torchvision's: averages leave the padding out, the last block takes a
maximum, and there are 1,008 classes (Szegedy et al. 2016, "Rethinking the inception architecture").
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from analysis.errors import AnalysisError

SIDE, FEATURES, CLASSES = 299, 2048, 1008
#: How the published file's SHA-256 begins.
PUBLISHED = "6726825d"


class Conv(nn.Module):
    """Convolution, batch norm, rectifier."""

    def __init__(
        self, width: int, wider: int, kernel: int | tuple[int, int], **way: object
    ) -> None:
        """Map `width` channels to `wider`."""
        super().__init__()
        self.conv = nn.Conv2d(width, wider, kernel, bias=False, **way)  # type: ignore[arg-type]
        self.bn = nn.BatchNorm2d(wider, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, wider, H', W')."""
        return functional.relu(self.bn(self.conv(x)))


def _average(x: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class BlockA(nn.Module):
    """At 35 x 35."""

    def __init__(self, width: int, pool: int) -> None:
        """Map `width` channels to 224 + `pool`."""
        super().__init__()
        self.branch1x1 = Conv(width, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = Conv(width, 48, 1), Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Conv(width, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(width, pool, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 224 + pool, 35, 35)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        parts = [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double]
        return torch.cat([*parts, self.branch_pool(_average(x))], 1)


class BlockB(nn.Module):
    """From 35 x 35 to 17 x 17."""

    def __init__(self, width: int) -> None:
        """Map `width` channels to 480 more."""
        super().__init__()
        self.branch3x3 = Conv(width, 384, 3, stride=2)
        self.branch3x3dbl_1 = Conv(width, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, width + 480, 17, 17)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, functional.max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """At 17 x 17, with kernels of 1 x 7 and 7 x 1."""

    def __init__(self, middle: int) -> None:
        """Map 768 channels to 768, through `middle`."""
        super().__init__()
        across: dict[str, object] = {"padding": (0, 3)}
        down: dict[str, object] = {"padding": (3, 0)}
        self.branch1x1 = Conv(768, 192, 1)
        self.branch7x7_1 = Conv(768, middle, 1)
        self.branch7x7_2 = Conv(middle, middle, (1, 7), **across)
        self.branch7x7_3 = Conv(middle, 192, (7, 1), **down)
        self.branch7x7dbl_1 = Conv(768, middle, 1)
        self.branch7x7dbl_2 = Conv(middle, middle, (7, 1), **down)
        self.branch7x7dbl_3 = Conv(middle, middle, (1, 7), **across)
        self.branch7x7dbl_4 = Conv(middle, middle, (7, 1), **down)
        self.branch7x7dbl_5 = Conv(middle, 192, (1, 7), **across)
        self.branch_pool = Conv(768, 192, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 768, 17, 17)."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average(x))], 1)


class BlockD(nn.Module):
    """From 17 x 17 to 8 x 8."""

    def __init__(self) -> None:
        """Map 768 channels to 1,280."""
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Conv(768, 192, 1), Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Conv(768, 192, 1)
        self.branch7x7x3_2 = Conv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 1280, 8, 8)."""
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        parts = [self.branch3x3_2(self.branch3x3_1(x)), seven]
        return torch.cat([*parts, functional.max_pool2d(x, 3, 2)], 1)


class BlockE(nn.Module):
    """At 8 x 8; the last one pools by the maximum, as TensorFlow's graph does."""

    def __init__(self, width: int, *, last: bool) -> None:
        """Map `width` channels to 2,048."""
        super().__init__()
        self.last = last
        self.branch1x1 = Conv(width, 320, 1)
        self.branch3x3_1 = Conv(width, 384, 1)
        self.branch3x3_2a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Conv(width, 448, 1)
        self.branch3x3dbl_2 = Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Conv(width, 192, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 2048, 8, 8)."""
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = functional.max_pool2d(x, 3, 1, 1) if self.last else _average(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([*parts, self.branch_pool(pooled)], 1)


class Inception(nn.Module):
    """The network from pixels to its pooled features and its classes' posterior."""

    def __init__(self) -> None:
        """Make it untrained."""
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c = BlockA(192, 32), BlockA(256, 64)
        self.Mixed_5d, self.Mixed_6a = BlockA(288, 64), BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(128), BlockC(160)
        self.Mixed_6d, self.Mixed_6e = BlockC(160), BlockC(192)
        self.Mixed_7a = BlockD()
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, last=False), BlockE(2048, last=True)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, 2048) and posteriors (B, 1008) of (B, 3, H, W) in [0, 255]."""
        features = self.pooled((tensorflow_resize(pixels, SIDE) - 128) / 128)
        # The published score leaves the last layer's bias out.
        return features, torch.softmax(features @ self.fc.weight.T, 1)

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (B, 2048) of (B, 3, 299, 299) in [-1, 1]."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = functional.max_pool2d(x, 3, 2)  # (B, 64, 73, 73)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = functional.max_pool2d(x, 3, 2)  # (B, 192, 35, 35)
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))  # (B, 768, 17, 17)
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


def tensorflow_resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """Return images (B, C, H, W) at another side as TensorFlow 1 resizes, corners not aligned.

    Pixel i comes from i * H / side, interpolated linearly.
    """
    for axis in (2, 3):
        length = images.shape[axis]
        place = torch.arange(side, dtype=torch.float64) * length / side
        low = place.floor().long()
        share = (place - low).to(images.dtype)
        share = share[:, None] if axis == 2 else share
        one = images.index_select(axis, low)
        other = images.index_select(axis, (low + 1).clamp(max=length - 1))
        images = one + (other - one) * share
    return images


def load_inception(weights: Path) -> Inception:
    """Load weights by the names of pytorch-fid's file.

    Raises:
        AnalysisError: the file does not hold them.
    """
    network = Inception()
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except Exception as problem:  # files break in many ways
        said = str(problem).strip().splitlines()[0]
        raise AnalysisError(
            f"{weights}: holds no Inception-v3 of 2015 ({said}); download "
            "pt_inception-2015-12-05-6726825d.pth of github.com/mseitzer/pytorch-fid"
        ) from problem
    return network.eval()
