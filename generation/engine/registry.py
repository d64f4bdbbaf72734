"""The registry: which generators there are, by name."""

import json
import re
from pathlib import Path

from generation.engine.generator import GenerationError, Generator
from generation.engine.prompts import TEMPLATE
from generation.engine.recipe import FILE, PLACES, PipelineRecipe
from generation.engine.vocabulary import Vocabulary

#: The file by which a directory of weights says what it is.
CASCADE, PIPELINE, DERMGAN = "cascade.json", FILE, "dermgan.json"
BUILT_IN = Path(__file__).parent.parent / "weights"

NAME = re.compile(r"\w[\w.-]{0,63}")  # of a directory, and not of a hidden one

_kept: dict[tuple[str, str, bool, str], Generator] = {}


def check_name(name: str) -> None:
    """Refuse a name that a generator cannot have: it is that of its directory, and of a column.

    Raises:
        GenerationError: it is empty, too long, or leads elsewhere.
    """
    if not NAME.fullmatch(name):
        raise GenerationError(
            f"'{name}' cannot be the name of a generator; use up to 64 letters, digits, '-', '_' "
            "and '.', beginning with a letter or digit"
        )


def generator_names(own: Path) -> list[str]:
    """Return the names of all generators: built-in ones and those in the folder `own`."""
    folders = (*BUILT_IN.glob("*"), *own.glob("*"))
    return sorted({folder.name for folder in folders if _kind_of(folder)})


def load_generator(
    name: str,
    own: Path,
    device: str = "auto",
    compute_batch: int | None = None,
    compiled: bool = False,
) -> Generator:
    """Load the generator called `name`; one in `own` goes before a built-in one.

    Args:
        compute_batch: images that it paints at once; None takes what suits the device.
        compiled: whether its networks are compiled: minutes at first, then faster.

    Raises:
        GenerationError: there is none, or it cannot be loaded; the message says which there are.
    """
    # Imported here: listing the names must not cost the seconds that torch takes to load.
    folder = find_weights(name, own)
    if _kind_of(folder) == PIPELINE:
        from generation.engine.pipeline import PipelineGenerator

        return PipelineGenerator(name, PipelineRecipe.read(folder), device, compute_batch, compiled)
    if _kind_of(folder) == DERMGAN:
        from generation.engine.dermgan.generator import DermGanGenerator

        return DermGanGenerator(name, folder, device, compute_batch, compiled)
    from generation.engine.cascade.generator import CascadeGenerator

    return CascadeGenerator(name, folder, device, compute_batch, compiled)


def keep_generator(
    name: str,
    own: Path,
    device: str = "auto",
    compute_batch: int | None = None,
    compiled: bool = False,
) -> Generator:
    """Return a generator as this process has loaded it, loaded anew if something is another.

    One is kept at a time, for a process that makes images again and again; see `load_generator`.

    Raises:
        GenerationError: there is none, or it cannot be loaded.
    """
    key = (name, device, compiled, _state_of(find_weights(name, own)))
    kept = _kept.get(key)
    if kept is None or compute_batch not in (None, kept.compute_batch):
        _kept.clear()  # first: two may not fit into memory
        kept = _kept[key] = load_generator(name, own, device, compute_batch, compiled)
    return kept


def vocabulary_of(name: str, own: Path) -> Vocabulary:
    """Return what the generator called `name` can be asked for, without loading its networks.

    Raises:
        GenerationError: there is none, or its files are broken.
    """
    folder = find_weights(name, own)
    if _kind_of(folder) == PIPELINE:
        return PipelineRecipe.read(folder).vocabulary
    painter = _kind_of(folder) == DERMGAN
    described = folder / DERMGAN if painter else folder / "conditions" / "config.json"
    try:
        config = json.loads(described.read_text())
        if painter:
            return Vocabulary.of_shapes(config["entities"])
        entities, sites, attributes = (
            tuple(config[key]) for key in ("entities", "sites", "attributes")
        )
        guidance = config.get("guidance") or {}
        return Vocabulary(entities, sites, attributes, guidance=guidance)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise GenerationError(f"{described}: cannot be read ({problem})") from problem


def kind_of(name: str, own: Path) -> str:
    """Return the kind of the generator called `name`: `CASCADE`, `PIPELINE` or `DERMGAN`.

    Raises:
        GenerationError: there is none.
    """
    kind = _kind_of(find_weights(name, own))
    assert kind  # or it would not have been found
    return kind


def template_of(name: str, own: Path) -> str:
    """Return the template by which the generator called `name` is asked in words.

    Raises:
        GenerationError: there is none, or its recipe is broken.
    """
    folder = find_weights(name, own)
    return PipelineRecipe.read(folder).template if _kind_of(folder) == PIPELINE else TEMPLATE


def find_weights(name: str, own: Path) -> Path:
    """Return the directory of a generator's weights; one in `own` goes before a built-in one.

    Raises:
        GenerationError: there is none; the message says which there are.
    """
    for folder in (own, BUILT_IN):
        if _kind_of(folder / name):
            return folder / name
    known = ", ".join(generator_names(own)) or "none; train one with train_generator"
    raise GenerationError(f"generator '{name}' is unknown; there are: {known}")


def _kind_of(folder: Path) -> str | None:
    """Return the file that says what kind of generator a directory holds."""
    return next((kind for kind in (CASCADE, PIPELINE, DERMGAN) if (folder / kind).exists()), None)


def _state_of(folder: Path) -> str:
    """Return what changes with the files of a generator, those that its recipe names among them."""
    places = [folder]
    if _kind_of(folder) == PIPELINE:
        recipe = PipelineRecipe.read(folder)
        places += [Path(place) for name in PLACES if (place := getattr(recipe, name))]
    files = [path for place in places for path in (place, *sorted(place.rglob("*")))]
    seen = [(path, path.stat()) for path in files if path.is_file()]
    return str([(str(path), at.st_mtime_ns, at.st_size) for path, at in seen])
