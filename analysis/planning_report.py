"""A plan in words, table and figure."""

import csv
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

from analysis.planning import (
    Assumptions,
    Expect,
    Prospect,
    fewest_images_alone,
    fewest_raters,
)
from analysis.report.drawing import Drawing, draw
from analysis.report.folder import writing
from analysis.report.power_figure import power_curves

#: The published study: one rater, 140 images, half of them synthetic.
SEED = (1, 70)

OnStep = Callable[[int, int], None]


def plan(
    raters: Sequence[int],
    images: Sequence[int],
    expect: Expect,
    *,
    on_step: OnStep | None = None,
) -> list[Prospect]:
    """Return a prospect for each number of raters and images, both in rising order."""
    cells = [(r, n) for n in sorted(set(images)) for r in sorted(set(raters))]
    prospects = []
    for k, (r, n) in enumerate(cells, start=1):
        prospects.append(expect(r, n))
        if on_step:
            on_step(k, len(cells))
    return prospects


def aim(assumed: Assumptions) -> str:
    """Return what the study is to show, in words."""
    if assumed.difference is None:
        low, high = 0.5 - assumed.margin, 0.5 + assumed.margin
        return (
            f"that the deception rate lies between {low:.2f} and {high:.2f}, "
            f"if it is {assumed.rate:.2f}"
        )
    return (
        "that two generators' deception rates differ, if they are "
        f"{assumed.rate:.2f} and {assumed.rate + assumed.difference:.2f}"
    )


def sentences(
    prospects: Sequence[Prospect], assumed: Assumptions, power: float, expect: Expect
) -> list[str]:
    """Return what the plan comes to, and what so few raters as one to three can show."""
    said = []
    what = f"{_of(assumed)} each"
    for images in sorted({each.images for each in prospects}):
        line = [each for each in prospects if each.images == images]
        enough = fewest_raters(line, power)
        if enough:
            said.append(
                f"{enough.raters} raters of {images} {what} show with a chance of "
                f"{enough.chance:.2f} {aim(assumed)}."
            )
        else:
            most = max(line, key=lambda each: each.chance)
            said.append(
                f"None of these numbers of raters is enough with {images} {what}: the best "
                f"chance is {most.chance:.2f}, with {most.raters} raters."
            )
    return [*said, *_few(max(each.images for each in prospects), assumed, power, expect)]


def _of(assumed: Assumptions) -> str:
    return "AI images" if assumed.difference is None else "AI images of either generator"


def _few(images: int, assumed: Assumptions, power: float, expect: Expect) -> list[str]:
    """Return what one, two and three raters can show."""
    two, three = expect(2, images), expect(3, images)
    said = [
        f"Two raters of {images} {_of(assumed)} each show it with a chance of {two.chance:.2f}, "
        f"three with {three.chance:.2f}: so few are hardly a sample of raters."
    ]
    if assumed.difference is not None:
        said.append(
            "One rater's difference holds for that rater. Nothing follows for dermatologists in "
            "general, whatever comes out."
        )
        return said
    alone = expect(*SEED)
    said.append(
        f"One rater of 140 images, half of them AI: the interval of the deception rate is about "
        f"{alone.half_width:.2f} wide on either side and holds for that rater. Nothing follows for "
        "dermatologists in general, whatever comes out."
    )
    enough = fewest_images_alone(assumed, power)
    if enough:
        said.append(
            f"Of that rater alone it takes {enough} AI images to show it with a chance of "
            f"{power:.2f} (exact binomial tests)."
        )
    return said


def drawing(prospects: Sequence[Prospect], assumed: Assumptions, power: float) -> Drawing:
    """Return the curve of a plan."""
    best = max(prospects, key=lambda each: each.chance)
    return draw(
        "power",
        power_curves(prospects, power),
        f"Chance of showing {aim(assumed)}.",
        f"Power rises with raters, up to {best.chance:.2f} with {best.raters} raters of "
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


def write_plan(
    prospects: Sequence[Prospect], assumed: Assumptions, power: float, out: Path
) -> list[Path]:
    """Write table and figure into the folder `out`.

    Raises:
        FolderRefused: it cannot be written.
    """
    drawn = drawing(prospects, assumed, power)
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
