"""Phantoms: lesions drawn by a program, for where no photographs can be had.

They are no likeness that anybody should judge: they let the whole flow be tried, and say so.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

WIDTH, HEIGHT = 384, 288


@dataclass(frozen=True)
class Look:
    """How the lesions of an entity look: colours in sRGB, sizes as shares of the height."""

    inner: tuple[int, int, int]
    outer: tuple[int, int, int]
    size: float
    ragged: float  # how irregular the border is
    soft: float  # how gradually it ends, in px
    blotches: float  # how strongly the colour varies inside
    spots: int  # dots, clods, vessels or lacunae laid on it
    spot_colour: tuple[int, int, int] = (60, 35, 30)
    network: float = 0.0  # strength of a pigment network
    scale: float = 0.0  # strength of white scale or a central scar


LOOKS = {
    "mel": Look((52, 32, 34), (122, 78, 62), 0.33, 0.34, 4, 0.9, 14, (40, 42, 62), 0.25),
    "nv": Look((118, 74, 52), (166, 112, 84), 0.24, 0.08, 7, 0.25, 6, (86, 52, 40), 0.5),
    "akiec": Look(
        (196, 112, 104), (214, 142, 130), 0.30, 0.22, 14, 0.5, 10, (170, 70, 70), 0.0, 0.6
    ),
    "bkl": Look((134, 98, 66), (160, 124, 88), 0.30, 0.16, 2, 0.45, 24, (238, 214, 160)),
    "bcc": Look(
        (214, 138, 134), (208, 150, 140), 0.28, 0.18, 9, 0.35, 9, (92, 100, 130), 0.0, 0.15
    ),
    "df": Look((212, 168, 148), (168, 116, 92), 0.22, 0.06, 14, 0.15, 0, (0, 0, 0), 0.35, 0.45),
    "vasc": Look((142, 26, 52), (190, 60, 82), 0.22, 0.10, 3, 0.45, 13, (86, 10, 46)),
}


def draw_phantom(entity: str, seed: int) -> np.ndarray:
    """Draw one phantom; the same entity and seed give the same pixels.

    Returns:
        (288, 384, 3) uint8, sRGB.

    Raises:
        KeyError: no look is known for the entity.
    """
    look = LOOKS[entity]
    rng = np.random.default_rng([seed, *entity.encode()])
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    skin = _skin(rng)
    canvas = skin + 9 * _grain(rng, 60)[..., None] + 4 * _grain(rng, 5)[..., None]

    centre = np.array([HEIGHT, WIDTH]) / 2 + rng.normal(0, 12, 2)
    dy, dx = y - centre[0], x - centre[1]
    angle, radius = np.arctan2(dy, dx), np.hypot(dy, dx * rng.uniform(0.75, 1.0))
    border = np.full_like(radius, look.size * HEIGHT * rng.uniform(0.8, 1.15))
    for wave in range(2, 9):
        border *= 1 + look.ragged / wave * rng.normal() * np.cos(wave * angle + rng.uniform(0, 6.3))
    inside = 1 / (1 + np.exp((radius - border) / look.soft))
    depth = np.clip(radius / border, 0, 1)[..., None]

    inner, outer = np.array(look.inner), np.array(look.outer)
    colour = inner + (outer - inner) * depth**1.5 + rng.normal(0, 9) + rng.normal(0, 2.5, 3)
    colour = colour * (1 + 0.35 * look.blotches * _grain(rng, 26)[..., None])
    if look.network:
        lines = np.abs(
            np.sin(x / 4.5 + 2 * _grain(rng, 20)) * np.sin(y / 4.5 + 2 * _grain(rng, 20))
        )
        colour = colour * (1 + 0.5 * look.network * (lines[..., None] - 0.5) * (1.2 - depth))
    if look.scale:
        white = (
            np.clip(_grain(rng, 9) - 0.2, 0, 1)[..., None] if entity != "df" else (1 - depth) ** 2
        )
        colour = colour + (np.array([240, 226, 216]) - colour) * np.clip(
            look.scale * white * 1.4, 0, 1
        )
    for _ in range(look.spots):
        away, turn = rng.uniform(0, 0.85) * look.size * HEIGHT, rng.uniform(0, 6.3)
        sy, sx = centre + away * np.array([np.sin(turn), np.cos(turn)])
        width = rng.uniform(3, 9 if entity != "vasc" else 17)
        spot = np.exp(-((((y - sy) ** 2 + (x - sx) ** 2) / width**2) ** 2))[..., None]
        colour = colour + (np.array(look.spot_colour) - colour) * 0.75 * spot
    canvas = canvas + (colour - canvas) * inside[..., None]
    canvas = canvas * (1 - 0.65 * _hairs(rng))[..., None]
    canvas = canvas * (
        1 - 0.22 * (((x / WIDTH - 0.5) ** 2 + (y / HEIGHT - 0.5) ** 2) * 2)[..., None]
    )
    canvas = canvas + rng.normal(0, 2.2, canvas.shape)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _skin(rng: np.random.Generator) -> np.ndarray:
    """Return a skin colour between fair and dark."""
    fair, dark = np.array([226, 178, 160.0]), np.array([138, 92, 70.0])
    return fair + (dark - fair) * rng.beta(1.2, 3.5) + rng.normal(0, 4, 3)


def _grain(rng: np.random.Generator, coarse: float) -> np.ndarray:
    """Return smooth noise of unit variance whose blobs are about `coarse` px wide."""
    small = rng.normal(size=(max(2, round(HEIGHT / coarse)), max(2, round(WIDTH / coarse))))
    grain = Image.fromarray(small.astype(np.float32)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    values = np.asarray(grain)
    return values / (values.std() + 1e-6)


def _hairs(rng: np.random.Generator) -> np.ndarray:
    """Return how strongly hairs cover each pixel, 0 to 1."""
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(rng.poisson(1.6)):
        t = np.linspace(0, 1, 500)[:, None]
        start, end = rng.uniform([0, 0], [HEIGHT, WIDTH], (2, 2))
        bend = (start + end) / 2 + rng.normal(0, 22, 2)
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        rows, columns = curve.astype(int).T
        cover[np.clip(rows, 0, HEIGHT - 1), np.clip(columns, 0, WIDTH - 1)] = 1
    blurred = Image.fromarray((255 * cover).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    return np.clip(np.asarray(blurred, np.float32) / 160, 0, 1)
