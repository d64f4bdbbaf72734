"""Words of a report: what the numbers say, how they were computed, and what they cannot say."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from scipy.stats import fisher_exact

from analysis.report.cells import printed
from analysis.report.findings import Facts, Findings
from analysis.results import Estimate, Number
from analysis.timing import FASTEST_MS, SLOWEST_MS

ENTITY_NAMES = {
    "mel": "Melanoma",
    "nv": "Nevus",
    "akiec": "Actinic keratosis",
    "bkl": "Benign keratosis",
    "bcc": "Basal cell carcinoma",
    "df": "Dermatofibroma",
    "vasc": "Vascular lesion",
}
KINDS = {"human": "human", "ai": "AI", "simulated": "simulated", "": ""}
PACKAGES = ("numpy", "scipy", "scikit-learn", "matplotlib")


def software() -> dict[str, str]:
    """Return the versions of what computed the numbers."""
    return {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def percent(share: float) -> str:
    """Return a share as a percentage without decimals."""
    return f"{100 * share:.0f}%"


def diagnosis(findings: Findings) -> str:
    """Return how well the entity was named on real and on synthetic images."""
    if not {"real", "synthetic"} <= set(findings.entity):
        return ""
    real, synthetic = (findings.entity[origin].accuracy for origin in ("real", "synthetic"))
    if not isinstance(real, Estimate) or not isinstance(synthetic, Estimate):
        return ""
    said = (
        f"The right entity was named for {percent(synthetic.value)} of synthetic images"
        f"{between(synthetic)} and for {percent(real.value)} of real ones{between(real)}."
    )
    return f"{said} {_difference(findings)}".strip()


def _difference(findings: Findings) -> str:
    difference = findings.entity_difference
    if isinstance(difference, Estimate):
        low, value, high = (
            f"{100 * (share or 0.0):+.0f}".replace("-", "\N{MINUS SIGN}")
            for share in (difference.low, difference.value, difference.high)
        )
        return (
            "The difference, synthetic minus real, is "
            f"{value} percentage points (95% interval {low} to {high})."
        )
    if len(findings.facts.pooled) > 1:
        return ""
    counts = []
    for origin in ("real", "synthetic"):
        table = findings.entity[origin].confusion
        right = int(table.counts.trace())
        counts.append([right, table.n - right])
    p = p_value(float(fisher_exact(counts).pvalue))
    return f"Fisher's exact test of this rater's difference: p = {p}."


def p_value(p: float) -> str:
    """Return a p value as printed in papers."""
    if p >= 1e-3:
        return f"{p:.3f}"
    digits, _, exponent = f"{p:.1e}".partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits} × 10{raised}"


def about_raters(facts: Facts) -> list[str]:
    """Return what must be known of the raters before a number is believed."""
    said = []
    people = set(facts.raters) - {"simulated", "ai"}
    if facts.raters.get("simulated") and not people:
        said.append(
            "All raters are simulated: a program drew these answers. They show how a report looks "
            "and say nothing about dermatologists."
        )
    if len(facts.pooled) == 1:
        said.append("One reader: results apply to this reader, not to dermatologists in general.")
    if facts.raters.get("ai") and len(facts.raters) > 1:
        said.append("AI raters stand in the table of raters and enter no average.")
    if facts.raters.get("simulated") and people:
        said.append("Simulated raters stand in the table of raters and enter no average.")
    return said


def notes(findings: Findings) -> list[str]:
    """Return what was left out or looks odd."""
    facts, said = findings.facts, []
    left_out = facts.excluded
    for count, what in (
        (left_out.practice, "practice answers"),
        (left_out.checks, "answers to attention checks"),
        (left_out.excluded, "answers of raters who were withdrawn or failed the attention checks"),
        (left_out.repeats, "answers to repeated showings"),
        (left_out.later_occasions, "answers of later occasions (the first one counts)"),
    ):
        if count:
            said.append(f"{count} {what} are left out of every number.")
    if facts.missing:
        said.append(
            f"{facts.missing} pairs of rater and image have no answer; means are over the "
            "raters' own images, and two raters' covariance over the images both read."
        )
    for count, what in (
        (findings.interrupted, "answers were given to a page that was hidden meanwhile"),
        (findings.too_fast, f"answers came faster than {FASTEST_MS} ms"),
        (findings.too_slow, f"answers took longer than {SLOWEST_MS // 60_000} minutes"),
    ):
        if count:
            said.append(f"{count} {what}; they are left out of response times only.")
    if findings.ratings_reversed:
        said.append(
            "Ratings are lower where raters answered 'synthetic'. If a high rating meant "
            "'surely real', turn the scale round: every AUC of origin is inverted."
        )
    pairs = getattr(findings.chapters.get("verdict"), "pairs", False)
    for origin, by_entity in facts.images.items():
        if pairs and origin == "real":
            said.append("The real images stand beside the synthetic ones, in pairs.")
        elif not any(by_entity.values()):
            said.append(f"There are no {origin} images; what compares origins cannot be estimated.")
    return said


METHODS = {
    "classification": "Truth is in the rows of every confusion matrix. Precision, recall and F1 "
    "are computed over pooled answers; classes that were never shown do not enter the averages, "
    "and the precision of a class never answered is undefined. Precision depends on this study's "
    "mix of classes.",
    "one rater": "Shares carry the score interval of Wilson (1927), areas DeLong's (1988) on the "
    "logit scale; images are random, the rater is fixed.",
    "raters": "Shares and areas are means over raters. Their intervals take both raters and images "
    "as random: analysis of Obuchowski and Rockette (1995) for one treatment with the degrees of "
    "freedom of Hillis (2007); the covariance of raters comes from the answers about the same "
    "images, for areas by DeLong's placement values (1988). Intervals of shares and their tests "
    "are on the logit scale (Brown, Cai and DasGupta 2001), which near 0 and 1 holds the truth "
    "more nearly as often as it says. Intervals of single raters are "
    "Wilson's (shares) and DeLong's on the logit scale (areas).",
    "ratings": "The ROC curve of origin comes from the ratings, higher meaning surer of synthetic; "
    "ties count one half. The average curve is the mean hit rate at fixed false-alarm rates; the "
    "area is the mean of the raters' areas. Curves of origin need both origins and therefore exist "
    "for all images only.",
    "no ratings": "There are no ratings of origin, only labels: each rater has one operating point "
    "and no ROC curve. The area under such a point is the balanced accuracy.",
    "detection": "d′ = z(H) − z(F) and c = −(z(H) + z(F)) / 2 with synthetic as the signal and the "
    "log-linear correction of Hautus (1995); c above 0 is a tendency to say real.",
    "no confidence": "Only the chosen entity is known, without a confidence: each entity against "
    "the rest is one operating point, and its area the balanced accuracy.",
}


def methods(findings: Findings) -> list[str]:
    """Return the methods paragraphs, fit to be pasted into a paper."""
    facts = findings.facts
    said = [METHODS["classification"]] if findings.origin or findings.entity else []
    said.append(METHODS["one rater" if len(facts.pooled) == 1 else "raters"])
    if findings.detection:
        said.append(METHODS["ratings" if findings.detection.graded else "no ratings"])
    if findings.origin:
        said.append(METHODS["detection"])
    if findings.entity and facts.entity_confidence:
        said.append(
            "Each entity is set against the rest with the score c for the entity chosen and "
            f"(1 − c) / {len(facts.entities) - 1} for the others, c being the stated confidence; "
            "the area is the mean of the raters' areas."
        )
    elif findings.entity:
        said.append(METHODS["no confidence"])
    versions = ", ".join(f"{name} {number}" for name, number in software().items())
    said.append(
        f"Computed with {versions}. What is drawn at random says so, and is "
        "drawn alike each time: the same answers give the same numbers."
    )
    return said


def limits(findings: Findings) -> list[str]:
    """Return what the numbers cannot say."""
    said = [
        *(
            []
            if findings.facts.margin is not None
            else [
                "No margin for equivalence was given, so no statement is made that images cannot "
                "be told apart."
            ]
        ),
        "Entities and generators are described one by one; intervals are not adjusted for their "
        "number.",
    ]
    if len(findings.facts.pooled) == 1:
        said.insert(0, "With one rater, the spread between dermatologists is unknown.")
    elif len(findings.facts.pooled) < 5:
        said.insert(
            0,
            f"With {len(findings.facts.pooled)} raters, intervals over raters rest on "
            "few degrees of freedom and are wide for that reason.",
        )
    return said


def listed(names: Sequence[str]) -> str:
    """Return 'a, b and c'."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def subject(facts: Facts) -> str:
    """Return who read, to begin a sentence with."""
    kind = "simulated rater" if set(facts.raters) == {"simulated"} else "rater"
    return f"One {kind}" if len(facts.pooled) == 1 else f"On average, {len(facts.pooled)} {kind}s"


def between(number: Number) -> str:
    """Return the interval of a share in brackets; "" without one."""
    if not isinstance(number, Estimate) or number.low is None or number.high is None:
        return ""
    return f" (95% interval {percent(number.low)} to {percent(number.high)})"


def decimals(number: Estimate) -> str:
    """Return an interval in brackets; "" without one."""
    if number.low is None or number.high is None:
        return ""
    return f" (95% interval {number.low:.2f} to {number.high:.2f})"


def numbers_in_words(what: str, numbers: Sequence[tuple[str, Number]]) -> str:
    """Return numbers as an alternative text of a figure."""
    return f"{what}: " + ", ".join(f"{label} {printed(number)}" for label, number in numbers)
