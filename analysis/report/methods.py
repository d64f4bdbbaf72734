"""The methods of a report, ready to be pasted into a paper: paragraphs, numbered references."""

import re
from collections.abc import Iterable, Sequence

from analysis.report import words
from analysis.report.cells import ReportTable
from analysis.report.chapters.checklist import Checklist
from analysis.report.findings import Findings
from analysis.report.layout import Section

#: How a method is named in a report's sentences, and where it was published.
REFERENCES: tuple[tuple[str, str], ...] = (
    (
        r"Obuchowski(?: and |-)Rockette(?:'s)?(?: \(1995\))?",
        "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple "
        "readers and multiple tests: an ANOVA approach with dependent observations. Commun Stat "
        "Simul Comput 1995;24:285-308.",
    ),
    (
        r"Hillis(?:'s)?(?: \(2007\))?",
        "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer "
        "ROC analysis. Stat Med 2007;26:596-619.",
    ),
    (
        r"DeLong(?:'s)?(?: \(1988\))?",
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated "
        "receiver operating characteristic curves: a nonparametric approach. Biometrics "
        "1988;44:837-845.",
    ),
    (
        r"Wilson(?:'s)?(?: \(1927\))?",
        "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am "
        "Stat Assoc 1927;22:209-212.",
    ),
    (
        r"Clopper(?: and |-)Pearson(?: \(1934\))?",
        "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case "
        "of the binomial. Biometrika 1934;26:404-413.",
    ),
    (
        r"Brown, Cai and DasGupta(?: 2001)?",
        "Brown LD, Cai TT, DasGupta A. Interval estimation for a binomial proportion. Stat Sci "
        "2001;16:101-133.",
    ),
    (
        r"Hautus(?: \(1995\))?",
        "Hautus MJ. Corrections for extreme proportions and their biasing effects on estimated "
        "values of d′. Behav Res Methods Instrum Comput 1995;27:46-51.",
    ),
    (
        r"Gourevitch(?: and |-)Galanter(?: \(1967\))?",
        "Gourevitch V, Galanter E. A significance test for one parameter isosensitivity functions. "
        "Psychometrika 1967;32:25-33.",
    ),
    (
        r"Schuirmann(?: \(1987\))?|[Tt]wo one-sided tests|TOST",
        "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach "
        "for assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm "
        "1987;15:657-680.",
    ),
    (
        r"Gallas(?: \(2006\))?",
        "Gallas BD. One-shot estimate of MRMC variance: AUC. Acad Radiol 2006;13:353-362.",
    ),
    (
        r"Zhou et al\.(?: \(2019\))?|HYPE",
        "Zhou S, Gordon ML, Krishna R, et al. HYPE: a benchmark for human eye perceptual "
        "evaluation of generative models. Adv Neural Inf Process Syst 2019;32.",
    ),
    (
        r"Owen(?: \(2007\))?",
        "Owen AB. The pigeonhole bootstrap. Ann Appl Stat 2007;1:386-411.",
    ),
    (
        r"McNemar(?:'s)?(?: \(1947\))?",
        "McNemar Q. Note on the sampling error of the difference between correlated proportions or "
        "percentages. Psychometrika 1947;12:153-157.",
    ),
    (
        r"Newcombe(?:'s)?(?: \(1998\))?",
        "Newcombe RG. Improved confidence intervals for the difference between binomial "
        "proportions based on paired data. Stat Med 1998;17:2635-2650.",
    ),
    (
        r"Fisher's exact test",
        "Fisher RA. On the interpretation of χ² from contingency tables, and the calculation of P. "
        "J R Stat Soc 1922;85:87-94.",
    ),
    (
        r"Cohen's kappa|Cohen \(1960\)",
        "Cohen J. A coefficient of agreement for nominal scales. Educ Psychol Meas 1960;20:37-46.",
    ),
    (
        r"Matthews' correlation",
        "Matthews BW. Comparison of the predicted and observed secondary structure of T4 phage "
        "lysozyme. Biochim Biophys Acta 1975;405:442-451.",
    ),
    (
        r"Fleiss' kappa|Fleiss \(1971\)",
        "Fleiss JL. Measuring nominal scale agreement among many raters. Psychol Bull "
        "1971;76:378-382.",
    ),
    (
        r"Krippendorff(?:'s)?(?: alpha)?",
        "Hayes AF, Krippendorff K. Answering the call for a standard reliability measure for "
        "coding data. Commun Methods Meas 2007;1:77-89.",
    ),
    (
        r"Gwet(?:'s)?(?: \(2008\))?",
        "Gwet KL. Computing inter-rater reliability and its variance in the presence of high "
        "agreement. Br J Math Stat Psychol 2008;61:29-48.",
    ),
    (
        r"Holm(?:'s)?(?: \(1979\))?\b(?!gren)",
        "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat "
        "1979;6:65-70.",
    ),
    (
        r"Benjamini(?: and |-)Hochberg",
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful "
        "approach to multiple testing. J R Stat Soc B 1995;57:289-300.",
    ),
    (
        r"Haenssle et al\.(?: \(2018\))?",
        "Haenssle HA, Fink C, Schneiderbauer R, et al. Man against machine: diagnostic performance "
        "of a deep learning convolutional neural network for dermoscopic melanoma recognition in "
        "comparison to 58 dermatologists. Ann Oncol 2018;29:1836-1842.",
    ),
    (
        r"Brier(?: score| \(1950\))?",
        "Brier GW. Verification of forecasts expressed in terms of probability. Mon Weather Rev "
        "1950;78:1-3.",
    ),
    (
        r"Murphy(?:'s)?(?: \(1973\))?",
        "Murphy AH. A new vector partition of the probability score. J Appl Meteorol "
        "1973;12:595-600.",
    ),
)
#: Items of the checklist that a methods section tells, in its order.
TOLD = (
    "Selection",
    "Selection rule",
    "Processing equal for both origins",
    "Scale, wording, order of questions",
    "Randomisation of the order",
    "Blinding and feedback",
    "Registration, frozen protocol",
)


def methods_text(findings: Findings, sections: Iterable[Section]) -> str:
    """Return the methods as Markdown: what was read, how it was analysed, references, versions.

    References are those that the methods or any sentence of the sections name.
    """
    paragraphs = [*_design(findings), *words.methods(findings)]
    numbered, cited = number(paragraphs)
    named = "\n".join(_sentences(sections))
    cited += [
        citation
        for pattern, citation in REFERENCES
        if citation not in cited and re.search(pattern, named)
    ]
    listed = [f"{place}. {citation}" for place, citation in enumerate(cited, start=1)]
    return "\n\n".join(["## Methods", *numbered, "## References", "\n".join(listed)]) + "\n"


def number(paragraphs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the paragraphs with numbers where a method is first named, and the references.

    References are numbered in the order in which they are named.
    """
    text = "\n\n".join(paragraphs)
    first = [
        (found.end(), citation)
        for pattern, citation in REFERENCES
        if (found := re.search(pattern, text))
    ]
    first.sort()
    for place in range(len(first), 0, -1):
        end = first[place - 1][0]
        text = f"{text[:end]} [{place}]{text[end:]}"
    return text.split("\n\n"), [citation for _, citation in first]


def _design(findings: Findings) -> list[str]:
    facts = findings.facts
    shown = {origin: sum(by.values()) for origin, by in facts.images.items()}
    said = [
        f"{len(facts.pooled)} rater{'s' * (len(facts.pooled) > 1)} read "
        f"{sum(shown.values())} images: {shown['real']} real and {shown['synthetic']} synthetic"
        + (f" (by {words.listed(facts.generators)})." if facts.generators else ".")
    ]
    checklist = findings.chapters.get("checklist")
    if isinstance(checklist, Checklist):
        values = {item.item: item.value for item in checklist.items}
        said += [f"{item}: {values[item]}." for item in TOLD if values.get(item)]
    return [" ".join(said)]


def _sentences(sections: Iterable[Section]) -> Iterable[str]:
    """Give all that the sections say."""
    for section in sections:
        for block in section.blocks:
            yield from block.text
            yield from (drawing.caption for drawing in block.drawings)
            if block.table:
                yield block.table.title
                yield block.table.note
                yield from (column.title for column in block.table.columns)
                yield from _named_in(block.table)


def _named_in(table: ReportTable) -> Iterable[str]:
    """Give the methods that a table names; no other cell, since raters may be called Wilson."""
    for place, column in enumerate(table.columns):
        if column.key == "method":
            yield from (str(row[place]) for row in table.rows)
