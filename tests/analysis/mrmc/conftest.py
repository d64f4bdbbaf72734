"""Studies of several readers: the reference's, and drawn ones."""

import numpy as np
import pytest

from analysis import roc


def grid(rows, treatment, case, value, positive):
    """Return rows as (treatments, readers, cases) with the truth and the labels of both."""
    names = [sorted({row[key] for row in rows}) for key in (treatment, "reader", case)]
    table = np.full([len(each) for each in names], np.nan)
    truth = np.zeros(len(names[2]), dtype=bool)
    for row in rows:
        place = tuple(
            each.index(row[key])
            for each, key in zip(names, (treatment, "reader", case), strict=True)
        )
        table[place], truth[place[2]] = value(row), positive(row)
    return table, truth, names[0], names[1]


@pytest.fixture(scope="session")
def two_treatments(data):
    """Return 4 readers of 70 cases under 2 treatments, ratings from 1 to 5."""
    return grid(
        data("mrmc/sim_mrmc_dev.csv"),
        "treatment",
        "case",
        lambda row: float(row["rating"]),
        lambda row: row["truth"] == "1",
    )


def by_generator(data, value):
    """Return 5 readers of two generators' images, which share the real ones only."""
    rows = [
        {**row, "arm": arm}
        for row in data("simvtt/sim_vtt_dev.csv")
        for arm in ("genA", "genB")
        if row["generator"] in (arm, "none")
    ]
    return grid(rows, "arm", "image", value, lambda row: row["origin"] == "synthetic")


@pytest.fixture(scope="session")
def two_generators(data):
    return by_generator(data, lambda row: float(row["rating_1real_6synthetic"]))


@pytest.fixture(scope="session")
def two_generators_answers(data):
    return by_generator(data, lambda row: float(row["says_synthetic"]))


def drawn(seed, treatments=2, readers=4, cases=24, missing=0.0):
    """Return ratings with ties, correlated over readers and cases, and the truth."""
    rng = np.random.default_rng(seed)
    truth = np.arange(cases) < cases * 0.4
    table = (
        1.2 * truth
        + rng.normal(size=(treatments, readers, cases))
        + 0.7 * rng.normal(size=(1, 1, cases))
        + 0.5 * truth * rng.normal(size=(treatments, readers, 1))
    ).round()
    return np.where(rng.random(table.shape) < missing, np.nan, table), truth


def area(ratings, truth):
    return roc.auc(ratings, truth).value
