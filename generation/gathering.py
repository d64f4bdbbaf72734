"""Images of the catalogue, gathered to train on: decoded, described, and some of them held out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from evaluation.catalogue import (
    TrainingImage,
    images_for_training,
    open_mask,
    open_original,
)
from evaluation.entities import ENTITIES
from evaluation.models import Dataset, Image
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.training.pixels import LabelledPixels, shrink
from generation.engine.vocabulary import SEXES, Vocabulary

ENOUGH = 20  # images from which an attribute, or a site, can be learnt
HELD_OUT = 20  # one lesion in so many is never trained on

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Gathered:
    """Training data, with what was left out.

    Attributes:
        data: images and the rows of their attributes.
        requests: what is known of each image.
        licences: of the images.
        datasets: from which they are.
    """

    data: LabelledPixels
    requests: tuple[ImageRequest, ...]
    licences: tuple[str, ...]
    datasets: tuple[str, ...]
    vocabulary: Vocabulary
    left_out: int  # of lesions on the other side of the split
    too_small: int
    no_mask: int = 0


def is_held_out(lesion: str) -> bool:
    """Tell whether all images of a lesion are kept from training, now and in every later run."""
    return int(hashlib.sha256(lesion.encode()).hexdigest(), 16) % HELD_OUT == 0


def gather(
    datasets: Sequence[str],
    frame: tuple[int, int],
    *,
    enlarge: bool,
    unseen: bool = False,
    masked: bool = False,
    vocabulary: Vocabulary | None = None,
    on_step: OnStep | None = None,
) -> Gathered:
    """Decode and shrink the real images of `datasets` to `frame` (width, height).

    Args:
        datasets: names; all real images of the catalogue where there are none.
        frame: in px.
        enlarge: take images that are smaller than the frame, too.
        vocabulary: of a generator to be trained further; else that of the images.
        unseen: take the held-out lesions and leave out all others, to test a generator on.
        masked: take only images that have a lesion mask, which becomes a fourth channel.
        on_step: told how far it is.

    Raises:
        GenerationError: nothing is left to train on.
    """
    taken: list[TrainingImage] = []
    left_out = too_small = no_mask = 0
    for each in images_for_training(datasets):
        if each.entity not in ENTITIES:
            continue  # a diagnosis that the catalogue adds
        long, short = sorted((each.image.width, each.image.height), reverse=True)
        if not enlarge and (long < frame[0] or short < frame[1]):
            too_small += 1
        elif masked and not each.image.mask:
            no_mask += 1
        elif is_held_out(each.lesion) != unseen:
            left_out += 1
        else:
            taken.append(each)
    if not taken:
        raise GenerationError(
            f"no image of at least {frame[0]} x {frame[1]} px"
            f"{' with a lesion mask' if masked else ''} to train on in "
            f"{', '.join(datasets) or 'the catalogue'}; import some"
            f"{' with import_images --masks' if masked else ''}, or name other datasets"
        )

    def shrunk_to_frame(each: TrainingImage) -> np.ndarray:
        image = shrink(open_original(each.image), *frame)
        return (
            np.dstack([image, shrink(open_mask(each.image), *frame)[..., :1]]) if masked else image
        )

    pixels = np.empty((len(taken), frame[1], frame[0], 4 if masked else 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        shrunk = pool.map(shrunk_to_frame, taken)
        for k, image in enumerate(shrunk):
            pixels[k] = image
            if on_step:
                on_step(k + 1, len(taken))
    known = vocabulary or learnable(taken)
    requests = tuple(_described(each.image) for each in taken)
    rows = np.array([_rows(known, request) for request in requests])
    licences = tuple(sorted({each.image.licence for each in taken}))
    keys = {each.image.dataset_id for each in taken if each.image.dataset_id}
    sources = Dataset.objects.filter(pk__in=keys).order_by("name")
    names = tuple(sources.values_list("name", flat=True))
    data = LabelledPixels(pixels, rows)
    return Gathered(data, requests, licences, names, known, left_out, too_small, no_mask)


def learnable(images: Sequence[TrainingImage]) -> Vocabulary:
    """Return what a generator can learn to be asked for from `images`."""
    sites = Counter(_site(each.image) for each in images)
    counts = {
        "sex": sum(each.image.sex in SEXES for each in images),
        "age": sum(each.image.age is not None for each in images),
        "tone": sum(each.image.skin_tone is not None for each in images),
    }
    known = tuple(sorted(site for site, count in sites.items() if site and count >= ENOUGH))
    attributes = [name for name, count in counts.items() if count >= ENOUGH]
    if known:
        attributes.append("site")
    return Vocabulary(tuple(ENTITIES), known, tuple(sorted(attributes)))


def _site(image: Image) -> str:
    site = image.site.replace("_", " ").lower()
    return "" if site == "unknown" else site


def _described(image: Image) -> ImageRequest:
    """Return what is known of an image, as a request for one like it."""
    return ImageRequest(
        entity=image.entity,
        seed=0,
        sex=image.sex if image.sex in SEXES else None,
        age=image.age,
        site=_site(image) or None,
        tone=image.skin_tone,
    )


def _rows(known: Vocabulary, request: ImageRequest) -> list[int]:
    """Return an image's row of each attribute's table; what is not known of it is left open."""
    site = request.site if request.site in known.sites else None
    return known.rows(replace(request, site=site))
