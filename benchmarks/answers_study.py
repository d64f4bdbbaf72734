"""The study of the benchmark of answers: 140 phantoms, sealed with every constraint there is.

Prints one line of JSON: the raters' tokens and how long the steps took.
"""

import json
import os
import sys
import time

import django
import numpy as np

PER_CELL, RATERS = 10, 60


def main() -> int:
    """Make, seal, invite."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from evaluation.catalogue import NewImage, add_synthetic_images
    from evaluation.demo_images import phantom_dataset
    from evaluation.entities import ENTITIES
    from evaluation.invitations import invite_rater
    from evaluation.phantoms import draw_phantom
    from evaluation.seal import Truth
    from evaluation.sealing import design_of, lists_of, seal_study
    from evaluation.studies import create_study

    dataset = phantom_dataset(PER_CELL)
    made = [
        NewImage(
            pixels=np.ascontiguousarray(draw_phantom(entity, 9000 + number)[:256, :256]),
            name=f"{entity}-{number}",
            entity=entity,
            recipe={"seed": number},
        )
        for entity in ENTITIES
        for number in range(PER_CELL)
    ]
    add_synthetic_images(made, generator="phantoms", revision="1", licence="CC0-1.0", made_with={})
    study = create_study(
        slug="answers",
        title="Answers",
        dataset=dataset,
        generators=["phantoms"],
        raters_at_most=RATERS,
        block_size=28,
        run_of_origin=4,
        run_of_entity=3,
        break_every=None,
    )
    study.raters_at_most = 50
    rows = study.drawn.values_list("image__entity", "image__origin", "image__generator", "use")
    truths = [Truth(number, "", "", *row) for number, row in enumerate(rows)]
    begun = time.perf_counter()
    lists_of(design_of(study), truths, "benchmark")
    drawn = time.perf_counter() - begun
    study.raters_at_most = RATERS
    begun = time.perf_counter()
    study = seal_study(study, reason="a benchmark")
    sealed = time.perf_counter() - begun
    begun = time.perf_counter()
    tokens = [invite_rater(study).token for _ in range(RATERS)]
    invited = (time.perf_counter() - begun) * 50 / RATERS
    seconds = {"drawn": drawn, "sealed": sealed, "invited": invited}
    print(json.dumps({"tokens": tokens, "seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
