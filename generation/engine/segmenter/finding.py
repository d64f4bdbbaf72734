"""Where the segmenter is found: the one that was trained here, or the one that is shipped."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generation.engine.segmenter.segmenter import Segmenter


def find_segmenter(own: Path, built_in: Path) -> "Segmenter":
    """Load the segmenter that was trained here, else the one that is shipped.

    Args:
        own, built_in: folders of weights.

    Raises:
        GenerationError: there is none that can be loaded.
    """
    chosen = next((each for each in (own, built_in) if (each / "segmenter").is_dir()), built_in)
    # Imported here: pages and commands that only may need it must not wait until torch is loaded.
    from generation.engine.segmenter.segmenter import Segmenter

    return Segmenter.load(chosen / "segmenter")
