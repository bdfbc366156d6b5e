"""How many untruths the judge of the benchmark finds: one is put into each true report."""

from __future__ import annotations

import re
from collections.abc import Callable

from results import Row

from alignment.plan import EncounterPlan
from note import judged, written
from note.rates import share
from note.written import KIND

VISITS = 120
INVENTED = (
    "The heart is enlarged.",
    "Acute fracture of the left sixth rib.",
    "Pulmonary embolism in the right lower lobe artery.",
    "Splenic metastasis.",
    "Interstitial oedema.",
    "Splenomegaly.",
    "Consolidation in the lingula.",
    "15 mm nodule in the right thyroid lobe.",
)
_RESPONSES = ("complete response", "partial response", "stable disease", "progressive disease",
              "disease progression")  # fmt: skip
_CHANGED = {"stable": "larger", "unchanged": "increased", "smaller": "larger", "larger": "smaller",
            "decreased": "increased", "increased": "decreased"}  # fmt: skip
_DOUBT = re.compile(
    r",? (?:possibly|probably|likely|suspicious for|concerning for) (?:malignant|malignancy"
    r"|metastatic|metastasis|a metastasis|nodal metastasis)\b|\b(?:possible|probable) ",
    re.IGNORECASE,
)
_SIDES = {"right": "left", "left": "right", "RUL": "LUL", "RLL": "LLL", "LUL": "RUL", "LLL": "RLL"}
Change = Callable[[str, EncounterPlan, int], str]


def _invent(text: str, plan: EncounterPlan, number: int) -> str:
    place = re.search(r"(?i)findings:[ \n]", text)
    assert place is not None
    return f"{text[: place.end()]}{INVENTED[number % len(INVENTED)]}\n{text[place.end() :]}"


def _response(text: str, plan: EncounterPlan, number: int) -> str:
    named = next((r for r in _RESPONSES if r in text.lower()), None)
    other = "stable disease" if named != "stable disease" else "partial response"
    return text if named is None else re.sub(named, other, text, flags=re.IGNORECASE)


def _each(table: dict[str, str], text: str) -> str:
    """The first word of a table in findings and impression, changed wherever it stands."""
    words = re.compile(rf"\b(?:{'|'.join(table)})\b")
    head, mark, body = re.split(r"(?i)(findings:)", text, maxsplit=1)
    found = words.search(body)
    if found is None:
        return text
    return head + mark + re.sub(rf"\b{found[0]}\b", table[found[0]], body)


def _side(text: str, plan: EncounterPlan, number: int) -> str:
    return _each(_SIDES, text)


def _change(text: str, plan: EncounterPlan, number: int) -> str:
    return _each(_CHANGED, text)


def _size(text: str, plan: EncounterPlan, number: int) -> str:
    sizes = [f.measured_long_mm for f in plan.findings if f.present and f.measured_long_mm]
    shown = next((s for s in sizes if re.search(rf"\b{s}(?= x| by| mm)", text)), None)
    return text if shown is None else re.sub(rf"\b{shown}(?= x| by| mm)", str(shown + 6), text)


def _certain(text: str, plan: EncounterPlan, number: int) -> str:
    return _DOUBT.sub("", text)


def _undenied(text: str, plan: EncounterPlan, number: int) -> str:
    return re.sub(r"(?<=[\n.:] )No [^.\n]*\.|(?<=\n)No [^.\n]*\.", "", text, count=1)


def _date(text: str, plan: EncounterPlan, number: int) -> str:
    if plan.prior_date is None:
        return text
    head, mark, body = re.split(r"(?i)(findings:)", text, maxsplit=1)
    year = plan.prior_date.year
    return head + mark + re.sub(rf"\b{year}\b", str(year - 3), body)


KINDS: dict[str, Change] = {
    "a finding that nobody has": _invent, "another response": _response,
    "the other side": _side, "another change": _change, "another size": _size,
    "doubt left out": _certain, "an absence left out": _undenied, "another date": _date,
}  # fmt: skip


def sensitivity_rows() -> list[Row]:
    """Of reports by the grammar that the judge calls true, changed in one thing each."""
    told: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for number, (plan, prior) in enumerate(written.visits(VISITS)):
        text = KIND.by_grammar(written.outline(plan, prior)).text
        if judged.faults(plan, prior, text):
            continue
        for kind, change in KINDS.items():
            broken = change(text, plan, number)
            if broken != text:
                told[kind].append(bool(judged.faults(plan, prior, broken)))
    return [
        share(f"untruths that the judge finds: {kind}", sum(found), len(found), "sensitivity",
              against=f"{len(found)} true reports with one")
        for kind, found in told.items()
    ]  # fmt: skip
