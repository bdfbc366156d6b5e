"""Reads who a note is about: age, sex, histology, smoking, stage; what it says of the days to come.

For notes of every kind. Words by meaning, not by place: a letter may say "he" and never "man".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.readers.prose import MONTHS, plain, sentences, without_dates
from eval.readers.wording import digits, phrases

_N = r"(\d{1,3})"
_NO_YEARS = (
    r"(?! ?(?:kg|mm|cm|%|cycles?|packs?|g/|x |mg|ml|weeks?|months?|days?|years? (?:ago|of sm)))"
)
_AGE = re.compile(
    rf"\b{_N}[- ]?(?:year|yr)s?[- ]?old\b|\bage[d:]?:? (?:of )?{_N}\b(?! at)"
    rf"|\b{_N} (?:years|yrs) of age\b"
    rf"|\b{_N} ?y\.?/?o\b|\b(\d{{2}}) ?(?-i:[MF])\b"
    rf"|\bage (?:is |was |at diagnosis:? (?:was )?){_N}\b"
    rf"|\b(?:who|he|she|patient|now|currently) (?:is|was|turned|now) (?:now |aged )?(\d{{2}})\b"
    rf"{_NO_YEARS}|\b(?:Mr|Mrs|Ms)\.? [A-Z]\w+,? \(?(\d{{2}})\b{_NO_YEARS}"
    r"|\b(?:diagnosed|diagnosis) at (\d{2})\b|\b(\d{2}) at (?:diagnosis|the time)\b"
    r"|\b(?:turned|aged) (\d{2})\b",
    re.IGNORECASE,
)
_DIAGNOSED = re.compile(
    r"\b(?:diagnos\w+|found) (?:\w+ ){0,6}?(?:at|when)(?: the)?(?: age(?: of)?| aged)? ?$"
    r"|\bage at (?:first |the time of )?diagnosis:? ?(?:was |of |is )?$",
    re.IGNORECASE,
)
_AT_DIAGNOSIS = re.compile(
    r"^[^.;,]{0,30}\b(?:at|when)(?: the time of)?(?: \w+ was)? (?:first )?diagnos", re.IGNORECASE
)
_SEXES = {
    "male": re.compile(r"\b(?:man|male|gentleman|mr|he|his|him|himself)\b", re.IGNORECASE),
    "female": re.compile(r"\b(?:woman|female|lady|mrs|ms|she|her|hers|herself)\b", re.IGNORECASE),
}
_SHORT_SEX = re.compile(
    r"\b\d{2,3}[- ]?(?:year[- ]old |yo |y/o )?([MF])\b|\b([MF])[ ,/]+(?:aged )?\d{2}\b(?!\.)"
    r"|\b(?:[Ss]ex|[Gg]ender):? ([MF])\b"
)
_HISTOLOGIES = {  # the first that is found counts
    "adenosquamous": r"adenosquamous",
    "adenocarcinoma": r"adenocarcinoma|\badeno[- ]?ca\b|\badeno\b|\bluad\b",
    "squamous": r"(?<!non)(?<!non-)\bsquamous|\bscc\b|\bsqcc\b|epidermoid|\blusc\b",
    "large_cell": r"large[- ]cell",
    "nos": r"non[- ]?small[- ]cell|\bnsclc\b|not otherwise specified",
}
_TOBACCO = re.compile(r"smok\w*|tobacco|\bcigar\w*|nicotine")
_TOBACCO_REACH = 45
"""Characters between a word about tobacco and one that says never or no longer."""
_PACKS = re.compile(
    r"(\d+(?:\.\d+)?)[- ]?(?:pack[- ]?(?:year|yr)s?|p\.?y\.?\b|pys\b)"
    r"|\bpack[- ]years?(?: history)?(?: of|:| =)? ?(\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_GROUP = r"(0|IV|I{1,3}|[1-4])([ABC]?\d?)"
_STAGE = re.compile(
    r"\b(?i:stag(?:e|ed|ing))(?: group(?:ing)?)?(?:[ -](?:as|is|was|at|of|to|be|a|stage))*:?[ -]\(?"
    rf"{_GROUP}\b(?![.%/-]?\d| ?(?:mm|cm|kg|weeks|days|months|%))"
    r"|\b(IV|I{1,3})([ABC]\d?) (?i:disease|cancer|carcinoma|tumou?r|nsclc|adeno\w*|squamous|lung)"
    r"|\b(?i:stage) (iv|i{1,3})([abc]?\d?)\b"
)
_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_FORETOLD = re.compile(
    r"\b(?:will|shall|is going to|are going to|is due to|is bound to) (?:\w+ )?"
    r"(?:start|begin|switch|change|progress|relapse|recur|die|stop|discontinue|develop|respond)"
    r"|\b(?:progression|progressive disease|recurrence|relapse|death|response) "
    r"(?:\w+ )?(?:is |was |are )?(?:expected|anticipated|foreseen|predicted|imminent)"
    r"|\bgoes on to |\bwent on to (?:progress|relapse|die)|\bexpected to (?:progress|relapse|die)"
)
_MONTH = re.compile(
    rf"\b({'|'.join(MONTHS)})(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember)?\b(?: (\d{{4}}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Person:
    """What a note says of its patient; None or empty where it says nothing.

    ``at_diagnosis``: the age is that of the diagnosis; ``sexes``: every one that a word implies.
    """

    age: int | None
    at_diagnosis: bool
    sexes: frozenset[str]
    histology: str | None
    smoking: str | None
    pack_years: float | None
    stage: str | None


def read_person(text: str) -> Person:
    """The patient, as the whole text describes them; the first statement of each kind counts."""
    spoken = digits(text)
    age = _AGE.search(spoken)
    said = plain(text)
    sexes = {sex for sex, words in _SEXES.items() if words.search(text)}
    if short := _SHORT_SEX.search(text):
        sexes.add("male" if "M" in short.groups() else "female")
    packs = _PACKS.search(spoken)
    return Person(
        age=int(next(n for n in age.groups() if n)) if age else None,
        at_diagnosis=bool(age and _of_diagnosis(spoken, age)),
        sexes=frozenset(sexes),
        histology=next((k for k, w in _HISTOLOGIES.items() if re.search(w, said)), None),
        smoking=next(filter(None, map(_smoking, sentences(text))), None),
        pack_years=float(packs[1] or packs[2]) if packs else None,
        stage=_stage(text),
    )


def _of_diagnosis(text: str, age: re.Match[str]) -> bool:
    digit = next(i for i in range(1, (age.re.groups or 0) + 1) if age[i])
    before = text[: age.start(digit)]
    return bool(_AT_DIAGNOSIS.search(text[age.end(digit) :]) or _DIAGNOSED.search(before))


def _stage(text: str) -> str | None:
    match = _STAGE.search(text)
    if match is None:
        return None
    group, letter = next((match[i], match[i + 1]) for i in (1, 3, 5) if match[i])
    return _ROMAN.get(group, group.upper()) + letter.upper()


def _smoking(sentence: str) -> str | None:
    """Never, former or current, of a sentence about tobacco; quitting goes before never."""
    said = plain(sentence)
    words = list(_TOBACCO.finditer(said))
    if not words:
        return "former" if re.search(r"\bquit\b", said) else None
    near = said[max(0, words[0].start() - _TOBACCO_REACH) : words[-1].end() + _TOBACCO_REACH]
    about = " ".join(part for part in near.split(";") if _TOBACCO.search(part))
    if re.search(r"\bnon[- ]?smoker (?:for|since)\b", about):
        return "former"
    if re.search(r"\b(?:never|not|failed to|unable to) (?:\w+ )?(?:quit|stop|give)", about):
        return "current"
    if re.search(r"\bnever\b", about) or re.search(r"\bnon[- ]?smok", about):
        return "never"
    for kind, key in (("former", "quit"), ("never", "never"), ("current", "current")):
        if phrases("smoking", key).search(about):
            return kind
    return None


def foretold(text: str, year: int, month: int) -> list[str]:
    """Sentences that tell what is to come, or name a month after the given one."""
    found = []
    for sentence in sentences(text):
        bare = without_dates(sentence)
        later = [
            m for m in _MONTH.finditer(bare)
            if m[2] and (int(m[2]), MONTHS.index(m[1].lower()) + 1) > (year, month)
        ]  # fmt: skip
        if later or _FORETOLD.search(plain(bare)):
            found.append(sentence)
    return found
