"""Report text, as read by :mod:`eval.readers.report`, against tables/lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.checks.lookup import Lesion, Scan
from eval.checks.notes import CT, Note, of_kind
from eval.readers.facts import Fact
from eval.readers.report import read_report
from eval.reference import NODE_NORMAL_MM, NODE_SITES
from eval.result import CheckResult, Tally, results


def ct_reports(notes: Sequence[Note]) -> dict[Scan, tuple[str, str]]:
    """(path, text) of the CT reports by patient and day."""
    return {(n.patient_id, n.day): (n.path, text) for n, text in of_kind(notes, CT)}


class _Tallies:
    """The seven questions asked of every report."""

    def __init__(self) -> None:
        self.reported = Tally("text_reported", "reports mention every lesion that the CT covers")
        self.invented = Tally("text_invented", "reports mention no lesion that is not there")
        self.side = Tally("text_side", "sides in reports are those of tables/lesions")
        self.lobe = Tally("text_lobe", "lobes in reports are those of tables/lesions")
        self.size = Tally("text_size", "sizes in reports are those of tables/lesions, exactly")
        self.change = Tally("text_change", "changes in reports follow from the scan before")
        self.denied = Tally("text_denied", "reports deny nothing that is there")

    def results(self) -> list[CheckResult]:
        return results(
            [
                self.reported,
                self.invented,
                self.side,
                self.lobe,
                self.size,
                self.change,
                self.denied,
            ]
        )


def check_text(
    notes: Mapping[Scan, tuple[str, str]], lesions: Mapping[Scan, Sequence[Lesion]]
) -> list[CheckResult]:
    """Facts of every report against the lesions of its day."""
    tallies = _Tallies()
    for (patient, day), (path, text) in sorted(notes.items()):
        rows = [x for x in lesions.get((patient, day), ()) if x.covered]
        _check_report(tallies, patient, day, path, read_report(text), rows)
    return tallies.results()


def _check_report(
    tallies: _Tallies,
    patient: str,
    day: int,
    path: str,
    facts: Sequence[Fact],
    rows: Sequence[Lesion],
) -> None:
    mentioned: set[str] = set()
    for fact, row in pair(facts, rows):
        where = f"{path}: {_quote(fact.sentence)}"
        if row is None:
            tallies.invented.violate(
                patient,
                day,
                where,
                expected="no such lesion",
                found=describe(fact),
                message="the report invents a lesion",
            )
            continue
        tallies.invented.agree()
        mentioned.add(row.lesion_id)
        _check_place(tallies, patient, day, where, fact, row)
        _check_size(tallies.size, patient, day, where, fact, row)
        _check_change(tallies.change, patient, day, where, fact, row)
    for row in rows:
        if row.gone:
            continue
        tallies.reported.compare(
            row.lesion_id in mentioned,
            patient,
            day,
            path,
            expected=_expected(row),
            found="no mention",
            message=f"the report leaves out {row.lesion_id}",
        )
    for fact in facts:
        if fact.present or fact.generic or fact.change == "resolved":
            continue
        if fact.site is None and fact.change != "new":
            continue
        against = [row for row in rows if _contradicts(fact, row)]
        tallies.denied.compare(
            not against,
            patient,
            day,
            f"{path}: {_quote(fact.sentence)}",
            expected=", ".join(_expected(r) for r in against),
            found=describe(fact),
            message="the report denies a lesion that is there",
        )


def _check_place(
    tallies: _Tallies, patient: str, day: int, where: str, fact: Fact, row: Lesion
) -> None:
    if row.side is not None and fact.side not in (None, "bilateral"):
        tallies.side.compare(
            fact.side == row.side,
            patient,
            day,
            where,
            expected=row.side,
            found=fact.side,
            message=f"the side of {row.lesion_id} differs",
        )
    if row.lobe is not None and fact.lobe is not None:
        # The side has a check of its own: here only upper, middle or lower.
        tallies.lobe.compare(
            fact.lobe[1:] == row.lobe[1:],
            patient,
            day,
            where,
            expected=row.lobe,
            found=fact.lobe,
            message=f"the lobe of {row.lesion_id} differs",
        )


def _check_change(
    tally: Tally, patient: str, day: int, where: str, fact: Fact, row: Lesion
) -> None:
    if fact.change is None or fact.generic:
        return
    expected = row.change()
    seen_before = not row.first_seen
    if expected is None and seen_before and fact.change not in ("new", "resolved"):
        tally.skip("the lesion is not measurable")
        return
    tally.compare(
        fact.change == expected,
        patient,
        day,
        where,
        expected=expected or "no change to state",
        found=fact.change,
        message=f"the change of {row.lesion_id} differs",
    )


def _check_size(tally: Tally, patient: str, day: int, where: str, fact: Fact, row: Lesion) -> None:
    for axis, found, wanted in (
        ("long", fact.long_mm, row.long_mm),
        ("short", fact.short_mm, row.short_mm),
        ("prior", fact.prior_mm, row.prior_long_mm),
    ):
        if found is None:
            continue
        holds = found == wanted
        if axis == "prior":
            holds = found in (row.prior_long_mm, row.prior_short_mm)
        tally.compare(
            holds,
            patient,
            day,
            where,
            expected=wanted,
            found=found,
            message=f"{axis} axis of {row.lesion_id} in mm differs",
        )


def pair(facts: Sequence[Fact], rows: Sequence[Lesion]) -> list[tuple[Fact, Lesion | None]]:
    """Each stated lesion with the row that it fits best; None where the site has none left.

    Within a section a sized fact takes a row of its own. Statements about groups, and resolved
    ones, pair with any row of their site, among equals with one that is not yet spoken of.
    """
    pairs: list[tuple[Fact, Lesion | None]] = []
    for section in dict.fromkeys(f.section for f in facts):
        stated = [
            f
            for f in facts
            if f.section == section and f.site is not None and (f.present or f.change == "resolved")
        ]
        taken: set[str] = set()
        spoken: set[str] = set()
        order = sorted(range(len(stated)), key=lambda i: -_best(stated[i], rows))
        for i in order:
            fact = stated[i]
            options = [
                r
                for r in rows
                if _possible(fact, r) and not (fact.long_mm is not None and r.lesion_id in taken)
            ]
            row = max(options, key=lambda r: _fit(fact, r, r.lesion_id in spoken), default=None)
            if row is None and not rows and fact.generic and fact.long_mm is None:
                continue
            if row is not None:
                spoken.add(row.lesion_id)
                if fact.long_mm is not None:
                    taken.add(row.lesion_id)
            pairs.append((fact, row))
    return pairs


def _possible(fact: Fact, row: Lesion) -> bool:
    same = fact.site == row.site
    if fact.change == "resolved":
        return same
    return same and not row.gone


def _best(fact: Fact, rows: Sequence[Lesion]) -> float:
    return max((_likeness(fact, r) for r in rows if _possible(fact, r)), default=0.0)


def _fit(fact: Fact, row: Lesion, spoken: bool) -> tuple[float, bool]:
    """Likeness; a statement without size is rather of what has none and is not yet spoken of."""
    bare = fact.long_mm is None and row.long_mm is None and not spoken
    return _likeness(fact, row) + 1.5 * bare, not spoken


def _likeness(fact: Fact, row: Lesion) -> float:
    score = 0.0
    score += 4 * (fact.long_mm is not None and fact.long_mm == row.long_mm)
    score += 2 * (fact.short_mm is not None and fact.short_mm == row.short_mm)
    score += 3 * (fact.lobe is not None and fact.lobe == row.lobe)
    score += 1.5 * (fact.side is not None and fact.side == row.side)
    score += 1.5 * (fact.prior_mm is not None and fact.prior_mm == row.prior_long_mm)
    score += 1 * (fact.change is not None and fact.change == row.change())
    score += 2 * (fact.change == "resolved" and row.gone)
    return score


def _contradicts(fact: Fact, row: Lesion) -> bool:
    """Whether a denial is about this lesion: its site and side; nodes only if pathological.

    A denial without a site, "no new lesion", is of anything new.
    """
    if fact.site is None:
        return fact.change == "new" and row.change() == "new"
    if fact.site != row.site or row.gone:
        return False
    if fact.side in ("right", "left") and row.side not in (None, fact.side):
        return False
    if fact.lobe is not None and fact.lobe != row.lobe:
        return False
    if fact.change == "new" and row.change() != "new":
        return False
    if fact.change not in (None, "new"):
        return False
    small = row.short_mm is not None and row.short_mm < NODE_NORMAL_MM
    return not (row.site in NODE_SITES and small)


def describe(fact: Fact) -> str:
    """One line about a fact."""
    size = "" if fact.long_mm is None else f" {fact.long_mm:g} mm"
    words = (fact.side if fact.lobe is None else fact.lobe, fact.site, fact.change)
    return ("" if fact.present else "no ") + " ".join(w for w in words if w) + size


def _expected(row: Lesion) -> str:
    size = "" if row.long_mm is None else f" {row.long_mm:g} mm"
    return f"{row.lesion_id}: {row.lobe or row.side or ''} {row.site}{size}"


def _quote(sentence: str) -> str:
    return sentence if len(sentence) <= 160 else sentence[:157] + "..."
