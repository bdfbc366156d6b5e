"""Clean patients in schema 2, written by hand: every number below was chosen, not computed.

``clean(i)`` is patient i as plain rows, table by table; ``frames`` puts patients into data frames
of the schema's own types.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa

from alignment import schemas

Row = dict[str, Any]
Patient = dict[str, list[Row]]
INDEX = dt.date(2020, 1, 15)

# regimen, rxnorm of line 1 and of line 2; PD-L1; variants (gene, hgvs_p, pos); histology
PROFILES: list[tuple[tuple[str, str], tuple[str, str], int, list[tuple[str, str, int]], str]] = [
    (("osimertinib", "1721560"), ("platinum_pemetrexed", "40048+68446"), 20,
     [("EGFR", "p.Leu858Arg", 55191822)], "adenocarcinoma"),
    (("alectinib", "1727455"), ("lorlatinib", "2103164"), 60,
     [("ALK", "p.?", 42297000)], "adenocarcinoma"),
    (("pembrolizumab", "1547545"), ("docetaxel", "72962"), 80,
     [("TP53", "p.Arg175His", 7675088)], "large_cell"),
    (("platinum_paclitaxel", "40048+56946"), ("pembrolizumab", "1547545"), 0,
     [("TP53", "p.Arg248Gln", 7674220)], "squamous"),
    (("pembrolizumab_platinum_pemetrexed", "1547545+40048+68446"), ("adagrasib", "2625882"), 0,
     [("KRAS", "p.Gly12Cys", 25245351), ("STK11", "p.Gln37Ter", 1207021)], "adenocarcinoma"),
    (("capmatinib", "2362165"), ("gemcitabine", "12574"), 5,
     [("MET", "p.Asp1010Asn", 116771989)], "adenosquamous"),
    (("crizotinib", "1148495"), ("platinum_pemetrexed", "40048+68446"), 1,
     [("ROS1", "p.?", 117324415)], "adenocarcinoma"),
    (("docetaxel", "72962"), ("pembrolizumab", "1547545"), 40,
     [("BRAF", "p.Gly469Ala", 140781602)], "nos"),
]  # fmt: skip

# (day, lung mm, node short mm, target, nontarget, new lesion, overall); None: not measured.
COURSES = [
    [(42, 18, 12, "PR", "NON-CR/NON-PD", False, "PR"), (84, 16, 12, "PR", "NON-CR/NON-PD", False, "PR"),
     (126, 24, 14, "PD", "NON-CR/NON-PD", False, "PD"), (170, 23, 14, "SD", "NON-CR/NON-PD", False, "SD")],
    [(42, 27, 19, "SD", "NON-CR/NON-PD", False, "SD"), (84, 26, 19, "SD", "NON-CR/NON-PD", False, "SD"),
     (126, 28, 19, "SD", "NON-CR/NON-PD", True, "PD"), (170, 28, 18, "SD", "NON-CR/NON-PD", False, "SD")],
    [(42, 0, 8, "CR", "NON-CR/NON-PD", False, "PR"), (84, 0, 7, "CR", "CR", False, "CR"),
     (126, 0, 8, "CR", "PD", False, "PD"), (170, 0, 8, "CR", "NON-CR/NON-PD", False, "PR")],
    [(42, 29, 20, "SD", "NON-CR/NON-PD", False, "SD"), (84, None, 20, "NE", "NON-CR/NON-PD", False, "NE"),
     (126, 27, 19, "SD", "NON-CR/NON-PD", False, "SD"), (170, 26, 19, "SD", "NON-CR/NON-PD", False, "SD")],
]  # fmt: skip
BEST = [("PR", "PR", "SD", "SD"), ("SD", "SD", "SD", "SD"), ("CR", "PR", "PR", "SD"), ("SD", "SD")]
CAUSE = ["target", "new_lesion", "nontarget"]
TNM = [("T2a", "N2", "M1c", "IVB", "distant"), ("T4", "N3", "M1a", "IVA", "distant"),
       ("T3", "N2", "M0", "IIIB", "regional"), ("T1c", "N3", "M0", "IIIB", "distant"),
       ("T2b", "N0", "M1b", "IVA", "distant"), ("T4", "N1", "M0", "IIIA", "regional"),
       ("T1b", "N0", "M0", "IA2", "localized"), ("T4", "N3", "M0", "IIIC", "distant")]  # fmt: skip

# loinc: (name, unit, [(value, flag, CTCAE grade)]); haemoglobin for men, then for women.
LABS: dict[str, tuple[str, str, list[tuple[float, str, int]]]] = {
    "6690-2": ("leukocytes", "10*9/L", [(6.1, "N", 0), (3.9, "L", 1), (2.9, "L", 2), (1.9, "L", 3), (0.9, "L", 4), (12.0, "H", 0)]),
    "751-8": ("neutrophils", "10*9/L", [(1.8, "N", 0), (1.5, "L", 1), (1.4, "L", 2), (0.9, "L", 3), (0.4, "L", 4), (8.0, "H", 0)]),
    "731-0": ("lymphocytes", "10*9/L", [(1.4, "N", 0), (0.9, "L", 1), (0.7, "L", 2), (0.4, "L", 3), (0.1, "L", 4)]),
    "777-3": ("platelets", "10*9/L", [(250, "N", 0), (75, "L", 1), (74, "L", 2), (49, "L", 3), (24, "L", 4), (450, "H", 0)]),
    "2160-0": ("creatinine", "mg/dL", [(0.9, "N", 0), (1.3, "H", 1), (1.8, "H", 1), (1.9, "H", 2), (3.7, "H", 3), (7.3, "H", 4), (0.5, "L", 0)]),
    "1742-6": ("ALT", "U/L", [(30, "N", 0), (57, "H", 1), (169, "H", 2), (281, "H", 3), (1121, "H", 4)]),
    "1920-8": ("AST", "U/L", [(48, "N", 0), (49, "H", 1), (145, "H", 2), (241, "H", 3), (961, "H", 4)]),
    "1975-2": ("bilirubin", "mg/dL", [(1.0, "N", 0), (1.5, "H", 1), (1.6, "H", 2), (3.1, "H", 3), (10.1, "H", 4)]),
    "2885-2": ("protein", "g/L", [(70, "N", 0), (55, "L", 0)]),
    "2532-0": ("LDH", "U/L", [(200, "N", 0), (500, "H", 0)]),
    "25390-6": ("CYFRA 21-1", "ng/mL", [(3.3, "N", 0), (3.4, "H", 0)]),
    "2951-2": ("sodium", "mmol/L", [(135, "N", 0), (130, "L", 1), (129, "L", 2), (124, "L", 3), (119, "L", 4), (146, "H", 1), (151, "H", 2), (156, "H", 3), (161, "H", 4)]),
    "2345-7": ("glucose", "mg/dL", [(100, "N", 0), (260, "H", 0), (60, "L", 1), (54, "L", 2), (39, "L", 3), (29, "L", 4)]),
    "3016-3": ("thyrotropin", "m[IU]/L", [(2.0, "N", 0), (12.0, "H", 0), (0.1, "L", 0)]),
}  # fmt: skip
HAEMOGLOBIN = {
    "male": [(14.0, "N", 0), (12.5, "L", 1), (9.9, "L", 2), (7.9, "L", 3), (18.5, "H", 0)],
    "female": [(12.5, "N", 0), (11.9, "L", 1), (9.9, "L", 2), (7.9, "L", 3), (16.5, "H", 0)],
}
CEA = {"current": [(4.0, "N", 0), (6.0, "H", 0)], "other": [(2.0, "N", 0), (4.0, "H", 0)]}
# albumin and calcium of one day; the grade of calcium is that of the corrected value.
CALCIUM = [((42, "N", 0), (9.4, "N", 0)), ((33, "L", 1), (8.2, "L", 0)), ((28, "L", 2), (10.4, "N", 1)),
           ((19, "L", 3), (7.9, "L", 0)), (None, (7.5, "L", 2)), ((40, "N", 0), (12.0, "H", 2)),
           ((30, "L", 1), (7.7, "L", 0)), ((40, "N", 0), (13.6, "H", 4))]  # fmt: skip


def clean(i: int) -> Patient:
    """Patient i: no rule is broken."""
    who, made = f"P{i:07d}", {table.name: [] for table in schemas.OBSERVED}
    _baseline(made, i)
    _treatment(made, i)
    _disease(made, i)
    _laboratory(made, i)
    _events(made, i)
    for rows in made.values():
        for row in rows:
            row["patient_id"] = who
    return made


def progresses(i: int) -> bool:
    return i % 4 != 3


def death(i: int) -> int | None:
    return 200 + i % 30 if i % 3 == 0 else None


def last_day(i: int) -> int:
    return death(i) or 220 + i % 20


def _baseline(p: Patient, i: int) -> None:
    smoking = ("never", "former", "current")[i % 3]
    t, n, m, stage, summary = TNM[i // 2 % 8]
    profile = PROFILES[i % 8]
    p["patients"].append({
        "age": 50 + i % 35, "sex": ("male", "female")[i // 3 % 2], "ancestry": "european",
        "smoking_status": smoking, "pack_years": 0.0 if smoking == "never" else 10.5 + i % 40,
        "height_cm": 160.0 + i % 30, "weight_kg": 55.5 + i % 40, "ecog": i % 3, "copd": i % 4 == 0,
        "diabetes": i % 5 == 0, "cardiovascular": i % 6 == 0, "histology": profile[4], "t": t,
        "n": n, "m": m, "stage": stage, "summary_stage": summary, "pdl1_tps": profile[2],
        "tmb": 5.25, "index_date": INDEX,
    })  # fmt: skip
    for k, (gene, change, pos) in enumerate(profile[3]):
        p["variants"].append({
            "day": -10, "gene": gene, "hgnc": "HGNC:1", "hgvs_c": f"c.{k}", "hgvs_p": change,
            "chrom": "chr7", "pos": pos, "ref": "A", "alt": "T", "vaf": 0.05 + 0.01 * (i % 50),
            "origin": "somatic",
        })  # fmt: skip


def _treatment(p: Patient, i: int) -> None:
    def add(
        line: int, intent: str, regimen: tuple[str, str], start: int, stop: int | None, why: str
    ) -> None:
        p["treatments"].append({
            "line": line, "intent": intent, "regimen": regimen[0], "rxnorm": regimen[1],
            "start_day": start, "stop_day": stop, "stop_reason": why,
        })  # fmt: skip

    first, second = PROFILES[i % 8][:2]
    if i % 10 == 9:
        add(0, "curative", ("chemoradiation", "40048+56946"), -400, -350, "completed")
        add(0, "consolidation", ("durvalumab", "1919503"), -330, -60, "progression")
    if progresses(i):
        add(1, "palliative", first, 0, 126, "progression")
        add(2, "palliative", second, 130, death(i), "death" if death(i) else "ongoing")
    else:
        add(
            1,
            "palliative",
            first,
            0,
            None if i % 2 else last_day(i),
            "ongoing" if i % 2 else "toxicity",
        )
    given = [(1, c, 21 * (c - 1)) for c in range(1, 4)]
    given += [(2, 1, 130), (2, 2, 151)] if progresses(i) else []
    for line, cycle, day in given:
        action, dose = [("given", 1.0), ("delayed", 1.0), ("reduced", 0.75), ("omitted", 0.0)][
            (i + cycle) % 4
        ]
        p["doses"].append({
            "day": day, "line": line, "cycle": cycle, "regimen": (first, second)[line - 1][0],
            "rxnorm": (first, second)[line - 1][1],
            "relative_dose": dose, "delay_days": 5 if action == "delayed" else 0, "action": action,
            "reason": None if action == "given" else "neutropenia",
        })  # fmt: skip


def _disease(p: Patient, i: int) -> None:
    course, extra = COURSES[i % 4], i % 5
    readers = ("investigator", "central") if i % 2 else ("investigator",)
    lobe, side = [("RUL", "right"), ("LLL", "left"), ("RML", "right"), ("LUL", "left")][i // 5 % 4]
    m = p["patients"][0]["m"]
    brain_days = (-7, 84) if m == "M1c" and i % 5 == 0 else ()

    def seen(
        day: int,
        who: str,
        lesion: str,
        site: str,
        place: tuple[str | None, str],
        size: Any,
        target: bool,
        new: bool = False,
    ) -> None:
        p["lesions"].append({
            "day": day, "assessor": who, "lesion_id": lesion, "site": site, "lobe": place[0],
            "side": place[1], "long_axis_mm": size[0], "short_axis_mm": size[1],
            "is_target": target, "is_new": new,
        })  # fmt: skip

    for who in readers:
        for day, lung, node, *answer in [(-7, 30, 20), *course]:
            lung = lung + extra if lung else lung
            size = (lung, None if lung is None else lung * 3 // 4)
            seen(day, who, "L01", "lung", (lobe, side), size, True)
            seen(day, who, "L02", "mediastinal_node", (None, "right"), (node + 6, node), True)
            if m == "M1a":
                seen(day, who, "L03", "pleura", (None, side), (None, None), False)
            elif m != "M0":
                seen(day, who, "L03", "bone", (None, "midline"), (None, None), False)
            else:
                seen(day, who, "L03", "lung", (lobe, side), (6, 5), False)
            if day in brain_days:
                seen(day, who, "L04", "brain", (None, "left"), (8, 7), False)
            if i % 4 == 1 and day >= 126:
                seen(day, who, "L05", "liver", (None, "right"), (12, 9), False, True)
            if answer:
                p["responses"].append({
                    "day": day, "sld_mm": float((lung or 0) + node), "target_response": answer[0],
                    "nontarget_response": answer[1], "new_lesion": answer[2],
                    "overall_response": answer[3], "assessor": who,
                })  # fmt: skip
        best = BEST[i % 4]
        for line in range(1, len(best) // 2 + 1):
            p["best_responses"].append({
                "line": line, "assessor": who, "best_response": best[2 * line - 2],
                "confirmed_response": best[2 * line - 1],
            })  # fmt: skip
        _survival(p, i, who)
    for day in brain_days:
        p["visits"].append({"day": day, "kind": "brain_scan", "line": 0 if day < 0 else 1})
    for day, kind, line in [
        (-7, "baseline", 0),
        (0, "cycle", 1),
        (42, "scan", 1),
        (126, "scan", 1),
        (170, "scan", 1),
    ]:
        p["visits"].append({"day": day, "kind": kind, "line": line})


def _survival(p: Patient, i: int, who: str) -> None:
    dead, end = death(i), last_day(i)
    for line, origin in [(1, 0), (2, 130)] if progresses(i) else [(1, 0)]:
        progressed = progresses(i) and line == 1
        event = progressed or dead is not None
        p["survival"].append({
            "study_id": "index", "line": line, "origin_day": origin, "os_days": end - origin,
            "os_event": dead is not None,
            "pfs_days": 126 if progressed else end - origin if event else 170 - origin,
            "pfs_event": event, "assessor": who,
            "pfs_cause": CAUSE[i % 4] if progressed else "death" if event else "none",
            "cause_of_death": "none" if dead is None else ("cancer", "other")[i % 2],
            "censor_reason": "administrative" if dead is None else "none",
        })  # fmt: skip


def _laboratory(p: Patient, i: int) -> None:
    def add(day: int, loinc: str, name: str, unit: str, found: tuple[float, str, int]) -> None:
        p["labs"].append({
            "day": day, "loinc": loinc, "name": name, "value": float(found[0]), "unit": unit,
            "flag": found[1], "ctcae_grade": found[2],
        })  # fmt: skip

    person = p["patients"][0]
    for k, (loinc, (name, unit, values)) in enumerate(LABS.items()):
        add((0, 42)[(i + k) % 2], loinc, name, unit, values[i % len(values)])
    blood = HAEMOGLOBIN[person["sex"]]
    add(0, "718-7", "haemoglobin", "g/dL", blood[i % len(blood)])
    add(42, "718-7", "haemoglobin", "g/dL", blood[(i + 1) % len(blood)])
    cea = CEA["current" if person["smoking_status"] == "current" else "other"]
    add(0, "2039-6", "CEA", "ng/mL", cea[i // 3 % 2])
    albumin, calcium = CALCIUM[i % len(CALCIUM)]
    if albumin is not None:
        add(0, "1751-7", "albumin", "g/L", albumin)
    add(42, "1751-7", "albumin", "g/L", (38, "N", 0))
    add(0, "17861-6", "calcium", "mg/dL", calcium)
    for day, share in ((0, 0.02 + 0.001 * (i % 90)), (84, 0.0)):
        p["ctdna"].append({"day": day, "tumour_fraction": share, "detected": share > 0})
    for k, day in enumerate((0, 42, 126)):
        weight = None if (i + k) % 9 == 0 else 55.5 + i % 40 - k
        p["vitals"].append({
            "day": day, "weight_kg": weight, "ecog": (i + k) % 4 if k else i % 3,
            "heart_rate": 70 + k, "systolic_bp": 120, "spo2": None if i % 7 == k else 96,
            "temperature": 36.6,
        })  # fmt: skip


def _events(p: Patient, i: int) -> None:
    def add(
        day: int, category: str, code: str, name: str, grade: int, end: int | None = None
    ) -> None:
        p["events"].append({
            "day": day, "category": category, "code": code, "system": "HPO", "name": name,
            "grade": grade, "end_day": end, "related_to": None,
        })  # fmt: skip

    add(30, "adverse_event", "HP:0001875", "neutropenia", 1 + i % 4, 40)
    p["symptoms"].append({"day": 0, "code": "HP:0012735", "name": "cough", "grade": 1 + i % 3})
    if "1547545" in p["treatments"][-1]["rxnorm"]:
        add(150, "adverse_event", "HP:0002583", "immune-mediated colitis", 2, 165)
    if i % 10 == 9:
        add(-200, "adverse_event", "HP:0002206", "immune-mediated pneumonitis", 1, -180)
    if i % 4 == 0:
        add(-900, "comorbidity", "HP:0006510", "chronic obstructive pulmonary disease", 0)
    if i % 5 == 1:
        male = p["patients"][0]["sex"] == "male"
        add(-50, "comorbidity", "HP:1", "prostatic hyperplasia" if male else "ovarian cyst", 0)
    if progresses(i):
        add(126, "progression", "C17747", "Disease Progression", 0)
    if death(i) is not None:
        add(death(i) or 0, "death", "C28554", "Death", 5)


def frames(patients: list[Patient]) -> dict[str, pd.DataFrame]:
    """Observed tables of these patients, with the types that a dataset has."""
    made = {}
    for table in schemas.OBSERVED:
        rows = [row for patient in patients for row in patient[table.name]]
        columns = {c.name: [row[c.name] for row in rows] for c in table.columns}
        made[table.name] = pa.table(columns, schema=table.arrow).to_pandas()
    return made


def renamed(patient: Patient, who: str) -> Patient:
    """The same patient under another identifier."""
    for rows in patient.values():
        for row in rows:
            row["patient_id"] = who
    return patient
