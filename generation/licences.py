"""Licences of images to come, from those of what they are made of."""

from collections.abc import Iterable

from generation.engine.generator import GenerationError

LONGEST_LICENCE = 64  # characters that the catalogue holds


def licence_of(said: str, licences: Iterable[str]) -> str:
    """Return the licence of images to come: the one that is said, or all that hold.

    Args:
        said: an SPDX expression, or nothing.
        licences: of the data and of the weights to begin with.

    Raises:
        GenerationError: joined, as SPDX does, they are longer than the catalogue holds.
    """
    joined = said or " AND ".join(sorted({*licences}))
    if len(joined) > LONGEST_LICENCE:
        raise GenerationError(
            f"the licences of base and data, {joined}, are too long for the catalogue; say with "
            "--licence which one holds for the images to come"
        )
    return joined
