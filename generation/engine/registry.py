"""The registry: which generators there are, by name."""

from pathlib import Path

from generation.engine.generator import GenerationError, Generator

BUILT_IN = Path(__file__).parent.parent / "weights"


def generator_names(own: Path) -> list[str]:
    """Return the names of all generators: built-in ones and those in the folder `own`."""
    return sorted(
        {path.parent.name for folder in (BUILT_IN, own) for path in folder.glob("*/cascade.json")}
    )


def load_generator(name: str, own: Path, device: str = "auto") -> Generator:
    """Load the generator called `name`; one in `own` goes before a built-in one.

    Raises:
        GenerationError: there is none, or it cannot be loaded; the message says which there are.
    """
    # Imported here: listing the names must not cost the seconds that torch takes to load.
    from generation.engine.cascade.generator import CascadeGenerator

    return CascadeGenerator(name, find_weights(name, own), device)


def find_weights(name: str, own: Path) -> Path:
    """Return the directory of a generator's weights; one in `own` goes before a built-in one.

    Raises:
        GenerationError: there is none; the message says which there are.
    """
    for folder in (own, BUILT_IN):
        if (folder / name / "cascade.json").exists():
            return folder / name
    known = ", ".join(generator_names(own)) or "none; train one with train_generator"
    raise GenerationError(f"generator '{name}' is unknown; there are: {known}")
