"""RECIST 1.1, one case a rule (Eisenhauer 2009, sections 4.3 and 4.4, table 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from eval.recist import assess, best_responses, overall_response

STARTS = pd.DataFrame({"patient_id": ["P"], "line": [1], "start_day": [0]})


def lesions(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """(day, id, site, long, short, target, new)."""
    names = ["day", "lesion_id", "site", "long_axis_mm", "short_axis_mm", "is_target", "is_new"]
    return pd.DataFrame(rows, columns=names).assign(patient_id="P", assessor="investigator")


def one_target(*sizes: float | None) -> pd.DataFrame:
    """The same lung target on day -7, 42, 84, ..."""
    days = [-7, 42, 84, 126]
    return lesions([(d, "A", "lung", s, s, True, False) for d, s in zip(days, sizes, strict=False)])


@pytest.mark.parametrize(
    ("sizes", "response"),
    [
        ((100, 70), "PR"),  # 30 % exactly
        ((100, 71), "SD"),
        ((100, 119), "SD"),
        ((100, 120), "PD"),  # 20 % exactly
        ((20, 24), "SD"),  # 20 %, but not 5 mm
        ((20, 25), "PD"),
        ((30, 34), "SD"),
        ((100, 50, 59), "PR"),  # above the nadir by 18 %, still 41 % below baseline
        ((100, 50, 60), "PD"),  # 20 % above the nadir, though below baseline
        ((100, 50, 45, 54), "PD"),
        ((40, 0), "CR"),
        ((40, 0, 5), "PD"),  # the nadir is 0
        ((40, 0, 4), "PR"),
        ((40, None), "NE"),
        ((40, None, 20), "PR"),
    ],
)
def test_target_response(sizes: tuple[float | None, ...], response: str) -> None:
    rows = assess(one_target(*sizes), STARTS)
    assert rows["target_response"].iloc[-1] == response


def test_nodes_count_by_short_axis_and_are_gone_below_10_mm() -> None:
    rows = assess(
        lesions(
            [
                (-7, "A", "lung", 30, 20, True, False),
                (-7, "N", "mediastinal_node", 30, 20, True, False),
                (42, "A", "lung", 0, 0, True, False),
                (42, "N", "mediastinal_node", 18, 9, True, False),
                (84, "A", "lung", 0, 0, True, False),
                (84, "N", "mediastinal_node", 18, 10, True, False),
            ]
        ),
        STARTS,
    )
    assert rows["sld_mm"].tolist() == [50, 9, 10]
    assert rows["target_response"].tolist()[1:] == ["CR", "PR"]


def test_a_new_lesion_counts_on_the_day_it_is_first_seen() -> None:
    rows = assess(
        lesions(
            [
                (-7, "A", "lung", 30, 20, True, False),
                (42, "A", "lung", 30, 20, True, False),
                (42, "B", "liver", 12, 10, False, True),
                (84, "A", "lung", 30, 20, True, False),
                (84, "B", "liver", 14, 10, False, True),
            ]
        ),
        STARTS,
    )
    assert rows["new_lesion"].tolist() == [False, True, False]


def test_each_line_has_its_own_baseline_and_nadir() -> None:
    starts = pd.DataFrame({"patient_id": ["P", "P"], "line": [1, 2], "start_day": [0, 84]})
    rows = assess(one_target(100, 50, 70, 70), starts)
    # Day 84 progresses on line 1 (nadir 50) and is the baseline of line 2; 70 is stable there.
    assert rows["line"].tolist()[1:] == [1, 1, 2]
    assert rows["target_response"].tolist()[1:] == ["PR", "PD", "SD"]


def test_each_reader_is_judged_alone() -> None:
    both = pd.concat([one_target(100, 50, 60), one_target(100, 50, 59).assign(assessor="central")])
    rows = assess(both, STARTS).set_index("assessor")["target_response"]
    assert rows["investigator"].tolist()[1:] == ["PR", "PD"]
    assert rows["central"].tolist()[1:] == ["PR", "PR"]


def test_what_a_scan_does_not_cover_is_not_gone() -> None:
    rows = assess(
        lesions(
            [
                (-7, "A", "lung", 30, 20, True, False),
                (-7, "B", "brain", 12, 10, False, False),
                (42, "A", "lung", 0, 0, True, False),
                (42, "B", "brain", 0, 0, False, False),
                (84, "A", "lung", 0, 0, True, False),
            ]
        ),
        STARTS,
    )
    assert rows["nontargets"].tolist()[1:] == [1, 1]
    assert rows["nontargets_gone"].tolist()[1:] == [True, False]


def test_a_brain_lesion_found_later_is_new_then_non_target() -> None:
    starts = pd.DataFrame({"patient_id": ["P", "P"], "line": [1, 2], "start_day": [0, 50]})
    rows = assess(
        lesions(
            [
                (-7, "A", "lung", 30, 20, True, False),
                (42, "A", "lung", 30, 20, True, False),
                (42, "B", "brain", 9, 8, False, True),
                (84, "A", "lung", 30, 20, True, False),
            ]
        ),
        starts,
    )
    assert rows["new_lesion"].tolist() == [False, True, False]
    assert rows["nontargets"].tolist() == [0, 0, 1]
    assert not rows["nontargets_gone"].iloc[-1]


def test_a_target_that_a_scan_does_not_show_is_not_evaluable() -> None:
    rows = assess(
        lesions(
            [
                (-7, "A", "lung", 30, 20, True, False),
                (-7, "B", "liver", 30, 20, True, False),
                (42, "A", "lung", 10, 8, True, False),
            ]
        ),
        STARTS,
    )
    assert rows["target_response"].iloc[-1] == "NE"


def test_what_local_therapy_removed_counts_no_more() -> None:
    starts = pd.DataFrame({"patient_id": ["P", "P"], "line": [0, 1], "start_day": [0, 400]})
    rows = assess(
        lesions(
            [
                (-7, "D", "lung", 60, 40, True, False),
                (-7, "E", "bone", None, None, False, False),
                (395, "A", "lung", 20, 15, True, False),
                (442, "A", "lung", 24, 15, True, False),
                (484, "A", "lung", 0, 0, True, False),
            ]
        ),
        starts,
    )
    assert rows["is_baseline"].tolist() == [True, True, False, False]
    assert rows["target_response"].tolist()[2:] == ["SD", "CR"]
    assert rows["nontargets"].tolist()[2:] == [0, 0]


@pytest.mark.parametrize(
    ("answers", "best", "confirmed"),
    [
        ({42: "PR", 84: "PR"}, "PR", "PR"),
        ({42: "PR", 69: "PR"}, "PR", "SD"),  # 27 days
        ({42: "PR", 70: "CR"}, "CR", "PR"),
        ({42: "CR", 70: "CR"}, "CR", "CR"),
        ({42: "PR", 84: "PD", 126: "PR"}, "PR", "SD"),  # nothing counts after progression
        ({34: "SD", 84: "PD"}, "PD", "PD"),
        ({35: "SD", 84: "PD"}, "SD", "SD"),
        ({34: "SD"}, "NE", "NE"),
        ({42: "NE"}, "NE", "NE"),
        ({}, "NE", "NE"),
    ],
)
def test_best_response(answers: dict[int, str], best: str, confirmed: str) -> None:
    rows = [("P", "investigator", day, answer) for day, answer in answers.items()]
    columns = ["patient_id", "assessor", "day", "overall_response"]
    found = best_responses(pd.DataFrame(rows, columns=columns), STARTS, ["investigator"])
    assert found[["best", "confirmed"]].to_numpy().tolist() == [[best, confirmed]]


def test_without_a_scan_before_the_start_there_is_no_baseline() -> None:
    starts = pd.DataFrame({"patient_id": ["P"], "line": [1], "start_day": [-20]})
    rows = assess(one_target(100, 50), starts)
    assert not rows["has_baseline"].any()


@pytest.mark.parametrize(
    ("target", "nontarget", "new", "overall"),
    [
        ("CR", "CR", False, "CR"),
        ("CR", "NA", False, "CR"),
        ("CR", "NON-CR/NON-PD", False, "PR"),
        ("CR", "NE", False, "PR"),
        ("PR", "NON-CR/NON-PD", False, "PR"),
        ("PR", "NE", False, "PR"),
        ("SD", "CR", False, "SD"),
        ("SD", "NE", False, "SD"),
        ("NE", "CR", False, "NE"),
        ("PD", "CR", False, "PD"),
        ("CR", "PD", False, "PD"),
        ("CR", "CR", True, "PD"),
        ("NE", "NE", True, "PD"),
    ],
)
def test_overall_response(target: str, nontarget: str, new: bool, overall: str) -> None:
    found = overall_response(
        np.array([target], object), np.array([nontarget], object), np.array([new])
    )
    assert found.tolist() == [overall]
