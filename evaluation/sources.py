"""Sources of files to import: a folder, a zip, or a folder inside a zip."""

import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath

from evaluation.errors import EvaluationError

MOST_FILES = 200_000
LARGEST_RATIO = 200  # unpacked to packed; images hardly shrink, bombs shrink a thousandfold


class Source:
    """Files by their name without the folder; nothing is ever unpacked to disk."""

    def __init__(self, location: str) -> None:
        """Open `location`, such as `photos/`, `photos.zip` or `photos.zip/images`.

        Raises:
            EvaluationError: there is nothing, or the zip cannot be trusted or read.
        """
        self.location = location
        archive, inner = _split(location)
        self._zip: zipfile.ZipFile | None = None
        self._paths: dict[str, list[str]] = defaultdict(list)
        if archive:
            self._zip = _open_zip(archive)
            paths = _members(self._zip, inner, archive)
        elif Path(location).is_dir():
            paths = [str(path) for path in sorted(Path(location).rglob("*")) if path.is_file()]
        else:
            raise EvaluationError(f"{location}: no such folder or zip; check the path")
        if not paths:
            raise EvaluationError(f"{location}: holds no files; check the path")
        for path in paths:
            name = PurePosixPath(path).name
            if not name.startswith("."):
                self._paths[name].append(path)

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        return sorted(self._paths)

    def twins(self) -> list[str]:
        """Return the names that more than one folder of the source holds."""
        return sorted(name for name, paths in self._paths.items() if len(paths) > 1)

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's content, at most `limit` + 1 bytes of it."""
        path = self._paths[name][0]
        if self._zip is None:
            with open(path, "rb") as file:
                return file.read(limit + 1)
        try:
            with self._zip.open(path) as member:
                return member.read(limit + 1)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as problem:
            raise EvaluationError(
                f"cannot be unpacked ({problem}); make the zip again, without a password"
            ) from problem


def read_text(location: str) -> str:
    """Return a text file's content, on disk or inside a zip (`photos.zip/index.csv`).

    Raises:
        EvaluationError: it is not there, or not UTF-8.
    """
    archive, inner = _split(location)
    try:
        if archive:
            with _open_zip(archive) as opened:
                content = opened.read(inner)
        else:
            content = Path(location).read_bytes()
    except KeyError:
        raise EvaluationError(f"{location}: the zip holds no '{inner}'; check the name") from None
    except OSError as problem:
        raise EvaluationError(f"{location}: {problem.strerror}; check the path") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EvaluationError(f"{location}: is not UTF-8; save it as CSV in UTF-8") from None


def _split(location: str) -> tuple[str, str]:
    """Split a path that leads into a zip into the zip and the path inside."""
    path = Path(location)
    for candidate in (path, *path.parents):
        if candidate.suffix.lower() == ".zip" and candidate.is_file():
            return str(candidate), path.relative_to(candidate).as_posix().removeprefix(".")
    return "", ""


def _open_zip(path: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as problem:
        raise EvaluationError(
            f"{path}: cannot be read as a zip ({problem}); make it again"
        ) from None


def _members(archive: zipfile.ZipFile, inner: str, path: str) -> list[str]:
    """Return the files under `inner`, refusing archives that mean harm."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MOST_FILES:
        raise EvaluationError(f"{path}: holds {len(infos)} files; split it below {MOST_FILES}")
    for info in infos:
        parts = PurePosixPath(info.filename).parts
        linked = (info.external_attr >> 16) & 0o170000 == 0o120000
        if linked or ".." in parts or info.filename.startswith(("/", "\\")):
            raise EvaluationError(
                f"{path}: '{info.filename}' points out of the zip; "
                "make the zip again from plain files"
            )
        ratio = info.file_size // max(info.compress_size, 1)
        if ratio > LARGEST_RATIO and info.file_size > 10**6:
            raise EvaluationError(
                f"{path}: '{info.filename}' unpacks {ratio}-fold, as no image does; take it out"
            )
    prefix = PurePosixPath(inner).parts
    return sorted(
        info.filename
        for info in infos
        if PurePosixPath(info.filename).parts[: len(prefix)] == prefix
    )
