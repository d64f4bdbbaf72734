"""Reference data and tables of answers, as a study or a program of statistics would give them.

And what a reader sees of the reports on them.
"""

import csv
import json
import re
from collections.abc import Callable, Sequence
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from analysis.report.build import write_report
from analysis.table import DEFAULT_ENTITIES, AnswerTable, table_from_rows

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def expected() -> Callable[[str], dict]:
    """Return a reader of expected figures."""
    return lambda name: json.loads((REFERENCE / name).read_text())


@pytest.fixture(scope="session")
def data() -> Callable[[str], list[dict[str, str]]]:
    """Return a reader of reference tables."""

    def read(name: str) -> list[dict[str, str]]:
        with (REFERENCE / name).open() as file:
            return list(csv.DictReader(file))

    return read


def published_rows(rows: Sequence[dict[str, str]]) -> list[dict[str, object]]:
    """Turn the reconstruction's columns into ours."""
    ours = {"original": "real", "real": "real", "synthetic": "synthetic"}
    return [
        {
            "rater": "dermatologist",
            "image": row["image_id"],
            "origin": ours[row["true_origin"]],
            "entity": row["true_entity"],
            "answered_entity": row["predicted_entity"],
            "answered_origin": ours[row["predicted_origin"]],
        }
        for row in rows
    ]


@pytest.fixture(scope="session")
def published(data) -> Callable[[str], AnswerTable]:
    """Return reconstruction A or B of the published study."""
    return lambda letter: table_from_rows(
        published_rows(data(f"seed002/reconstructed_answers_{letter}.csv")), letter
    )


@pytest.fixture(scope="session")
def simulated_readers(data) -> AnswerTable:
    """Return five simulated readers of 140 images with ratings from 1 to 6."""
    return table_from_rows(
        [
            {
                "rater": row["reader"],
                "rater_kind": "simulated",
                "image": row["image"],
                "origin": row["origin"],
                "entity": row["entity"],
                "generator": "" if row["generator"] == "none" else row["generator"],
                "answered_entity": row["answered_entity"],
                "answered_origin": "synthetic" if row["says_synthetic"] == "1" else "real",
                "rating": row["rating_1real_6synthetic"],
                "response_ms": row["response_ms"],
            }
            for row in data("simvtt/sim_vtt_dev.csv")
        ],
        "simulated readers",
    )


def rows_of(
    raters: int = 3, images_per_cell: int = 2, seed: int = 0, **fixed: object
) -> list[dict[str, object]]:
    """Return random answers of some raters about images of all entities and both origins."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for rater in range(raters):
        for entity in DEFAULT_ENTITIES:
            for origin in ("real", "synthetic"):
                for number in range(images_per_cell):
                    rows.append(
                        {
                            "rater": f"r{rater}",
                            "image": f"{origin}-{entity}-{number}",
                            "origin": origin,
                            "entity": entity,
                            "generator": "g" if origin == "synthetic" else "",
                            "answered_entity": str(rng.choice(DEFAULT_ENTITIES)),
                            "answered_origin": str(rng.choice(["real", "synthetic"])),
                            "rating": int(rng.integers(1, 7)),
                            "entity_confidence": round(float(rng.uniform(0.2, 1)), 2),
                            "response_ms": int(rng.integers(1000, 9000)),
                            **fixed,
                        }
                    )
    return rows


class Page:
    """What a reader sees of a report's page."""

    def __init__(self, folder):
        self.folder = folder
        self.html = (folder / "index.html").read_text(encoding="utf-8")
        self.text = self.plain(re.sub(r"<(style|svg)\b.*?</\1>", " ", self.html, flags=re.DOTALL))

    @staticmethod
    def plain(html):
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())

    def table(self, name):
        """Return the cells of a table by the label of the row."""
        found = re.search(rf'<table id="table-{name}">(.*?)</table>', self.html, re.DOTALL)
        rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1], re.DOTALL)
        cells = [
            [self.plain(cell) for cell in re.findall(r"<t[hd]\b.*?</t[hd]>", row, re.DOTALL)]
            for row in rows
        ]
        return {row[0]: row[1:] for row in cells}


@pytest.fixture
def page_of(tmp_path) -> Callable[[AnswerTable], Page]:
    """Return a function that writes the report of a table and returns its page."""
    return lambda table: Page(write_report(table, tmp_path / "report").folder)


@pytest.fixture(scope="session")
def readers_page(simulated_readers, tmp_path_factory) -> Page:
    """Return the page of the report on the simulated readers."""
    out = tmp_path_factory.mktemp("readers") / "report"
    return Page(write_report(simulated_readers, out).folder)
