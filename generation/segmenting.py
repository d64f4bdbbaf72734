"""The segmenter as a service: trained on the catalogue's masks, judged on lesions it never saw."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from django.conf import settings
from django.template.loader import render_to_string

from evaluation.catalogue import TrainingImage, images_for_training, open_mask, open_original
from generation.batches import OWN_WEIGHTS
from generation.engine.devices import choose_device
from generation.engine.generator import GenerationError
from generation.engine.segmenter.segmenter import Segmenter, overlap, save_segmenter
from generation.engine.training.loop import Progress, Recipe, train
from generation.engine.training.masks import MaskedFrames, SegmenterStage
from generation.engine.training.pixels import shrink
from generation.gathering import HELD_OUT, OnStep, is_held_out

FRAME = (128, 96)  # px


@dataclass(frozen=True)
class Agreement:
    """How well proposed masks agree with those of lesions that were never trained on.

    Attributes:
        overlaps: (n,) intersection over union of each image, at its own size; 0 where no lesion
            was found.
        by_entity: the mean of each entity, and of how many.
    """

    overlaps: np.ndarray
    by_entity: dict[str, tuple[float, int]]

    @property
    def mean(self) -> float:
        """The mean overlap."""
        return float(self.overlaps.mean())

    @property
    def median(self) -> float:
        """The median overlap."""
        return float(np.median(self.overlaps))

    @property
    def poor(self) -> float:
        """Share of images whose overlap is below a half."""
        return float((self.overlaps < 0.5).mean())


def train_segmenter(
    datasets: Sequence[str],
    recipe: Recipe,
    *,
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Path, Agreement]:
    """Train a segmenter on the real images that have masks, and say how well it does.

    A run that was stopped goes on where it was: its checkpoint stands in `var/training/segmenter`.

    Args:
        datasets: names; all real images of the catalogue where there are none.
        recipe: how.
        on_step: told how far reading is.

    Returns:
        The directory of the weights, with a card, and the agreement on held-out lesions.

    Raises:
        GenerationError: no image has a mask, none of them is held out, or no such device.
        FloatingPointError: training diverged; the last checkpoint is whole.
    """
    masked = [each for each in images_for_training(datasets) if each.image.mask]
    learnt = [each for each in masked if not is_held_out(each.lesion)]
    unseen = [each for each in masked if is_held_out(each.lesion)]
    if not learnt or not unseen:
        raise GenerationError(
            f"{len(learnt)} images with masks to train on and {len(unseen)} of held-out lesions "
            "to judge by; import more with import_images --masks"
        )
    stage = SegmenterStage(_frames(learnt, on_step))
    run = settings.VAR_DIR / "training" / "segmenter"
    network = train(stage, recipe, run, device=str(choose_device(device)), on_progress=on_progress)
    agreement = agreement_on(Segmenter(network, ""), unseen)
    card = render_to_string(
        "generation/segmenter_card.md",
        {
            "agreement": agreement,
            "date": date.today(),
            "datasets": sorted({each.image.dataset.name for each in masked if each.image.dataset}),
            "licences": sorted({each.image.licence for each in masked}),
            "learnt": len(learnt),
            "one_in": HELD_OUT,
            "recipe": recipe,
            "weights": sum(each.numel() for each in network.parameters()),
        },
    )
    target = OWN_WEIGHTS / "segmenter"
    save_segmenter(network, card, target)
    return target, agreement


def agreement_on(segmenter: Segmenter, images: Sequence[TrainingImage]) -> Agreement:
    """Compare proposed masks with those of images, at their own sizes."""
    overlaps = np.empty(len(images))
    for k, each in enumerate(images):
        truth = np.asarray(open_mask(each.image).convert("L")) > 127
        try:
            said = segmenter.propose(np.asarray(open_original(each.image)))
        except GenerationError:
            overlaps[k] = 0.0
        else:
            overlaps[k] = overlap(said, truth)
    entities = np.array([each.entity for each in images])
    by_entity = {
        str(entity): (float(overlaps[entities == entity].mean()), int((entities == entity).sum()))
        for entity in np.unique(entities)
    }
    return Agreement(overlaps, by_entity)


def _frames(images: Sequence[TrainingImage], on_step: OnStep | None) -> MaskedFrames:
    """Decode and shrink photographs and masks."""
    shape = (len(images), FRAME[1], FRAME[0])
    frames, masks = np.empty((*shape, 3), np.uint8), np.empty(shape, bool)

    def small(each: TrainingImage) -> tuple[np.ndarray, np.ndarray]:
        share = shrink(open_mask(each.image), *FRAME)[..., 0]
        return shrink(open_original(each.image), *FRAME), share > 127

    with ThreadPoolExecutor() as pool:
        for k, (frame, mask) in enumerate(pool.map(small, images)):
            frames[k], masks[k] = frame, mask
            if on_step:
                on_step(k + 1, len(images))
    return MaskedFrames(frames, masks)
