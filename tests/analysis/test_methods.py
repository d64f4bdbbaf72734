"""Methods to paste: what this report used, with its references in the order of naming."""

import re

import pytest

from analysis.report.compute import find
from analysis.report.contents import contents
from analysis.report.methods import REFERENCES, number
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


@pytest.fixture(scope="module")
def several():
    return contents(find(table_from_rows(rows_of(raters=3), "x"))).methods


def references(text):
    """Return the list of references, checked to be numbered from 1 on."""
    listed = text.partition("## References\n\n")[2].strip().splitlines()
    assert [line.split(".")[0] for line in listed] == [str(i + 1) for i in range(len(listed))]
    return [line.partition(". ")[2] for line in listed]


def test_numbers_in_the_text_point_to_their_references_in_order(several):
    body, listed = several.partition("## References")[0], references(several)

    numbers = [int(found) for found in re.findall(r"\[(\d+)\]", body)]
    assert numbers == list(range(1, len(numbers) + 1))
    for place, named in ((listed, "Wilson"), (listed, "Obuchowski"), (listed, "Hillis SL")):
        assert any(one.startswith(named) for one in place)
    cited = re.search(r"Hillis \(2007\) \[(\d+)\]", body)
    assert listed[int(cited[1]) - 1].startswith("Hillis SL")
    cited = re.search(r"Hautus \(1995\) \[(\d+)\]", body)
    assert listed[int(cited[1]) - 1].startswith("Hautus MJ")


def test_what_was_not_used_is_not_named(several):
    one = contents(find(table_from_rows(rows_of(raters=1), "x"))).methods
    plain = [
        {key: value for key, value in row.items() if key not in ("answered_origin", "rating")}
        for row in rows_of(raters=3)
    ]
    entities = contents(find(table_from_rows(plain, "x"))).methods

    assert "Obuchowski" in several
    assert "Obuchowski" not in one
    assert "Hautus" in several
    assert "Hautus" not in entities
    assert not [line for line in references(several) if line.startswith("Clopper")]


def test_the_text_says_what_was_read_and_with_what_versions(several):
    assert "3 raters read 28 images: 14 real and 14 synthetic (by g)." in several
    assert re.search(r"Computed with Python 3\.\d+\.\d+, numpy \d", several)


def test_no_method_is_taken_for_another():
    for pattern, citation in REFERENCES:
        assert re.search(r"(19|20)\d\d;\d+", citation), citation
        others = [p for p, c in REFERENCES if c != citation]
        family = citation.split()[0]
        assert re.search(pattern, "no method at all") is None
        assert not [p for p in others if re.fullmatch(p, family)], family


def test_a_method_is_numbered_once_where_it_is_first_named():
    said, listed = number(["By DeLong (1988) and Wilson.", "Wilson's again, DeLong's again."])

    assert said == ["By DeLong (1988) [1] and Wilson [2].", "Wilson's again, DeLong's again."]
    assert [one.split()[0] for one in listed] == ["DeLong", "Wilson"]


def test_a_rater_who_is_called_as_a_method_is_not_cited():
    rows = [
        {**row, "rater": {"r0": "Owen", "r1": "Murphy"}[row["rater"]]} for row in rows_of(raters=2)
    ]

    text = contents(find(table_from_rows(rows, "x"))).methods

    assert "Owen AB" not in text
    assert "Murphy AH" not in text
