"""What an image is asked to be, as numbers for the base network: attributes or words.

Each attribute is a row of a table, and the rows' sum conditions the network; row 0 of each table
says "not given". A prompt is read by a small transformer that learnt to say in that space what
the attributes say.
"""

from collections.abc import Mapping, Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

from generation.engine.vocabulary import LONGEST, Vocabulary


class Conditions(ModelMixin, ConfigMixin):
    """The tables of the attributes, and the reader of prompts."""

    @register_to_config
    def __init__(
        self,
        entities: Sequence[str],
        sites: Sequence[str] = (),
        attributes: Sequence[str] = (),
        width: int = 768,
        reader: int = 64,
        guidance: Mapping[str, float] | None = None,
    ) -> None:
        """Make them untrained: an attribute begins as zeros, so that it changes nothing."""
        super().__init__()
        self.vocabulary = Vocabulary(
            tuple(entities), tuple(sites), tuple(attributes), guidance=guidance or {}
        )
        tables = [nn.Embedding(1 + size, width) for size in self.vocabulary.sizes()]
        for table in tables[1:]:
            nn.init.zeros_(table.weight)
        self.tables = nn.ModuleList(tables)
        self.words = nn.Embedding(1 + len(self.vocabulary.words), reader, padding_idx=0)
        self.places = nn.Parameter(torch.randn(LONGEST, reader) * 0.02)
        layers = [
            nn.TransformerEncoderLayer(
                reader, 4, 4 * reader, dropout=0.0, norm_first=True, batch_first=True
            )
            for _ in range(2)
        ]
        self.layers = nn.ModuleList(layers)
        self.out = nn.Linear(reader, width)
        # Taught by itself when the tables are trained; see training/reader.py.
        for parameter in self.reader_parameters():
            parameter.requires_grad_(False)

    def reader_parameters(self) -> list[nn.Parameter]:
        """Return what reads prompts."""
        parts = (self.words, self.layers, self.out)
        return [self.places, *(each for part in parts for each in part.parameters())]

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (B, width) for attributes' rows (B, 5)."""
        return torch.stack([table(rows[:, k]) for k, table in enumerate(self.tables)]).sum(0)

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (B, width) for prompts' numbers (B, 32): the mean of their words in context."""
        tokens = tokens[:, : int((tokens != 0).sum(1).max())]
        blank = tokens == 0
        state = self.words(tokens) + self.places[: tokens.shape[1]]
        for layer in self.layers:
            state = layer(state, src_key_padding_mask=blank)
        said = (~blank).unsqueeze(-1)
        return self.out((state * said).sum(1) / said.sum(1))
