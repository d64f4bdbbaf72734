"""The quality of a generator's images: all figures of a report, from two sets of images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.quality.diversity import Diversity, diversity
from analysis.quality.faithfulness import Faithfulness, faithfulness
from analysis.quality.memorisation import Memorisation, memorisation
from analysis.quality.published import PublishedRow, published_rows
from analysis.quality.resemblance import PairFigure, SetFigure, pair_figures, set_figures
from analysis.quality.sets import About, ImageSet, draw

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Missing:
    """Figures that were not computed: which, what they need, and the command that would."""

    title: str
    needs: str
    command: str


@dataclass(frozen=True)
class Facts:
    """What was compared.

    Attributes:
        generator, revision: whose images.
        reference: the dataset of real images.
        held_out: a second one, of lesions that the generator has not learnt from; "" without.
        entities: in their order.
        images: how many, by origin and entity; real ones are one a lesion.
        drawn: how many of each set are compared at equal n, by entity.
        side: px at which all images are compared.
        extractors: what features come from.
        missing: what was not computed.
        trained_on: the dataset that the classifier learnt from.
        published: whether the published study's table is computed in its way, too.
        keras: what FID and score of that table come from; None leaves them out.
        caveats: what must be known before a number is believed.
    """

    generator: str
    revision: str
    reference: str
    held_out: str
    entities: tuple[str, ...]
    images: Mapping[str, Mapping[str, int]]
    drawn: Mapping[str, int]
    side: int
    extractors: tuple[About, ...]
    missing: tuple[Missing, ...]
    trained_on: str
    published: bool
    keras: About | None
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Quality:
    """All numbers of a quality report.

    Attributes:
        pictures: small JPEGs of the hardest images, by name; files, no numbers.
        memorisation: empty without held-out images.
        published: the published study's table, computed in its way; empty unless asked for.
    """

    facts: Facts
    sets: tuple[SetFigure, ...]
    memorisation: tuple[Memorisation, ...]
    pairs: tuple[PairFigure, ...]
    faithfulness: Faithfulness
    diversity: Diversity
    published: tuple[PublishedRow, ...]
    pictures: Mapping[str, bytes]


@dataclass(frozen=True)
class Task:
    """What is asked of an assessment beside the images; see `Facts`."""

    generator: str
    revision: str
    reference: str
    held_out: str
    side: int
    extractors: tuple[About, ...]
    missing: tuple[Missing, ...]
    judged: tuple[str, ...]
    trained_on: str
    published: bool
    keras: About | None
    caveats: tuple[str, ...]


def assess(
    real: ImageSet,
    synthetic: ImageSet,
    task: Task,
    entities: Sequence[str],
    *,
    held_out: ImageSet | None = None,
    pictures: Callable[[Sequence[int]], Sequence[bytes]],
    on_step: OnStep | None = None,
) -> Quality:
    """Compute all figures.

    Args:
        real, synthetic: all images.
        task: how they were made comparable, and what the extractors are.
        entities: all that may occur, in the order of the report.
        held_out: real images of other lesions than `real`, which the generator learnt from.
        pictures: from rows of synthetic images to small JPEGs.
        on_step: told how many groups of distances are done.

    Raises:
        AnalysisError: the sets have no entity in common.
    """
    shared = tuple(
        e for e in entities if (real.entity == e).any() and (synthetic.entity == e).any()
    )
    if not shared:
        have = ", ".join(np.unique(real.entity)) or "none"
        raise AnalysisError(
            f"dataset '{task.reference}' has real images of {have} and generator "
            f"'{task.generator}' images of {', '.join(np.unique(synthetic.entity)) or 'none'}; "
            "generate or import some of the same entities"
        )
    drawn = draw(real, synthetic, shared)
    judge = task.extractors[0].key
    judged = faithfulness(real, synthetic, judge, task.judged, shared)
    rows = [one.row for one in judged.hardest]
    names = [one.name for one in judged.hardest]
    paired = pair_figures(real, synthetic, drawn, judge, shared)
    published: tuple[PublishedRow, ...] = ()
    if task.published:
        key = task.keras.key if task.keras else None
        published = published_rows(real, synthetic, paired, key, shared)
    return Quality(
        Facts(
            task.generator,
            task.revision,
            task.reference,
            task.held_out,
            shared,
            {
                origin: {e: int((one.entity == e).sum()) for e in shared}
                for origin, one in (
                    ("real", real),
                    ("synthetic", synthetic),
                    *((("held_out", held_out),) if held_out else ()),
                )
            },
            {e: int((synthetic.entity[drawn.synthetic] == e).sum()) for e in shared},
            task.side,
            task.extractors,
            task.missing,
            task.trained_on,
            task.published,
            task.keras,
            task.caveats,
        ),
        set_figures(real, synthetic, drawn, task.extractors, shared, on_step),
        memorisation(synthetic, real, held_out, task.extractors, shared) if held_out else (),
        paired,
        judged,
        diversity(real, synthetic, drawn),
        published,
        dict(zip(names, pictures(rows), strict=True)) if rows else {},
    )
