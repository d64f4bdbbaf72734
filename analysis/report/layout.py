"""The form of a report: sections of blocks, whatever they say."""

from base64 import b64encode
from dataclasses import dataclass

from analysis.report.cells import ReportTable
from analysis.report.drawing import Drawing
from analysis.results import Estimate


@dataclass(frozen=True)
class KeyNumber:
    """A number of the summary, drawn on a scale from 0 to 1."""

    label: str
    estimate: Estimate
    chance: float | None
    colour: str  # of the palette

    @property
    def text(self) -> str:
        """How it prints."""
        return f"{self.estimate.value:.2f}"

    @property
    def interval(self) -> str:
        """How its interval prints; "" without one."""
        low, high = self.estimate.low, self.estimate.high
        return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"

    @property
    def at(self) -> str:
        """Where its dot stands on the scale, as a CSS length."""
        return _css(self.estimate.value)

    @property
    def low_at(self) -> str:
        """Where its interval begins."""
        return _css(self.estimate.low or 0.0)

    @property
    def width(self) -> str:
        """How wide its interval is."""
        return _css((self.estimate.high or 0.0) - (self.estimate.low or 0.0))

    @property
    def chance_at(self) -> str:
        """Where chance stands."""
        return _css(self.chance or 0.0)


@dataclass(frozen=True)
class Picture:
    """A photograph or synthetic image that raters saw, as a file of its own; `name` is without."""

    name: str
    caption: str
    jpeg: bytes

    @property
    def address(self) -> str:
        """The picture itself as an address, for a page that fetches nothing."""
        return f"data:image/jpeg;base64,{b64encode(self.jpeg).decode()}"


@dataclass(frozen=True)
class Block:
    """Sentences, figures side by side or a table, under a heading; folded ones open on demand.

    `pasted` is text to be taken elsewhere, which one click selects.
    `pictures` stand in a row below the sentences. `data` are tables that only the files have.
    """

    heading: str = ""
    text: tuple[str, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    table: ReportTable | None = None
    folded: bool = False
    pasted: str = ""
    pictures: tuple[Picture, ...] = ()
    data: tuple[ReportTable, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page with an address of its own."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Contents:
    """All that the page shows, and the tables that only the files have."""

    title: str
    headline: str
    verdict: str
    key_numbers: tuple[KeyNumber, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    extra_tables: tuple[ReportTable, ...]
    methods: str

    @property
    def drawings(self) -> list[Drawing]:
        """All figures, in the page's order."""
        return [d for s in self.sections for block in s.blocks for d in block.drawings]

    @property
    def tables(self) -> list[ReportTable]:
        """All tables, in the page's order."""
        blocks = [block for s in self.sections for block in s.blocks]
        shown = [block.table for block in blocks if block.table]
        return [*shown, *(each for block in blocks for each in block.data), *self.extra_tables]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in the page's order."""
        return [each for s in self.sections for block in s.blocks for each in block.pictures]


def _css(share: float) -> str:
    return f"{100 * share:.2f}%"
