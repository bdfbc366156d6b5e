"""Chest radiograph reports against tables/lesions: what a projection may show, and its limits.

A radiograph has no lobes and no millimetres. So a zone is compared with the lobes that project
into it, a size within ``SIZE_MM``, and a lesion must be told only where none can miss it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alignment import schemas
from eval.checks.asking import Ask
from eval.checks.lookup import Lesion, Scan
from eval.checks.notes import CT, RADIOGRAPH, Note, of_kind, rows_by_patient
from eval.dataset import Dataset
from eval.readers.findings import read_findings
from eval.readers.radiograph import ShadowFact, bone_sentences, read_radiograph, unexpected
from eval.result import CheckResult, Tally, results

PLAIN_MM = 20.0
"""Assumption: a lung lesion of this size that no effusion hides is told."""
FAINT_MM = 10.0
"""Assumption: a smaller one is not seen on a radiograph, and must not be told."""
SIZE_MM, SIZE_SHARE = 5.0, 0.1
"""A size on a radiograph is good to half a centimetre, or a tenth of large ones (assumption)."""
STILL_MM, STILL_SHARE = 6.0, 0.25
"""Not called changed although it changed by more: beyond what a radiograph can miss."""
LOBES = {
    "upp": ("RUL", "LUL"),
    "mid": ("RUL", "RML", "RLL", "LUL", "LLL"),
    "low": ("RML", "RLL", "LLL", "LUL"),  # the lingula reaches down to the heart
}
CORE = {"upp": ("RUL", "LUL"), "mid": ("RML",), "low": ("RLL", "LLL")}
"""The lobes that a denial of a zone is about beyond doubt."""
LOW_LOBES = ("RML", "RLL", "LLL")
MENTIONS = 4
"""Of many opacities only the largest need be told one by one."""


class _Tallies:
    """The questions asked of every radiograph report."""

    def __init__(self) -> None:
        self.told = Tally("cxr_reported", "radiograph reports tell what a radiograph cannot miss")
        self.invented = Tally("cxr_invented", "radiograph reports tell nothing that is not there")
        self.size = Tally("cxr_size", "sizes in radiograph reports are near those of the CT")
        self.change = Tally("cxr_change", "changes in radiograph reports do not contradict the CT")
        self.denied = Tally("cxr_denied", "radiograph reports deny nothing that is plain to see")
        self.unexpected = Tally(
            "cxr_unexpected", "radiograph reports state no finding that the patient does not have"
        )

    def results(self) -> list[CheckResult]:
        return results([self.told, self.invented, self.size, self.change, self.denied,
                        self.unexpected])  # fmt: skip


def check_radiograph_reports(
    notes: Sequence[Note], lesions: Mapping[Scan, Sequence[Lesion]], data: Dataset
) -> list[CheckResult]:
    """Facts of every radiograph report against the lesions of its day."""
    comorbid = comorbidities(data, {note.patient_id for note in notes})
    tallies = _Tallies()
    for note, text in of_kind(notes, RADIOGRAPH):
        if (note.patient_id, note.day) not in lesions:
            tallies.told.skip("no lesions of that day")
            continue
        rows = [r for r in lesions[note.patient_id, note.day] if r.covered]
        ask = Ask(note)
        _check_report(tallies, ask, read_radiograph(text), rows)
        check_unexpected(tallies.unexpected, ask, text, comorbid.get(note.patient_id, {}))
        bones = any(r.site == "bone" and not r.gone for r in rows)
        for sentence in bone_sentences(text):
            ask.that(tallies.unexpected, bones, expected="no bone lesion", found="bone lesion",
                     words=sentence, message="a bone lesion that the patient lacks")  # fmt: skip
        air = any(f.finding == "pneumothorax" and f.stated for f in read_findings(text))
        ask.that(tallies.invented, not air, expected="no pneumothorax",
                 found="pneumothorax" if air else "none",
                 message="a finding that is not there")  # fmt: skip
    return tallies.results()


def _check_report(
    t: _Tallies, ask: Ask, facts: Sequence[ShadowFact], rows: Sequence[Lesion]
) -> None:
    lung = [r for r in rows if r.site == "lung"]
    wet = {r.side for r in rows if r.site == "pleura" and not r.gone}
    mentioned: set[str] = set()
    taken: set[str] = set()
    for fact in facts:
        if fact.what == "opacity" and fact.present and not fact.general:
            row = _match(fact, lung, taken)
            _check_opacity(t, ask, fact, row)
            if row is not None:
                mentioned.add(row.lesion_id)
                if fact.size_mm is not None:
                    taken.add(row.lesion_id)
        elif fact.what == "effusion":
            _check_effusion(t, ask, fact, rows, wet)
        elif fact.what == "opacity" and not fact.present:
            _check_denial(t, ask, fact, lung, wet)
        taken = taken if fact.size_mm is not None else set()
    plain = sorted((r for r in lung if _plain(r, wet)), key=lambda r: -(r.long_mm or 0))
    for row in plain[:MENTIONS]:
        ask.that(t.told, row.lesion_id in mentioned, expected=_name(row), found="no mention",
                 message=f"the report leaves out {row.lesion_id}")  # fmt: skip
    for side in sorted(s for s in wet if s):
        stated = any(f.what == "effusion" and f.present and f.side in (side, "bilateral")
                     for f in facts)  # fmt: skip
        ask.that(t.told, stated, expected=f"{side} effusion", found="no mention",
                 message="the report leaves out an effusion")  # fmt: skip


ALLOWED = {
    "copd": ("hyperinflation",),
    "cardiovascular": ("cardiomegaly", "atherosclerosis", "tortuous_aorta"),
}
"""Findings of a comorbidity that tables/patients holds. No table holds any other of the findings
beside lesions and fluid, so a report that states one has invented it."""


def comorbidities(data: Dataset, patients: set[str]) -> dict[str, dict[str, bool]]:
    """By patient: which comorbidities of ALLOWED the table has."""
    rows = rows_by_patient(data, schemas.PATIENTS, patients) or {}
    return {who: {name: bool(found[0][name]) for name in ALLOWED} for who, found in rows.items()}


def check_unexpected(tally: Tally, ask: Ask, text: str, has: Mapping[str, bool]) -> None:
    """Fracture, oedema, consolidation and the like are stated only where the patient has them."""
    known = {f for name, findings in ALLOWED.items() if has.get(name) for f in findings}
    against = [f for f in unexpected(text) if f.finding not in known]
    ask.that(tally, not against, expected="nothing beside lesions and fluid",
             found=", ".join(f.words for f in against) or "none",
             words=against[0].sentence if against else "",
             message="a finding that the patient does not have")  # fmt: skip


def check_ct_findings(data: Dataset, notes: Sequence[Note]) -> CheckResult:
    """The same of chest CT reports."""
    tally = Tally("text_unexpected", "reports state no finding that the patient does not have")
    comorbid = comorbidities(data, {note.patient_id for note in notes})
    for note, text in of_kind(notes, CT):
        check_unexpected(tally, Ask(note), text, comorbid.get(note.patient_id, {}))
    return tally.result()


def _plain(row: Lesion, wet: set[str | None]) -> bool:
    hidden = row.side in wet and row.lobe in LOW_LOBES
    return (row.long_mm or 0) >= PLAIN_MM and not hidden


def _match(fact: ShadowFact, lung: Sequence[Lesion], taken: set[str]) -> Lesion | None:
    """The lesion of that side and zone whose size is nearest."""
    fitting = [
        r for r in lung
        if not r.gone and (r.long_mm or 0) >= FAINT_MM and r.lesion_id not in taken
        and fact.side in (None, r.side)
        and (fact.zone is None or r.lobe is None or r.lobe in LOBES[fact.zone])
    ]  # fmt: skip
    wanted = fact.size_mm
    if wanted is None:
        return max(fitting, key=lambda r: r.long_mm or 0, default=None)
    return min(fitting, key=lambda r: abs((r.long_mm or 0) - wanted), default=None)


def _check_opacity(t: _Tallies, ask: Ask, fact: ShadowFact, row: Lesion | None) -> None:
    if row is None:
        ask.that(t.invented, False, expected="no such lung lesion", found=_said(fact),
                 words=fact.sentence, message="the report invents an opacity")  # fmt: skip
        return
    t.invented.agree()
    now, before = row.long_mm or 0.0, row.prior_long_mm
    if fact.size_mm is not None:
        ask.that(t.size, abs(fact.size_mm - now) <= max(SIZE_MM, SIZE_SHARE * now),
                 expected=f"{now:g} mm", found=f"{fact.size_mm:g} mm", words=fact.sentence,
                 message=f"the size of {row.lesion_id} differs")  # fmt: skip
    if fact.change is None:
        return
    holds = fact.change == row.change()
    if fact.change == "stable" and before is not None:
        holds = abs(now - before) <= max(STILL_MM, STILL_SHARE * before)
    ask.that(t.change, holds, expected=row.change() or "no change to state", found=fact.change,
             words=fact.sentence, message=f"the change of {row.lesion_id} differs")  # fmt: skip


def _check_effusion(
    t: _Tallies, ask: Ask, fact: ShadowFact, rows: Sequence[Lesion], wet: set[str | None]
) -> None:
    here = wet if fact.side in (None, "bilateral") else wet & {fact.side}
    if not fact.present:
        ask.that(t.denied, not here, expected="effusion", found="no effusion",
                 words=fact.sentence, message="the report denies an effusion")  # fmt: skip
        if fact.change == "gone":
            before = any(
                r.site == "pleura" and r.gone and fact.side in (None, "bilateral", r.side)
                for r in rows
            )
            ask.that(t.change, before or bool(here), expected="no effusion before",
                     found="cleared", words=fact.sentence,
                     message="an effusion that never was is called cleared")  # fmt: skip
        return
    ask.that(t.invented, bool(here), expected="no effusion on that side", found=_said(fact),
             words=fact.sentence, message="the report invents an effusion")  # fmt: skip
    row = next((r for r in rows if r.site == "pleura" and r.side in here), None)
    if fact.change is None or row is None:
        return
    old = not row.first_seen and row.prior_long_mm != 0
    holds = fact.change != "new" if old else fact.change == "new"
    ask.that(t.change, holds, expected="seen before" if old else "new", found=fact.change,
             words=fact.sentence, message="the change of an effusion differs")  # fmt: skip


def _check_denial(
    t: _Tallies, ask: Ask, fact: ShadowFact, lung: Sequence[Lesion], wet: set[str | None]
) -> None:
    against = [
        r for r in lung
        if _plain(r, wet) and fact.side in (None, r.side)
        and (fact.zone is None or r.lobe in CORE[fact.zone])
    ]  # fmt: skip
    ask.that(t.denied, not against, expected=", ".join(_name(r) for r in against),
             found="no opacity", words=fact.sentence,
             message="the report denies what is plain to see")  # fmt: skip


def _name(row: Lesion) -> str:
    return f"{row.lesion_id}: {row.lobe or row.side or ''} {row.long_mm or 0:g} mm"


def _said(fact: ShadowFact) -> str:
    size = "" if fact.size_mm is None else f" {fact.size_mm:g} mm"
    return f"{fact.side or ''} {fact.zone or ''} {fact.what}{size}".strip()
