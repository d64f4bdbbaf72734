"""The images that machines measure: those of a study and more like them, or those of a source."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image as PillowImage

from evaluation.catalogue import get_dataset, open_original
from evaluation.design.randomness import SeededStream
from evaluation.errors import EvaluationError
from evaluation.models import Dataset, Image, Origin
from evaluation.studies import get_study


@dataclass(frozen=True)
class Material:
    """One original with what an audit must know of it.

    `group` joins images that must not be split between training and test; `use` is empty for
    images outside the study.
    """

    image: Image
    synthetic: bool
    entity: str
    group: str
    lesion: str
    use: str

    def open(self) -> PillowImage.Image:
        """Return its pixels.

        Raises:
            EvaluationError: its file is gone or broken.
        """
        return open_original(self.image)


def material_of(slug: str, *, photographs: int) -> list[Material]:
    """Return a draft's images, then others of its generators and so many photographs in all.

    The study's dataset comes first, then what else the catalogue has; within a source the order is
    random, and always the same.

    Raises:
        UnknownStudy: there is no such study.
    """
    study = get_study(slug)
    drawn = {each.image_id: each.use for each in study.drawn.all()}
    own = list(Image.objects.filter(pk__in=drawn).order_by("sha256"))
    synthetic = Image.objects.filter(generator__in=study.generators, origin=Origin.SYNTHETIC)
    real = Image.objects.filter(origin=Origin.REAL).exclude(pk__in=drawn)
    near = _shuffled(list(real.filter(dataset=study.dataset).order_by("sha256")))
    far = _shuffled(list(real.exclude(dataset=study.dataset).order_by("sha256")))
    have = sum(image.origin == Origin.REAL for image in own)
    others = [*near, *far][: max(0, photographs - have)]
    made = _shuffled(list(synthetic.exclude(pk__in=drawn).order_by("sha256")))
    return [
        Material(
            image,
            image.origin == Origin.SYNTHETIC,
            image.entity,
            _group(image),
            image.lesion,
            drawn.get(image.pk, ""),
        )
        for image in [*own, *made, *others]
    ]


def balanced(material: list[Material], most: int) -> list[Material]:
    """Return at most so many images of each origin, as many of one as of the other.

    That holds of each diagnosis; what comes first is taken first.
    """
    cells: defaultdict[tuple[str, bool], list[Material]] = defaultdict(list)
    for each in material:
        cells[each.entity, each.synthetic].append(each)
    entities = sorted({each.entity for each in material})
    share = most // max(1, len(entities))
    chosen = []
    for entity in entities:
        count = min(len(cells[entity, True]), len(cells[entity, False]), share)
        chosen += cells[entity, True][:count] + cells[entity, False][:count]
    return chosen


def _group(image: Image) -> str:
    if image.origin == Origin.SYNTHETIC:
        return f"{image.generator} {image.entity} {image.recipe.get('seed', image.name)}"
    return image.lesion or image.name


def _shuffled(images: list[Image]) -> list[Image]:
    return SeededStream("material").shuffled(images)


@dataclass(frozen=True)
class Collection:
    """Images of one source that may be measured and shown outside studies.

    Attributes:
        material: in a fixed random order.
        revision: of the generator; "" of a dataset.
        left_out: how many images were left out, by reason.
        phantom: whether drawings stand in for photographs.
    """

    material: list[Material]
    revision: str
    left_out: dict[str, int]
    phantom: bool = False


def photographs_of(name: str) -> Collection:
    """Return the real images of a dataset, one a lesion, but for those that a study hides.

    Args:
        name: of the dataset; "" means the only one that there is.

    Raises:
        EvaluationError: there is no such dataset, or there are several to choose from.
    """
    if not name:
        names = list(Dataset.objects.values_list("name", flat=True))
        if len(names) != 1:
            raise EvaluationError(
                f"name the real images to compare with, --reference DATASET; there are: "
                f"{', '.join(names) or 'none yet'}"
            )
        name = names[0]
    dataset = get_dataset(name)
    found = _shuffled(list(dataset.images.order_by("sha256")))
    free = [image for image in found if not image.sealed]
    one_each: dict[str, Image] = {}
    for image in free:
        one_each.setdefault(image.lesion or image.name, image)
    left_out = {
        "in a study that is open for reading": len(found) - len(free),
        "of a lesion that another image shows": len(free) - len(one_each),
    }
    return Collection(_as_material(one_each.values()), "", left_out, dataset.phantom)


def generated_by(generator: str) -> Collection:
    """Return the images of a generator's newest revision, but for hidden and suspected ones.

    Raises:
        EvaluationError: the catalogue has no image of such a generator.
    """
    made = Image.objects.filter(origin=Origin.SYNTHETIC)
    found = list(made.filter(generator=generator).order_by("sha256"))
    if not found:
        names = made.order_by("generator").values_list("generator", flat=True).distinct()
        raise EvaluationError(
            f"the catalogue has no images of generator '{generator}'; there are images of: "
            f"{', '.join(names) or 'none yet'}; make some with manage.py generate_batch"
        )
    newest = max(found, key=lambda image: (image.added_at, image.pk)).generator_revision
    of_it = [image for image in found if image.generator_revision == newest]
    open_ = [image for image in of_it if not image.sealed]
    free = [image for image in open_ if not image.suspected_copy]
    left_out = {
        "of an older revision": len(found) - len(of_it),
        "in a study that is open for reading": len(of_it) - len(open_),
        "suspected copies": len(open_) - len(free),
    }
    return Collection(_as_material(_shuffled(free)), newest, left_out)


def _as_material(images: Iterable[Image]) -> list[Material]:
    return [
        Material(
            image, image.origin == Origin.SYNTHETIC, image.entity, _group(image), image.lesion, ""
        )
        for image in images
    ]
