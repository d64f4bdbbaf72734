"""Agreement, against SAS and programs in R, by its definitions, and where it has none."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from analysis.agreement import (
    cohen_kappa,
    cohen_kappa_test,
    fleiss_kappa,
    fleiss_kappa_test,
    gwet_ac1,
    gwet_ac2,
    icc_2_1,
    intra_rater,
    krippendorff_alpha,
    percent_agreement,
)
from analysis.results import NotEstimable, Unknown

EXPECTED = "agreement/expected_agreement.json"


@pytest.fixture
def fourteen(data):
    """Return the textbook's 14 raters of 10 subjects; who gave which answer does not count."""
    counts = [
        [int(cell) for cell in row.values()] for row in data("agreement/fleiss_14raters_counts.csv")
    ]
    return np.array([np.repeat(np.arange(1.0, 6), row) for row in counts]).T


@pytest.fixture
def coders(data):
    """Return Krippendorff's three coders, with gaps."""
    rows = data("agreement/krippendorff_3coders.csv")
    return np.array([[float(cell) if cell else np.nan for cell in row.values()] for row in rows]).T


@pytest.fixture
def table_3x3(data):
    """Return the answers of two raters that SAS's manual cross-tabulates."""
    counts = np.array(
        [[int(cell) for cell in row.values()] for row in data("agreement/cohen_3x3_table.csv")]
    )
    first, second = (index.ravel() for index in np.indices(counts.shape))
    return np.repeat(first, counts.ravel()), np.repeat(second, counts.ravel())


@pytest.fixture
def simulated(data):
    """Return a reader of one column of the simulated study, as (raters, images)."""
    rows = data("simvtt/sim_vtt_dev.csv")
    readers, images = (sorted({row[key] for row in rows}) for key in ("reader", "image"))

    def read(column):
        table = np.full((len(readers), len(images)), "", dtype="U9")
        for row in rows:
            table[readers.index(row["reader"]), images.index(row["image"])] = row[column]
        return table

    return read


def test_coefficients_of_fourteen_raters_agree_with_irrcac(fourteen, expected):
    figures = expected(EXPECTED)["fleiss_14raters_counts"]

    for name, statistic in (("fleiss", fleiss_kappa), ("gwet", gwet_ac1)):
        found = statistic(fourteen)
        assert (found.value, found.se) == pytest.approx(
            (figures[name]["coeff"], figures[name]["stderr"]), rel=1e-9
        )
        low, high = (float(end) for end in figures[name]["conf.int"].strip("()").split(","))
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)
    assert krippendorff_alpha(fourteen).value == pytest.approx(
        figures["krippendorff"]["coeff"], rel=1e-9
    )
    assert percent_agreement(fourteen).value == pytest.approx(figures["fleiss"]["pa"], rel=1e-9)


def test_two_raters_agree_with_sas_and_irrcac(table_3x3, expected):
    figures = expected(EXPECTED)["cohen_3x3_table"]
    plain, linear = cohen_kappa(*table_3x3), cohen_kappa(*table_3x3, "linear")

    assert (plain.value, plain.se, plain.low, plain.high) == pytest.approx(
        (0.4842, 0.1380, 0.2137, 0.7547), abs=5e-5
    )
    assert (linear.value, linear.se, linear.low, linear.high) == pytest.approx(
        (0.4701, 0.1457, 0.1845, 0.7558), abs=5e-5
    )
    assert cohen_kappa_test(*table_3x3).statistic == pytest.approx(3.2626, abs=5e-5)
    assert cohen_kappa_test(*table_3x3, "linear").statistic == pytest.approx(3.2971, abs=5e-5)
    fewer = np.sqrt(18 / 19)  # irrCAC divides by n for two raters, by n - 1 for several
    for found, kind, name in (
        (gwet_ac1(table_3x3), "irrCAC", "gwet"),
        (gwet_ac2(table_3x3, "linear"), "irrCAC_linear", "gwet"),
        (percent_agreement(table_3x3), "irrCAC", "pa"),
    ):
        row = figures[kind][name]
        assert found.value == pytest.approx(row["coeff.val"], rel=1e-9)
        assert found.se * fewer == pytest.approx(row["coeff.se"], rel=1e-9)
    alpha = krippendorff_alpha(table_3x3).value
    assert alpha == pytest.approx(figures["irrCAC"]["krippendorff"]["coeff.val"], rel=1e-9)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_cohens_kappa_is_that_of_scikit_learn(weights):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (2, 90))

    found = cohen_kappa(first, second, weights)

    assert found.value == pytest.approx(cohen_kappa_score(first, second, weights=weights))


@pytest.mark.parametrize("weights", [None, "quadratic"])
def test_standard_errors_of_kappa_are_those_of_simulated_raters(weights):
    rng = np.random.default_rng(1)

    def drawn(noise):
        truth = rng.integers(1, 5, 150)
        wrong = rng.random((2, 150)) < noise
        return np.where(wrong, rng.integers(1, 5, (2, 150)), truth)

    kappas = [cohen_kappa(*drawn(0.4), weights, categories=[1, 2, 3, 4]).value for _ in range(600)]
    ac2 = [gwet_ac2(drawn(0.4), categories=[1, 2, 3, 4]).value for _ in range(600)]
    chance = [cohen_kappa_test(*drawn(1), weights).statistic for _ in range(600)]

    reported = [cohen_kappa(*drawn(0.4), weights).se for _ in range(30)]
    assert np.mean(reported) == pytest.approx(np.std(kappas), rel=0.1)
    reported = [gwet_ac2(drawn(0.4)).se for _ in range(30)]
    assert np.mean(reported) == pytest.approx(np.std(ac2), rel=0.1)
    assert np.std(chance) == pytest.approx(1, rel=0.1)


def test_fleiss_z_is_standard_normal_without_agreement_and_large_with():
    rng = np.random.default_rng(2)
    chance = [
        fleiss_kappa_test(rng.choice(3, (5, 80), p=[0.6, 0.3, 0.1])).statistic for _ in range(600)
    ]
    alike = np.repeat(rng.integers(0, 3, (1, 80)), 5, axis=0)

    assert (np.mean(chance), np.std(chance)) == pytest.approx((0, 1), abs=0.12)
    assert fleiss_kappa_test(alike).p < 1e-10
    alike = alike.astype(float)
    alike[0, 0] = np.nan
    with pytest.raises(NotEstimable, match="number of their answers"):
        fleiss_kappa_test(alike)


def test_six_psychiatrists_of_thirty_patients_agree_as_published():
    """Fleiss 1971, table 1: how many of six gave each of five diagnoses; z as irr has it."""
    table = """
    00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
    10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
    00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
    """
    counts = [[int(digit) for digit in row] for row in table.split()]
    answers = np.array([np.repeat(np.arange(5.0), row) for row in counts]).T

    assert fleiss_kappa(answers).value == pytest.approx(0.430, abs=5e-4)
    assert fleiss_kappa_test(answers).statistic == pytest.approx(17.65, abs=5e-3)


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_four_observers_with_gaps_agree_as_krippendorff_published(level, published):
    rows = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    table = [[np.nan if cell == "." else float(cell) for cell in row] for row in rows]

    assert krippendorff_alpha(table, level).value == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_agrees_with_irr_on_coders_with_gaps(coders, expected, level):
    figures = expected(EXPECTED)["krippendorff_3coders"]

    found = krippendorff_alpha(coders, level)

    assert found.value == pytest.approx(figures[f"irr_{level}"], rel=1e-9)
    assert found.low < found.value < found.high
    assert found == krippendorff_alpha(coders, level)  # seeded
    assert percent_agreement(coders).value == pytest.approx(
        figures["irrCAC"]["pa"]["coeff.val"], rel=1e-9
    )


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_is_its_definition_by_pairs(level):
    rng = np.random.default_rng(3)
    table = rng.choice([1.0, 2, 4, 7], (4, 25))
    table[rng.random(table.shape) < 0.3] = np.nan
    units = [column[~np.isnan(column)] for column in table.T]
    units = [unit for unit in units if unit.size > 1]
    pool = np.concatenate(units)

    def distance(a, b):
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        if level == "ratio":
            return ((a - b) / (a + b)) ** 2
        between = np.count_nonzero((pool >= min(a, b)) & (pool <= max(a, b)))
        ends = np.count_nonzero(pool == a) + np.count_nonzero(pool == b)
        return (between - ends / 2) ** 2 if a != b else 0.0

    observed = sum(
        sum(distance(a, b) for a, b in permutations(unit, 2)) / (unit.size - 1) for unit in units
    )
    disagreement = sum(distance(a, b) for a, b in permutations(pool, 2)) / (pool.size - 1)
    assert krippendorff_alpha(table, level).value == pytest.approx(1 - observed / disagreement)


def test_levels_of_measurement_that_answers_do_not_have_are_refused():
    with pytest.raises(ValueError, match="nominal, ordinal, interval, ratio"):
        krippendorff_alpha([[1, 2], [2, 2]], level="cardinal")
    with pytest.raises(ValueError, match="in words"):
        krippendorff_alpha([["a", "b"], ["b", "b"]], level="ratio")
    with pytest.raises(ValueError, match="negative"):
        krippendorff_alpha([[-1, 2], [2, 2]], level="ratio")


def test_agreement_of_simulated_raters_agrees_with_irr_and_irrcac(simulated, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")
    origin, entity = simulated("says_synthetic").astype(float), simulated("answered_entity")
    rating = simulated("rating_1real_6synthetic").astype(float)

    assert fleiss_kappa(origin).value == pytest.approx(
        figures["agreement_origin"]["fleiss_irr"], rel=1e-8
    )
    for found, row in (
        (gwet_ac1(origin), figures["agreement_origin"]["gwet"]),
        (gwet_ac2(rating), figures["agreement_rating"]["gwet_ac2_quadratic"]),
        (fleiss_kappa(entity), figures["agreement_entity"]["fleiss_irrCAC"]),
        (gwet_ac1(entity), figures["agreement_entity"]["gwet"]),
    ):
        assert (found.value, found.se) == pytest.approx(
            (row["coeff.val"], row["coeff.se"]), abs=6e-6
        )
    assert krippendorff_alpha(entity).value == pytest.approx(
        figures["agreement_entity"]["kripp"]["coeff.val"], abs=6e-6
    )
    # irr counts each of the 700 values once for each of its 4 partners in expected disagreement.
    corrected = (699 / 700) / (2799 / 2800)
    for table, level, theirs in (
        (origin, "nominal", figures["agreement_origin"]["kripp_nominal"]),
        (rating, "ordinal", figures["agreement_rating"]["kripp_ordinal"]),
        (rating, "interval", figures["agreement_rating"]["kripp_interval"]),
    ):
        ours = krippendorff_alpha(table, level).value
        assert ours == pytest.approx(1 - (1 - theirs) * corrected, abs=1e-8)


def test_the_bootstrap_of_alpha_is_about_as_wide_as_the_linearised_interval(simulated, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")["agreement_entity"]

    found = krippendorff_alpha(simulated("answered_entity"))

    assert found.se == pytest.approx(figures["kripp"]["coeff.se"], rel=0.08)


COEFFICIENTS = [
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    lambda table: cohen_kappa(table[0], table[1]),
    lambda table: cohen_kappa(table[0], table[1], "quadratic"),
]


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_answers_that_are_all_the_same_cannot_be_corrected_for_chance(coefficient):
    with pytest.raises(NotEstimable, match="100 % agreement"):
        coefficient(np.ones((3, 10)))
    with pytest.raises(NotEstimable):
        coefficient(np.full((3, 10), np.nan))

    found = percent_agreement(np.ones((3, 10)))
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.7225, abs=1e-4)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_complete_agreement_has_no_interval_of_no_width(coefficient):
    found = coefficient(np.array([[1.0, 2, 3, 1, 2]] * 3))

    assert found.value == pytest.approx(1)
    assert (found.se, found.low, found.high) == (None, None, None)
    assert "all agree" in found.method


@pytest.mark.parametrize("coefficient", [*COEFFICIENTS, percent_agreement])
@pytest.mark.parametrize(
    "table",
    [
        [[0, 1, 0, 1, 1], [1, 0, 1, 0, 0]],  # nobody agrees
        [[1, 1, 1, 1, 1], [2, 1, 2, 1, 1]],  # one rater always says the same
        [[1, 2, 3], [1, 2, 3], [2, 3, 1]],  # two of three agree about each image
    ],
)
def test_an_interval_is_never_of_no_width(coefficient, table):
    found = coefficient(np.array(table))

    assert found.low is None or found.high - found.low > 0.1
    assert (found.se or 1) > 0.01
    assert found.low is not None or "no interval" in found.method


@pytest.mark.parametrize("coefficient", [*COEFFICIENTS, percent_agreement])
def test_gaps_of_a_data_frame_are_gaps_in_words_as_in_numbers(coefficient):
    numbers = np.array([[1, 2, 2, np.nan, 1, 2], [1, 2, 1, 2, np.nan, 2], [1, 1, 2, 2, 1, np.nan]])
    words = [[{1: "mel", 2: "nv"}.get(cell) for cell in row] for row in numbers]

    floats = [[np.nan if cell is None else cell for cell in row] for row in words]

    assert coefficient(np.array(words, dtype=object)) == coefficient(numbers)
    assert coefficient(floats) == coefficient(numbers)


@pytest.mark.parametrize("coefficient", [*COEFFICIENTS, percent_agreement])
def test_neither_the_order_of_raters_and_images_nor_words_for_answers_matter(coefficient):
    rng = np.random.default_rng(4)
    table = rng.integers(1, 4, (2, 40))
    words = np.array(["", "ein", "tau", "zwe"])[table]  # as sorted as the numbers

    found = coefficient(table)
    shuffled = coefficient(table[::-1][:, rng.permutation(40)])

    assert shuffled.value == pytest.approx(found.value)
    assert coefficient(words).value == pytest.approx(found.value)


def test_gwets_coefficient_does_not_collapse_where_nearly_all_answers_are_alike():
    first, second = np.ones(100), np.ones(100)
    first[:2], second[2:4] = 0, 0

    kappa, ac1 = cohen_kappa(first, second), gwet_ac1([first, second])

    assert percent_agreement([first, second]).value == pytest.approx(0.96)
    assert kappa.value < 0 < 0.9 < ac1.value


def test_answers_that_nobody_gave_count_for_gwet_and_strange_ones_are_refused():
    table = np.random.default_rng(5).integers(0, 2, (3, 30))

    assert gwet_ac1(table, [0, 1, 2]).value > gwet_ac1(table).value
    assert cohen_kappa(table[0], table[1], categories=[0, 1, 2]).value == pytest.approx(
        cohen_kappa(table[0], table[1]).value
    )
    with pytest.raises(ValueError, match="not among"):
        gwet_ac1(table, [0, 2])


def test_weights_follow_the_numbers_and_the_named_order():
    numbers = np.array([[1.0, 2, 6, 6, 1], [2, 2, 6, 1, 1]])
    words = np.array(["", "low", "middle", "", "", "", "high"])[numbers.astype(int)]

    far = gwet_ac2(numbers, "linear")
    ranked = gwet_ac2(words, "linear", ["low", "middle", "high"])

    # one pair at distance 1 of 5 (or 1 of 2 places), one as far apart as can be
    assert far.value != pytest.approx(ranked.value)
    assert cohen_kappa(*numbers, "linear").value == pytest.approx(
        cohen_kappa(*numbers, "linear", [1, 2, 3, 4, 5, 6]).value
    )
    assert cohen_kappa(*words, "linear", ["low", "middle", "high"]).value == pytest.approx(
        cohen_kappa_score(*words, labels=["low", "middle", "high"], weights="linear")
    )


def test_raters_agree_with_themselves_about_what_they_saw_twice():
    rng = np.random.default_rng(6)
    first = np.full((3, 60), np.nan)
    first[:2, :30] = rng.integers(1, 7, (2, 30))
    second = first.copy()
    second[0, :6] = 7 - second[0, :6]  # rater 0 turns six answers round

    found = intra_rater(first, second, [1, 2, 3, 4, 5, 6], ratings=True)

    changed, same, none = found.raters
    assert (changed.n, same.n, none.n) == (30, 30, 0)
    assert (changed.same.value, same.same.value) == (0.8, 1)
    assert changed.kappa.value == pytest.approx(cohen_kappa(first[0, :30], second[0, :30]).value)
    assert changed.kappa.value < same.kappa.value == 1
    assert changed.ac1.value < 1
    assert changed.icc.low < changed.icc.value < changed.icc.high <= 1
    assert isinstance(none.same, Unknown)
    assert isinstance(none.icc, Unknown)
    assert found.same.value == pytest.approx(0.9)
    assert intra_rater(first, second).raters[0].icc is None


def test_icc_is_that_of_shrout_and_fleiss():
    # Shrout and Fleiss 1979, Psychol Bull 86:420, table 2 and 4: six targets, four judges.
    ratings = [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]]

    assert icc_2_1(ratings).value == pytest.approx(0.29, abs=0.005)
    with pytest.raises(NotEstimable, match="100 % agreement"):
        icc_2_1(np.ones((2, 5)))
    with pytest.raises(NotEstimable, match="two"):
        icc_2_1([[1.0], [2.0]])
    with pytest.raises(NotEstimable, match="nothing"):
        icc_2_1([[1.0, 2], [2, 1]])


def test_a_coefficient_below_minus_one_keeps_its_interval_around_it():
    gaps = np.array([[1.0, 1, 1, np.nan], [2, np.nan, np.nan, 1]])

    found = fleiss_kappa(gaps)

    assert found.value < -1
    assert found.low <= found.value <= found.high
