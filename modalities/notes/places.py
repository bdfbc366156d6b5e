"""Where a finding is: its noun, organ, lobe and side in a sentence, with their characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modalities.notes.statement import Place, Span

LOBE = re.compile(r"\b(?:(right|left) (upper|middle|lower) lobe|(RUL|RML|RLL|LUL|LLL))\b", re.I)
SIDE = re.compile(r"\b(right|left|midline)(?:-sided)?\b", re.I)
NOUN = re.compile(
    r"\b(nodules?|mass(?:es)?|lesions?|lymph nodes?|nodes?|lymphadenopathy|"
    r"lymph node enlargement|(?:pleural )?effusions?|pneumothorax)\b",
    re.I,
)
ORGAN = (
    ("adrenal_lesion", re.compile(r"\badrenal", re.I)),
    ("liver_lesion", re.compile(r"\b(?:liver|hepatic)\b", re.I)),
    ("bone_lesion", re.compile(r"\b(?:osseous|bone|bones|skelet\w+)\b", re.I)),
    ("lung_lesion", re.compile(r"\b(?:lungs?|pulmonary|lobe|RUL|RML|RLL|LUL|LLL)\b", re.I)),
    ("lymphadenopathy", re.compile(r"\bmediastin\w+", re.I)),
)  # fmt: skip
_PLACE_WORDS = re.compile(
    r"\b(?:(?:right|left|midline)(?:-sided)?|upper|middle|lower|lobe|RUL|RML|RLL|LUL|LLL|lungs?|"
    r"pulmonary|mediastinal|mediastinum|hepatic|liver|adrenal|gland|osseous|bone|pleural|imaged|"
    r"skeleton|focal|side|in|within|on|of|the|an)\b",
    re.I,
)
TITLES = {
    "lungs": "lung_lesion", "mediastinum": "lymphadenopathy", "lymph nodes": "lymphadenopathy",
    "liver": "liver_lesion", "adrenals": "adrenal_lesion", "adrenal glands": "adrenal_lesion",
    "bones": "bone_lesion", "skeleton": "bone_lesion", "pleura": "pleural_effusion",
    "pleural spaces": "pleural_effusion",
}  # fmt: skip


def place_of(words: str, at: int, title: str | None) -> Place | None:
    """Of the first noun of a sentence, whose organ is else that of ``title``; None where none is.

    ``at``: where the sentence begins in the whole text.
    """
    nouns = list(NOUN.finditer(words))
    if not nouns:
        return None
    noun = nouns[0]
    said = noun[0].lower()
    lobe, side = LOBE.search(words), SIDE.search(words)
    concept = _kind(said)
    if concept is None:
        concept = next((name for name, pattern in ORGAN if pattern.search(words)), title)
    if concept is None:
        return None
    code = lobe_of(lobe) if lobe else None
    if lobe and lobe[3]:
        side_span: Span | None = lobe.span()
    else:
        side_span = side.span(1) if side else None
    stated = side_of(code) if code else side[1].lower() if side else None
    return Place(
        concept, stated, code, said, shifted(_phrase(words, noun.span()), at),
        None if side_span is None or stated is None else shifted(side_span, at),
        None if lobe is None else shifted(lobe.span(), at),
    )  # fmt: skip


def _phrase(words: str, noun: Span) -> Span:
    """The noun with the words of place that stand next to it."""
    start, end = noun
    places = [m.span() for m in _PLACE_WORDS.finditer(words)]
    for a, b in reversed(places):
        if b <= start and not words[b:start].strip():
            start = a
    for a, b in places:
        if a >= end and not words[end:a].strip():
            end = b
    while (m := re.match(r"(?:in|within|on|of|the|an)\b ", words[start:end], re.I)) and (
        start + m.end() <= noun[0]
    ):
        start += m.end()
    while m := re.search(r" (?:in|within|on|of|the|an)$", words[start:end], re.I):
        end = start + m.start()
    return start, end


def lobe_of(found: re.Match[str]) -> str:
    """Code (RUL) of what LOBE has found."""
    if found[3]:
        return found[3].upper()
    return found[1][0].upper() + found[2][0].upper() + "L"


def side_of(lobe: str) -> str:
    """Side of a lobe's code."""
    return "right" if lobe.startswith("R") else "left"


def several(words: str) -> Iterator[str]:
    """What is said twice and differs: a sentence is about one finding at one place."""
    nouns = [m[0].lower() for m in NOUN.finditer(words)]
    organs = {name for name, pattern in ORGAN if pattern.search(words)}
    organs |= {kind for noun in nouns if (kind := _kind(noun))}
    lobes = {lobe_of(m) for m in LOBE.finditer(words)}
    sides = {m[1].lower() for m in SIDE.finditer(words)}
    if len(nouns) > 1:
        yield f"several findings: {', '.join(nouns)}"
    for name, found in (("organs", organs), ("lobes", lobes), ("sides", sides)):
        if len(found) > 1:
            yield f"several {name}: {', '.join(sorted(found))}"


def _kind(noun: str) -> str | None:
    """The finding that a noun names by itself."""
    if "effusion" in noun:
        return "pleural_effusion"
    if noun == "pneumothorax":
        return noun
    return "lymphadenopathy" if "node" in noun or noun == "lymphadenopathy" else None


def misplaced(title: str | None, places: Sequence[Place]) -> tuple[str, ...]:
    """Findings that stand under the title of another organ."""
    wanted = {title, "pneumothorax"} if title == "pleural_effusion" else {title}
    return tuple(
        f"{place.concept} under another organ"
        for place in places
        if title is not None and place.concept not in wanted
    )


def shifted(span: Span, by: int) -> Span:
    """The same characters in a text that begins ``by`` characters earlier."""
    return span[0] + by, span[1] + by
