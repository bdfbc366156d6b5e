"""Drugs where indicated and not contraindicated; drivers; doses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

import numpy as np

from eval.reference import (
    ALK_INHIBITORS,
    CHECKPOINT_INHIBITORS,
    EGFR_INHIBITORS,
    G12C_INHIBITORS,
    MET_EXON_14,
    MET_INHIBITORS,
    PEMETREXED,
    short_protein,
)
from eval.rules.rule import Broken, Rule
from eval.rules.tables import Bools, Rows, Tables, day_key

CRIZOTINIB, PEMBROLIZUMAB = "1148495", "1547545"


def _drugs(rxnorm: str) -> set[str]:
    return set(rxnorm.split("+"))


def _with(rows: Rows, codes: Iterable[str]) -> Bools:
    """(n,) whether the regimen has one of the drugs."""
    wanted = set(codes)
    return rows.lookup("rxnorm", lambda text: bool(_drugs(text) & wanted))


def _carriers(t: Tables, *genes: str) -> Bools:
    variants = t["variants"]
    return t.any_row(variants, variants.among("gene", genes))


def exon_14(variants: Rows) -> Bools:
    """(n,) MET variants in exon 14 or its splice sites."""
    position = variants.number("pos")
    inside = (position >= MET_EXON_14[0]) & (position <= MET_EXON_14[1])
    return variants.among("gene", ["MET"]) & inside


def _egfr(t: Tables) -> Broken:
    rows = t["treatments"]
    return [(rows, _with(rows, EGFR_INHIBITORS) & ~_carriers(t, "EGFR")[rows.patient])]


def _alk(t: Tables) -> Broken:
    rows = t["treatments"]
    drugs = set(ALK_INHIBITORS) - {CRIZOTINIB}
    return [(rows, _with(rows, drugs) & ~_carriers(t, "ALK")[rows.patient])]


def _crizotinib(t: Tables) -> Broken:
    rows = t["treatments"]
    return [(rows, _with(rows, [CRIZOTINIB]) & ~_carriers(t, "ALK", "ROS1")[rows.patient])]


def _met(t: Tables) -> Broken:
    rows, variants = t["treatments"], t["variants"]
    carriers = t.any_row(variants, exon_14(variants))
    return [(rows, _with(rows, MET_INHIBITORS) & ~carriers[rows.patient])]


def _g12c(t: Tables) -> Broken:
    rows, variants = t["treatments"], t["variants"]
    g12c = variants.lookup("hgvs_p", lambda text: short_protein(text) == "G12C")
    carriers = t.any_row(variants, g12c & variants.among("gene", ["KRAS"]))
    return [(rows, _with(rows, G12C_INHIBITORS) & ~carriers[rows.patient])]


def _pemetrexed(t: Tables) -> Broken:
    rows, patients = t["treatments"], t["patients"]
    squamous = t.any_row(patients, patients.among("histology", ["squamous"]))
    return [(rows, _with(rows, [PEMETREXED]) & squamous[rows.patient])]


def _checkpoint(t: Tables) -> Broken:
    rows = t["treatments"]
    alone = rows.lookup("rxnorm", lambda text: _drugs(text) <= set(CHECKPOINT_INHIBITORS))
    driver = _carriers(t, "EGFR", "ALK")[rows.patient]
    return [(rows, alone & (rows.number("line") == 1) & driver)]


def _pdl1(t: Tables) -> Broken:
    rows, patients = t["treatments"], t["patients"]
    positive = t.any_row(patients, patients.number("pdl1_tps") >= 1)
    first = rows.among("rxnorm", [PEMBROLIZUMAB]) & (rows.number("line") == 1)
    return [(rows, first & ~positive[rows.patient])]


def _consolidation(t: Tables) -> Broken:
    rows = t["treatments"]
    start = rows.number("start_day")
    first = t.least(rows, start, rows.among("intent", ["curative"]))
    return [(rows, rows.among("intent", ["consolidation"]) & ~(first[rows.patient] < start))]


_DRIVER_GENES = ("EGFR", "KRAS", "ALK", "ROS1", "RET", "BRAF", "MET", "ERBB2", "NTRK")


def _drivers(t: Tables) -> tuple[Rows, Bools]:
    """Rows of tables/variants and (patients, drivers) which drivers each has at index."""
    variants = t["variants"]
    at_index = variants.number("day") <= 0
    v600e = variants.lookup("hgvs_p", lambda text: short_protein(text) == "V600E")
    found = np.zeros((t.n, len(_DRIVER_GENES)), bool)
    for i, name in enumerate(_DRIVER_GENES):
        pattern = re.compile(f"{name}[123]" if name == "NTRK" else name)
        mask = at_index & variants.lookup("gene", partial(_matches, pattern))
        if name == "BRAF":
            mask &= v600e
        if name == "MET":
            mask &= exon_14(variants)
        found[variants.patient[mask], i] = True
    return variants, found


def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None


def _more_drivers_than(t: Tables, most: int) -> Broken:
    _, found = _drivers(t)
    patients = t["patients"]
    return [(patients, (found.sum(axis=1) > most)[patients.patient])]


def _three_drivers(t: Tables) -> Broken:
    return _more_drivers_than(t, 2)


def _two_drivers(t: Tables) -> Broken:
    return _more_drivers_than(t, 1)


def _dose_range(t: Tables) -> Broken:
    rows = t["doses"]
    dose = rows.number("relative_dose")
    return [(rows, ~((dose >= 0) & (dose <= 1)) | (rows.number("delay_days") < 0))]


def _omitted(t: Tables) -> Broken:
    rows = t["doses"]
    return [(rows, (rows.number("relative_dose") == 0) != rows.among("action", ["omitted"]))]


def _in_line(t: Tables) -> Broken:
    """A dose has a treatment of its line and regimen that had started and not stopped."""
    doses, rows = t["doses"], t["treatments"]
    codes, texts = doses.coded("regimen")
    place = {text: i for i, text in enumerate(texts)}
    coded, names = rows.coded("regimen")
    shared = np.array([*(place.get(name, -2) for name in names), -2])[coded]
    width = len(texts) + 2

    mine = (doses.patient * 128 + doses.number("line").astype(np.int64)) * width + codes + 1
    theirs = (rows.patient * 128 + rows.number("line").astype(np.int64)) * width + shared + 1
    known = shared >= 0
    keys = theirs[known]
    start = rows.number("start_day")[known]
    stop = np.nan_to_num(rows.number("stop_day"), nan=np.inf)[known]
    order = np.lexsort((start, keys))
    keys, start, stop = keys[order], start[order], stop[order]
    day = doses.number("day")
    # The last row of the group that had started is the one to look at: rows follow one another.
    at = np.searchsorted(day_key(keys, start), day_key(mine, day), side="right") - 1
    if len(keys) == 0:
        return [(doses, np.ones(len(doses), bool))]
    held = (at >= 0) & (keys[at] == mine) & (day <= stop[at])
    return [(doses, ~held)]


def _ecog_4(t: Tables) -> Broken:
    rows, vitals, patients = t["treatments"], t["vitals"], t["patients"]
    bedridden = vitals.number("ecog") == 4
    days = day_key(vitals.patient, vitals.number("day"))[bedridden]
    start = rows.number("start_day")
    then = np.isin(day_key(rows.patient, start), days)
    at_index = t.any_row(patients, patients.number("ecog") == 4)[rows.patient] & (start == 0)
    return [(rows, ~rows.among("intent", ["supportive"]) & (then | at_index))]


_GENETIC = ("treatments", "variants")

RULES = (
    Rule("egfr-inhibitor-needs-egfr-variant", _GENETIC, _egfr),
    Rule("alk-inhibitor-needs-alk-fusion", _GENETIC, _alk),
    Rule("crizotinib-needs-alk-or-ros1-fusion", _GENETIC, _crizotinib),
    Rule("met-inhibitor-needs-met-exon-14", _GENETIC, _met),
    Rule("kras-inhibitor-needs-kras-g12c", _GENETIC, _g12c),
    Rule("no-pemetrexed-in-squamous", ("treatments", "patients"), _pemetrexed),
    Rule("no-checkpoint-inhibitor-alone-first-with-egfr-or-alk", _GENETIC, _checkpoint),
    Rule("pembrolizumab-alone-first-needs-pdl1", ("treatments", "patients"), _pdl1),
    Rule("consolidation-follows-curative-treatment", ("treatments",), _consolidation),
    Rule("never-three-drivers", ("variants", "patients"), _three_drivers),
    Rule("drivers-near-exclusive", ("variants", "patients"), _two_drivers, tolerance=0.02),
    Rule("dose-between-none-and-full", ("doses",), _dose_range),
    Rule("no-dose-iff-omitted", ("doses",), _omitted),
    Rule("dose-within-its-line", ("doses", "treatments"), _in_line),
    Rule("no-line-started-at-ecog-4", ("treatments", "vitals", "patients"), _ecog_4),
)
