"""What a study provides for each item of the reporting guidelines, in words; None: nothing.

What the answers tell stands in every report; what was decided before them is known of studies that
were read on this server, from their protocol, catalogue and sessions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.report.findings import Floats
from analysis.report.grids import of_raters
from analysis.report.study import Study
from analysis.table import OF_RATERS

Known = Mapping[str, Any]


def title(study: Study, known: Known) -> str | None:
    """Return the title."""
    return known.get("title")


def hypotheses(study: Study, known: Known) -> str | None:
    """Return the analysis plan as it was frozen."""
    return _protocol(known).get("analysis_plan") or None


def margin(study: Study, known: Known) -> str | None:
    """Return the margin of equivalence."""
    if study.context.margin is None:
        return None
    return f"{study.context.margin:g} on either side of chance, fixed before the data"


def registration(study: Study, known: Known) -> str | None:
    """Return what commits to the protocol, and since when."""
    if not known:
        return None
    return (
        f"protocol frozen {known['sealed_at']}, SHA-256 {known['protocol_sha256']}, "
        f"fingerprint {known['fingerprint']}"
    )


def source_of_real(study: Study, known: Known) -> str | None:
    """Return where real images come from."""
    if not known:
        return None
    return f"dataset {known['dataset']['name']}, licence {known['dataset']['licence']}"


def selection_of_real(study: Study, known: Known) -> str | None:
    """Return how real images were chosen."""
    if not known:
        return None
    return (
        f"drawn at random by seed {known['seed']}, {_protocol(known)['images_per_cell']} a "
        "diagnosis and origin, one image a lesion"
    )


def counts(study: Study, known: Known) -> str:
    """Return the number of images by entity and origin."""
    grid = study.grid
    told = []
    for entity in study.table.entities:
        own = grid.entity == entity
        real, synthetic = (int((own & (grid.synthetic == made)).sum()) for made in (False, True))
        told.append(f"{entity} {real} + {synthetic}")
    return f"real + synthetic: {', '.join(told)}"


def people_in_images(study: Study, known: Known) -> str | None:
    """Return sex, age, site and skin tone of the real images, as far as answers tell them."""
    table = study.pooled
    _, first = np.unique(table.text("image"), return_index=True)
    first = first[table.text("origin")[first] == "real"]
    told = []
    for name in ("sex", "site", "skin_tone"):
        values, numbers = np.unique(table.text(name)[first], return_counts=True)
        found = [f"{value} {count}" for value, count in zip(values, numbers, strict=True) if value]
        if found and len(found) <= 12:
            told.append(f"{name.replace('_', ' ')}: {', '.join(found)}")
        elif found:
            told.append(f"{name.replace('_', ' ')}: known of {sum(numbers[values != ''])} images")
    ages = table.number("age")[first]
    if np.isfinite(ages).any():
        low, middle, high = np.nanpercentile(ages, [0, 50, 100])
        told.append(f"age: median {middle:g}, {low:g} to {high:g}")
    return "; ".join(told) or None


def ground_truth(study: Study, known: Known) -> str | None:
    """Return how the diagnoses of real images were established."""
    found = known["images"]["real"]["diagnosed_by"] if known else {}
    total = known["images"]["real"]["drawn"] if known else 0
    shares = [f"{what} {count} of {total}" for what, count in found.items()]
    return ", ".join(shares) or None


def copies(study: Study, known: Known) -> str | None:
    """Return whether generated images were compared with photographs."""
    found = known["images"]["synthetic"] if known else {}
    if not found.get("compared"):
        return None
    return (
        f"{found['compared']} generated images compared with all photographs of the catalogue, "
        f"{found['suspected_copies']} left out as suspected copies"
    )


def generators(study: Study, known: Known) -> str | None:
    """Return the generators, with revision and settings."""
    if not known:
        names = sorted({str(name) for name in study.table.text("generator") if name})
        return f"{', '.join(names)} (revision and settings unknown)" if names else None
    return "; ".join(
        f"{each['name']}, revision {', '.join(r[:12] for r in each['revisions']) or 'unknown'}"
        + "".join(f", {key} {value}" for key, value in each["settings"].items())
        for each in known["generators"]
    )


def seeds(study: Study, known: Known) -> str | None:
    """Return whether each generated image has its seed on record."""
    if not known or not any(each["seeds"] for each in known["generators"]):
        return None
    return "; ".join(
        f"{each['name']}: {each['seeds']} of {each['images']} images with their seed, "
        f"{each['prompts']} prompts"
        for each in known["generators"]
    )


def selection_of_synthetic(study: Study, known: Known) -> str | None:
    """Return by which rule generated images were chosen."""
    if not known:
        return None
    found = known["images"]["synthetic"]
    of = "" if found["catalogued"] is None else f" of {found['catalogued']} in the catalogue"
    return (
        f"{found['drawn']}{of}, drawn at random by seed {known['seed']}, nobody's choice; "
        f"{found['suspected_copies']} suspected copies could not be drawn"
    )


def processing(study: Study, known: Known) -> str | None:
    """Return the processing that all images went through."""
    pipeline = _protocol(known).get("pipeline")
    if not pipeline:
        return None
    steps = ", ".join(f"{key} {value}" for key, value in pipeline.items() if value is not None)
    return (
        f"the same for both origins: {steps}; no metadata, an address of its own for each showing"
    )


def certificate(study: Study, known: Known) -> str | None:
    """Return what the audit of blinding said."""
    found = _protocol(known).get("certificate")
    if not found:
        return None
    if found["passed"]:
        return f"audited before the first answer and passed, SHA-256 {found['sha256']}"
    return f"sealed without a certificate that passes: {found['reason']}"


def rater_numbers(study: Study, known: Known) -> str | None:
    """Return how many raters came how far."""
    if not known:
        return None
    found = known["raters"]
    names = ("invited", "declined", "consented", "started", "finished", "withdrawn")
    return ", ".join(f"{found[name]} {name}" for name in names)


def experience(study: Study, known: Known) -> str | None:
    """Return what raters said of themselves, as far as the record or the table tells it."""
    told = [] if known else _of_raters(study)
    for name, value in (known["raters"]["about"] if known else {}).items():
        if isinstance(value, Mapping) and value:
            told.append(
                f"{name.replace('_', ' ')}: " + ", ".join(f"{k} {n}" for k, n in value.items())
            )
        elif isinstance(value, Sequence) and value:
            low, middle, high = value
            told.append(f"{name.replace('_', ' ')}: median {middle:g}, {low:g} to {high:g}")
    return "; ".join(told) or None


def _of_raters(study: Study) -> list[str]:
    told = []
    for name in OF_RATERS:
        values, numbers = np.unique(of_raters(study, name), return_counts=True)
        counts = [f"{value} {n}" for value, n in zip(values, numbers, strict=True) if value]
        if counts:
            told.append(f"{name.replace('_', ' ')}: {', '.join(counts)}")
    return told


def training(study: Study, known: Known) -> str | None:
    """Return what raters practised."""
    if not known:
        return None
    count = _protocol(known)["practice_images"]
    return f"{count} practice images with the right answer after each" if count else "no practice"


def prevalence(study: Study, known: Known) -> str | None:
    """Return whether raters knew the mix of origins."""
    if not known:
        return None
    told = _protocol(known)["tell_share"]
    return (
        "raters were told that half is AI"
        if told
        else "raters were not told the share of AI images"
    )


def scale(study: Study, known: Known) -> str | None:
    """Return the questions in their order, and the scale of ratings."""
    if known:
        protocol = _protocol(known)
        return (
            f"in this order: {', '.join(protocol['questions'])}; "
            f"{protocol['confidence_levels']} levels of confidence"
        )
    rating = study.pooled.number("rating")
    levels = np.unique(rating[np.isfinite(rating)])
    if not levels.size:
        return None
    return (
        f"ratings from {levels[0]:g} to {levels[-1]:g}, {levels.size} levels used; wording unknown"
    )


def exposure(study: Study, known: Known) -> str | None:
    """Return for how long images were shown, and whether they could be enlarged."""
    if not known:
        return None
    protocol = _protocol(known)
    limit = protocol["exposure_ms"]
    shown = f"shown for {limit} ms" if limit else "no time limit"
    zoom = "could be enlarged" if protocol["zoom"] else "could not be enlarged"
    size = protocol["pipeline"]["size"]
    screens = known["raters"]["about"].get("screen") or {}
    on = "; screens: " + ", ".join(f"{k} {n}" for k, n in screens.items()) if screens else ""
    return f"{shown}; {size} × {size} pixels, {zoom}{on}"


def blinding(study: Study, known: Known) -> str | None:
    """Return how the truth was kept."""
    if not known:
        return None
    feedback = "no" if not _protocol(known)["staircase"] else "immediate"
    return (
        "origin hidden from raters and coordinators until the study was closed "
        f"{known['closed_at']}; {feedback} feedback"
    )


def randomisation(study: Study, known: Known) -> str | None:
    """Return how orders were drawn."""
    if not known:
        return None
    lists = _protocol(known)["lists"]
    rules = lists["rules"]
    told = ["an order of each rater's own from a seed that the commitments decide"]
    told += [f"blocks of {rules['block']}"] if rules["block"] else []
    told += ["blocks counterbalanced"] if rules["counterbalanced"] else []
    told += [
        f"at most {rules[f'run_of_{what}']} of one {what} in a row"
        for what in ("origin", "entity")
        if rules[f"run_of_{what}"]
    ]
    return ", ".join(told)


def repeats(study: Study, known: Known) -> str | None:
    """Return how many showings were repeats, and further occasions."""
    count = study.table.excluded.repeats
    later = study.table.excluded.later_occasions
    if not known and not count and not later:
        return None
    told = [f"{count} answers to repeated showings, {later} of later occasions"]
    if known and _protocol(known)["lists"]["occasions"] > 1:
        told.append(f"{_protocol(known)['washout_days']} days between occasions at least")
    return "; ".join(told)


def missing(study: Study, known: Known) -> str:
    """Return how many answers are missing, and what became of them."""
    grid = study.grid
    absent = grid.shape[0] * grid.shape[1] - len(study.pooled)
    void = f"; {known['void_answers']} voided with a reason" if known else ""
    return f"{absent} pairs of rater and image without an answer, left out, not filled in{void}"


def failures(study: Study, known: Known) -> str | None:
    """Return how many images fooled everybody, and nobody."""
    real = _judged_real(study)[:, study.grid.synthetic]
    read = ~np.isnan(real).all(axis=0) if real.size else np.zeros(0, bool)
    if not read.any():
        return None
    share = np.nanmean(real[:, read], axis=0)
    return (
        f"of {share.size} synthetic images {int((share == 1).sum())} were judged real by all of "
        f"their raters, {int((share == 0).sum())} by nobody"
    )


def learning(study: Study, known: Known) -> str | None:
    """Return accuracy at the beginning and at the end of the reading."""
    table = study.pooled
    trial, said = table.number("trial"), table.text("answered_origin")
    told = np.isfinite(trial) & (said != "")
    if not told.any():
        return None
    right = (said == table.text("origin"))[told]
    first, last = (
        (trial[told] <= np.quantile(trial[told], 1 / 3)),
        (trial[told] >= np.quantile(trial[told], 2 / 3)),
    )
    return (
        f"origin right in the first third of the positions {right[first].mean():.2f}, in the last "
        f"third {right[last].mean():.2f}"
    )


def robustness(study: Study, known: Known) -> str | None:
    """Return how far the deception rate moves when any one rater is left out."""
    real = _judged_real(study)[:, study.grid.synthetic]
    if not real.size:
        return None
    rates = [np.nanmean(row) for row in real if not np.isnan(row).all()]
    if len(rates) < 3:
        return None
    without = [(sum(rates) - rate) / (len(rates) - 1) for rate in rates]
    return (
        f"without any one rater the deception rate is {min(without):.2f} to {max(without):.2f} "
        f"(all: {np.mean(rates):.2f}); other estimators: exports/analysis.R"
    )


def estimates(study: Study, known: Known) -> str:
    """Return where the estimates with intervals are."""
    return "tables/measures.csv, each with its interval, number of answers and method"


def cross_tables(study: Study, known: Known) -> str:
    """Return where each rater's tables are."""
    asked = [
        what for what in ("origin", "entity") if (study.table.text(f"answered_{what}") != "").any()
    ]
    files = " and ".join(f"tables/confusion_{what}_by_rater.csv" for what in asked)
    return files or "ratings only: exports/mrmcaov.csv"


def inference(study: Study, known: Known) -> str:
    """Return what is random."""
    if len(study.grid.raters) == 1:
        return "images random, the one rater fixed: nothing is said of other raters"
    return f"images and {len(study.grid.raters)} raters random"


def agreement(study: Study, known: Known) -> str | None:
    """Return between how many raters agreement can be assessed."""
    raters, images = study.grid.shape
    if raters < 2:
        return None
    return f"{raters} raters of {images} images, each reading alone"


def data(study: Study, known: Known) -> str:
    """Return where data and software are."""
    return "exports/ (answers), report.json (all numbers, software versions), methods.md"


def contact(study: Study, known: Known) -> str | None:
    """Return whom to ask."""
    return known.get("contact") or None


def nothing(study: Study, known: Known) -> None:
    """Stand in for what no study here can know."""
    return None


def _protocol(known: Known) -> Known:
    return known.get("protocol", {})


def _judged_real(study: Study) -> Floats:
    answered = study.pooled.text("answered_origin")
    return study.grid.fill(np.where(answered == "", np.nan, answered == "real"))
