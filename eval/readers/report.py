"""Reads facts from the free text of a chest CT report, by phrases and rules.

Order: section headers are split off (a header before "No ..." misleads negation); lines are
joined to statements; spaCy splits sentences and matches phrases; a sentence with several sizes is
cut into one part a size; every finding in a part becomes a fact with place, size, change,
certainty and whether it is denied. The method shares nothing with how reports are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import spacy
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.util import filter_spans

from eval.readers import lexicon
from eval.readers.clauses import part_facts, split_parts
from eval.readers.facts import Fact, Mention, Statement
from eval.readers.sizes import Size, find_sizes

_GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "lobe": lexicon.LOBES,
    "side": lexicon.SIDES,
    "organ": lexicon.ORGANS | lexicon.STRUCTURES | {"abdomen": ("upper abdomen", "abdomen")},
    "finding": lexicon.FINDINGS,
    "change": lexicon.CHANGES,
    "uncertain": lexicon.UNCERTAIN,
    "neg_before": {"": lexicon.NEGATION_BEFORE},
    "neg_after": {"": lexicon.NEGATION_AFTER},
    "pseudo": {"": lexicon.NEGATION_PSEUDO},
    "neg_end": {"": lexicon.NEGATION_END},
    "normal": {"": lexicon.NORMAL},
    "elsewhere": {"": lexicon.ELSEWHERE},
}


@lru_cache(maxsize=1)
def _language() -> tuple[Language, dict[str, PhraseMatcher]]:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    matchers = {}
    for group, values in _GROUPS.items():
        matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
        for value, phrases in values.items():
            matcher.add(value or group, [nlp.make_doc(phrase) for phrase in phrases])
        matchers[group] = matcher
    return nlp, matchers


def read_report(text: str) -> tuple[Fact, ...]:
    """Facts of the findings and impression of one report, in order of appearance."""
    facts: list[Fact] = []
    for statement in statements(text):
        facts.extend(_statement_facts(statement))
    return tuple(facts)


def statements(text: str) -> list[Statement]:
    """Findings and impression as statements; the other sections are left out."""
    found: list[Statement] = []
    for section, body in split_sections(text):
        if section != "other":
            found.extend(_statements(section, body))
    return found


_HEADER = re.compile(r"^\s*[#*_]*\s*([A-Za-z][A-Za-z /]*?)\s*[*_]*\s*(?::[*_]*\s*(.*)|[*_]*)$")


def split_sections(text: str) -> list[tuple[str, str]]:
    """(section, body) in order; text before any header counts as findings if none is headed so."""
    names = {name: kind for kind, all_names in lexicon.SECTIONS.items() for name in all_names}
    sections: list[tuple[str, list[str]]] = [("preamble", [])]
    for line in text.splitlines():
        match = _HEADER.match(line)
        kind = names.get(match[1].strip().lower()) if match else None
        if match and kind and (":" in line or match[1].isupper() or line.lstrip()[0] in "#*"):
            sections.append((kind, [match[2] or ""]))
        else:
            sections[-1][1].append(line)
    headed = any(kind == "findings" for kind, _ in sections)
    renamed = [("other" if headed else "findings") if k == "preamble" else k for k, _ in sections]
    return [(kind, "\n".join(body)) for kind, (_, body) in zip(renamed, sections, strict=True)]


_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)])\s+")
_LABEL = re.compile(r"^\s*([A-Z][\w /,&()-]{1,45}?)\s*:\s*(?!\d+:)")
_TERSE_LINE = 66
"""A shorter line without a full stop is a statement of its own, not a wrapped one."""


def _statements(section: str, body: str) -> Iterable[Statement]:
    units: list[str] = []
    fresh = True
    for line in body.splitlines():
        bullet = _BULLET.match(line)
        content = line[bullet.end() :] if bullet else line
        if not content.strip():
            fresh = True
            continue
        terse = bool(units) and _is_terse(units[-1].splitlines()[-1], content)
        if fresh or bullet or _LABEL.match(content) or terse:
            units.append(content.strip())
        else:
            units[-1] += "\n" + content.strip()
        fresh = False
    for unit in units:
        joined = " ".join(unit.split())
        label = _LABEL.match(joined)
        organs: tuple[str, ...] = ()
        if label:
            organs = tuple(_organs(_mentions(label[1].lower())))
        yield Statement(section, joined, organs)


def _is_terse(previous: str, line: str) -> bool:
    ended = previous.rstrip().endswith((".", ",", ";", ":"))
    return not ended and len(previous) < _TERSE_LINE and line.lstrip()[:1].isupper()


def _statement_facts(statement: Statement) -> list[Fact]:
    nlp, _ = _language()
    facts: list[Fact] = []
    for sentence in nlp(statement.text).sents:
        for fact in _sentence_facts(sentence.text.strip(), statement):
            merged = _merge(facts[-1], fact) if facts else None
            if merged is not None:
                facts[-1] = merged
            else:
                facts.append(fact)
    return facts


_ANAPHOR = re.compile(
    r"^(?:it|this|the (?:lesion|nodule|mass|node|tumou?r)|measures|measuring)\b", re.IGNORECASE
)


def _merge(before: Fact, fact: Fact) -> Fact | None:
    """ "It measures 24 mm." completes the fact before it; None where it stands alone."""
    placed = fact.lobe is not None or fact.side is not None
    if placed or not _ANAPHOR.match(fact.sentence) or not before.present:
        return None
    if before.long_mm is not None and fact.long_mm is not None:
        return None
    organs = _organs(_mentions(fact.sentence))
    if organs and before.site not in organs:
        return None
    return replace(
        before,
        long_mm=before.long_mm if fact.long_mm is None else fact.long_mm,
        short_mm=before.short_mm if fact.short_mm is None else fact.short_mm,
        prior_mm=before.prior_mm if fact.prior_mm is None else fact.prior_mm,
        change=fact.change or before.change,
        present=fact.present,
        sentence=f"{before.sentence} {fact.sentence}",
    )


def _mentions(text: str) -> list[Mention]:
    nlp, matchers = _language()
    doc = nlp.make_doc(text)
    found: list[Mention] = []
    for group, matcher in matchers.items():
        for span in filter_spans(matcher(doc, as_spans=True)):
            found.append(
                Mention(group, span.label_, span.start_char, span.end_char, span.text.lower())
            )
    pseudo = [m for m in found if m.kind == "pseudo"]
    lobes = [m for m in found if m.kind == "lobe"]
    kept = []
    for mention in found:
        hidden = pseudo if mention.kind in ("neg_before", "neg_after") else ()
        hidden = lobes if mention.kind == "side" else hidden
        if not any(h.start <= mention.start and mention.end <= h.end for h in hidden):
            kept.append(mention)
    return sorted(kept, key=lambda m: (m.start, m.end))


def _organs(mentions: Iterable[Mention]) -> list[str]:
    sites: list[str] = []
    for mention in mentions:
        if mention.kind == "lobe":
            sites.append("lung")
        elif mention.kind == "organ":
            sites.extend(["liver", "adrenal"] if mention.value == "abdomen" else [mention.value])
    return list(dict.fromkeys(sites))


def _sentence_facts(sentence: str, statement: Statement) -> list[Fact]:
    mentions = _mentions(sentence)
    sizes = find_sizes(sentence)
    facts = []
    for start, end in split_parts(sentence, mentions, sizes):
        inside = [m for m in mentions if start <= m.start < end]
        measured: list[Size] = [s for s in sizes if start <= s.start < end]
        facts.extend(part_facts(sentence, inside, measured, statement))
    return facts
