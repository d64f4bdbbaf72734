"""The images that an audit measures: those of a study, and more from the same sources."""

from collections import defaultdict
from dataclasses import dataclass

from PIL import Image as PillowImage

from evaluation.catalogue import open_original
from evaluation.design.randomness import SeededStream
from evaluation.models import Image, Origin
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
