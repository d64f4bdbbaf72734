"""The images that machines get: those of a draft and more like them, or those of a source.

Of a source, what a study shows that is open for reading stays out, with all other images of its
lesions, so that no machine learns, or shows, an image that it, or a person, is still to be asked
about.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet
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
    return [_material(image, drawn.get(image.pk, "")) for image in [*own, *made, *others]]


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


def _material(image: Image, use: str = "") -> Material:
    synthetic = image.origin == Origin.SYNTHETIC
    return Material(image, synthetic, image.entity, _group(image), image.lesion, use)


def _group(image: Image) -> str:
    if image.origin == Origin.SYNTHETIC:
        return f"{image.generator} {image.entity} {image.recipe.get('seed', image.name)}"
    return image.lesion or image.name


def _shuffled(images: list[Image]) -> list[Image]:
    return SeededStream("material").shuffled(images)


@dataclass(frozen=True)
class Collection:
    """Images of one origin that machines may see.

    Attributes:
        material: the images, by SHA-256.
        revision: of the generator; "" of real images.
        withheld: images left out, since an open study shows them, or another of their lesion.
        copies: synthetic images left out, since they are suspected to be copies.
        older: synthetic images left out, since an older revision of the generator made them.
        others: real images left out by `one_a_lesion`.
    """

    material: tuple[Material, ...]
    revision: str = ""
    withheld: int = 0
    copies: int = 0
    older: int = 0
    others: int = 0

    def __len__(self) -> int:
        return len(self.material)

    @property
    def sources(self) -> tuple[str, ...]:
        """The datasets, or the generator with its revision."""
        return tuple(sorted({_source(each.image) for each in self.material}))

    @property
    def licences(self) -> tuple[str, ...]:
        """Licences of the images."""
        return tuple(sorted({each.image.licence for each in self.material}))

    @property
    def phantom(self) -> bool:
        """Whether drawings stand in for photographs."""
        return any(each.image.dataset and each.image.dataset.phantom for each in self.material)

    def one_a_lesion(self) -> "Collection":
        """Return the first image of each lesion: images that are independent."""
        first: dict[str, Material] = {}
        for each in self.material:
            first.setdefault(each.lesion or each.image.sha256, each)
        return replace(self, material=tuple(first.values()), others=len(self) - len(first))

    def first_of_each(self, most: int) -> "Collection":
        """Return the first `most` images of each entity."""
        taken: dict[str, int] = {}
        kept = []
        for each in self.material:
            taken[each.entity] = taken.get(each.entity, 0) + 1
            if taken[each.entity] <= most:
                kept.append(each)
        return replace(self, material=tuple(kept))


def dataset_names() -> list[str]:
    """Return the names of all datasets."""
    return list(Dataset.objects.order_by("name").values_list("name", flat=True))


def generator_names() -> list[str]:
    """Return the names of all generators that the catalogue has images of."""
    made = Image.objects.filter(origin=Origin.SYNTHETIC)
    return list(made.order_by("generator").values_list("generator", flat=True).distinct())


def sole_dataset() -> str:
    """Return the name of the only dataset that there is.

    Raises:
        EvaluationError: there are none, or several to choose from.
    """
    names = dataset_names()
    if len(names) != 1:
        raise EvaluationError(
            f"name the real images to compare with, --reference DATASET; there are: "
            f"{', '.join(names) or 'none yet'}"
        )
    return names[0]


def photographs_of(datasets: Sequence[str]) -> Collection:
    """Return the real images of the named datasets (of all that are no phantoms, if none is named).

    Raises:
        EvaluationError: there is no such dataset, or nothing is left.
    """
    images = Image.objects.filter(origin=Origin.REAL)
    if datasets:
        images = images.filter(dataset__in=[get_dataset(name) for name in datasets])
    else:
        images = images.filter(dataset__phantom=False)
    free, withheld = _free(images)
    found = Collection(free, withheld=withheld)
    return _some(found, ", ".join(datasets) or "the catalogue")


def generated_by(generator: str) -> Collection:
    """Return the images of a generator's newest revision, but for suspected copies.

    Raises:
        EvaluationError: the catalogue has no image of such a generator, or nothing is left.
    """
    own = Image.objects.filter(origin=Origin.SYNTHETIC, generator=generator)
    newest = own.order_by("added_at", "pk").last()
    if newest is None:
        raise EvaluationError(
            f"the catalogue has no images of generator '{generator}'; there are images of: "
            f"{', '.join(generator_names()) or 'none yet'}; make some with manage.py generate_batch"
        )
    of_it = own.filter(generator_revision=newest.generator_revision)
    free, withheld = _free(of_it)
    kept = tuple(each for each in free if not each.image.suspected_copy)
    found = Collection(
        kept,
        newest.generator_revision,
        withheld,
        copies=len(free) - len(kept),
        older=own.count() - of_it.count(),
    )
    return _some(found, f"generator '{generator}'")


def _free(images: QuerySet[Image]) -> tuple[tuple[Material, ...], int]:
    """Return images of no lesion that an open study shows, and how many are of one."""
    on_show = Image.objects.filter(sealed=True).exclude(lesion="")
    shown = Q(sealed=True) | Q(lesion__in=on_show.values_list("lesion", flat=True))
    free = images.exclude(shown).select_related("dataset").order_by("sha256")
    return tuple(map(_material, free)), images.filter(shown).count()


def _some(found: Collection, source: str) -> Collection:
    if not found.material:
        raise EvaluationError(
            f"{source} has no image to use ({found.withheld} are in open studies, {found.copies} "
            "are suspected copies); import or generate some, or name another"
        )
    return found


def _source(image: Image) -> str:
    if image.dataset:
        return image.dataset.name
    return f"{image.generator} {image.generator_revision}".strip()
