"""The first words of a report: what the study found, and the verdict."""

from collections.abc import Mapping

from analysis.equivalence import DIFFERENT, EQUIVALENT, WITHIN, Judgement
from analysis.report.chapters.verdict import KEY, VerdictFindings
from analysis.report.findings import Facts, Findings
from analysis.report.words import between, decimals, percent, subject
from analysis.results import Estimate

LEANING = "with a leaning towards"


def headline(findings: Findings) -> str:
    """Return the one sentence to take away."""
    judged = judged_of(findings)
    rate = judged and judged.measures.get("deception_rate")
    if judged and rate and isinstance(rate.estimate, Estimate):
        return f"{_deceived(findings.facts, rate.estimate)}{_clause(judged)}."
    if findings.entity:
        accuracy = next(iter(findings.entity.values())).accuracy
        if isinstance(accuracy, Estimate):
            return (
                f"{subject(findings.facts)} named the right entity for "
                f"{percent(accuracy.value)} of the images{between(accuracy)}."
            )
    if findings.detection and isinstance(findings.detection.area, Estimate):
        area = findings.detection.area
        return (
            f"{subject(findings.facts)} ranked a synthetic image above a real one in "
            f"{percent(area.value)} of pairs{between(area)}; chance is 50%."
        )
    return "The answers allow no summary; the tables below say why."


def judged_of(findings: Findings) -> VerdictFindings | None:
    """Return the numbers of the verdict, None where raters were not asked."""
    found = findings.chapters.get(KEY)
    return found if isinstance(found, VerdictFindings) else None


def verdict(findings: Findings) -> str:
    """Return whether real and synthetic were told apart, and no more than was shown."""
    found = judged_of(findings)
    if not found or found.timed:
        return "" if not found else "No verdict: the time to look was chosen so that raters err."
    skill = _skill(found)
    word = _word(found)
    said = [] if not word or _in_headline(found) else [f"{word}."]
    if skill and isinstance(skill.estimate, Estimate):
        who = "This rater" if found.raters == 1 else "They"
        said.append(
            f"{who} told real from synthetic with a balanced accuracy of "
            f"{skill.estimate.value:.2f}{decimals(skill.estimate)}; chance is 0.50."
        )
    said += _by_generator(found.deception_by_generator)
    if found.margin is None:
        said.append(
            "No margin of equivalence was fixed before the data, so that nothing can be said "
            "about images passing for real."
        )
    if LEANING in word:
        said.append(
            "The rate differs from 50% as it does for raters who lean towards one answer, whatever "
            "they see."
        )
    if word.startswith("Inconclusive"):
        said.append(
            "An interval that contains chance does not show that the images cannot be told apart."
        )
    return " ".join(said)


def _deceived(facts: Facts, rate: Estimate) -> str:
    if len(facts.pooled) == 1:
        count = round(rate.value * (rate.n or 0))
        return (
            f"{subject(facts)} took {count} of {rate.n} AI-generated images for real: "
            f"{percent(rate.value)}{between(rate)}"
        )
    shown = sum(facts.images["synthetic"].values())
    return (
        f"{subject(facts)} took {percent(rate.value)} of the {shown} AI-generated images "
        f"for real{between(rate)}"
    )


def _clause(found: VerdictFindings) -> str:
    """Return the end of the headline: the verdict, for this rater where there is one."""
    word = "" if found.timed else _word(found)
    if not word:
        return ""
    return f"{'; for this rater' if found.raters == 1 else ''}: {word[0].lower()}{word[1:]}"


def _in_headline(found: VerdictFindings) -> bool:
    rate = found.measures.get("deception_rate")
    return rate is not None and isinstance(rate.estimate, Estimate)


def _skill(found: VerdictFindings) -> Judgement | None:
    return found.measures.get("balanced_accuracy")


def _word(found: VerdictFindings) -> str:
    """Return the verdict on the deception rate, and on skill where the two part."""
    rate, skill = found.measures.get("deception_rate"), _skill(found)
    if rate is None or not isinstance(rate.estimate, Estimate):
        return _told(skill) if skill else ""
    told = skill is not None and skill.verdict in (DIFFERENT, WITHIN)
    apart = skill is not None and isinstance(skill.estimate, Estimate)
    wrong = apart and skill is not None and _below(skill)
    band = f"±{100 * (found.margin or 0):g} percentage points"
    if rate.verdict == EQUIVALENT:
        equivalent = f"Equivalent to chance within {band}"
        return f"{equivalent}, and yet told apart better than by chance" if told else equivalent
    if rate.verdict == WITHIN:
        return f"Different from chance but within {band}"
    if told or (skill is None and rate.verdict == DIFFERENT) or _parted(skill):
        over = rate.estimate.value > 0.5 if skill is None else wrong
        return "Distinguishable, but the wrong way round" if over else "Distinguishable"
    if rate.verdict == DIFFERENT:
        answer = "real" if rate.estimate.value > 0.5 else "synthetic"
        guessing = skill is not None and skill.verdict == EQUIVALENT
        shown = f"Equivalent to chance within {band}" if guessing else "Inconclusive"
        return f"{shown}, {LEANING} “{answer}”"
    return "Inconclusive"


def _told(skill: Judgement) -> str:
    if skill.verdict in (DIFFERENT, WITHIN):
        return "Distinguishable, but the wrong way round" if _below(skill) else "Distinguishable"
    return ""


def _below(skill: Judgement) -> bool:
    return isinstance(skill.estimate, Estimate) and skill.estimate.value < skill.centre


def _parted(skill: Judgement | None) -> bool:
    """Tell whether all raters parted real from synthetic without any error, or all wrongly."""
    return (
        skill is not None
        and isinstance(skill.estimate, Estimate)
        and skill.estimate.value in (0.0, 1.0)
    )


def _by_generator(rates: Mapping[str, Judgement]) -> list[str]:
    if not rates:
        return []
    parts = [
        f"{name} {percent(one.estimate.value)}{between(one.estimate)}, {one.verdict}"
        for name, one in rates.items()
        if isinstance(one.estimate, Estimate)
    ]
    return [f"Taken for real, by generator: {'; '.join(parts)}."] if parts else []
