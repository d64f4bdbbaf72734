"""The published classifier of entities: three convolutions with pooling, then two dense layers."""

import torch
from torch import nn

#: Filters of the three blocks; the publication tells their number, not their width.
FILTERS = (32, 64, 128)
DENSE = 64
DROPOUT = 0.5


class PublishedNetwork(nn.Module):
    """Three blocks of convolution and max-pooling, dense 64, dropout 0.5, softmax over entities.

    Attributes:
        temperature: by which logits are divided, as in `ClassifierNetwork`; 1 in the publication.
    """

    kind = "paper"
    temperature: torch.Tensor

    def __init__(self, entities: int, size: int) -> None:
        """Make it untrained, for images of `size` px."""
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        width, side = 3, size
        for wider in FILTERS:
            layers += [nn.Conv2d(width, wider, 3), nn.ReLU(), nn.MaxPool2d(2)]
            width, side = wider, (side - 2) // 2
        self.body = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(width * side * side, DENSE), nn.ReLU()
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(DENSE, entities)
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, 64) and logits (B, entities) of (B, 3, size, size) in [-1, 1]."""
        features = self.body(pixels)  # 64 px: (B, 32, 31, 31) -> (B, 64, 14, 14) -> (B, 128, 6, 6)
        return features, self.head(self.dropout(features))
