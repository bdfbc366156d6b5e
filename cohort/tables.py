"""From a draw to the observed and truth tables of ``alignment.schemas``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alignment import arrow, schemas
from alignment.panel import LabPanel
from cohort import spec
from cohort.codebook import VARIANT_SUFFIX, Codebook
from cohort.frame import Array
from cohort.mechanisms.tumour import SITE_CODES
from cohort.mechanisms.visits import NO_REGIMEN
from cohort.model import CausalModel, Draw

ASSESSOR = "investigator"
DERIVED = (spec.Lookup, spec.Member, spec.Tally, spec.Bernoulli)
"""Kinds whose values follow from others or stand in a table already."""


@dataclass(frozen=True)
class CohortTables:
    """Tables of a drawn range of patients, and the panel that the laboratory will report."""

    model: CausalModel
    codebook: Codebook
    draw: Draw

    def tables(self) -> dict[str, pa.Table]:
        """All tables by path, the laboratory's excepted."""
        made = (
            (schemas.PATIENTS, self._patients()),
            (schemas.VISITS, self._visits()),
            (schemas.LESIONS, self._lesions()),
            (schemas.RESPONSES_TABLE, self._responses()),
            (schemas.TREATMENTS, self._treatments()),
            (schemas.VARIANTS, self._variants()),
            (schemas.EVENTS, self._events()),
            (schemas.SURVIVAL, self._survival()),
            (schemas.TRUTH_PATIENTS, self._truth_patients()),
            (schemas.TRUTH_LESIONS, self._truth_lesions()),
        )
        return {table.path: arrow.build(table, columns) for table, columns in made}

    def panel(self) -> LabPanel:
        """Latent laboratory values at every visit."""
        visits = self.draw.visits
        person = {
            name: np.asarray(self.draw.levels[name])[self.draw.baseline[name]]
            for name in ("sex", "smoking_status")
        }
        return LabPanel(
            self.draw.seed,
            self.draw.start,
            self.draw.n,
            visits["patient"],
            visits["step"],
            visits["visit_day"],
            self.codebook.analytes,
            np.stack([visits[analyte.key] for analyte in self.codebook.analytes]),
            person,
        )

    def _ids(self, patient: Array) -> pa.DictionaryArray:
        return arrow.patient_column(self.draw.start, self.draw.n, patient)

    def _level(self, name: str) -> pa.DictionaryArray:
        return arrow.coded(self.draw.baseline[name], self.draw.levels[name])

    def _patients(self) -> dict[str, Any]:
        base, levels = self.draw.baseline, self.draw.levels
        cutoff = (self.model.disease.data_cutoff - dt.date(1970, 1, 1)).days
        index = (cutoff - base["days_to_cutoff"]).astype(np.int32)
        ecog = np.array([int(level) for level in levels["ecog"]], np.int8)
        text = ("sex", "ancestry", "smoking_status", "histology", "t", "n", "m", "stage")
        return {
            "patient_id": self._ids(np.arange(self.draw.n)),
            "age": base["age"].astype(np.int16),
            **{name: self._level(name) for name in text},
            **{name: base[name] for name in ("pack_years", "height_cm", "weight_kg", "tmb")},
            "ecog": ecog[base["ecog"]],
            "pdl1_tps": base["pdl1_tps"].astype(np.int16),
            "index_date": pa.array(index, pa.int32()).cast(pa.date32()),
        }

    def _visits(self) -> dict[str, Any]:
        visits, scans = self.draw.visits, self.draw.scans
        baseline, cycle, scan, follow_up = range(4)
        idle = visits["regimen"] == self.draw.levels["regimen"].index(NO_REGIMEN)
        kind = np.where(visits["step"] == 0, baseline, np.where(idle, follow_up, cycle))
        patient = np.concatenate([visits["patient"], scans["patient"]])
        day = np.concatenate([visits["visit_day"], scans["scan_day"]]).astype(np.int32)
        kind = np.concatenate([kind, np.full(len(scans["patient"]), scan)])
        line = np.concatenate([visits["line"], scans["line_at_visit"]]).astype(np.int8)
        order = np.lexsort((kind, day, patient))
        return {
            "patient_id": self._ids(patient[order]),
            "day": day[order],
            "kind": arrow.coded(kind[order], schemas.VISIT_KINDS),
            "line": line[order],
        }

    @cached_property
    def _seen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(scan, slot) of every lesion row, by scan and slot."""
        scan, slot = np.nonzero(self.draw.scans["lesion_present"].T)
        return scan, slot

    def _lesion_keys(self) -> dict[str, Any]:
        scans, (scan, slot) = self.draw.scans, self._seen
        # Slots fill in the order of first sight, so the running count names a lesion for good.
        number = np.cumsum(scans["lesion_present"], axis=0)[slot, scan] - 1
        names = [f"L{i + 1:02d}" for i in range(len(scans["lesion_present"]))]
        return {
            "patient_id": self._ids(scans["patient"][scan]),
            "day": scans["scan_day"][scan].astype(np.int32),
            "lesion_id": arrow.coded(number, names),
        }

    def _lesions(self) -> dict[str, Any]:
        scans, (scan, slot) = self.draw.scans, self._seen
        lesions = next(
            v for v in self.model.disease.variables.values() if isinstance(v, spec.Lesions)
        )
        return {
            **self._lesion_keys(),
            "site": arrow.coded(scans["lesion_site"][slot, scan], schemas.SITES),
            "lobe": arrow.coded(scans["lesion_lobe"][slot, scan], schemas.LOBES),
            "side": arrow.coded(scans["lesion_side"][slot, scan], schemas.SIDES),
            "long_axis_mm": scans["measurement"][0, slot, scan],
            "short_axis_mm": scans["measurement"][1, slot, scan],
            "is_target": scans["lesion_target"][slot, scan],
            "is_new": slot >= len(lesions.lesions),
        }

    def _truth_lesions(self) -> dict[str, Any]:
        scans, (scan, slot) = self.draw.scans, self._seen
        sized = ~np.isin(scans["lesion_site"][slot, scan], [SITE_CODES[s] for s in UNSIZED_SITES])
        long, short = (scans["lesions"][axis, slot, scan] for axis in range(2))
        return {
            **self._lesion_keys(),
            "long_axis_mm": np.where(sized, long, np.nan),
            "short_axis_mm": np.where(sized, short, np.nan),
        }

    def _responses(self) -> dict[str, Any]:
        scans = self.draw.scans
        rows = np.flatnonzero(scans["step"] > 0)
        take = {name: scans[name][rows] for name in (
            "patient", "scan_day", "sld_measured", "target_response", "new_lesion", "response",
            "nontarget_present", "nontarget_gone", "nontarget_progression",
        )}  # fmt: skip
        gone, unchanged, worse, none = 0, 1, 2, 4
        nontarget = np.where(take["nontarget_gone"], gone, unchanged)
        nontarget = np.where(take["nontarget_progression"], worse, nontarget)
        nontarget = np.where(take["nontarget_present"], nontarget, none)
        return {
            "patient_id": self._ids(take["patient"]),
            "day": take["scan_day"].astype(np.int32),
            "sld_mm": take["sld_measured"],
            "target_response": arrow.coded(take["target_response"] - 1, schemas.RESPONSES),
            "nontarget_response": arrow.coded(nontarget, schemas.NONTARGET_RESPONSES),
            "new_lesion": take["new_lesion"],
            "overall_response": arrow.coded(take["response"] - 1, schemas.RESPONSES),
            "assessor": arrow.constant(ASSESSOR, len(rows)),
        }

    @cached_property
    def _lines(self) -> _Lines:
        return _Lines.of(self.draw)

    def _treatments(self) -> dict[str, Any]:
        lines, regimens = self._lines, self.draw.levels["regimen"]
        dead = lines.died & ~lines.next_starts
        stop = np.where(lines.progressed, lines.decision_day, np.where(dead, lines.death, np.nan))
        reason = np.where(lines.progressed, 0, np.where(dead, 2, 3))
        codes = [self.codebook.rxnorm.get(regimen, "") for regimen in regimens]
        return {
            "patient_id": self._ids(lines.patient),
            "line": lines.line.astype(np.int8),
            "regimen": arrow.coded(lines.regimen, regimens),
            "rxnorm": arrow.coded(lines.regimen, codes),
            "start_day": lines.start.astype(np.int32),
            "stop_day": pa.array(stop, from_pandas=True).cast(pa.int32()),
            "stop_reason": arrow.coded(reason, schemas.STOP_REASONS),
        }

    def _survival(self) -> dict[str, Any]:
        lines = self._lines
        end = np.minimum(lines.death, lines.cutoff)
        # Progression ends the line; death counts where no progression came before it.
        fatal = lines.died & ~lines.progressed & ~lines.next_starts
        last_seen = np.where(np.isnan(lines.last_scan), lines.start, lines.last_scan)
        pfs_end = np.where(lines.progressed, lines.progression_day, last_seen)
        pfs_end = np.where(fatal, lines.death, pfs_end)
        cause = np.where(lines.progressed, lines.cause, np.where(fatal, 3, 4))
        rows = len(lines.patient)
        return {
            "patient_id": self._ids(lines.patient),
            "study_id": arrow.constant(self.model.disease.study_id, rows),
            "line": lines.line.astype(np.int8),
            "origin_day": lines.start.astype(np.int32),
            "os_days": (end - lines.start).astype(np.int32),
            "os_event": lines.died,
            "pfs_days": (pfs_end - lines.start).astype(np.int32),
            "pfs_event": lines.progressed | fatal,
            "pfs_cause": arrow.coded(cause, schemas.PFS_CAUSES),
            "assessor": arrow.constant(ASSESSOR, rows),
            "censor_reason": arrow.coded((~lines.died).astype(np.int8), schemas.CENSOR_REASONS),
        }

    def _events(self) -> dict[str, Any]:
        lines = self._lines
        progressed = np.flatnonzero(lines.progressed)
        death = self.draw.death
        dead = np.flatnonzero(death <= self.draw.baseline["days_to_cutoff"])
        patient = np.concatenate([lines.patient[progressed], dead])
        day = np.concatenate([lines.progression_day[progressed], death[dead]]).astype(np.int32)
        kind = np.repeat([0, 1], [len(progressed), len(dead)])
        order = np.lexsort((kind, day, patient))
        codes, systems, names = zip(self.codebook.progression, self.codebook.death, strict=True)
        return {
            "patient_id": self._ids(patient[order]),
            "day": day[order],
            "code": arrow.coded(kind[order], codes),
            "system": arrow.coded(kind[order], systems),
            "name": arrow.coded(kind[order], names),
            "grade": np.where(kind[order] == 1, 5, 0).astype(np.int8),
        }

    def _variants(self) -> dict[str, Any]:
        found, patients, fractions = [], [], []
        for name in (n for n in self.draw.baseline if n.endswith(VARIANT_SUFFIX)):
            codes, levels = self.draw.baseline[name], self.draw.levels[name]
            carriers = np.flatnonzero(codes > 0)
            found += [self.codebook.variants[levels[codes[i]]] for i in carriers]
            patients.append(carriers)
            fractions.append(self.draw.baseline[name.replace(VARIANT_SUFFIX, "_vaf")][carriers])
        patient = np.concatenate(patients) if patients else np.zeros(0, np.int64)
        order = np.argsort(patient, kind="stable")
        vaf = np.concatenate(fractions)[order] if fractions else np.zeros(0)
        rows = [found[i] for i in order]
        text = ("gene", "hgnc", "hgvs_c", "hgvs_p", "chrom", "ref", "alt")
        return {
            "patient_id": self._ids(patient[order]),
            **{name: _text([getattr(row, name) for row in rows]) for name in text},
            "pos": np.array([row.pos for row in rows], np.int32),
            "vaf": vaf,
            "origin": arrow.constant("somatic", len(rows)),
        }

    def _truth_patients(self) -> dict[str, Any]:
        draw, n = self.draw, self.draw.n
        observed = {column.name for column in schemas.PATIENTS.columns}
        entries: list[tuple[str, Array, Array, tuple[str, ...] | None]] = []
        for name, values in draw.baseline.items():
            hidden = name not in observed and not name.endswith((VARIANT_SUFFIX, "_vaf"))
            if hidden and not isinstance(self.model.disease.variables[name], DERIVED):
                entries.append((name, np.arange(n), values, draw.levels.get(name)))
        entries.append(("death", np.arange(n), draw.death, None))
        starts = np.flatnonzero(draw.visits["line_starts"])
        for name in ("kg", "ks"):
            for line in np.unique(draw.visits["line"][starts]).astype(int):
                rows = starts[draw.visits["line"][starts] == line]
                label = f"{name}@{line}"
                entries.append((label, draw.visits["patient"][rows], draw.visits[name][rows], None))
        patient = np.concatenate([p for _, p, _, _ in entries])
        which = np.repeat(np.arange(len(entries)), [len(p) for _, p, _, _ in entries])
        value = np.concatenate([np.full(len(p), np.nan) if levels else v.astype(np.float64)
                                for _, p, v, levels in entries])  # fmt: skip
        words = sorted({level for *_, levels in entries if levels for level in levels})
        level = np.concatenate([
            np.array([words.index(w) for w in levels])[v] if levels else np.full(len(p), -1)
            for _, p, v, levels in entries
        ])  # fmt: skip
        order = np.argsort(patient, kind="stable")
        return {
            "patient_id": self._ids(patient[order]),
            "variable": arrow.coded(which[order], [name for name, *_ in entries]),
            "value": value[order],
            "level": arrow.coded(level[order], words),
        }


UNSIZED_SITES = ("pleura", "bone")


@dataclass(frozen=True)
class _Lines:
    """One entry a line of therapy, by patient and line."""

    patient: Array
    line: Array
    regimen: Array
    start: Array
    progressed: Array
    decision_day: Array
    progression_day: Array
    cause: Array
    last_scan: Array
    next_starts: Array
    death: Array
    cutoff: Array
    died: Array

    @classmethod
    def of(cls, draw: Draw) -> _Lines:
        visits, scans = draw.visits, draw.scans
        starts = np.flatnonzero(visits["line_starts"])
        patient, line = visits["patient"][starts], visits["line"][starts].astype(np.int64)
        shape = (draw.n, int(line.max(initial=1)) + 2)
        entry = np.full(shape, np.nan)
        decision, progression, last_scan = entry.copy(), entry.copy(), entry.copy()
        started = np.zeros(shape, bool)
        started[patient, line] = True
        at_line = scans["line_at_visit"].astype(np.int64)
        np.fmax.at(last_scan, (scans["patient"], at_line), scans["scan_day"])
        progressive = draw.levels["response"].index("PD")
        rows = np.flatnonzero(scans["response"] == progressive)
        where = (scans["patient"][rows], at_line[rows])
        decision[where] = scans["visit_day"][rows]
        progression[where] = scans["scan_day"][rows]
        cause = np.full(shape, 0)
        cause[where] = np.where(
            scans["target_response"][rows] == progressive,
            0,
            np.where(scans["new_lesion"][rows], 2, 1),
        )
        here = (patient, line)
        death, cutoff = draw.death[patient], draw.baseline["days_to_cutoff"][patient]
        return cls(
            patient=patient,
            line=line,
            regimen=visits["regimen"][starts],
            start=visits["visit_day"][starts],
            progressed=~np.isnan(progression[here]),
            decision_day=decision[here],
            progression_day=progression[here],
            cause=cause[here],
            last_scan=last_scan[here],
            next_starts=started[patient, line + 1],
            death=death,
            cutoff=cutoff,
            died=death <= cutoff,
        )


def _text(values: list[str]) -> pa.DictionaryArray:
    levels = sorted(set(values))
    index = {level: i for i, level in enumerate(levels)}
    return arrow.coded(np.array([index[v] for v in values], np.int32), levels)
