"""From an outline to the prompt of the language model: one short line for each fact.

The outline is made from the plan of this visit and its prior; nothing else can reach the prompt.
Sizes, dates and lobes stand as the report must write them, so that stating is copying, and the
facts stand in the order in which the report tells them.
"""

from __future__ import annotations

from modalities.notes.ct_chest import MASS_ABOVE_MM, TINY_BELOW_MM, Observation
from modalities.notes.outline import Outline
from modalities.notes.wording import LOBE_WORDS, Length, ordinal, write_date, write_length

NOUNS = {
    "lymphadenopathy": "mediastinal lymph node",
    "pleural_effusion": "pleural effusion",
    "pneumothorax": "pneumothorax",
    "liver_lesion": "liver lesion",
    "bone_lesion": "bone lesion",
}
RESPONSES = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
}


def prompt(said: Outline) -> str:
    """The prompt after the prefix: style, comparison, a line a fact, what is absent."""
    style = said.style
    words = [style["style"], style["naming"], style["unit"], style["spelling"]]
    if not said.plan.protocol.contrast:
        words.append("no contrast")
    lines = [" ".join(words), _visit(said)]
    lines += [_fact(said, o) for o in said.seen]
    lines += [f"cleared {_absent_noun(f.concept, f.side, f.lobe)}" for f in said.cleared]
    if said.absent:
        names = (_absent_noun(f.concept, f.side, f.lobe) for f in said.absent)
        lines.append("no " + ", ".join(names))
    return "\n".join(lines) + "\nReport:\n"


def _visit(said: Outline) -> str:
    if said.plan.prior_date is None:
        return "baseline"
    since = f"since {write_date(said.plan.prior_date, said.style)}"
    response = said.plan.overall_response
    return since if response is None else f"{since} {RESPONSES.get(response, response)}"


def _fact(said: Outline, o: Observation) -> str:
    f, style = o.finding, said.style
    words: list[str] = []
    if o is said.lead:
        words.append("main")
    if o.rank > 1:
        words.append(ordinal(o.rank))
    elif o.rank == 1:
        words.append("one")
    if 0 < o.long_mm < TINY_BELOW_MM:
        words.append("tiny")
    words.append(_noun(f.concept, f.side, f.lobe, (o.long_mm or f.prior_long_mm or 0)))
    if o.long_mm:
        words.append(_size(f.measured_long_mm, f.measured_short_mm, style))
    if f.prior_long_mm and said.plan.prior_date is not None:
        words.append("was " + _size(f.prior_long_mm, f.prior_short_mm, style))
    elif f.prior_long_mm == 0 and o.long_mm:
        words.append("was too small")
    words.append(_change(o))
    if f.certainty != "definite":
        words.append(f.certainty)
    if style["style"] == "list" and f.is_target:
        words.append("target")
    return " ".join(word for word in words if word)


def _change(o: Observation) -> str:
    if o.gone_before:
        return "remains resolved"
    if o.change is not None:
        return o.change
    return "again" if o.again else ""


def _size(long: int | None, short: int | None, style: dict[str, str]) -> str:
    return " x ".join(write_length(Length(mm), style) for mm in (long, short) if mm)


def _noun(concept: str, side: str | None, lobe: str | None, mm: int) -> str:
    size = "mass" if mm > MASS_ABOVE_MM else "nodule"
    if concept == "lung_lesion":
        if lobe:
            return f"{side_of(lobe)} {LOBE_WORDS[lobe]} {size}"
        return f"{side} lung {size}" if side else f"pulmonary {size}"
    noun = f"adrenal {size}" if concept == "adrenal_lesion" else NOUNS[concept]
    return f"{side} {noun}" if side else noun


def _absent_noun(concept: str, side: str | None, lobe: str | None) -> str:
    if concept == "lung_lesion":
        place = f"{side_of(lobe)} {LOBE_WORDS[lobe]}" if lobe else f"{side} lung" if side else ""
        return f"{place or 'pulmonary'} nodule"
    noun = "adrenal nodule" if concept == "adrenal_lesion" else NOUNS[concept]
    return f"{side} {noun}" if side in ("right", "left") else noun


def side_of(lobe: str) -> str:
    """``right`` for RUL, RML, RLL."""
    return "right" if lobe.startswith("R") else "left"
