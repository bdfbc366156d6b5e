"""What a draft says: regular expressions over the vocabulary of chest CT findings.

A text becomes :class:`Statement` objects, one for each sentence, with the characters of every part.
This reader judges our own drafts only; the evaluator has another, by another method.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache

from modalities.notes.ct_chest import GRAMMAR
from modalities.notes.places import (
    LOBE,
    NOUN,
    ORGAN,
    SIDE,
    TITLES,
    lobe_of,
    misplaced,
    place_of,
    several,
    shifted,
    side_of,
)
from modalities.notes.statement import Place, Sized, Span, Statement
from modalities.notes.wording import LOBE_WORDS, MONTHS, ORDINALS

_NUMBER = r"\d+(?:\.\d+)?"
_SIZE = re.compile(
    rf"(?P<a>{_NUMBER}) (?P<unit1>mm|cm) in (?P<axis>long|short) axis and "
    rf"(?P<b>{_NUMBER}) (?P<unit2>mm|cm) in (?:long|short) axis"
    rf"|(?P<long>{_NUMBER})(?:(?: x | by )(?P<short>{_NUMBER}))? ?(?P<unit>mm|cm)\b"
)
_PRIOR_BEFORE = re.compile(r"(?:\b(?:previously|prior|was|compared (?:with|to)|from)|\() ?$")
_PRIOR_AFTER = re.compile(r"\s*(?:on (?:\d|[A-Z])|previously\b)")
_NOTE = re.compile(r"\(short axis (?P<n>\d+(?:\.\d+)?) (?:mm|cm)\)|\(long x short axis\)")
_CHANGES = (
    ("resolved", r"remains? resolved|complete resolution|interval resolution|resolution|resolved|"
                 r"no longer visible"),
    ("stable", r"no significant interval change|not significantly changed|essentially unchanged|"
               r"unchanged|stable in size|stable"),
    ("new", r"interval development|new|has appeared"),
    ("larger", r"interval increase in size|increased in size|increased|larger|enlarged|grown|"
               r"interval enlargement|interval growth"),
    ("smaller", r"an interval decrease in size|interval decrease in size|decreased in size|"
                r"decreased|smaller|shrunk"),
)  # fmt: skip
_CHANGE = re.compile(
    r"\b(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _CHANGES) + r")\b", re.I
)
_CERTAIN = re.compile(
    r"\b(?:(?P<possible>possibly|possible|questionable|may represent|(?:malignancy|nodal metastasis"
    r"|metastasis) cannot be excluded)|(?P<probable>suspicious for|probably|probable|likely|"
    r"concerning for|worrisome for))\b(?: (?:malignan\w+|metasta\w+|nodal metastasis))?",
    re.I,
)
_NO = re.compile(
    r"^(?:there is )?(?P<no>no evidence of|no)\b(?! (?:longer|significant interval|overall))", re.I
)
_NOT = re.compile(r"\b(?:no|nor|not|never|neither|none|cannot|without)\b", re.I)
_NO_NEW = re.compile(r"^no (?:evidence of )?new (?:lesions?|sites? of disease)\b", re.I)
_RESPONSES = (
    ("NE", re.compile(r"cannot be evaluated|not evaluable", re.I)),
    ("CR", re.compile(r"complete response", re.I)),
    ("PR", re.compile(r"partial response", re.I)),
    ("SD", re.compile(r"stable disease|no overall change in tumou?r burden", re.I)),
    ("PD", re.compile(r"disease progression|progressive disease", re.I)),
)
_WITH_NEW = re.compile(r"\bwith new lesions?\b", re.I)
_BASELINE = re.compile(r"^baseline (?:for subsequent response|study before treatment)", re.I)
_LIMITS = re.compile(r"\blimited (?:without|by)\b", re.I)
_ADVICE = re.compile(
    r"^(?:correlation with clinical staging|review at the |discussion at the |clinical correlation|"
    r"continued follow-up|next follow-up CT)",
    re.I,
)
_HEADING = re.compile(r"^(?:target lesions|new lesions|other findings):$", re.I)
_TITLE = re.compile(
    r"^(?P<title>lungs|pleura|pleural spaces|mediastinum|lymph nodes|liver|adrenals|"
    r"adrenal glands|bones|skeleton): ",
    re.I,
)
_MARK = re.compile(r"^(?:\d+\. |- )")
_RANK = re.compile(r"\b(?:(" + "|".join(ORDINALS) + r")|(\d+)(?:st|nd|rd|th))\b", re.I)
_DATE = re.compile(
    rf"\b(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})|(?P<d1>\d{{1,2}}) (?P<m1>{'|'.join(MONTHS)}) "
    rf"(?P<y1>\d{{4}})|(?P<m2>{'|'.join(MONTHS)}) (?P<d2>\d{{1,2}}), (?P<y2>\d{{4}}))\b"
)
_WORD = re.compile(r"[A-Za-z]+")
_SIGN = re.compile(r"[^A-Za-z0-9\s.,:()-]")
_NATURE = re.compile(r"malignan|metasta")
_STOP = re.compile(r"\.(?= |$)")
_NOT_RESPONSES = (_LIMITS, _ADVICE, _BASELINE, _NO_NEW)
_OWN_WORDS = re.compile(
    r"\bRECIST 1\.1|\blung cancer multidisciplinary|\b(?:of|by)? ?the mediastinum\b", re.I
)
"""What sentences about the whole visit say of numbers and places."""
_FACTS = (re.compile(r"\d+"), LOBE, SIDE, _CHANGE, _CERTAIN, *(pattern for _, pattern in ORGAN))


def read(text: str, section: str, offset: int = 0) -> list[Statement]:
    """The statements of one section; ``offset``: where it begins in the whole text."""
    found = []
    line, title = -1, None
    for start, end, at in _sentences(text):
        if named := _TITLE.match(text[start:end]):
            title = TITLES[named["title"].lower()]
        elif at != line:
            title = None
        line = at
        found.append(_statement(text[start:end], section, offset + start, title))
    return [s for group in found for s in group]


def _sentences(text: str) -> Iterator[tuple[int, int, int]]:
    """Sentences, cut at line ends and full stops, without numbers, dashes or white space.

    Start, end, and where the line begins.
    """
    place = 0
    for line in text.split("\n"):
        start = place + (mark.end() if (mark := _MARK.match(line)) else 0)
        end = place + len(line)
        while start < end:
            stop = _STOP.search(text, start, end)
            cut = stop.end() if stop else end
            if text[start:cut].strip():
                yield start, cut, place
            start = cut
            while start < end and text[start] == " ":
                start += 1
        place = end + 1


def _statement(sentence: str, section: str, at: int, title: str | None) -> list[Statement]:
    """Of one sentence; ``title``: of which its line is, that of an organ's finding."""
    span = (at, at + len(sentence))
    if _HEADING.match(sentence):
        return []
    if found := _TITLE.match(sentence):
        at, sentence = at + found.end(), sentence[found.end() :]
    words = sentence.rstrip(".")
    more = _more(words)
    named = [name for name, pattern in _RESPONSES if pattern.search(words)]
    if len(named) > 1 or (named and any(p.search(words) for p in _NOT_RESPONSES)):
        more += ("two statements in one sentence",)
    if _LIMITS.search(words):
        return [Statement("other", section, span, response="no contrast", faults=more)]
    if _ADVICE.match(words):
        return [Statement("other", section, span, faults=more)]
    if _BASELINE.match(words):
        return [Statement("other", section, span, response="baseline", faults=more)]
    if _NO_NEW.match(words):
        return [Statement("no_new", section, span, faults=more)]
    if named:
        change = ("new", span) if _WITH_NEW.search(words) else None
        return [Statement("response", section, span, response=named[0], change=change, faults=more)]
    if no := _NO.match(words):
        return [_absent(words, no, section, span, at, title)]
    return [_finding(words, section, span, at, title)]


def _more(words: str) -> tuple[str, ...]:
    """What a sentence about the whole visit says beyond it: a finding, a place, a strange word."""
    rest = words
    for pattern in (_WITH_NEW, _NO_NEW, _LIMITS, _OWN_WORDS, *(named for _, named in _RESPONSES)):
        rest = pattern.sub("", rest)
    told = [found[0] for pattern in (NOUN, _NOT, *_FACTS) if (found := pattern.search(rest))]
    told += _SIGN.findall(words) + _stray(words, [])
    return (f"more than the visit as a whole: {', '.join(told)}",) if told else ()


def _absent(
    words: str, no: re.Match[str], section: str, span: Span, at: int, title: str | None
) -> Statement:
    places: list[Place] = []
    unread = []
    for part in re.finditer(r"(?:(?!, | or ).)+", words[no.end() :]):
        shift = no.end() + part.start()
        lung = bool(places) and places[-1].concept == "lung_lesion"
        if lung and re.fullmatch(r"\s*mass(?: in the [\w ]+)?(?: is \w+)?", part[0]):
            # of "no nodule or mass in the right upper lobe"
            if lobe := LOBE.search(part[0]):
                last = places[-1]
                code, lies = lobe_of(lobe), shifted(lobe.span(), at + shift)
                places[-1] = Place(
                    "lung_lesion", side_of(code), code, last.noun, last.span, lies, lies
                )
            continue
        place = place_of(part[0], at + shift, title)
        if place is None or _more_than_absence(part[0]):
            unread.append(part[0].strip())
        else:
            places.append(place)
    unread += _SIGN.findall(words) + _stray(words[no.end() :], [])
    faults = tuple(f"unread denial: {words_}" for words_ in unread) + misplaced(title, places)
    return Statement(
        "absent", section, span, tuple(places), negation=shifted(no.span("no"), at), faults=faults
    )


def _more_than_absence(part: str) -> bool:
    """Whether a part of a denial names more than one finding, or says more of it."""
    return any(several(part)) or any(p.search(part) for p in (_FACTS[0], _CHANGE, _CERTAIN, _NOT))


def _finding(words: str, section: str, span: Span, at: int, title: str | None) -> Statement:
    bare = words
    for pattern in (_NOTE, _DATE):
        bare = pattern.sub(lambda found: "#" * len(found[0]), bare)
    changes = [(str(m.lastgroup), m.span()) for m in _CHANGE.finditer(bare)]
    names = {name for name, _ in changes}
    faults = []
    plain = _RANK.sub(lambda found: "#" * len(found[0]), bare)
    if stray := _SIGN.findall(words) + _stray(plain, [m.span() for m in _CERTAIN.finditer(bare)]):
        faults.append(f"words of no known meaning: {', '.join(stray)}")
    rest = _CERTAIN.sub("", _CHANGE.sub("", bare))
    if denied := _NOT.search(rest):
        faults.append(f"a denial within a statement: {denied[0]}")
    if len(names) > 1:
        faults.append(f"several changes: {', '.join(sorted(names))}")
    change = changes[0] if changes else None
    sizes, priors = _sizes(bare, words, gone=names == {"resolved"})
    if len(sizes) > 1 or len(priors) > 1:
        faults.append("several sizes")
    hedges = [(str(m.lastgroup), m.span()) for m in _CERTAIN.finditer(bare)]
    if len({name for name, _ in hedges}) > 1:
        faults.append("several degrees of certainty")
    place = place_of(bare, at, title)
    faults += several(bare)
    rank = _RANK.search(bare)
    dates = tuple(d for d in (_date(m) for m in _DATE.finditer(words)) if d is not None)
    if len(dates) < len(_DATE.findall(words)):
        faults.append("no such date")
    faults += misplaced(title, [] if place is None else [place])
    size = sizes[0] if sizes else None
    for note in _NOTE.finditer(words):
        if note["n"] and (size is None or _mm(note["n"], note[0]) != size.short_mm):
            faults.append(f"another short axis: {note[0]}")
    return Statement(
        "unread" if place is None else "finding", section, span,
        () if place is None else (place,),
        _moved(size, at), _moved(priors[0] if priors else None, at),
        None if change is None else (change[0], shifted(change[1], at)),
        None if not hedges else (hedges[0][0], shifted(hedges[0][1], at)),
        None, _rank(rank), _has(bare, "tiny|punctate"), _has(bare, "dominant"),
        _has(bare, "further"), None, tuple(faults), dates,
    )  # fmt: skip


def _has(words: str, choices: str) -> bool:
    return bool(re.search(rf"\b(?:{choices})\b", words, re.I))


def _stray(bare: str, hedges: list[Span]) -> list[str]:
    """Words that the grammar never writes, and a judgement of nature without its hedge."""
    stray = []
    for m in _WORD.finditer(bare):
        word = m[0].lower()
        hedged = any(a <= m.start() < b for a, b in hedges)
        if word not in _known_words() or (_NATURE.match(word) and not hedged):
            stray.append(m[0])
    return stray


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    """Every word of the grammar, with the words that fill its slots."""
    told = [alt.text for rules in GRAMMAR.rules.values() for alt in rules]
    told = [re.sub(r"<\w+>|\{\w+\}|\[\w+ ", " ", text) for text in told]
    told += [*LOBE_WORDS.values(), *LOBE_WORDS, *ORDINALS, "right", "left", "midline", "mm", "cm"]
    return frozenset(word.lower() for text in told for word in _WORD.findall(text))


def _sizes(bare: str, words: str, *, gone: bool) -> tuple[list[Sized], list[Sized]]:
    now: list[Sized] = []
    before: list[Sized] = []
    for m in _SIZE.finditer(bare):
        if m["axis"]:
            a, b = _mm(m["a"], m["unit1"]), _mm(m["b"], m["unit2"])
            long, short = (a, b) if m["axis"] == "long" else (b, a)
            sized = Sized(long, short, m.span())
        else:
            short_mm = _mm(m["short"], m["unit"]) if m["short"] else None
            sized = Sized(_mm(m["long"], m["unit"]), short_mm, m.span())
        lead = _PRIOR_BEFORE.search(bare[: m.start()])
        bracket = lead is not None and lead[0].startswith("(")
        after = _PRIOR_AFTER.match(words[m.end() :])
        is_prior = gone or after is not None or (lead is not None and not bracket)
        (before if is_prior else now).append(sized)
    return now, before


def _mm(number: str, unit: str) -> int:
    if "cm" in unit:
        whole, _, tenth = number.partition(".")
        return int(whole) * 10 + int((tenth or "0")[0]) if len(tenth) < 2 else -1
    return int(number) if number.isdigit() else -1


def _rank(found: re.Match[str] | None) -> int | None:
    if found is None:
        return None
    return ORDINALS.index(found[1].lower()) + 1 if found[1] else int(found[2])


def _date(m: re.Match[str]) -> dt.date | None:
    try:
        if m["iso"]:
            return dt.date.fromisoformat(m["iso"])
        if m["d1"]:
            return dt.date(int(m["y1"]), MONTHS.index(m["m1"]) + 1, int(m["d1"]))
        return dt.date(int(m["y2"]), MONTHS.index(m["m2"]) + 1, int(m["d2"]))
    except ValueError:
        return None


def _moved(size: Sized | None, at: int) -> Sized | None:
    return None if size is None else Sized(size.long_mm, size.short_mm, shifted(size.span, at))
