"""Whether a report can tell of a later visit."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from results import Row

from alignment.plan import EncounterPlan
from alignment.run import NotesOptions
from modalities import note_files
from note import written
from note.rates import COMMAND

PATIENTS = 20


def leak_rows() -> list[Row]:
    """Reports before and after the later visit of their patient became that of another."""
    visits = written.visits(60)  # a prior visit has no findings where all of today's are new
    cases = [(plan, prior) for plan, prior in visits if prior and prior.findings][:PATIENTS]
    earlier = [prior for _, prior in cases]
    later = [plan for plan, _ in cases]
    other = [
        replace(plan, overall_response=its.overall_response, findings=its.findings)
        for plan, its in zip(later, [*later[1:], later[0]], strict=True)
    ]
    one, two = (_texts(earlier, visits) for visits in (later, other))
    differ = [(p.patient_id, p.day) for p in earlier if one[key(p)] != two[key(p)]]
    changed = sum(one[key(p)] != two[key(p)] for p in later)
    n = len(cases)
    return [
        Row("earlier reports that a changed later visit changed", len(differ), f"of {n}",
            COMMAND + "leak", target="0", met=not differ),
        Row("the later reports themselves, which must change", changed, f"of {n}",
            COMMAND + "leak", target=str(n), met=changed == n),
    ]  # fmt: skip


def key(plan: EncounterPlan) -> tuple[str, int]:
    """Whose report of which day."""
    return plan.patient_id, plan.day


def _texts(
    earlier: Sequence[EncounterPlan], later: Sequence[EncounterPlan]
) -> dict[tuple[str, int], str]:
    options = NotesOptions(kinds=("ct_chest_report",), adapter=written.adapter(), redraws=1)
    plans = [plan for visits in zip(earlier, later, strict=True) for plan in visits]
    with tempfile.TemporaryDirectory() as folder:
        made = note_files.write_notes(plans, [], options, Path(folder) / "x", lambda *_: None)
    return {(row["patient_id"], row["day"]): row["text"] for row in made.to_pylist()}
