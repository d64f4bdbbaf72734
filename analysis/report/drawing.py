"""From Figure to file: SVG and PNG, and the SVG that a page can show inline in its own colours."""

import re
from dataclasses import dataclass
from html import escape
from io import BytesIO, StringIO

from matplotlib import rc_context
from matplotlib.figure import Figure

from analysis.report.elements import PALETTE, house_style

#: Matplotlib measures text in the font it brings along; viewers show a narrower one of their own.
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Drawing:
    """A figure ready to be written.

    Attributes:
        name: of its files, without an ending.
        caption: what it shows and how to read it.
        alt: the same for those who cannot see it, with the main numbers.
        svg, png: the files.
        inline: the SVG for a page: no prolog, its own ids, colours as variables of the page.
        width: natural width in CSS pixels.
    """

    name: str
    caption: str
    alt: str
    svg: str
    png: bytes
    inline: str
    width: int


def draw(name: str, figure: Figure, caption: str, alt: str) -> Drawing:
    """Render a figure once for every form it takes."""
    text, image = StringIO(), BytesIO()
    with house_style():
        # No date and no creator: the same answers give the same bytes.
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        # The layout has done its work for the first file; any engine, even "none", draws twice.
        with rc_context({"figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)
        figure.savefig(image, format="png", facecolor="white", metadata={"Software": None})
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", text.getvalue(), flags=re.DOTALL)
    svg = re.sub(r"'DejaVu Sans'(, '?[\w -]+'?)*", FONTS, svg)
    width = round(float(figure.get_figwidth()) * 100)
    return Drawing(name, caption, alt, svg, image.getvalue(), _inline(svg, name, alt), width)


def _inline(svg: str, name: str, alt: str) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", body)
    body = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", body)
    for colour, value in PALETTE.items():
        body = body.replace(value, f"var(--{colour})")
    body = re.sub(r'\s(width|height)="[\d.]+pt"', "", body, count=2)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
