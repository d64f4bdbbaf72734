"""The table of answers: what is read, and one clear line for what is not."""

import pytest

from analysis.errors import TableRefused
from analysis.table import DEFAULT_ENTITIES, Excluded, read_answers, table_from_rows
from tests.analysis.conftest import rows_of

HEADER = "rater,image,origin,entity,answered_origin"
GOOD = "a,1,real,mel,real"


@pytest.fixture
def written(tmp_path):
    def write(*lines, encoding="utf-8"):
        path = tmp_path / "answers.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "answers.csv is empty; it needs a row of column names and the answers"),
        ([HEADER], "answers.csv: there are no answers in it"),
        (
            ["rater,image,entity,rating", "a,1,mel,3"],
            "answers.csv: column 'origin' is missing; the first row must name rater, image, "
            "origin, entity and one of answered_entity, answered_origin, rating",
        ),
        (
            ["rater,image,origin,entity", "a,1,real,mel"],
            "answers.csv: there are no answers; add a column "
            "answered_entity or answered_origin or rating",
        ),
        ([HEADER + ",rater", GOOD + ",a"], "answers.csv: column 'rater' is there twice"),
        (
            [HEADER, GOOD, "a,2,fake,mel,real"],
            "answers.csv, row 3: origin 'fake' is unknown; use real or synthetic",
        ),
        (
            [HEADER, "a,1,real,mel,ai"],
            "answers.csv, row 2: answered_origin 'ai' is unknown; use real or synthetic",
        ),
        ([HEADER, ",1,real,mel,real"], "answers.csv, row 2: rater is empty"),
        ([HEADER, "a,1,real,mel,"], "answers.csv, row 2: there is no answer"),
        (
            [HEADER, GOOD, GOOD],
            "answers.csv, row 3: rater 'a' answered image '1' in row 2 already; keep one",
        ),
        (
            [HEADER, GOOD, "b,1,synthetic,mel,real"],
            "answers.csv, row 3: image '1' has origin 'synthetic', but 'real' in row 2",
        ),
        (
            [HEADER, GOOD, "b,1,real,nv,real"],
            "answers.csv, row 3: image '1' has entity 'nv', but 'mel' in row 2",
        ),
        (
            [
                HEADER + ",rater_role",
                GOOD + ",resident",
                "a,2,real,mel,real,",
                "a,3,real,nv,real,x",
            ],
            "answers.csv, row 4: rater 'a' has rater_role 'x', but 'resident' in row 2; give a "
            "rater one",
        ),
        ([HEADER, GOOD + ",x"], "answers.csv, row 2: has more or fewer cells than the 5 columns"),
        ([HEADER, "a,1,real,mel"], "answers.csv, row 2: has more or fewer cells"),
        ([HEADER + ",rating", GOOD + ",high"], "answers.csv, row 2: rating 'high' is not a number"),
        ([HEADER + ",rating", GOOD + ",nan"], "answers.csv, row 2: rating nan is out of range"),
        (
            [HEADER + ",entity_confidence", GOOD + ",80"],
            "answers.csv, row 2: entity_confidence 80 is out of range; use a share from 0 to 1",
        ),
        (
            [HEADER + ",response_ms", GOOD + ",-5"],
            "answers.csv, row 2: response_ms -5 is out of range; use milliseconds from 0 up",
        ),
        (
            [HEADER + ",repeat", GOOD + ",perhaps"],
            "answers.csv, row 2: repeat 'perhaps' is neither",
        ),
        (
            [HEADER + ",generator", GOOD + ",gan"],
            "answers.csv, row 2: a real image has the generator",
        ),
        (
            [HEADER + ",answered_entity", GOOD + ",melanom"],
            "answers.csv, row 2: answered_entity 'melanom' is unknown; use one of mel, nv, akiec, "
            "bkl, bcc, df, vasc, or name all of the study's entities with --entities",
        ),
    ],
)
def test_a_bad_table_gets_one_line_that_says_what_where_and_the_mend(written, lines, message):
    with pytest.raises(TableRefused) as refused:
        read_answers(written(*lines))

    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_the_message_counts_the_other_problems(written):
    with pytest.raises(TableRefused, match=r"row 2: .*\(and 2 more problems\)"):
        read_answers(written(HEADER, "a,1,x,mel,real", "a,2,y,mel,real", "a,3,z,mel,real"))


def test_a_wrong_path_a_folder_and_another_encoding_are_named(written, tmp_path):
    with pytest.raises(TableRefused, match="does not exist"):
        read_answers(tmp_path / "nowhere.csv")
    with pytest.raises(TableRefused, match="is a folder"):
        read_answers(tmp_path)
    with pytest.raises(TableRefused, match="row 2: not UTF-8 text; save the table as 'CSV UTF-8'"):
        read_answers(written(HEADER, "Müller,1,real,mel,real", encoding="latin-1"))


def test_a_byte_order_mark_semicolons_spaces_and_capitals_do_no_harm(written):
    table = read_answers(
        written(HEADER.replace(",", ";"), "a; 1 ;Real;mel;SYNTHETIC", encoding="utf-8-sig")
    )

    assert table.text("image").tolist() == ["1"]
    assert table.text("answered_origin").tolist() == ["synthetic"]


def test_what_is_no_first_showing_or_excluded_is_counted_and_left_out(written):
    table = read_answers(
        written(
            HEADER + ",occasion,repeat,practice,check,excluded",
            "a,0,real,mel,real,1,false,true,,",
            "a,1,real,mel,real,2,false,false,,",
            "a,1,real,mel,synthetic,1,false,false,,",
            "a,1,real,mel,real,1,true,false,,",
            "a,2,real,mel,real,2,,,,",
            "a,9,synthetic,mel,synthetic,1,,,true,",
            "b,1,real,mel,real,,,,,",
            "c,1,real,mel,real,,,,,true",
            "c,2,real,mel,real,,,,,true",
            "c,9,synthetic,mel,real,,,,true,true",
        )
    )

    first = table.first_showings()

    kept = [
        (str(r), str(i), str(a))
        for r, i, a in zip(
            first.text("rater"), first.text("image"), first.text("answered_origin"), strict=True
        )
    ]
    assert kept == [("a", "1", "synthetic"), ("a", "2", "real"), ("b", "1", "real")]
    excluded = first.excluded
    assert excluded == Excluded(practice=1, checks=2, excluded=2, repeats=1, later_occasions=1)


def test_the_seven_entities_stand_in_their_published_order_and_others_in_their_own():
    seven = table_from_rows(rows_of(), "x")
    skin = [
        {**row, "entity": f"e-{row['entity']}", "answered_entity": f"e-{row['entity']}"}
        for row in rows_of()
    ]

    assert seven.entities == DEFAULT_ENTITIES
    assert table_from_rows(skin, "x").entities == tuple(sorted(f"e-{e}" for e in DEFAULT_ENTITIES))
    named = ("e-vasc", *(f"e-{e}" for e in DEFAULT_ENTITIES if e != "vasc"), "e-other")
    assert table_from_rows(skin, "x", named).entities == named


def test_rows_of_a_study_without_answers_are_refused():
    with pytest.raises(TableRefused, match="study 'x': there are no answers"):
        table_from_rows([], "study 'x'")
