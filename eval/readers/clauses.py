"""From the phrases of one sentence to facts: which finding, where, how large, denied or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from eval.readers import lexicon
from eval.readers.facts import Fact, Mention, Statement
from eval.readers.sizes import Size
from eval.readers.voided import upheld

_SEPARATOR = re.compile(r";|\.\s|,\s*and\b|,|\band\b|\bwhile\b|\bwhereas\b|\bwith\b|\bplus\b")
_ALWAYS = re.compile(r";|\bwhereas\b|\bwhile\b|,\s*but\b|\bhowever\b")
_BARRIER = re.compile(r",|;|\band\b|\bor\b|\bwith\b|\bwhile\b|\bbut\b")
_BARRIER_CHARS = 40
_SITE_FINDINGS = {"pleura": "pleura", "bone": "bone"}
_BENIGN = re.compile(r"\bcalcified\b|\bbenign\b|\bfatty hilum\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Group:
    """Findings of one place within a part, before size and change are attached."""

    site: str | None
    lobe: str | None
    side: str | None
    nouns: tuple[Mention, ...]

    @property
    def start(self) -> int:
        return min(n.start for n in self.nouns)

    @property
    def end(self) -> int:
        return max(n.end for n in self.nouns)


def split_parts(
    sentence: str, mentions: Sequence[Mention], sizes: Sequence[Size]
) -> list[tuple[int, int]]:
    """Character ranges so that each holds at most one current size.

    A separator between two sizes cuts where both sides still name a finding or a place; of
    several, the last. Semicolons and contrasts cut anyway.
    """
    strong = [m.start() for m in _ALWAYS.finditer(sentence)]
    # "31 x 22 mm; increased": what follows names nothing of its own and belongs to what precedes.
    cuts = {
        a
        for a, b in zip(strong, [*strong[1:], len(sentence)][: len(strong)], strict=True)
        if _names_something(mentions, a, b)
    }
    current = [s for s in sizes if not s.prior]
    for left, right in pairwise(current):
        if any(left.end <= cut <= right.start for cut in cuts):
            continue
        begin = max([c for c in cuts if c <= left.start], default=0)
        following = [s.start for s in current if s.start > right.start]
        stop = min(following, default=len(sentence))
        good = [
            m.start()
            for m in _SEPARATOR.finditer(sentence, left.end, right.start)
            if _names_something(mentions, begin, m.start())
            and _names_something(mentions, m.start(), stop)
        ]
        if good:
            cuts.add(good[-1])
    bounds = [0, *sorted(cuts), len(sentence)]
    return [(a, b) for a, b in pairwise(bounds) if b > a]


def _names_something(mentions: Sequence[Mention], start: int, end: int) -> bool:
    inside = [m for m in mentions if start <= m.start < end]
    return any(m.kind in ("finding", "lobe", "organ") for m in inside)


def part_facts(
    sentence: str, mentions: Sequence[Mention], sizes: Sequence[Size], statement: Statement
) -> list[Fact]:
    """The facts of one part of a sentence."""
    mentions = upheld(sentence, mentions)
    current = [s for s in sizes if not s.prior]
    changes = [
        m
        for m in mentions
        if m.kind == "change"
        and not _inside_finding(m, mentions)
        and not re.match(r"\s+than\s+[\d<>]", sentence[m.end :])
    ]
    groups = _groups(sentence, mentions, statement)
    if not groups and (current or changes):
        groups = _bare_group(sentence, mentions, current, changes, statement)
    if not groups:
        return _normal_organs(sentence, mentions, statement)
    sized = _nearest_group(sentence, groups, current[0]) if current else None
    facts = []
    for group in groups:
        size = current[0] if group is sized else None
        prior = next((s for s in sizes if s.prior), None) if size or len(groups) == 1 else None
        change = _change(sentence, group, groups, changes, mentions)
        fact = _fact(sentence, group, size, prior, change, mentions, statement)
        if fact is not None:
            facts.append(fact)
    return facts


def _fact(
    sentence: str,
    group: _Group,
    size: Size | None,
    prior: Size | None,
    change: Mention | None,
    mentions: Sequence[Mention],
    statement: Statement,
) -> Fact | None:
    denied = any(_denied(sentence, noun, mentions) for noun in group.nouns)
    if size is not None:
        denied = False
    normal = any(m.kind == "normal" for m in mentions)
    value = change.value if change else None
    if _only_word(group):
        if normal and not denied:
            denied = True
        elif size is None and value is None and not denied and not _one_node(sentence, group):
            return None  # "the lymph nodes" alone states nothing
    elsewhere = any(m.kind == "elsewhere" for m in mentions) and (denied or size is None)
    plural = all(n.text in lexicon.GENERIC for n in group.nouns) and size is None and not denied
    if value == "resolved" and size is not None:
        size, prior = None, prior or size  # "resolution of the 12 mm nodule"
    uncertain = next((m.value for m in mentions if m.kind == "uncertain"), "definite")
    return Fact(
        site=group.site,
        lobe=group.lobe,
        side=group.side,
        long_mm=size.long_mm if size else None,
        short_mm=size.short_mm if size else None,
        prior_mm=prior.long_mm or prior.short_mm if prior else None,
        change=value,
        present=not denied and value != "resolved",
        certainty=uncertain,
        generic=elsewhere or plural,
        section=statement.section,
        sentence=sentence,
    )


def _only_word(group: _Group) -> bool:
    return all(n.value == "nodeword" for n in group.nouns)


def _one_node(sentence: str, group: _Group) -> bool:
    """A single node with its side, not called benign: nobody reports one that means nothing."""
    single = all(not noun.text.endswith("s") for noun in group.nouns)
    return single and group.side is not None and not _BENIGN.search(sentence)


def _groups(sentence: str, mentions: Sequence[Mention], statement: Statement) -> list[_Group]:
    """Finding nouns gathered by site, lobe and side."""
    gathered: dict[tuple[str | None, str | None, str | None], list[Mention]] = {}
    for noun in (m for m in mentions if m.kind == "finding"):
        if _swallowed(noun, mentions):
            continue
        for place in _places(sentence, noun, mentions, statement):
            gathered.setdefault(place, []).append(noun)
    groups = [_Group(*place, tuple(nouns)) for place, nouns in gathered.items()]
    placed = {(g.site, g.lobe) for g in groups if g.side or g.lobe}
    # "a RUL mass, the known tumour": the noun without a place is the one with it.
    return [
        g
        for g in groups
        if g.lobe
        or g.side
        or not any(site == g.site for site, _ in placed)
        or any(_denied(sentence, n, mentions) for n in g.nouns)
    ]


def _swallowed(noun: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether a longer finding phrase covers this one, or a change phrase does ("enlarged")."""
    for other in mentions:
        covers = other.start <= noun.start and noun.end <= other.end and other is not noun
        longer = other.end - other.start > noun.end - noun.start
        if covers and longer and other.kind in ("finding", "change"):
            return True
    if noun.text == "enlarged":
        return not any(
            (m.kind == "finding" and m.value == "nodeword")
            or (m.kind == "organ" and m.value.endswith("_node"))
            for m in mentions
        )
    return False


def _places(
    sentence: str, noun: Mention, mentions: Sequence[Mention], statement: Statement
) -> list[tuple[str | None, str | None, str | None]]:
    """(site, lobe, side) of one noun; several where it names several organs or lobes."""
    organs = [m for m in mentions if m.kind == "organ"]
    lobes = [m for m in mentions if m.kind == "lobe"]
    side = _side(sentence, noun, mentions)
    if noun.value in _SITE_FINDINGS:
        if "pleura" not in noun.text and any(  # a pericardial effusion
            o.value == "other" and 0 <= noun.start - o.end <= 1 for o in organs
        ):
            return []
        return [(_SITE_FINDINGS[noun.value], None, side)]
    if noun.value in ("node", "nodeword"):
        outside = [o for o in organs if o.value == "extrathoracic_node"]
        central = [
            o
            for o in organs
            if o.value == "mediastinal_node"
            and o.text not in ("lymph node", "lymph nodes", "nodal")
        ]
        sites = [("mediastinal_node", None, side)] if central or not outside else []
        return [*sites, *([("extrathoracic_node", None, side)] if outside else [])]
    nearest = _nearest(sentence, noun, [*organs, *lobes])
    if nearest is None:
        return [(_context_site(noun, statement), None, side)]
    if nearest.kind == "lobe":
        # One noun for several lobes only where the noun is plural.
        listed = lobes if noun.text in lexicon.GENERIC else [nearest]
        return [("lung", m.value, _lobe_side(m.value)) for m in listed]
    if nearest.value == "other":
        return []
    if nearest.value == "abdomen":
        return [("liver", None, None), ("adrenal", None, None)]
    if nearest.value == "lung":
        lobe = _nearest(sentence, noun, lobes)
        if lobe is not None:
            return [("lung", lobe.value, _lobe_side(lobe.value))]
    listed = organs if _denied(sentence, noun, mentions) else [nearest]
    named = dict.fromkeys(o.value for o in listed if o.value not in ("other", "abdomen"))
    return [(site, None, side) for site in named]


def _context_site(noun: Mention, statement: Statement) -> str | None:
    if statement.organs:
        return statement.organs[0] if statement.organs[0] != "other" else None
    lung_words = ("nodule", "nodules", "mass", "masses", "opacity", "opacities", "primary")
    return "lung" if noun.text in lung_words or "nodule" in noun.text else None


def _lobe_side(lobe: str) -> str:
    return "right" if lobe.startswith("R") else "left"


def _side(sentence: str, noun: Mention, mentions: Sequence[Mention]) -> str | None:
    sides = [m for m in mentions if m.kind == "side"]
    if not sides:
        return None
    if {"right", "left"} <= {s.value for s in sides}:
        nearest = _nearest(sentence, noun, sides)
        return nearest.value if nearest else None
    return sides[0].value if len({s.value for s in sides}) == 1 else None


def _gap(sentence: str, a: Mention | Size, b: Mention | Size) -> int:
    """Characters between two phrases; a comma or conjunction between them counts as many."""
    first, second = (a, b) if a.start <= b.start else (b, a)
    between = sentence[first.end : second.start] if second.start > first.end else ""
    return len(between) + _BARRIER_CHARS * len(_BARRIER.findall(between.lower()))


def _nearest(sentence: str, anchor: Mention, others: Sequence[Mention]) -> Mention | None:
    return min(others, key=lambda m: (_gap(sentence, anchor, m), m.start), default=None)


def _nearest_group(sentence: str, groups: Sequence[_Group], size: Size) -> _Group:
    return min(groups, key=lambda g: min(_gap(sentence, n, size) for n in g.nouns))


def _inside_finding(change: Mention, mentions: Sequence[Mention]) -> bool:
    """ "enlarged nodes" is a finding; only "has enlarged" is a change."""
    return any(
        m.kind == "finding"
        and m.start <= change.start
        and change.end <= m.end
        and m.end - m.start > change.end - change.start
        for m in mentions
    )


def _change(
    sentence: str,
    group: _Group,
    groups: Sequence[_Group],
    changes: Sequence[Mention],
    mentions: Sequence[Mention],
) -> Mention | None:
    """The change phrase that belongs to this group: the nearest, and each phrase to one group
    unless there is only one phrase after all groups ("..., all stable")."""
    mine = []
    for change in changes:
        gaps = {id(g): min(_gap(sentence, n, change) for n in g.nouns) for g in groups}
        if min(gaps, key=lambda k: gaps[k]) == id(group) or change.start >= max(
            g.end for g in groups
        ):
            mine.append(change)
    strong = [c for c in mine if c.value == "resolved"] or mine
    # "increased, previously stable": the phrase nearest to the finding counts.
    usable = [c for c in strong if not _after_prior(sentence, c)]
    return min(usable, key=lambda c: min(_gap(sentence, n, c) for n in group.nouns), default=None)


def _after_prior(sentence: str, change: Mention) -> bool:
    return re.search(r"\bpreviously\s+$", sentence[: change.start].lower()) is not None


def _denied(sentence: str, noun: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether a negation cue reaches the noun (NegEx: forward to a terminator, or right after)."""
    for cue in mentions:
        if cue.kind == "neg_before" and cue.end <= noun.start:
            ends = [m for m in mentions if m.kind == "neg_end" and cue.end <= m.start < noun.start]
            if not ends and "." not in sentence[cue.end : noun.start].replace("vs.", ""):
                return True
        if cue.kind == "neg_after" and noun.end <= cue.start:
            between = [
                m
                for m in mentions
                if m.kind in ("finding", "neg_end") and noun.end <= m.start < cue.start
            ]
            if not between:
                return True
    return False


def _bare_group(
    sentence: str,
    mentions: Sequence[Mention],
    current: Sequence[Size],
    changes: Sequence[Mention],
    statement: Statement,
) -> list[_Group]:
    """ "RUL: 24 x 18 mm." and "It measures 24 mm.": a size or change without a finding noun."""
    anchor_at = current[0] if current else changes[0]
    anchor = Mention("finding", "lesion", anchor_at.start, anchor_at.end, "lesion")
    places = [m for m in mentions if m.kind in ("lobe", "organ") and m.value != "other"]
    if any(m.value == "other" for m in mentions) and not places:
        return []
    nearest = _nearest(sentence, anchor, places)
    side = _side(sentence, anchor, mentions)
    if nearest is None:
        site = statement.organs[0] if statement.organs else None
        pronoun = re.match(r"^(?:it|this|the|measur)", sentence, re.IGNORECASE)
        if site is None and not pronoun:
            return []
        return [_Group(site, None, side, (anchor,))]
    if nearest.kind == "lobe":
        return [_Group("lung", nearest.value, _lobe_side(nearest.value), (anchor,))]
    if not current and nearest.value == "lung":
        return []
    return [_Group(nearest.value, None, side, (anchor,))]


def _normal_organs(sentence: str, mentions: Sequence[Mention], statement: Statement) -> list[Fact]:
    """ "Liver and adrenals are unremarkable." denies a lesion in each of them."""
    if not any(m.kind == "normal" for m in mentions):
        return []
    if any(m.kind == "elsewhere" or (m.kind == "organ" and m.value == "other") for m in mentions):
        return []
    if re.search(r"\bcontours?\b|\bvessels?\b|\bcalibre\b|\bcaliber\b", sentence.lower()):
        return []
    named = [m.value for m in mentions if m.kind == "organ"]
    sites = [s for m in named for s in (("liver", "adrenal") if m == "abdomen" else (m,))]
    sites = sites or list(statement.organs)
    return [
        Fact(
            site,
            None,
            _sole_side(mentions),
            None,
            None,
            None,
            None,
            False,
            "definite",
            False,
            statement.section,
            sentence,
        )
        for site in dict.fromkeys(sites)
        if site != "other"
    ]


def _sole_side(mentions: Sequence[Mention]) -> str | None:
    sides = {m.value for m in mentions if m.kind == "side"}
    return sides.pop() if len(sides) == 1 else None
