"""What can be asked of an image: attributes, and the words that say the same."""

import numpy as np
import pytest
import torch

from generation.engine.cascade.conditions import Conditions
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.prompts import any_prompt_of, entity_in, prompt_of, words_of
from generation.engine.training.pixels import LabelledPixels
from generation.engine.training.reader import teach_reader
from generation.engine.training.stages import BaseStage
from generation.engine.vocabulary import Vocabulary

ENTITIES = ("mel", "nv", "bcc")
KNOWN = Vocabulary(ENTITIES, ("back", "upper extremity"), ("age", "sex", "site", "tone"))


def asked(entity="mel", **more):
    return ImageRequest(entity=entity, seed=0, **more)


@pytest.fixture(scope="module")
def taught():
    """Conditions whose tables hold something, as after training, and their reader."""
    torch.manual_seed(3)
    conditions = Conditions(ENTITIES, KNOWN.sites, KNOWN.attributes, width=32)
    with torch.no_grad():
        for table in conditions.tables:
            table.weight.normal_()
    return conditions, teach_reader(conditions, steps=400)


def test_attributes_become_rows_and_what_is_not_given_row_0():
    assert KNOWN.rows(asked()) == [1, 0, 0, 0, 0]
    assert KNOWN.rows(asked("bcc", sex="male", age=61.0, site="back", tone=-40.0)) == [
        *(3, 2, 13, 1, 1)
    ]
    assert KNOWN.rows(asked(age=104.0))[2] == 18  # the last class holds all above it
    assert [KNOWN.rows(asked(tone=t))[4] for t in (0.0, 20.0, 30.0, 50.0, 80.0)] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asked(site="tail"), "site 'tail' is unknown; use one of back, upper extremity"),
        (asked(sex="other"), "sex 'other' is unknown; use one of female, male"),
    ],
)
def test_a_value_that_was_not_learnt_is_refused(request_, words):
    with pytest.raises(GenerationError, match=words):
        KNOWN.rows(request_)


def test_a_prompt_may_be_long_or_one_word_but_holds_known_words_only():
    long = "Dermoscopic image of a melanoma on the back of a 62-year-old woman"

    assert words_of(long)[-4:] == ["60", "year", "old", "woman"]
    assert len(KNOWN.tokens(long)) == 32
    assert np.count_nonzero(KNOWN.tokens("melanoma")) == 1
    with pytest.raises(GenerationError, match=r"word 'zebra' is unknown.* and .*basal"):
        KNOWN.tokens("a melanoma on a zebra")
    with pytest.raises(GenerationError, match="has 40 words"):
        KNOWN.tokens("melanoma " * 40)
    with pytest.raises(GenerationError, match="has 0 words"):
        KNOWN.tokens("?!")


def test_every_wording_of_every_request_can_be_read():
    rng = np.random.default_rng(0)
    for _ in range(200):
        told = asked(str(rng.choice(ENTITIES)), sex="female", age=45.0, site="back", tone=20.0)
        prompt = any_prompt_of(told, rng)
        assert any(KNOWN.tokens(prompt))
        assert entity_in(prompt, ENTITIES) == told.entity
    assert prompt_of(told).endswith("on the back of a 45-year-old woman with tan skin")


def test_the_entity_is_found_in_a_prompt_by_its_longest_name():
    assert entity_in("a mole", ENTITIES) == "nv"
    assert entity_in("Basal cell carcinoma of a man", ENTITIES) == "bcc"
    assert entity_in("a dermoscopic image", ENTITIES) is None
    with pytest.raises(GenerationError, match="names mel and nv; name one diagnosis"):
        entity_in("a melanoma in a nevus", ENTITIES)


def test_words_condition_as_the_attributes_do_that_they_name(taught):
    conditions, unexplained = taught
    told = asked("bcc", sex="female", age=60.0, site="upper extremity", tone=60.0)
    other = asked("bcc", sex="male", age=60.0, site="upper extremity", tone=60.0)

    def vectors(request):
        tokens = torch.tensor([KNOWN.tokens(prompt_of(request))])
        with torch.no_grad():
            return conditions.read(tokens)[0], conditions(torch.tensor([KNOWN.rows(request)]))[0]

    said, meant = vectors(told)
    _, else_meant = vectors(other)
    assert unexplained < 0.25
    assert (said - meant).norm() < (said - else_meant).norm()


def test_teaching_the_reader_leaves_tables_and_the_stream_of_chance_alone():
    conditions = Conditions(ENTITIES, KNOWN.sites, KNOWN.attributes, width=8)
    before = [table.weight.clone() for table in conditions.tables]
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)

    teach_reader(conditions, steps=2)

    assert torch.equal(torch.rand(1), expected)
    for table, was in zip(conditions.tables, before, strict=True):
        assert torch.equal(table.weight, was)


def test_examples_hide_everything_all_but_entity_and_tone_or_some_of_the_rest():
    n = 40
    data = LabelledPixels(np.zeros((n, 72, 96, 3), np.uint8), np.ones((n, 5), int))
    stage = BaseStage(data, KNOWN)

    rows = stage.example(4000, np.random.default_rng(0), torch.device("cpu")).labels.numpy()

    nothing = (rows == 0).all(axis=1)
    bare = (rows[:, 0] == 1) & (rows[:, 1:4] == 0).all(axis=1)
    assert nothing.mean() == pytest.approx(0.1, abs=0.02)
    assert bare.mean() == pytest.approx(0.41, abs=0.03)  # chance alone hides all three at times
    assert rows[~nothing & ~bare][:, 1:4].mean() == pytest.approx(0.72, abs=0.03)
    assert (rows[~nothing][:, [0, 4]] == 1).all()
