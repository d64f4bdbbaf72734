"""A plan in words, table and figure."""

import csv
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

from analysis.planning import Assumptions, Prospect, fewest_raters, prospect
from analysis.report.drawing import Drawing, draw
from analysis.report.folder import writing
from analysis.report.power_figure import power_curves

#: The published study: one rater, 140 images, half of them synthetic.
SEED = (1, 70)

OnStep = Callable[[int, int], None]


def plan(
    raters: Sequence[int],
    images: Sequence[int],
    assumed: Assumptions,
    *,
    simulations: int,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> list[Prospect]:
    """Return a prospect for each number of raters and images, both in rising order."""
    cells = [(r, n) for n in sorted(set(images)) for r in sorted(set(raters))]
    prospects = []
    for k, (r, n) in enumerate(cells, start=1):
        prospects.append(prospect(r, n, assumed, simulations=simulations, seed=seed))
        if on_step:
            on_step(k, len(cells))
    return prospects


def sentences(prospects: Sequence[Prospect], assumed: Assumptions, power: float) -> list[str]:
    """Return what the plan comes to, and what the published study could have shown."""
    said = []
    low, high = 0.5 - assumed.margin, 0.5 + assumed.margin
    for images in sorted({each.images for each in prospects}):
        line = [each for each in prospects if each.images == images]
        enough = fewest_raters(line, power)
        if enough:
            said.append(
                f"{enough.raters} raters of {images} AI images each show with a chance of "
                f"{enough.equivalent:.2f} that the deception rate lies between {low:.2f} and "
                f"{high:.2f}, if it is {assumed.rate:.2f}."
            )
        else:
            most = max(line, key=lambda each: each.equivalent)
            said.append(
                f"None of these numbers of raters is enough with {images} AI images each: the best "
                f"chance is {most.equivalent:.2f}, with {most.raters} raters."
            )
    alone = prospect(*SEED, assumed, simulations=1000)
    said.append(
        f"One rater of 140 images, half of them AI: the interval of the deception rate is about "
        f"{alone.half_width:.2f} wide on either side and holds for that rater. Nothing follows for "
        "dermatologists in general, whatever comes out."
    )
    return said


def drawing(prospects: Sequence[Prospect], power: float) -> Drawing:
    """Return the curve of a plan."""
    best = max(prospects, key=lambda each: each.equivalent)
    return draw(
        "power",
        power_curves(prospects, power),
        "Chance of showing that the deception rate is equivalent to 0.5, by simulation.",
        f"Power rises with raters, up to {best.equivalent:.2f} with {best.raters} raters of "
        f"{best.images} AI images.",
    )


def plan_csv(prospects: Sequence[Prospect]) -> str:
    """Return the plan as CSV."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["raters", "images", "half_width", "equivalent", "different"])
    writer.writerows(
        [each.raters, each.images, each.half_width, each.equivalent, each.different]
        for each in prospects
    )
    return out.getvalue()


def write_plan(prospects: Sequence[Prospect], power: float, out: Path) -> list[Path]:
    """Write table and figure into the folder `out`.

    Raises:
        FolderRefused: it cannot be written.
    """
    drawn = drawing(prospects, power)
    files = {
        "plan.csv": plan_csv(prospects).encode(),
        "power.svg": drawn.svg.encode(),
        "power.png": drawn.png,
    }
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / name).write_bytes(content)
    return [out / name for name in files]
