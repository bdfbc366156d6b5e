"""Known answers of the measures behind benchmarks/notes.py, and the judge that it holds up."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from modalities.notes.outline import outline

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    from note import bare, claims, injected, judged, written
    from note.possible import as_many, possible
finally:
    sys.path.remove(str(BENCHMARKS))


def test_distinct_counts_each_run_of_words_once() -> None:
    assert claims.distinct(["a b a b"], 1) == pytest.approx(2 / 4)
    assert claims.distinct(["a b a b"], 2) == pytest.approx(2 / 3)


def test_self_bleu_is_one_for_equal_texts_and_nothing_for_strange_ones() -> None:
    text = "one two three four five"
    assert claims.self_bleu([text, text]) == pytest.approx(1.0)
    assert claims.self_bleu([text, "six seven eight nine ten"]) < 1e-6
    near = claims.self_bleu([text, "one two three four six"])
    # Precisions of the first against the second: 4/5, 3/4, 2/3, 1/2.
    assert near == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A nodule.\n\n1. A nodule.", ["A nodule.", "1. A nodule."]),
        ("Findings:\n\nA nodule.\n\nA node.\n\n**Impression:**\nA nodule.",
         ["A nodule.\nA node.", "A nodule."]),
        ("A nodule.", ["A nodule."]),
    ],
)  # fmt: skip
def test_a_draft_of_the_base_model_is_cut_kindly(text: str, parts: list[str]) -> None:
    assert bare.sections(text) == parts


def test_the_judge_finds_every_kind_of_untruth_and_none_in_a_true_report() -> None:
    found = set()
    for number, (plan, prior) in enumerate(written.visits(25)):
        text = written.KIND.by_grammar(outline(plan, prior)).text
        assert judged.faults(plan, prior, text) == []
        for kind, broken in injected.untruths((plan, prior), number):
            if injected._said(broken) != injected._said(text):
                assert judged.faults(plan, prior, broken), (kind, broken)
                found.add(kind)
    assert len(found) >= 15


def test_visits_are_possible_and_have_as_many_findings_as_the_space() -> None:
    visits = written.visits(40)
    assert all(possible(plan) and judged.fits_tables(plan) for plan, _ in visits)
    plan, prior = next(
        (plan, prior) for plan, prior in visits if any(f.change == "larger" for f in plan.findings)
    )
    grown = tuple(
        replace(f, measured_long_mm=20 * f.prior_long_mm) if f.prior_long_mm else f
        for f in plan.findings
    )
    assert not possible(replace(plan, findings=grown))
    assert list(as_many([(replace(plan, findings=grown), prior)], [(plan, prior)])) == []
    assert list(islice(as_many([(plan, prior)] * 3, [(plan, prior)]), 5)) == [(plan, prior)]
