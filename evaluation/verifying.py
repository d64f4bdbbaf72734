"""Checking an export: all that the stand-alone verifier checks, and that the orders were drawn."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from evaluation import verify
from evaluation.design.drawing import ListDesign
from evaluation.errors import DesignImpossible, EvaluationError
from evaluation.seal import Truth, randomisation_seed
from evaluation.sealing import lists_of

#: What the checks read; each file at most so large.
FILES = ("record.json", "protocol.json", "answers.csv", "raters.csv")
LARGEST = 1_000_000_000


def verify_export(export: Path, known: Sequence[str] = ()) -> list[tuple[str, bool]]:
    """Return what was checked of an export, and whether it holds.

    Args:
        export: a zip, or the folder into which it was unpacked.
        known: a published fingerprint, receipts.

    Raises:
        EvaluationError: it is no export of a study.
    """
    try:
        with _unpacked(export) as folder:
            checked = list(verify.checks(folder, known))
        follow = _orders_follow(*read_export(export))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as problem:
        raise EvaluationError(
            f"{export}: is no record of a study ({type(problem).__name__}: {problem})"
        ) from None
    return [*checked, ("orders follow from the seed", follow)]


def read_export(export: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the record and the protocol of an export, as they were written."""
    with _unpacked(export) as folder:
        record, protocol = (json.loads((folder / name).read_text("utf-8")) for name in FILES[:2])
    return record, protocol


def _orders_follow(record: dict[str, Any], protocol: dict[str, Any]) -> bool:
    """Tell whether the reading lists are those that the design draws from the seed."""
    seal = record["seal"]
    seed = randomisation_seed(seal["protocol"], seal["truth"], record["nonce"])
    truths = [Truth(**truth) for truth in record["truth"]]
    try:
        return lists_of(ListDesign.from_json(protocol["lists"]), truths, seed) == record["lists"]
    except DesignImpossible:  # a changed truth may fit no design
        return False


@contextmanager
def _unpacked(export: Path) -> Iterator[Path]:
    """Give the folder that holds the files of an export, unpacking a zip for a while."""
    if export.is_dir():
        yield export
        return
    with TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(export) as archive:
                for entry in archive.infolist():
                    name = PurePosixPath(entry.filename).name
                    if name in FILES and entry.file_size <= LARGEST:
                        (Path(folder) / name).write_bytes(archive.read(entry))
        except (OSError, zipfile.BadZipFile) as problem:
            raise EvaluationError(
                f"{export}: cannot be read as a zip ({problem}); "
                "give the file that export_study wrote"
            ) from None
        yield Path(folder)
