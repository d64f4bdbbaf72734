"""The checklist of reporting guidelines: what a study provides for each item, what is missing.

Items are numbered as in STARD 2015 (BMJ 351:h5527), CLAIM 2020 (Radiol Artif Intell 2:e200029),
GRRAS (J Clin Epidemiol 2011, 64:96) and DECIDE-AI (BMJ 2022, 377:e070904); FDA is its guidance on
reader studies of 2022.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.report import provided
from analysis.report.cells import ReportTable, columns
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.report.study import Study

KEY = "checklist"
MISSING = "NOT PROVIDED"

Provides = Callable[[Study, provided.Known], str | None]

#: Part of a paper, item, numbers in the guidelines, what tells it.
ITEMS: tuple[tuple[str, str, str, Provides], ...] = (
    ("Title", "Study and design named", "STARD 1-2; CLAIM 1-2", provided.title),
    ("Aims", "Intended use of the images", "STARD 3; CLAIM 3", provided.nothing),
    ("Aims", "Objectives and hypotheses", "STARD 4; CLAIM 4, 6", provided.hypotheses),
    ("Aims", "Margin of equivalence, with its reason", "STARD 4; FDA", provided.margin),
    ("Aims", "Registration, frozen protocol", "STARD 28-29; CLAIM 40-41", provided.registration),
    ("Real images", "Source and licence", "STARD 6-8; CLAIM 7-8", provided.source_of_real),
    ("Real images", "Selection", "STARD 9; CLAIM 10; GRRAS 7", provided.selection_of_real),
    ("Real images", "Exclusions before the draw", "STARD 6; CLAIM 8", provided.nothing),
    ("Real images", "Number of each diagnosis", "STARD 21; CLAIM 34", provided.counts),
    (
        "Real images",
        "Sex, age, site, skin tone",
        "STARD 20; CLAIM 34; GRRAS 3",
        provided.people_in_images,
    ),
    ("Real images", "How diagnoses were made", "STARD 10b; CLAIM 14-16", provided.ground_truth),
    ("AI images", "Copies of photographs looked for", "CLAIM 21", provided.copies),
    ("AI images", "Generator, version, settings", "CLAIM 22-26; DECIDE-AI 4", provided.generators),
    ("AI images", "Seeds and prompts", "CLAIM 24", provided.seeds),
    ("AI images", "Training data of the generator", "CLAIM 7, 20, 25", provided.nothing),
    ("AI images", "Selection rule", "CLAIM 10", provided.selection_of_synthetic),
    ("Showing", "Processing equal for both origins", "CLAIM 9", provided.processing),
    ("Showing", "Scale, wording, order of questions", "STARD 10a, 12; GRRAS 8", provided.scale),
    ("Showing", "Time limits, display, enlargement", "GRRAS 8; FDA", provided.exposure),
    ("Raters", "Invited, started, finished", "STARD 19; GRRAS 11", provided.rater_numbers),
    ("Raters", "Specialty and experience", "GRRAS 4, 12; DECIDE-AI 3; FDA", provided.experience),
    ("Raters", "Training and practice", "GRRAS 8; FDA", provided.training),
    ("Raters", "Told the share of AI images or not", "STARD 13a; FDA", provided.prevalence),
    ("Raters", "Conflicts of interest", "STARD 30", provided.nothing),
    ("Design", "Blinding and feedback", "STARD 13; GRRAS 8", provided.blinding),
    ("Design", "Audit of the blinding", "STARD 13; FDA", provided.certificate),
    ("Design", "Randomisation of the order", "GRRAS 8; FDA", provided.randomisation),
    ("Design", "Repeats, occasions, washout", "GRRAS 8; CLAIM 18; FDA", provided.repeats),
    ("Design", "Reason for the sample size", "STARD 18; CLAIM 19; GRRAS 6", provided.nothing),
    ("Results", "Missing and indeterminate answers", "STARD 15-16; CLAIM 13", provided.missing),
    ("Results", "Flow of images and raters", "STARD 19; CLAIM 33", lambda *_: "figure flow"),
    ("Results", "Cross table of each rater", "STARD 23; GRRAS 15", provided.cross_tables),
    ("Results", "Estimates with intervals", "STARD 24; CLAIM 35-36", provided.estimates),
    ("Results", "Agreement between raters", "GRRAS 9, 11, 13; CLAIM 18", provided.agreement),
    ("Results", "Failure analysis", "CLAIM 37", provided.failures),
    ("Results", "Learning and fatigue", "STARD 17; FDA", provided.learning),
    ("Results", "Robustness", "CLAIM 30", provided.robustness),
    ("Limits", "What is random, what is fixed", "STARD 14, 26; CLAIM 29", provided.inference),
    ("Limits", "Harms", "STARD 25", provided.nothing),
    ("Other", "Data, code, software versions", "STARD 29; CLAIM 23, 41", provided.data),
    ("Other", "Contact", "CLAIM 41", provided.contact),
    ("Other", "Ethics approval", "CLAIM 12", provided.nothing),
    ("Other", "Funding", "STARD 30; CLAIM 42", provided.nothing),
)


@dataclass(frozen=True)
class Item:
    """One item of the guidelines; `value` is None where the study has nothing for it."""

    part: str
    item: str
    guidelines: str
    value: str | None


@dataclass(frozen=True)
class Checklist:
    """All items, and how many are provided."""

    items: tuple[Item, ...]
    provided: int


def find(study: Study) -> Checklist:
    """Fill in every item of the checklist."""
    known = study.context.description
    items = tuple(
        Item(part, item, numbers, provides(study, known) or None)
        for part, item, numbers, provides in ITEMS
    )
    return Checklist(items, sum(item.value is not None for item in items))


def show(found: Checklist, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the checklist as one table."""
    return Section(
        KEY,
        "Reporting checklist",
        (
            Block(
                text=(
                    f"{found.provided} of {len(found.items)} items are provided by the study; the "
                    "authors supply the others. What stands here comes from the frozen protocol, "
                    "the catalogue, the sessions and the answers.",
                ),
                table=ReportTable(
                    KEY,
                    "What reporting guidelines ask for",
                    columns(part="Part", item="Item", value="Provided", guidelines="Guidelines"),
                    tuple(
                        (item.part, item.item, item.value or MISSING, item.guidelines)
                        for item in found.items
                    ),
                    note="STARD 2015, CLAIM 2020, GRRAS 2011, DECIDE-AI 2022, FDA 2022.",
                ),
            ),
        ),
    )
