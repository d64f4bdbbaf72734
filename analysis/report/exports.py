"""The answers in the forms that other programs take, with a script that runs them.

What is written is what the report's averages rest on: first showings of the raters that enter them.
Files that end in `_generators` hold each generator as a treatment of its own, all of them with the
same real images; the others hold all images as one.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

import numpy as np

from analysis.errors import TableRefused
from analysis.report.findings import Flags, Floats
from analysis.report.folder import files_of, refuse_foreign, write_folder, writing
from analysis.report.study import Context, Study, study_of
from analysis.table import OF_RATERS, AnswerTable

FOLDER = "exports"
SCRIPT = "analysis.R"
ALL = "all"
#: The tables that each program takes, those of which there can be none among them.
TABLES = {
    "imrmc": ("imrmc.csv", "imrmc_generators.csv"),
    "mrmcaov": ("mrmcaov.csv", "mrmcaov_generators.csv"),
    "lme4": ("lme4.csv",),
}
#: Columns of lme4.csv that stand in the table of answers under the same name.
ABOUT = (
    *("lesion", "generator", "entity", "answered_entity", "session", "sex", "site", "skin_tone"),
    *OF_RATERS,
)
MEASURED = ("rating", "entity_confidence", "trial", "response_ms", "hidden_ms", "age")

Cells = Sequence[object]


def exports(study: Study) -> dict[str, bytes]:
    """Return the files by their path within the report."""
    return {f"{FOLDER}/{name}": content for name, content in _files(study).items()}


def write_export(answers: AnswerTable, out: Path, program: str) -> list[Path]:
    """Write what one program takes, and the script that reads it, into the folder `out`.

    The folder is written whole or not at all.

    Args:
        answers: the table.
        out: may be missing, empty, or hold an earlier export for this program, which is replaced.
        program: a key of `TABLES`.

    Returns:
        The files, tables first.

    Raises:
        FolderRefused: it holds something else, or cannot be written.
        TableRefused: there is nothing in the table that this program could take.
    """
    out = out.resolve()
    names = (*TABLES[program], SCRIPT)
    with writing(out):
        # Without our script a table of the same name is somebody else's.
        earlier = names if SCRIPT in files_of(out) else ()
        refuse_foreign(out, earlier, f"export for {program}")
        found = _files(study_of(answers, Context()))
        if TABLES[program][0] not in found:
            raise TableRefused(
                f"{answers.source}: nobody was asked what is synthetic, and {program} analyses "
                "nothing else; choose lme4"
            )
        files = {name: found[name] for name in names if name in found}
        write_folder(files, out)
    return [out / name for name in files]


def _files(study: Study) -> dict[str, bytes]:
    """Return all tables and the script by name."""
    table = study.pooled
    files = {"lme4.csv": _lme4(table)}
    score = scores(table)
    told = np.isfinite(score)
    if told.any():
        files |= _reader_studies(table.where(told), score[told])
    files[SCRIPT] = Path(__file__).with_name(SCRIPT).read_text(encoding="utf-8")
    return {name: text.encode() for name, text in sorted(files.items())}


def scores(table: AnswerTable) -> Floats:
    """Return each answer's rating of origin; where nobody rated, 1 for synthetic and 0 for real."""
    rating = table.number("rating")
    return rating if np.isfinite(rating).any() else _answers(table)


def _answers(table: AnswerTable) -> Floats:
    answered = table.text("answered_origin")
    return np.where(answered == "", np.nan, answered == "synthetic")


def _reader_studies(table: AnswerTable, score: Floats) -> dict[str, str]:
    """Return the long tables of iMRMC and MRMCaov, of all images and of each generator."""
    synthetic = table.text("origin") == "synthetic"
    generator = table.text("generator")
    arms = [(ALL, np.ones(len(table), bool))]
    generators = [str(name) for name in np.unique(generator[synthetic]) if name]
    files = {
        "imrmc.csv": _imrmc(table, score, arms),
        "mrmcaov.csv": _mrmcaov(table, score, arms),
    }
    if len(generators) > 1:
        arms = [(name, ~synthetic | (generator == name)) for name in generators]
        files["imrmc_generators.csv"] = _imrmc(table, score, arms)
        files["mrmcaov_generators.csv"] = _mrmcaov(table, score, arms)
    return files


def _imrmc(table: AnswerTable, score: Floats, arms: Iterable[tuple[str, Flags]]) -> str:
    """Return the data frame of iMRMC::doIMRMC: a row of truth for each case, then the scores."""
    image, first = np.unique(table.text("image"), return_index=True)
    truth = table.text("origin")[first] == "synthetic"
    used = np.isin(image, table.text("image")[np.any([own for _, own in arms], axis=0)])
    rows: list[Cells] = [
        ("truth", name, "truth", int(positive))
        for name, positive in zip(image[used], truth[used], strict=True)
    ]
    for arm, own in arms:
        columns = (table.text("rater")[own].tolist(), table.text("image")[own].tolist())
        rows += [
            (rater, case, arm, value)
            for rater, case, value in zip(*columns, _numbers(score[own]), strict=True)
        ]
    return _csv(("readerID", "caseID", "modalityID", "score"), rows)


def _mrmcaov(table: AnswerTable, score: Floats, arms: Iterable[tuple[str, Flags]]) -> str:
    """Return the data frame of MRMCaov::mrmc, with the plain answer beside the rating."""
    truth, answer = (table.text("origin") == "synthetic").astype(int), _answers(table)
    rows: list[Cells] = []
    for arm, own in arms:
        columns = (
            table.text("rater")[own].tolist(),
            table.text("image")[own].tolist(),
            truth[own].tolist(),
            _numbers(score[own]),
            _numbers(answer[own]),
        )
        rows += [
            (rater, arm, case, positive, value, said)
            for rater, case, positive, value, said in zip(*columns, strict=True)
        ]
    return _csv(("reader", "treatment", "case", "truth", "rating", "answer"), rows)


def _lme4(table: AnswerTable) -> str:
    """Return one row an answer, with 0 and 1 for what a mixed model explains."""
    synthetic, said = table.text("origin") == "synthetic", _answers(table)
    named, entity = table.text("answered_entity"), table.text("entity")
    columns: dict[str, Iterable[object]] = {
        "reader": table.text("rater").tolist(),
        "image": table.text("image").tolist(),
        "synthetic": synthetic.astype(int).tolist(),
        "judged_synthetic": _numbers(said),
        "right_origin": _numbers(np.where(np.isnan(said), np.nan, said == synthetic)),
        "right_entity": _numbers(np.where(named == "", np.nan, named == entity)),
        **{name: table.text(name).tolist() for name in ABOUT},
        **{name: _numbers(table.number(name)) for name in MEASURED},
    }
    return _csv(tuple(columns), zip(*columns.values(), strict=True))


def _numbers(values: Floats) -> list[int | float | str]:
    """Return numbers as R reads them: whole ones without a point, what is missing empty."""
    return [
        "" if value != value else int(value) if value.is_integer() else value
        for value in values.tolist()
    ]


def _csv(header: Sequence[str], rows: Iterable[Cells]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
