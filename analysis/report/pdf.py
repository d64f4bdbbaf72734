"""The whole report as one PDF: what the page says, on A4, with contents and page numbers."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib import get_data_path
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    LongTable,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)

from analysis.report.cells import ReportTable
from analysis.report.drawing import Drawing
from analysis.report.elements import PALETTE
from analysis.report.layout import Block, Contents, KeyNumber, Section

rl_config.useA85 = 0  # bytes as they are: quicker, and a fifth smaller
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, SOFT, FRAME, RULE = (HexColor(PALETTE[name]) for name in ("ink", "soft", "frame", "rule"))
#: The fonts that matplotlib brings along: they know d′, − and ×, and every machine has the same.
FONTS = {"Text": "DejaVuSans", "Text-Bold": "DejaVuSans-Bold", "Display": "DejaVuSerif"}
#: Longer tables are looked up in their CSV, as are those that the page folds.
MOST_ROWS = 60

_body = ParagraphStyle("body", fontName="Text", fontSize=8.6, leading=12.6, textColor=INK)
_body.spaceAfter = 5
STYLES = {
    "body": _body,
    "headline": ParagraphStyle(
        "headline", _body, fontName="Display", fontSize=19, leading=25, spaceAfter=10
    ),
    "kicker": ParagraphStyle("kicker", _body, textColor=SOFT, spaceAfter=14),
    "verdict": ParagraphStyle("verdict", _body, fontSize=10, leading=15, textColor=SOFT),
    "warning": ParagraphStyle(
        "warning",
        _body,
        textColor=HexColor("#7a4300"),
        backColor=HexColor("#fdf0dc"),
        borderPadding=(4, 6, 4, 6),
        leftIndent=6,
        rightIndent=6,
        spaceBefore=8,
        spaceAfter=8,
    ),
    "section": ParagraphStyle(
        "section",
        _body,
        fontName="Display",
        fontSize=14.5,
        leading=19,
        spaceBefore=14,
        spaceAfter=7,
        keepWithNext=1,
    ),
    "heading": ParagraphStyle(
        "heading", _body, fontName="Text-Bold", fontSize=9.2, spaceBefore=9, spaceAfter=4
    ),
    "caption": ParagraphStyle(
        "caption", _body, fontSize=7.6, leading=10.4, textColor=SOFT, spaceAfter=8
    ),
    "cell": ParagraphStyle("cell", _body, fontSize=7.2, leading=9.2, spaceAfter=0),
    "number": ParagraphStyle(
        "number", _body, fontSize=7.2, leading=9.2, spaceAfter=0, alignment=TA_RIGHT
    ),
    "contents": ParagraphStyle("contents", _body, spaceAfter=1.5, textColor=SOFT),
}


def report_pdf(content: Contents, created: datetime) -> bytes:
    """Return the report as a PDF; the same content under SOURCE_DATE_EPOCH gives the same bytes."""
    _register_fonts()
    out = BytesIO()
    document = _Document(out, content, created)
    document.build(list(_story(content, created)))
    return out.getvalue()


class _Document(BaseDocTemplate):
    """A4 with a running title, page numbers, and an outline of the sections."""

    def __init__(self, out: BytesIO, content: Contents, created: datetime) -> None:
        super().__init__(
            out,
            pagesize=A4,
            title=content.title,
            author="DermTuring",
            subject=content.headline,
            creator="DermTuring",
            lang="en",
        )
        self.running = f"{content.title}, {created:%d %B %Y}"
        frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self._foot))

    def _foot(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Text", 7)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, 11 * mm, self.running[:110])
        canvas.drawRightString(A4[0] - MARGIN, 11 * mm, str(canvas.getPageNumber()))
        canvas.restoreState()


class _Section(Paragraph):
    """A heading of a section, to which the list of contents and the outline lead."""

    def __init__(self, section: Section) -> None:
        super().__init__(escape(section.title), STYLES["section"])
        self.section = section

    def draw(self) -> None:
        self.canv.bookmarkPage(self.section.key)
        self.canv.addOutlineEntry(self.section.title, self.section.key, 0)
        super().draw()


class _Scale(Flowable):
    """A number of the summary on a scale from 0 to 1, as on the page."""

    def __init__(self, key: KeyNumber, width: float) -> None:
        super().__init__()
        self.key, self.width, self.height = key, width, 46
        self.spaceAfter = 4

    def draw(self) -> None:
        pen, key = self.canv, self.key
        colour = HexColor(PALETTE[key.colour])
        pen.setFont("Text", 7.6)
        pen.setFillColor(SOFT)
        pen.drawString(0, 36, key.label)
        pen.setFont("Display", 15)
        pen.setFillColor(colour)
        pen.drawString(0, 18, key.text)
        if key.interval:
            wide = stringWidth(key.text, "Display", 15)
            pen.setFont("Text", 7.6)
            pen.setFillColor(SOFT)
            pen.drawString(wide + 6, 18, key.interval)
        pen.setStrokeColor(FRAME)
        pen.line(0, 8, self.width, 8)
        if key.chance is not None:
            pen.setDash(2, 2)
            pen.line(key.chance * self.width, 3, key.chance * self.width, 13)
            pen.setDash()
        low, high = key.estimate.low, key.estimate.high
        if low is not None and high is not None:
            pen.setFillColor(colour, alpha=0.35)
            pen.roundRect(low * self.width, 6, (high - low) * self.width, 4, 2, stroke=0, fill=1)
        pen.setFillColor(colour, alpha=1)
        pen.circle(key.estimate.value * self.width, 8, 3, stroke=0, fill=1)


def _story(content: Contents, created: datetime) -> Iterator[Flowable]:
    yield _text(f"{content.title} · Report of {created:%d %B %Y}", "kicker")
    yield _text(content.headline, "headline")
    if content.verdict:
        yield _text(content.verdict, "verdict")
    for warning in content.warnings:
        yield _text(warning, "warning")
    yield Spacer(0, 8)
    for key in content.key_numbers:
        yield _Scale(key, WIDTH * 0.62)
    yield _text("Contents", "heading")
    yield _list_of(content.sections)
    for section in content.sections:
        yield CondPageBreak(70 * mm)
        yield _Section(section)
        pasted = any(block.pasted for block in section.blocks)
        for block in section.blocks:
            # The methods stand there once, with the numbers of their references.
            if not (pasted and block.heading == "Methods"):
                yield from _block(block)


def _list_of(sections: Sequence[Section]) -> Flowable:
    """Give the list of contents in two columns."""
    links = [
        Paragraph(f'<a href="#{one.key}">{escape(one.title)}</a>', STYLES["contents"])
        for one in sections
    ]
    half = (len(links) + 1) // 2
    table = LongTable([[links[:half], links[half:]]], [WIDTH / 2] * 2)
    table.setStyle(
        TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
    )
    return table


def _block(block: Block) -> Iterator[Flowable]:
    head: list[Flowable] = [_text(block.heading, "heading")] if block.heading else []
    for sentence in block.text:
        yield from _with(head, [_text(sentence, "body")])
    for row in _side_by_side(block.drawings):
        yield from _with(head, [_drawings(row)] if len(row) > 1 else _drawing(row[0], WIDTH))
    if block.table and not block.folded:
        yield from _with(head, [])
        yield from _table(block.table)
    elif block.table:
        where = f"{block.table.title}: see {block.table.name}.csv."
        yield from _with(head, [_text(where, "caption")])
    for paragraph in block.pasted.split("\n"):
        if paragraph.startswith("## "):
            yield from _with(head, [_text(paragraph[3:], "heading")])
        elif paragraph:
            yield from _with(head, [_text(paragraph, "body")])


def _with(head: list[Flowable], what: list[Flowable]) -> Iterator[Flowable]:
    """Give what follows a heading together with it; the heading comes once."""
    if head or len(what) > 1:
        yield KeepTogether([*head, *what])
    else:
        yield from what
    head.clear()


def _side_by_side(drawings: Sequence[Drawing]) -> list[list[Drawing]]:
    """Return the drawings in rows that fit the page, as they are."""
    rows: list[list[Drawing]] = []
    for drawing in drawings:
        if rows and sum(each.width for each in rows[-1]) + drawing.width <= 760:
            rows[-1].append(drawing)
        else:
            rows.append([drawing])
    return rows


def _drawing(drawing: Drawing, width: float) -> list[Flowable]:
    wide, high = ImageReader(BytesIO(drawing.png)).getSize()
    shown = min(width, drawing.width * 0.66)
    height = shown * high / wide
    most = A4[1] - 2 * MARGIN - 30 * mm
    if height > most:
        shown, height = shown * most / height, most
    image = Image(BytesIO(drawing.png), shown, height)
    image.hAlign = "LEFT"
    return [image, _text(drawing.caption, "caption")]


def _drawings(row: Sequence[Drawing]) -> Flowable:
    width = WIDTH / len(row)
    table = LongTable([[_drawing(each, width - 8) for each in row]], [width] * len(row))
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ]
        )
    )
    return table


def _table(table: ReportTable) -> Iterator[Flowable]:
    """Give a table as on the page, its first rows where it is long."""
    rows = table.printed_rows
    parts = [row.cells for row in rows[:MOST_ROWS]]
    cells = [[f"{one} {more}".strip() for one, more, _ in row] for row in parts]
    header = [title for title, _ in table.heads]
    if sum(_wanted(header, cells)) > WIDTH:  # intervals go below their numbers
        cells = [[f"{one}\n{more}".strip() for one, more, _ in row] for row in parts]
    widths = _widths(header, cells)
    drawn = LongTable(
        [
            [
                _text(cell, "cell" if words else "number", soft=not line)
                for cell, (_, words) in zip(row, table.heads, strict=True)
            ]
            for line, row in enumerate([header, *cells])
        ],
        widths,
        repeatRows=1,
    )
    drawn.hAlign = "LEFT"
    first_summary = next((i for i, row in enumerate(rows) if row.summary), None)
    drawn.setStyle(
        _table_style(first_summary if first_summary and first_summary < len(cells) else None)
    )
    yield CondPageBreak(40 * mm)
    yield _text(table.title, "heading")
    yield drawn
    note = table.note
    if len(rows) > MOST_ROWS:
        note = f"The first {MOST_ROWS} of {len(rows)} rows; all are in {table.name}.csv. {note}"
    yield _text(note, "caption") if note else Spacer(0, 8)


def _table_style(summary: int | None) -> TableStyle:
    rules: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, RULE),
    ]
    if summary is not None:
        rules.append(("LINEABOVE", (0, summary + 1), (-1, summary + 1), 0.6, FRAME))
    return TableStyle(rules)


def _widths(header: Sequence[str], cells: Sequence[Sequence[str]]) -> list[float]:
    """Return the widths of columns: as their cells need, or shared out where the page is full."""
    lines = [header, *cells]
    wanted, least = _wanted(header, cells), []
    for place in range(len(header)):
        column = [line[place] for line in lines]
        words = [word for text in column for word in text.split()] or [""]
        least.append(min(max(stringWidth(word, "Text", 7.2) for word in words) + 9, WIDTH / 4))
    if sum(wanted) <= WIDTH:
        return wanted
    free = max(WIDTH - sum(least), 0)
    more = [max(want - need, 0) for want, need in zip(wanted, least, strict=True)]
    scale = WIDTH / max(sum(least), WIDTH)
    share = free / (sum(more) or 1)
    return [need * scale + extra * share for need, extra in zip(least, more, strict=True)]


def _wanted(header: Sequence[str], cells: Sequence[Sequence[str]]) -> list[float]:
    """Return how wide each column would like to be."""
    return [
        max(
            stringWidth(part, "Text", 7.2)
            for line in (header, *cells)
            for part in line[place].split("\n")
        )
        + 9
        for place in range(len(header))
    ]


def _text(text: str, style: str, *, soft: bool = False) -> Paragraph:
    words = escape(text, quote=False).replace("\n", "<br/>")
    return Paragraph(
        f'<font color="{PALETTE["soft"]}">{words}</font>' if soft else words, STYLES[style]
    )


def _register_fonts() -> None:
    folder = Path(get_data_path()) / "fonts" / "ttf"
    for name, file in FONTS.items():
        registerFont(TTFont(name, str(folder / f"{file}.ttf")))
    registerFontFamily(
        "Text", normal="Text", bold="Text-Bold", italic="Text", boldItalic="Text-Bold"
    )
