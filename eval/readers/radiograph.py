"""Reads a chest radiograph report: opacities by side and zone, effusions, what is denied.

Whether a sentence states its finding is judged by :mod:`eval.readers.findings` where that knows the
word; zone, size and change are read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.readers.findings import ChestFinding, read_findings, words_stated
from eval.readers.prose import plain, sentences, without_dates
from eval.readers.sizes import find_sizes
from eval.readers.wording import digits, load, phrases

SAME = {
    "opacity": ("opacity", "nodule"),
    "effusion": ("effusion", "blunted_angle"),
    "pneumothorax": ("pneumothorax",),
}
"""Findings of findings.yaml that each word here stands for."""
_FILLED = re.compile(r"consolidat|pneumoni|infiltrat|air ?space|alveolar|oedema|edema")
"""Opacities that are no lesion."""
_BEYOND = re.compile(r"\bct\b|more sensitive|may not be (?:shown|seen|visible)")
"""What the study cannot show, or another study does."""
_FINDINGS = re.compile(r"^\W*findings\W*$|^\W*findings\s*:", re.IGNORECASE | re.MULTILINE)
_SIDE = re.compile(
    r"\b(?P<both>bilateral\w*|both|biapical|bibasal|bibasilar|right and left|left and right)\b"
    r"|\b(?P<right>right|r[uml]l)\b|\b(?P<left>left|l[ul]l|lingula\w*)\b"
)
_ZONE = re.compile(
    r"\b(?:(?P<upp>upper(?: to mid)?|ap(?:ex|ical|ices)|biapical|[rl]ul)"
    r"|(?P<mid>mid(?:dle)?|midzone|rml)"
    r"|(?P<low>lower|bas(?:e|es|al|ally|ilar)|bibas(?:al|ilar)|[rl]ll|retrocardiac|lingula\w*))\b"
    r"(?: to \w+)?"
)
_DENIED = re.compile(r"^(?:there is |are )?no (?!longer)|\bwithout (?:a |an |any )|are clear\b")
_CLAUSE = re.compile(r";|,|\band\b|\bwith\b|\bbut\b")
_BOTH = re.compile(r"\bright and left\b|\bleft and right\b")
_PARTLY = re.compile(r"\b(?:part(?:ial|ially|ly)|incomplete(?:ly)?) (?:resol|clear|regress)")
_BONE_REACH = 40
"""Characters between a lesion and the bone that it is of."""
_DEGENERATIVE = re.compile(r"\bdegenerat|\bendplate|\bosteophyt|\barthr")


@dataclass(frozen=True, slots=True)
class ShadowFact:
    """``what``: opacity, effusion or pneumothorax; ``general``: about several at once."""

    what: str
    present: bool
    side: str | None
    zone: str | None
    size_mm: float | None
    change: str | None
    general: bool
    sentence: str


def header(text: str) -> str:
    """What stands before the findings: title, history, technique, comparison."""
    start = _FINDINGS.search(text)
    return text[: start.start()] if start else ""


def read_radiograph(text: str) -> tuple[ShadowFact, ...]:
    """Facts of the findings and what follows them, in order."""
    start = _FINDINGS.search(text)
    found = []
    for sentence in sentences(text[start.end() :] if start else text):
        found += _facts(sentence)
    return tuple(found)


def _words(name: str) -> re.Pattern[str]:
    return phrases("radiograph", name)


def _facts(sentence: str) -> list[ShadowFact]:
    """One fact of each kind that the sentence speaks of."""
    said = plain(without_dates(sentence))
    named = _named(said)
    found = []
    for what, (start, end) in named.items():
        opacity = what == "opacity"
        change = _change(said, start, alone=len(named) == 1)
        if (present := _present(sentence, said, what)) is None:
            continue
        found.append(
            ShadowFact(
                what=what,
                present=(present and change != "gone") or bool(_PARTLY.search(said)),
                side=_side(said, start, end),
                zone=_zone(said, start, end) if opacity else None,
                size_mm=_size(sentence) if opacity else None,
                change=change,
                general=bool(re.search(r"\bfurther\b.*\bopacities\b|\bseveral\b", said)),
                sentence=sentence,
            )
        )
    return found


def _named(said: str) -> dict[str, tuple[int, int]]:
    """Where a sentence speaks of each kind, first words first."""
    blank = said
    for pseudo in ("elsewhere", "not_pleural"):
        blank = _words(pseudo).sub(lambda m: "#" * len(m[0]), blank)
    opacities = list(_words("opacity").finditer(blank))
    if _words("bone").search(blank):  # "lytic lesion of a rib"
        opacities = [m for m in opacities if not m[0].startswith(("lesion", "densit"))]
    found = {
        "opacity": opacities[0] if opacities else _words("lung_clear").search(blank),
        "effusion": None if "obscured" in said
        else _words("effusion").search(blank) or _words("pleura_clear").search(blank),
        "pneumothorax": re.search(r"pneumothora\w*", said),
    }  # fmt: skip
    return {what: match.span() for what, match in found.items() if match}


def _change(said: str, at: int, alone: bool) -> str | None:
    """The change that the clause around a finding states, or the whole sentence."""
    text = _words("unchanging").sub(lambda m: "#" * len(m[0]), said)
    partly = _PARTLY.search(said)
    start = end = 0
    for part in _CLAUSE.split(said):
        end = said.find(part, start) + len(part)
        if start <= at < end:
            break
        start = end
    here = _changes(text[start:end])
    everywhere = _changes(text)
    if here and not alone:
        return here[0]
    if not alone and (len(everywhere) > 1 or "new" in everywhere):
        return None
    return everywhere[0] if everywhere else "smaller" if partly else None


def _changes(text: str) -> list[str]:
    """Changes named, in the order in which the first counts."""
    return [k for k in load()["radiograph"]["changes"]
            if phrases("radiograph", "changes", k).search(text)]  # fmt: skip


def _nearest(words: re.Pattern[str], said: str, start: int, end: int) -> str | None:
    """The kind of the match that is nearest to a finding, in its clause if one is there; of two as
    near, the one before."""
    breaks = [m for m in _CLAUSE.finditer(said) if m[0] != "and" or not _BOTH.search(said)]
    first = max((m.end() for m in breaks if m.end() <= start), default=0)
    last = min((m.start() for m in breaks if m.start() >= end), default=len(said))
    matches = list(words.finditer(said))
    match = min(
        [m for m in matches if first <= m.start() < last] or matches,
        key=lambda m: (max(start - m.end(), m.start() - end, 0), m.start()),
        default=None,
    )
    return match.lastgroup if match else None


def _side(said: str, start: int, end: int) -> str | None:
    kind = _nearest(_SIDE, said, start, end)
    return "bilateral" if kind == "both" else kind


def _zone(said: str, start: int, end: int) -> str | None:
    return _nearest(_ZONE, said, start, end)


def _size(sentence: str) -> float | None:
    """The size of today, mm: its long axis."""
    sizes = [s for s in find_sizes(digits(without_dates(sentence))) if not s.prior]
    return next((s.long_mm or s.short_mm for s in sizes), None)


def _present(sentence: str, said: str, what: str) -> bool | None:
    """Whether a finding is stated; None where only a part of the lungs is said to be clear."""
    words = {"opacity": "opacity", "effusion": "effusion"}.get(what)
    if what == "opacity" and not _words("opacity").search(said):
        return None if _words("partial").search(said) else False
    if what == "effusion" and _words("pleura_clear").search(said):
        return False
    clauses = [c for c in sentence.split(";") if not _BEYOND.search(plain(c))]
    read = read_findings("FINDINGS: " + ";".join(clauses))
    mentions = [f for f in read if f.finding in SAME[what]]
    if mentions:
        return any(f.stated for f in mentions)
    judged = words_stated(plain(";".join(clauses)), _words(words)) if words else []
    return any(judged) if judged else not _DENIED.search(said)


def unexpected(text: str) -> tuple[ChestFinding, ...]:
    """Findings stated that are neither opacity or nodule nor of the pleural space."""
    known = {finding for same in SAME.values() for finding in same}
    return tuple(
        found
        for found in read_findings(text)
        if found.stated and (found.finding not in known or _FILLED.search(found.words.lower()))
    )


def bone_sentences(text: str) -> list[str]:
    """Sentences of the findings that state a destruction of bone."""
    start = _FINDINGS.search(text)
    return [
        sentence
        for sentence in sentences(text[start.end() :] if start else text)
        if _states_bone(plain(sentence))
    ]


def _states_bone(said: str) -> bool:
    """A bone and a word of destruction in one clause, or a lesion right beside it, not denied."""
    for part in re.split(r"[;,.]", said):
        bones = list(_words("bone").finditer(part))
        if not bones or _DEGENERATIVE.search(part):
            continue
        lesions = [m for m in _words("bone_lesion").finditer(part)
                   if any(max(b.start() - m.end(), m.start() - b.end()) <= _BONE_REACH
                          and "lung" not in part for b in bones)]  # fmt: skip
        found = "destroyed" if _words("destroyed").search(part) else "bone_lesion"
        if (found == "destroyed" or lesions) and any(words_stated(said, _words(found))):
            return True
    return False
