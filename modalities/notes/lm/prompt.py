"""From an outline to the prompt of the language model: one short line for each fact.

The outline is made from the plan of this visit and its prior; nothing else can reach the prompt.
Sizes, dates and lobes stand as the report must write them, so that stating is copying, and the
facts stand in the order in which the report tells them, under the heading under which it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from alignment.plan import Finding
from modalities.notes.ct_chest import MASS_ABOVE_MM, TINY_BELOW_MM, Observation
from modalities.notes.outline import Outline, group
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
    """The prompt after the prefix: style, comparison, a line a fact, what is absent, response."""
    style = said.style
    words = [style["style"], style["naming"], style["unit"], style["spelling"]]
    if not said.plan.protocol.contrast:
        words.append("no contrast")
    lines = [" ".join(words), _visit(said), *_findings(said), _impression(said)]
    return "\n".join(lines) + "\nReport:\n"


def _findings(said: Outline) -> Iterator[str]:
    """Facts under their organ, or under the group of a list, as the text has them."""
    if said.by_organ:
        for organ in said.organs:
            here = said.at(organ)
            lines = [*(_fact(said, o) for o in here.seen), *_absences(here)]
            yield from [f"{organ}:", *lines] if lines else []
    elif said.style["style"] == "list":
        for title, members in groupby(said.seen, group):
            yield from [f"{title.lower()}:", *(_fact(said, o) for o in members)]
        yield from ["absent:", *_absences(said)]
    else:
        yield from (_fact(said, o) for o in said.seen)
        yield from _absences(said)


def _absences(said: Outline) -> Iterator[str]:
    if said.absent:
        yield "no " + ", ".join(_absent_noun(f) for f in said.absent)
    yield from (f"cleared {_absent_noun(f)}" for f in said.cleared)


def _visit(said: Outline) -> str:
    if said.plan.prior_date is None:
        return "baseline"
    return f"since {write_date(said.plan.prior_date, said.style)}"


def _impression(said: Outline) -> str:
    """The response, and whether anything is new: what the impression may say of the whole."""
    if said.plan.prior_date is None:
        return "impression: baseline"
    response = said.plan.overall_response
    told = RESPONSES.get(response, response) if response else "no response stated"
    fresh = sum(o.change == "new" for o in said.seen)
    return f"impression: {told}, {f'{fresh} new' if fresh else 'nothing new'}"


def _fact(said: Outline, o: Observation) -> str:
    f, style = o.finding, said.style
    words: list[str] = []
    if o is said.lead:
        words.append("dominant" if said.dominant else "main")
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


def _absent_noun(f: Finding) -> str:
    if f.concept == "lung_lesion":
        lobe = f"{side_of(f.lobe)} {LOBE_WORDS[f.lobe]}" if f.lobe else ""
        return f"{lobe or (f'{f.side} lung' if f.side else 'pulmonary')} nodule"
    noun = "adrenal nodule" if f.concept == "adrenal_lesion" else NOUNS[f.concept]
    return f"{f.side} {noun}" if f.side in ("right", "left") else noun


def side_of(lobe: str) -> str:
    """``right`` for RUL, RML, RLL."""
    return "right" if lobe.startswith("R") else "left"
