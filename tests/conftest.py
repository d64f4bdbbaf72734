"""What all tests share: the real database, stores of their own, images, studies at each state."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from evaluation.catalogue import NewImage, add_synthetic_images
from evaluation.demo_images import PACK, demo_ids, phantom_dataset
from evaluation.entering import find_session, give_consent, start_reading
from evaluation.entities import ENTITIES
from evaluation.importing import plan_import, run_import
from evaluation.invitations import invite_rater
from evaluation.models import Dataset, Image, Session, Study
from evaluation.phantoms import draw_phantom
from evaluation.sealing import seal_study
from evaluation.studies import create_study


@pytest.fixture(autouse=True, scope="session")
def _empty_stores() -> None:
    """Begin with empty stores; the tests' `var` lies apart from the product's."""
    for store in ("media", "sealed", "submissions"):
        shutil.rmtree(settings.VAR_DIR / store, ignore_errors=True)


@pytest.fixture
def photographs() -> Path | None:
    """Return the folder of real photographs, where there is one."""
    folder = settings.IMAGES_DIR
    return folder if folder and (folder / PACK).exists() else None


@pytest.fixture
def real_images(db, photographs) -> Dataset:
    """Import four real images an entity: photographs where there are some, else phantoms."""
    if photographs is None:
        return phantom_dataset(4)
    chosen: list[str] = []
    per_entity: dict[str, int] = {}
    for row in demo_ids():
        per_entity[row["dx"]] = per_entity.get(row["dx"], 0) + 1
        if per_entity[row["dx"]] <= 4:
            chosen.append(row["image_id"])
    source = f"{photographs / PACK}/images"
    plan = plan_import(
        source=source,
        metadata=f"{photographs / PACK}/metadata.csv",
        dataset="photographs",
        licence="CC-BY-NC-4.0",
        only=chosen,
    )
    return run_import(plan, source=source)


@cache
def square_phantom(entity: str, seed: int) -> np.ndarray:
    """Return a square cut from a phantom; drawn once for all tests."""
    return np.ascontiguousarray(draw_phantom(entity, seed)[:256, :256])


def add_synthetic_image(generator: str = "made", **new: Any) -> Image:
    """Put one generated image into the catalogue."""
    (image,) = add_synthetic_images(
        [NewImage(**{"recipe": {}, **new})],
        generator=generator,
        revision="r1",
        licence="CC0-1.0",
        made_with={"weights": "none"},
    )
    return image


@pytest.fixture
def synthetic_images(db):
    """Put three synthetic images an entity into the catalogue, drawn as phantoms."""
    return [
        add_synthetic_image(
            pixels=square_phantom(entity, 1000 + seed),
            name=f"made-{entity}-{seed}",
            entity=entity,
            recipe={"seed": seed},
        )
        for entity in ENTITIES
        for seed in range(3)
    ]


@pytest.fixture
def draft_with(real_images, synthetic_images) -> Callable[..., Study]:
    """Return a function that drafts a study of these images: one a cell, unless said otherwise."""

    def create(**settings: Any) -> Study:
        pilot = {"slug": "pilot", "title": "Pilot", "generators": ["made"], "images_per_cell": 1}
        return create_study(dataset=real_images, **{**pilot, **settings})

    return create


@pytest.fixture
def sealed_with(draft_with) -> Callable[..., Study]:
    """Return a function that drafts a study as `draft_with` does, and seals it."""
    return lambda **settings: seal_study(draft_with(**settings), reason="a test")


@pytest.fixture
def draft(draft_with) -> Study:
    """Return a draft of 28 images: two an entity and origin."""
    return draft_with(images_per_cell=2, seed=7)


@pytest.fixture
def sealed(draft) -> Study:
    """Return the draft, sealed."""
    return seal_study(draft, reason="a test")


def begin(study: Study, **who: Any) -> Session:
    """Invite a rater, who consents and begins to read."""
    session = invite_rater(study, **who).rater.sessions.get()
    give_consent(session)
    start_reading(session)
    return find_session(session.key)


@pytest.fixture
def invitation(sealed):
    """Return a rater's link to the sealed study."""
    return invite_rater(sealed, label="Dr A")
