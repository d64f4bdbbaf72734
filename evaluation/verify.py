"""Check a study's record: was anything changed after it was sealed, read and closed?

    python verify.py [FOLDER] [HEX ...]

FOLDER holds the unpacked export. HEX is what you know from elsewhere: the fingerprint that was
published before the first answer, a rater's receipt. Needs Python 3.8 and nothing else.
"""

import csv
import hashlib
import hmac
import json
import sys
from itertools import accumulate
from pathlib import Path

OF_TRUTH = "image lesion origin generator entity sex age site skin_tone".split()
OF_ANSWER = """trial answered_entity response_ms exposure_ms times_shown confidence quality marks
    reason hidden_ms timing versions shown_at answered_at""".split()
FACTS = "rater_kind occasion role years_dermatology years_dermoscopy".split()
OF_RATER = "rater_kind occasion rater_role rater_experience rater_dermoscopy".split()


def digest(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def chain(first, contents):
    return list(accumulate(contents, lambda link, each: digest([link, each]), initial=first))


def cell(value):
    if value is None or value == []:
        return ""
    text = json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(tuple("=+-@\t\r")) else text


def check_seal(record, protocol):
    seal, nonce = record["seal"], bytes.fromhex(record["nonce"])
    leaves = []
    for truth in record["truth"]:
        salt = hmac.new(nonce, str(truth["number"]).encode(), "sha256").hexdigest()
        leaves.append(digest({**truth, "salt": salt}))
    stimuli = [truth["stimulus_sha256"] for truth in record["truth"]]
    draw = ["draw", record["nonce"], record["settings"], record["lists"]]
    yield "formats", (record["format"], protocol["format"]) == (2, 3)
    yield "protocol", digest(protocol) == seal["protocol"] and stimuli == protocol["stimuli"]
    yield "certificate", digest(record["certificate"]) == protocol["certificate"]["sha256"]
    yield "ground truth", digest(sorted(leaves)) == seal["truth"]
    yield "draw and orders", digest(draw) == seal["draw"]
    yield "nonce", hashlib.sha256(nonce).hexdigest() == seal["nonce"]
    yield "fingerprint", digest(seal) == record["fingerprint"]


def trail(record):
    return chain(digest(["events", record["study"]]), record["events"])


def check_chains(record, showings):
    for session in record["sessions"]:
        name = session["session"]
        which = [session[key] for key in ("rater", "list", "occasion")]
        said = [dict(answer) for answer in session["answers"]]
        words = all(digest(answer.pop("reason")) == answer["reason_sha256"] for answer in said)
        head = chain(digest([record["fingerprint"], *which]), said)[-1]
        yield f"answers of {name}", words and head == session["head"]
        practice = [showing for showing in showings[name] if showing[2] == "practice"]
        again = session["practised_again"]
        yield f"practice of {name}", again == (practice * len(again))[: len(again)]
    acts = {event["act"]: event["detail"] for event in record["events"]}
    readings = digest([[each["facts"], each["head"]] for each in record["sessions"]])
    yield "audit trail", trail(record)[-1] == record["head"]
    yield "event of sealing", acts["seal_study"] == record["seal"]
    yield "event of closing", acts["close_study"]["readings"] == readings


def rebuild(record, protocol, showings):
    """Return the rows of answers.csv as they follow from the record."""
    truths = {truth["number"]: truth for truth in record["truth"]}
    acts = [(event["act"], event["detail"]) for event in record["events"]]
    void = [(e["rater"], e["occasion"], e["position"]) for act, e in acts if act == "void_answer"]
    out = {detail["rater"] for act, detail in acts if act == "withdraw_rater"}
    levels, right, rows = protocol["confidence_levels"], {}, []
    for session in record["sessions"]:
        name, rater, occasion = session["session"], session["rater"], session["occasion"]
        shown = showings[name] + session["practised_again"]
        last = {answer["trial"]: answer for answer in session["answers"]}
        for trial in sorted(last):
            said, (number, beside, kind, block) = last[trial], shown[trial - 1]
            truth, other = truths[number], truths.get(beside)
            origin, rating = said["origin"], said["scale"]
            if rating is not None:
                origin = "synthetic" if rating > levels else "real"
            if other:
                on_the_left = truth["origin"] == "synthetic"
                origin = "synthetic" if (said["side"] == "left") == on_the_left else "real"
                truth, other = (truth, other) if on_the_left else (other, truth)
            if origin and (sure := said["confidence"]) is not None:
                rating = levels + sure if origin == "synthetic" else levels + 1 - sure
            if kind == "check":
                asked, told = ("origin", origin) if origin else ("entity", said["answered_entity"])
                right[rater] = right.get(rater, 0) + (truth[asked] == told)
            row = {"study": record["study"], "rater": rater, "session": name, "block": block}
            row.update({column: truth[column] for column in OF_TRUTH}, entity_confidence=None)
            row.update({column: said[column] for column in OF_ANSWER})
            row.update({use: kind == use for use in ("repeat", "practice", "check")})
            row.update(zip(OF_RATER, (session["facts"][fact] for fact in FACTS)))
            row.update(rating=rating, answered_origin=origin, beside=other and other["image"])
            rows.append({**row, "excluded": (rater, occasion, trial) in void})
    out |= {rater for rater in right if right[rater] < protocol["checks_needed"]}
    for row in rows:
        row["excluded"] = row["excluded"] or row["rater"] in out
    return [{column: cell(value) for column, value in row.items()} for row in rows]


def checks(folder, known=()):
    """Yield what is checked, and whether it holds."""
    record = json.loads((folder / "record.json").read_text("utf-8"))
    protocol = json.loads((folder / "protocol.json").read_text("utf-8"))
    sessions = record["sessions"]
    lists = {(each["number"], each["occasion"]): each["showings"] for each in record["lists"]}
    showings = {each["session"]: lists[each["list"], each["occasion"]] for each in sessions}
    published = {record["fingerprint"], *(each["head"] for each in sessions), *trail(record)}
    yield "study", record["study"] == protocol["study"]
    yield from ((f"{number}: not in this record", number in published) for number in known)
    yield from check_seal(record, protocol)
    yield from check_chains(record, showings)
    tables = {"answers": rebuild(record, protocol, showings)}
    tables["raters"] = [{k: cell(v) for k, v in each["facts"].items()} for each in sessions]
    for name, rows in tables.items():
        with open(folder / f"{name}.csv", encoding="utf-8", newline="") as file:
            yield f"{name}.csv", list(csv.DictReader(file)) == rows
    for each in sessions:
        same = all(each["facts"][key] == each[key] for key in ("rater", "occasion"))
        yield "names", same and each["session"] == "{rater}-{occasion}".format(**each)


def main(folder=".", *known):
    try:
        changed = [what for what, holds in checks(Path(folder), known) if not holds]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as problem:
        changed = [f"the files are no record ({type(problem).__name__}: {problem})"]
    print("\n".join(f"CHANGED: {what}" for what in changed) or "Everything holds.")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
