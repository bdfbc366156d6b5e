"""The grammar engine: what it refuses, how it draws, and where it says that facts stand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modalities.notes.ct_chest import GRAMMAR
from modalities.notes.grammar import (
    Alternative,
    Grammar,
    Phrase,
    Scope,
    Tag,
    join,
    polish,
    sentence,
)
from modalities.notes.report import FactSpan, Report
from modalities.notes.wording import Length, ordinal, regimen, write_length
from ontology.errors import ConsilienceError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def small(**rules: tuple[Alternative, ...]) -> Grammar:
    return Grammar(
        "small",
        rules,
        starts=("start",),
        slots={"mm": Length} if "{mm}" in str([a.text for r in rules.values() for a in r]) else {},
        features=sorted({g.feature for r in rules.values() for a in r for g in a.guards}),
        writers={Length: write_length},
    )


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ConsilienceError) as caught:
        Grammar(
            "broken",
            {
                "start": (Alternative("<noun> {size}", "unti=mm"),),
                "noun": (Alternative("a <start>"),),
                "idle": (Alternative("x"),),
            },
            starts=("start",),
            slots={"sizes": int},
            features=("unit",),
            writers={},
        )
    message = str(caught.value)
    for fault in (
        "slot 'size' is used but not declared: did you mean 'sizes'?",
        "feature 'unti' is used but not declared: did you mean 'unit'?",
        "rule 'idle' is declared but not used",
        "slot 'sizes' is of type int, which has no writer",
        "recursion: start > noun > start",
    ):
        assert fault in message


@pytest.mark.parametrize(
    ("text", "fault"),
    [("[size {mm}", "'[' without ']'"), ("{mm}]", "']' without '['"), ("<Noun>", "unreadable")],
)
def test_unreadable_notation(text: str, fault: str) -> None:
    with pytest.raises(ConsilienceError) as caught:
        Alternative(text)
    assert fault in str(caught.value)


def test_weight_of_an_alternative_is_positive() -> None:
    with pytest.raises(ConsilienceError, match="above 0"):
        Alternative("x", "", 0)


def test_slots_are_typed_and_present() -> None:
    grammar = small(start=(Alternative("{mm}"),))
    with pytest.raises(ConsilienceError, match="wrong type"):
        grammar.expand("start", Scope({"unit": "mm"}, {"mm": 24}), rng())
    with pytest.raises(ConsilienceError, match="slot 'mm' is not in the scope"):
        grammar.expand("start", Scope({"unit": "mm"}), rng())
    written = grammar.expand("start", Scope({"unit": "cm"}, {"mm": Length(124)}), rng())
    assert written.text == "12.4"


def test_a_fact_that_the_scope_lacks_is_an_error() -> None:
    grammar = small(start=(Alternative("[side right] lung"),))
    with pytest.raises(ConsilienceError, match="fact 'side' is not in the scope"):
        grammar.expand("start", Scope(), rng())


def test_guards_choose_by_feature() -> None:
    grammar = small(
        start=(
            Alternative("both", "prior style=prose|terse"),
            Alternative("none", "!prior"),
            Alternative("other", "prior !style=prose|terse"),
        )
    )

    def texts(**features: str) -> set[str]:
        return {grammar.expand("start", Scope(features), rng(k)).text for k in range(20)}

    assert texts(prior="yes", style="terse") == {"both"}
    assert texts(prior="", style="terse") == {"none"}
    assert texts(prior="yes", style="list") == {"other"}


def test_no_fitting_alternative_names_rule_and_features() -> None:
    grammar = small(start=(Alternative("x", "unit=mm"),))
    with pytest.raises(ConsilienceError, match=r"rule 'start'.*no alternative") as caught:
        grammar.expand("start", Scope({"unit": "inch"}), rng())
    assert "inch" in str(caught.value)


def test_alternatives_come_by_weight() -> None:
    grammar = small(start=(Alternative("a", "", 3), Alternative("b", "", 1)))
    generator, n = rng(), 4000
    drawn = Counter(grammar.expand("start", Scope(), generator).text for _ in range(n))
    four_sd = 4 * (n * 0.75 * 0.25) ** 0.5
    assert abs(drawn["a"] - 0.75 * n) < four_sd


def test_count_is_the_number_of_derivations() -> None:
    grammar = small(
        start=(Alternative("<w> <w>"), Alternative("z<w>", "long"), Alternative("[size <w>]")),
        w=(Alternative("x"), Alternative("y"), Alternative("v", "long")),
    )
    tag = {"size": (Tag("L01", "size", "3"),)}
    for features, wanted in (({}, 4 + 2), ({"long": "yes"}, 9 + 3 + 3)):
        scope = Scope(features, facts=tag)
        texts = {grammar.expand("start", scope, rng(k)).text for k in range(400)}
        assert grammar.count("start", scope) == len(texts) == wanted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@a 8 mm", "an 8 mm"), ("@a 11 x 9 mm", "an 11 x 9 mm"), ("@a 18 mm", "an 18 mm"),
        ("@a 80-year-old", "an 80-year-old"), ("@a 0.8 cm", "a 0.8 cm"), ("@a 1.8 cm", "a 1.8 cm"),
        ("@a 8.2 cm", "an 8.2 cm"), ("@a 11.0 cm", "an 11.0 cm"), ("@a 110 mm", "a 110 mm"),
        ("@a 24 mm", "a 24 mm"), ("@a RUL mass", "an RUL mass"), ("@a LLL mass", "an LLL mass"),
        ("@a RML mass", "an RML mass"), ("@a right", "a right"), ("@a lesion", "a lesion"),
        ("@a osseous", "an osseous"), ("@a unchanged", "an unchanged"),
        ("@a  further", "a further"),
        ("@a eighth node", "an eighth node"), ("@a Unenhanced", "an Unenhanced"),
        ("the  node ( old ) .", "the node (old)."), ("x , y", "x, y"),
    ],
)  # fmt: skip
def test_articles_and_spaces(before: str, after: str) -> None:
    assert polish(Phrase(before)).text == after


def test_article_sees_through_the_mark_of_a_fact() -> None:
    size = Phrase("8 mm").tagged([Tag("L01", "size", "8")])
    done = sentence(join([Phrase("there is @a  "), size, Phrase(" nodule")]))
    assert done.text == "There is an 8 mm nodule."
    (span,) = done.spans()
    assert done.text[span.start : span.end] == "8 mm"


def test_article_sees_through_a_space_within_the_mark() -> None:
    kind = Phrase(" pneumothorax").tagged([Tag("L1", "finding", "pneumothorax")])
    assert sentence(join([Phrase("@a  "), kind])).text == "A pneumothorax."


@given(st.lists(st.tuples(st.text("ab ", max_size=4), st.booleans()), min_size=1, max_size=8))
def test_spans_index_their_own_text(parts: list[tuple[str, bool]]) -> None:
    phrases, wanted = [], []
    for number, (text, tagged) in enumerate(parts):
        phrase = Phrase(text + "x")
        if tagged:
            phrase = phrase.tagged([Tag(f"L{number}", "finding", text)])
            wanted.append((f"L{number}", text + "x"))
        phrases.append(phrase)
    whole = join(phrases)
    assert [(s.finding_id, whole.text[s.start : s.end]) for s in whole.spans()] == wanted


def test_one_word_can_state_two_facts() -> None:
    tags = [Tag("L01", "lobe", "RUL"), Tag("L01", "side", "right")]
    spans = Phrase("RUL").tagged(tags).spans()
    assert [(s.kind, s.start, s.end) for s in spans] == [("lobe", 0, 3), ("side", 0, 3)]


def test_marks_must_match_their_facts() -> None:
    with pytest.raises(ConsilienceError, match="differ in number"):
        Phrase("\ue000x\ue001")


def test_report_and_span_refuse_what_is_outside() -> None:
    with pytest.raises(ConsilienceError, match="outside the text"):
        Report("short", "grammar", (FactSpan("L01", "size", "3", 2, 9),))
    with pytest.raises(ConsilienceError, match="empty span"):
        FactSpan("L01", "size", "3", 2, 2)
    with pytest.raises(ConsilienceError, match="unknown kind"):
        FactSpan("L01", "colour", "red", 0, 2)  # type: ignore[arg-type]
    with pytest.raises(ConsilienceError, match="needs a text"):
        Report(" \n", "grammar", ())


def test_wordings() -> None:
    assert [ordinal(n) for n in (1, 10, 11, 12, 13, 21, 22, 23, 111)] == [
        "first", "tenth", "11th", "12th", "13th", "21st", "22nd", "23rd", "111th",
    ]  # fmt: skip
    assert regimen("platinum_pemetrexed") == "carboplatin-pemetrexed"
    assert regimen("egfr_tki") == "EGFR TKI"
    assert [write_length(Length(mm), {"unit": "cm"}) for mm in (3, 10, 24, 105)] == [
        "0.3", "1.0", "2.4", "10.5",
    ]  # fmt: skip
    with pytest.raises(ConsilienceError, match="not a measured length"):
        Length(0)


def test_ct_chest_grammar_is_a_grammar_not_a_template() -> None:
    assert len(GRAMMAR.rules) > 60
    assert sum(len(alternatives) for alternatives in GRAMMAR.rules.values()) > 350
