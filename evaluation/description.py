"""How a closed study was made, as JSON values: what a report prints of it beside the answers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median

from django.db.models import Q, QuerySet

from evaluation.models import Image, Origin, StimulusTruth, Study, Trial, Use
from evaluation.record import ABOUT, sessions_of

#: What raters say of themselves in years.
YEARS = ("years_dermatology", "years_dermoscopy")
#: Of an image's recipe, what makes it differ from the others of its generator.
OF_ONE_IMAGE = ("seed", "prompt", "sex", "age", "site", "tone", "lesion", "entity", "label")

Facts = dict[str, object]


def describe(study: Study) -> Facts:
    """Return what the catalogue, the protocol and the sessions say of a study.

    Numbers are counts. Images that have left the catalogue, or that were never in this one (an
    imported study), are missing from what the catalogue says.
    """
    protocol = study.protocol or {}
    return {
        "title": study.title,
        "contact": study.contact,
        "sealed_at": _moment(study.sealed_at),
        "closed_at": _moment(study.closed_at),
        "fingerprint": study.fingerprint,
        "seed": study.seed,
        "dataset": {name: getattr(study.dataset, name) for name in ("name", "licence")},
        "protocol_sha256": study.protocol_sha256,
        "protocol": {key: value for key, value in protocol.items() if key != "stimuli"},
        "images": {
            origin: _images(study, origin) for origin in (Origin.REAL.value, Origin.SYNTHETIC.value)
        },
        "generators": [_generator(study, name) for name in study.generators],
        "raters": _raters(study),
        "void_answers": sum(
            session.trials.exclude(void_reason="").count() for session in sessions_of(study)
        ),
    }


def _moment(value: object) -> str | None:
    return value.isoformat(timespec="minutes") if hasattr(value, "isoformat") else None


def _images(study: Study, origin: str) -> Facts:
    """Return what is known of the images of one origin, from catalogue to showing."""
    rows = list(
        StimulusTruth.objects.filter(
            stimulus__study=study, use=Use.STUDY.value, origin=origin
        ).select_related("image")
    )
    seen = _shown(study)
    stock = _stock(study, origin)
    ages = [row.age for row in rows if row.age is not None]
    return {
        "catalogued": stock.count() if any(row.image_id for row in rows) else None,
        "suspected_copies": stock.filter(suspected_copy=True).count(),
        "compared": stock.exclude(likeness=None).count(),
        "drawn": len(rows),
        "shown": sum(row.pk in seen for row in rows),
        "sex": _counted(row.sex for row in rows),
        "age": [min(ages), median(ages), max(ages)] if ages else None,
        "site": _counted(row.site for row in rows),
        "skin_tone": sum(row.skin_tone is not None for row in rows),
        "diagnosed_by": _counted(row.image.diagnosed_by if row.image else "" for row in rows),
    }


def _shown(study: Study) -> set[int]:
    """Return the stimuli that were put before a rater, alone or in a pair."""
    trials = Trial.objects.filter(session__rater__study=study).filter(
        Q(shown_at__isnull=False) | Q(answered=True)
    )
    return {key for pair in trials.values_list("stimulus", "beside") for key in pair if key}


def _stock(study: Study, origin: str) -> QuerySet[Image]:
    images = Image.objects.filter(origin=origin, entity__in=study.entities)
    if origin == Origin.REAL:
        return images.filter(dataset=study.dataset)
    return images.filter(generator__in=study.generators)


def _generator(study: Study, name: str) -> Facts:
    drawn = Image.objects.filter(
        stimuli__stimulus__study=study, stimuli__use=Use.STUDY.value, generator=name
    ).distinct()
    recipes = [image.recipe for image in drawn]
    kept = {key for recipe in recipes for key in recipe if key not in OF_ONE_IMAGE}
    settings = {}
    for key in sorted(kept):
        values = {str(recipe.get(key)) for recipe in recipes}
        if len(values) == 1:  # the same for all images: a setting of the generator
            settings[key] = values.pop()
    return {
        "name": name,
        "images": len(recipes),
        "revisions": sorted({image.generator_revision for image in drawn}),
        "licences": sorted({image.licence for image in drawn}),
        "settings": settings,
        "seeds": sum("seed" in recipe for recipe in recipes),
        "prompts": len({recipe["prompt"] for recipe in recipes if recipe.get("prompt")}),
    }


def _raters(study: Study) -> Facts:
    """Return how many raters came how far, and what they said of themselves."""
    raters = list(study.raters.all())
    sessions = list(sessions_of(study))
    last = study.occasions

    def counted(condition: str) -> int:
        return len({each.rater_id for each in sessions if getattr(each, condition)})

    about = [rater.about or {} for rater in raters]
    finished = {each.rater_id for each in sessions if each.occasion == last and each.completed_at}
    return {
        "invited": len(raters),
        "kinds": _counted(rater.kind for rater in raters),
        "consented": counted("consented_at"),
        "declined": counted("declined_at"),
        "started": counted("started_at"),
        "finished": len(finished),
        "withdrawn": sum(rater.withdrawn_at is not None for rater in raters),
        "about": {
            name: _spread(each.get(name) for each in about)
            if name in YEARS
            else _counted(str(each.get(name) or "") for each in about)
            for name in ABOUT
        },
    }


def _counted(values: Iterable[str]) -> Mapping[str, int]:
    """Return how often each value stands there, what is empty left out."""
    return dict(sorted(Counter(value for value in values if value).items()))


def _spread(values: Iterable[object]) -> list[float] | None:
    """Return least, median and most of the numbers among some values; None without any."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return [min(numbers), median(numbers), max(numbers)] if numbers else None
