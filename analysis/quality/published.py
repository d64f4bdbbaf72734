"""The figures of the published study's Table 1, computed as it computed them.

They are here to be compared with that table, beside the figures that say something. Its rows are
diagnoses; "overall" is their plain mean. PSNR has a peak of 255 over errors of values in [0, 1];
FID and the inception score come from the averaged features of Keras' Inception-v3, of all images
that either side has, however many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.quality.distances import feature_score, frechet
from analysis.quality.measures import too_few
from analysis.quality.pairs import PUBLISHED_DB
from analysis.quality.resemblance import ALL, PairFigure
from analysis.quality.sets import ImageSet
from analysis.results import Estimate, Number, Unknown

#: Images of each side: the published table begins at 115. No interval belongs to these figures.
LEAST = 50
NO_WEIGHTS = Unknown("not computed: no weights were given", "not computed")


@dataclass(frozen=True)
class PublishedRow:
    """One row of the published table: of an entity, or the plain mean of all ("").

    Attributes:
        pairs: of images of the entity at random.
        synthetic, real: how many images FID is of; the score is of the synthetic ones.
    """

    entity: str
    pairs: int
    ssim: Number
    psnr: Number
    mse: Number
    synthetic: int
    real: int
    fid: Number
    score: Number


def published_rows(
    real: ImageSet,
    synthetic: ImageSet,
    pairs: Sequence[PairFigure],
    extractor: str | None,
    entities: Sequence[str],
) -> tuple[PublishedRow, ...]:
    """Return the table, the mean row last.

    Args:
        real, synthetic: all images.
        pairs: figures of pairs at random, by entity.
        extractor: key of Keras' Inception-v3; None leaves FID and score out.
        entities: in their order.
    """
    at_random = {one.entity: one for one in pairs if one.kind == "random"}
    rows = []
    for entity in entities:
        paired = at_random[entity]
        made, taken = synthetic.entity == entity, real.entity == entity
        counts = int(made.sum()), int(taken.sum())
        fid: Number
        score: Number
        fid = score = too_few(min(counts), LEAST) or NO_WEIGHTS
        if extractor and min(counts) >= LEAST:
            own = synthetic.features[extractor][made]
            fid = Estimate(frechet(real.features[extractor][taken], own))
            score = Estimate(feature_score(own))
        rows.append(
            PublishedRow(
                entity,
                paired.n,
                _bare(paired.ssim),
                _bare(paired.psnr, PUBLISHED_DB),
                _bare(paired.mse),
                *counts,
                fid,
                score,
            )
        )
    return (*rows, _mean_row(rows))


def _bare(number: Number, more: float = 0.0) -> Number:
    """Return a value without its interval, which the published table has not."""
    return Estimate(number.value + more) if isinstance(number, Estimate) else number


def _mean_row(rows: Sequence[PublishedRow]) -> PublishedRow:
    def mean(numbers: Sequence[Number]) -> Number:
        values = [one.value for one in numbers if isinstance(one, Estimate)]
        if len(values) < len(numbers):
            return Unknown("a diagnosis has no figure", "incomplete")
        return Estimate(float(np.mean(values)))

    return PublishedRow(
        ALL,
        sum(row.pairs for row in rows),
        mean([row.ssim for row in rows]),
        mean([row.psnr for row in rows]),
        mean([row.mse for row in rows]),
        sum(row.synthetic for row in rows),
        sum(row.real for row in rows),
        mean([row.fid for row in rows]),
        mean([row.score for row in rows]),
    )
