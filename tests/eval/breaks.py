"""For each rule one mutation of a clean patient that breaks it (and at times others with it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from patients import Patient, Row, death

Break = Callable[[Patient, int], None]
BREAKS: dict[str, Break] = {}


def breaks(name: str) -> Callable[[Break], Break]:
    def register(function: Break) -> Break:
        BREAKS[name] = function
        return function

    return register


def pick(rows: list[Row], i: int, **wanted: Any) -> Row:
    """One of the rows with these values, by turns."""
    found = [row for row in rows if all(row[k] == v for k, v in wanted.items())]
    return found[i % len(found)]


def edit(table: str, values: Row, **wanted: Any) -> Break:
    """Overwrite values in one row of a table."""

    def change(p: Patient, i: int) -> None:
        pick(p[table], i, **wanted).update(values)

    return change


def died(p: Patient, i: int) -> int:
    """Day of death; the living are made to die on day 199."""
    day = death(i)
    if day is None:
        day = 199
        row = dict(p["events"][0])
        p["events"].append(
            row
            | {"day": day, "category": "death", "code": "C28554", "name": "Death", "end_day": None}
        )
    return day


def late(*tables: tuple[str, str]) -> Break:
    """In one of the tables, a row after death."""

    def change(p: Patient, i: int) -> None:
        table, column = tables[i % len(tables)]
        day = died(p, i) + 1 + i % 9
        p[table][0][column] = day

    return change


BREAKS |= {
    "no-event-after-death": late(("events", "day"), ("events", "end_day")),
    "no-visit-after-death": late(("visits", "day"), ("vitals", "day"), ("symptoms", "day")),
    "no-lab-after-death": late(("labs", "day"), ("ctdna", "day"), ("variants", "day")),
    "no-scan-after-death": late(("lesions", "day"), ("responses", "day")),
    "no-treatment-after-death": late(("doses", "day"), ("treatments", "start_day"), ("treatments", "stop_day")),
    "treatment-stops-after-its-start": edit("treatments", {"start_day": 50, "stop_day": 49}),
    "pfs-not-longer-than-os": edit("survival", {"pfs_days": 900}),
    "survival-times-not-negative": edit("survival", {"pfs_days": -1}),
    "egfr-inhibitor-needs-egfr-variant": lambda p, i: prescribe(p, i, ("1721560", "337525")[i % 2], "EGFR"),
    "alk-inhibitor-needs-alk-fusion": lambda p, i: prescribe(p, i, ("1727455", "2103164")[i % 2], "ALK"),
    "crizotinib-needs-alk-or-ros1-fusion": lambda p, i: prescribe(p, i, "1148495", "ALK", "ROS1"),
    "dose-between-none-and-full": edit("doses", {"relative_dose": 1.2, "action": "given"}),
    "lobe-iff-lung": edit("lesions", {"lobe": "RUL"}, site="mediastinal_node"),
    "short-axis-not-longer": edit("lesions", {"short_axis_mm": 90.0}, lesion_id="L01", day=-7),
    "diameters-not-negative": edit("lesions", {"short_axis_mm": -1.0}, lesion_id="L01"),
    "new-lesion-not-at-baseline": edit("lesions", {"is_new": True}, day=-7),
    "stage-follows-tnm": edit("patients", {"stage": "IA1"}),
    "pdl1-is-a-percentage": edit("patients", {"pdl1_tps": 101}),
    "ecog-0-to-4": edit("vitals", {"ecog": 5}),
    "weight-possible": edit("vitals", {"weight_kg": 7.1}),
    "vital-signs-possible": edit("vitals", {"temperature": 98.6}),
    "symptom-grade-1-to-3": edit("symptoms", {"grade": 4}),
    "adverse-event-grade-1-to-5": edit("events", {"grade": 0}, category="adverse_event"),
    "event-ends-after-its-start": edit("events", {"end_day": -1000}),
    "adverse-event-within-90-days-of-treatment": edit("events", {"day": -900}, category="adverse_event"),
    "sld-is-the-sum-of-targets": edit("responses", {"sld_mm": 61.5}),
}  # fmt: skip


def prescribe(p: Patient, i: int, code: str, *without: str) -> None:
    """One line gets the drug; the variants are lost."""
    row = pick(p["treatments"], i)
    row.update(rxnorm=code if i % 3 else code + "+40048", regimen="other")
    p["variants"] = [v for v in p["variants"] if v["gene"] not in without]


@breaks("one-death")
def _(p: Patient, i: int) -> None:
    died(p, i)
    row = pick(p["events"], 0, category="death")
    p["events"].append(row | {"code": "C28554b"})


@breaks("no-scan-after-follow-up")
def _(p: Patient, i: int) -> None:
    p[("visits", "lesions", "responses")[i % 3]][-1]["day"] = 700


@breaks("lines-in-order")
def _(p: Patient, i: int) -> None:
    first = p["treatments"][0]
    late_row = first | {"line": 5, "start_day": first["start_day"] - i % 2}
    p["treatments"].append(late_row)


@breaks("lines-without-gap")
def _(p: Patient, i: int) -> None:
    p["treatments"][-1]["line"] += 2


@breaks("survival-event-is-death")
def _(p: Patient, i: int) -> None:
    row = pick(p["survival"], i)
    if i % 2 and row["os_event"]:
        row["os_days"] += 1
    else:
        row["os_event"] = not row["os_event"]


@breaks("cause-of-death-iff-dead")
def _(p: Patient, i: int) -> None:
    row = pick(p["survival"], i)
    row["cause_of_death"] = "none" if row["os_event"] else "cancer"


@breaks("censoring-reason-iff-censored")
def _(p: Patient, i: int) -> None:
    row = pick(p["survival"], i)
    row["censor_reason"] = "withdrawal" if row["os_event"] else "none"


@breaks("progression-cause-iff-progressed")
def _(p: Patient, i: int) -> None:
    row = pick(p["survival"], i)
    row["pfs_cause"] = "none" if row["pfs_event"] else "target"


@breaks("met-inhibitor-needs-met-exon-14")
def _(p: Patient, i: int) -> None:
    prescribe(p, i, "2362165", "MET" if i % 2 else "")
    for variant in p["variants"]:
        variant["pos"] = 116782097  # elsewhere in MET


@breaks("kras-inhibitor-needs-kras-g12c")
def _(p: Patient, i: int) -> None:
    prescribe(p, i, "2625882", "KRAS" if i % 2 else "")
    for variant in p["variants"]:
        variant["hgvs_p"] = "p.Gly12Asp"


@breaks("no-pemetrexed-in-squamous")
def _(p: Patient, i: int) -> None:
    p["patients"][0]["histology"] = "squamous"
    pick(p["treatments"], i)["rxnorm"] = ("68446", "40048+68446")[i % 2]


@breaks("no-checkpoint-inhibitor-alone-first-with-egfr-or-alk")
def _(p: Patient, i: int) -> None:
    pick(p["treatments"], 0, line=1)["rxnorm"] = ("1547545", "1597876", "1792776")[i % 3]
    p["variants"][0]["gene"] = ("EGFR", "ALK")[i % 2]


@breaks("pembrolizumab-alone-first-needs-pdl1")
def _(p: Patient, i: int) -> None:
    pick(p["treatments"], 0, line=1)["rxnorm"] = "1547545"
    p["patients"][0]["pdl1_tps"] = 0


@breaks("consolidation-follows-curative-treatment")
def _(p: Patient, i: int) -> None:
    p["treatments"] = [row for row in p["treatments"] if row["intent"] != "curative"]
    pick(p["treatments"], i)["intent"] = "consolidation"


def drivers(p: Patient, names: list[tuple[str, str, int]]) -> None:
    base = p["variants"][0]
    for k, (gene, change, pos) in enumerate(names):
        p["variants"].append(base | {"gene": gene, "hgvs_p": change, "pos": pos, "hgvs_c": f"x{k}"})


@breaks("never-three-drivers")
def _(p: Patient, i: int) -> None:
    more = [("RET", "p.?", 1), ("ERBB2", "p.?", 1), ("NTRK2", "p.?", 1)]
    others = [("BRAF", "p.V600E", 1), ("MET", "p.?", 116771990), ("NTRK1", "p.?", 1)]
    drivers(p, others if i % 2 else more)


@breaks("drivers-near-exclusive")
def _(p: Patient, i: int) -> None:
    drivers(p, [("RET", "p.?", 1), ("BRAF", "p.(Val600Glu)", 1)])


@breaks("no-dose-iff-omitted")
def _(p: Patient, i: int) -> None:
    row = pick(p["doses"], i)
    row["relative_dose"] = 1.0 if row["action"] == "omitted" else 0.0


@breaks("dose-within-its-line")
def _(p: Patient, i: int) -> None:
    pick(p["doses"], i).update([{"regimen": "water"}, {"line": 7}, {"day": -300}][i % 3])


@breaks("no-line-started-at-ecog-4")
def _(p: Patient, i: int) -> None:
    if i % 2:
        p["patients"][0]["ecog"] = 4
    else:
        row = pick(p["treatments"], i)
        p["vitals"][1].update(day=row["start_day"], ecog=4)


@breaks("lobe-matches-side")
def _(p: Patient, i: int) -> None:
    row = pick(p["lesions"], i, site="lung")
    row["side"] = {"right": "left", "left": None if i % 2 else "right"}[row["side"]]


@breaks("lesion-keeps-its-place")
def _(p: Patient, i: int) -> None:
    change = [{"side": "left"}, {"site": "pleura"}, {"site": "liver", "side": None}][i % 3]
    pick(p["lesions"], i, lesion_id="L02").update(change)


@breaks("lesion-once-a-day")
def _(p: Patient, i: int) -> None:
    p["lesions"].append(dict(pick(p["lesions"], i)))


def add_targets(p: Patient, i: int, sites: list[str]) -> None:
    day = (-7, 42)[i % 2]
    base = pick(p["lesions"], 0, lesion_id="L01", day=day)
    size = {"lobe": None, "long_axis_mm": 25.0, "short_axis_mm": 20.0}
    for k, site in enumerate(sites):
        p["lesions"].append(base | size | {"lesion_id": f"L{20 + k}", "site": site})


@breaks("at-most-five-targets")
def _(p: Patient, i: int) -> None:
    add_targets(p, i, ["liver", "liver", "adrenal", "adrenal"])


@breaks("at-most-two-targets-an-organ")
def _(p: Patient, i: int) -> None:
    add_targets(p, i, ["adrenal", "adrenal", "adrenal"])


@breaks("targets-measurable-at-baseline")
def _(p: Patient, i: int) -> None:
    row = pick(p["lesions"], i, day=-7, is_target=True)
    row.update([{"long_axis_mm": 9.0}, {"short_axis_mm": None, "long_axis_mm": None}][i % 2])
    if row["lesion_id"] == "L02":
        row["short_axis_mm"] = 14.0


@breaks("no-metastasis-in-m0")
def _(p: Patient, i: int) -> None:
    p["patients"][0]["m"] = "M0"
    row = pick(p["lesions"], i, lesion_id="L03", day=-7)
    row.update(site=("bone", "pleura", "brain", "extrathoracic_node")[i % 4], lobe=None)


@breaks("metastasis-in-m1")
def _(p: Patient, i: int) -> None:
    p["patients"][0]["m"] = ("M1a", "M1b", "M1c")[i % 3]
    p["lesions"] = [row for row in p["lesions"] if row["lesion_id"] in ("L01", "L02")]


@breaks("m1a-stays-in-the-chest")
def _(p: Patient, i: int) -> None:
    p["patients"][0]["m"] = "M1a"
    row = pick(p["lesions"], i, lesion_id="L03", day=-7)
    row.update(site=("bone", "liver", "brain", "adrenal", "extrathoracic_node")[i % 5], lobe=None)


@breaks("m1b-is-one-lesion")
def _(p: Patient, i: int) -> None:
    p["patients"][0]["m"] = "M1b"
    row = pick(p["lesions"], i, lesion_id="L03", day=-7)
    row.update(site="bone", lobe=None)
    other = ("bone", "liver", "brain", "adrenal", "extrathoracic_node")[i % 5]
    p["lesions"].append(row | {"lesion_id": "L09", "site": other})


@breaks("brain-lesion-needs-brain-scan")
def _(p: Patient, i: int) -> None:
    pick(p["lesions"], i, lesion_id="L03").update(site="brain", lobe=None)
    p["visits"] = [row for row in p["visits"] if row["kind"] != "brain_scan"]


@breaks("complete-response-iff-targets-gone")
def _(p: Patient, i: int) -> None:
    row = pick(p["responses"], i)
    row["target_response"] = "SD" if row["target_response"] == "CR" else "CR"


def swell(p: Patient, i: int, mm: float | None, node: float, response: str) -> None:
    """The second scan of line 1 gets these targets and this response; the first had 40 and 20."""
    for reader in {row["assessor"] for row in p["responses"]}:
        sizes = {-7: (40.0, 20.0), 42: (30.0 - i % 5, 18.0), 84: (mm, node)}
        for day, (lung, short) in sizes.items():
            pick(p["lesions"], 0, lesion_id="L01", day=day, assessor=reader).update(
                long_axis_mm=lung, short_axis_mm=9.0
            )
            pick(p["lesions"], 0, lesion_id="L02", day=day, assessor=reader).update(
                short_axis_mm=short, long_axis_mm=28.0
            )
            if day > 0:
                row = pick(p["responses"], 0, day=day, assessor=reader)
                row.update(
                    sld_mm=(lung or 0) + short, target_response="SD" if day == 42 else response
                )


BREAKS |= {
    "partial-response-is-30-percent-below-baseline": lambda p, i: swell(p, i, 26.0 + i % 5, 17.0, "PR"),
    "stable-disease-is-less-than-30-percent-below-baseline": lambda p, i: swell(p, i, 25.0 - i % 5, 17.0, "SD"),
    "target-progression-is-20-percent-and-5-mm-over-nadir": lambda p, i: swell(p, i, 32.0 - i % 5, 20.0, "PD"),
    "20-percent-and-5-mm-over-nadir-is-progression": lambda p, i: swell(p, i, 42.0, 18.0, ("SD", "PR")[i % 2]),
    "not-evaluable-iff-target-not-measured": lambda p, i: swell(p, i, None if i % 2 else 28.0, 18.0, "SD" if i % 2 else "NE"),
}  # fmt: skip


@breaks("overall-response-follows-from-its-parts")
def _(p: Patient, i: int) -> None:
    row = pick(p["responses"], i)
    row["overall_response"] = "NE" if row["overall_response"] != "NE" else "SD"


@breaks("new-lesion-is-in-the-lesions")
def _(p: Patient, i: int) -> None:
    row = pick(p["responses"], i)
    row["new_lesion"] = not row["new_lesion"]


@breaks("best-response-was-seen")
def _(p: Patient, i: int) -> None:
    row = pick(p["best_responses"], i)
    row["best_response"] = "CR"
    for seen in p["responses"]:
        seen["overall_response"] = (
            "PR" if seen["overall_response"] == "CR" else seen["overall_response"]
        )


@breaks("confirmed-response-seen-twice-28-days-apart")
def _(p: Patient, i: int) -> None:
    pick(p["best_responses"], 0, line=1)["confirmed_response"] = ("PR", "CR")[i % 2]
    for row in p["responses"]:  # a second response, but too early
        row["overall_response"] = "SD"
    readers = {row["assessor"] for row in p["responses"]}
    for who in readers:
        row = pick(p["responses"], 0, day=84, assessor=who)
        row.update(day=42 + (i % 27), overall_response=("PR", "CR")[i % 2], new_lesion=False)
        pick(p["responses"], 0, assessor=who)["overall_response"] = ("PR", "CR")[i % 2]


@breaks("summary-stage-follows-tnm")
def _(p: Patient, i: int) -> None:
    row = p["patients"][0]
    row["summary_stage"] = {"distant": "regional", "regional": "localized", "localized": "distant"}[
        row["summary_stage"]
    ]


@breaks("pack-years-iff-ever-smoker")
def _(p: Patient, i: int) -> None:
    row = p["patients"][0]
    row["pack_years"] = 3.0 if row["pack_years"] == 0 else 0.0


@breaks("vaf-between-none-and-all")
def _(p: Patient, i: int) -> None:
    pick(p["variants"], i)["vaf"] = (0.0, 1.0, 31.2)[i % 3]


@breaks("sex-specific-events")
def _(p: Patient, i: int) -> None:
    male = p["patients"][0]["sex"] == "male"
    pick(p["events"], i)["name"] = ("Pregnancy", "ovarian cyst")[i % 2] if male else "Prostatitis"


@breaks("ctdna-detected-iff-present")
def _(p: Patient, i: int) -> None:
    row = pick(p["ctdna"], i)
    row["detected"] = not row["detected"]


@breaks("haemoglobin-flag-by-sex")
def _(p: Patient, i: int) -> None:
    row = pick(p["labs"], i, loinc="718-7")
    male = p["patients"][0]["sex"] == "male"
    row.update(value=12.4, flag="N") if male else row.update(value=12.4, flag="L")


@breaks("lab-flag-follows-value")
def _(p: Patient, i: int) -> None:
    others = [row for row in p["labs"] if row["loinc"] != "718-7"]
    row = others[i % len(others)]
    row["flag"] = {"N": "H", "H": "L", "L": "N"}[row["flag"]]


@breaks("lab-grade-follows-value")
def _(p: Patient, i: int) -> None:
    row = pick(p["labs"], i)
    row["ctcae_grade"] += 1 if row["ctcae_grade"] < 2 else -1


@breaks("analyte-once-a-day")
def _(p: Patient, i: int) -> None:
    p["labs"].append(dict(pick(p["labs"], i)))


@breaks("immune-event-needs-checkpoint-inhibitor")
def _(p: Patient, i: int) -> None:
    for row in p["treatments"]:
        row["rxnorm"] = "40048+56946"
    pick(p["events"], 0, category="adverse_event")["name"] = "immune-mediated hepatitis"
