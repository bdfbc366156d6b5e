"""Productions of an oncology clinic note, by section."""

from __future__ import annotations

from modalities.notes import sections
from modalities.notes.grammar import Alternative as Alt

WHO: dict[str, tuple[Alt, ...]] = {
    **{name: sections.HEADER[name] for name in ("person", "habit")},
    "patient": (Alt("{age}-year-old <person>", "", 2), Alt("<person> aged {age}")),
    "title": (
        Alt("ONCOLOGY CLINIC NOTE, {date}", "", 2),
        Alt("Medical oncology clinic, {date}"),
        Alt("THORACIC ONCOLOGY OUTPATIENT CLINIC\nDate of visit: {date}", "spelling=uk"),
        Alt("MEDICAL ONCOLOGY PROGRESS NOTE\nDate of service: {date}", "spelling=us"),
    ),
    "tumour": (
        Alt("[stage stage {stage}] [histology {disease}]", "", 3),
        Alt("[histology {disease}], [stage stage {stage}]", "", 2),
        Alt("[histology {disease}] ([stage stage {stage}])"),
    ),
    "history": (
        Alt("@a <patient> with <tumour><again><habit>", "style=prose|soap", 3),
        Alt("<tumour> in @a <patient><habit>", "style=prose|soap !recurred", 2),
        Alt("<tumour><again>, {age}-year-old <person><habit>", "style=terse"),
        Alt("{age}-year-old <person>, <tumour><again><habit>", "style=terse"),
    ),
    "again": (
        Alt("", "!recurred"),
        Alt(" at first diagnosis, [recurrence recurrent since {recurrence}]", "recurred", 2),
        Alt(" originally, [recurrence recurrence on {recurrence}]", "recurred"),
    ),
    "biomarkers": (
        Alt("{drivers}; <tps>", "drivers", 2),
        Alt("molecular findings: {drivers}; <tps>", "drivers"),
        Alt("tumo<u>r harbo<u>rs {drivers}; <tps>", "drivers style=prose|soap"),
        Alt("<tps>", "!drivers"),
    ),
    "driver": (Alt("[driver {driver}]"),),
    "tps": (
        Alt("[tps PD-L1 TPS {tps}%]", "", 3),
        Alt("[tps PD-L1 tumo<u>r proportion score {tps}%]", "style=prose|soap"),
        Alt("[tps PD-L1 {tps}% (TPS)]"),
    ),
    "u": (Alt("u", "spelling=uk"), Alt("", "spelling=us")),
}

TREATMENT: dict[str, tuple[Alt, ...]] = {
    "past": (
        Alt("<name> [start from {start}] [stop to {stop}], <why>", "spanned", 3),
        Alt("<name> ([start {start}] to [stop {stop}]), <why>", "spanned", 2),
        Alt("<name> [start begun on {start}] and <ended> [stop on {stop}]", "spanned"),
        Alt("<name> [start on {start}]", "!spanned", 2),
        Alt("<name> ([start {start}])", "!spanned"),
    ),
    "name": (
        Alt("[line {line}-line] [regimen {regimen}]", "role=line"),
        Alt("[regimen adjuvant {regimen}]", "role=adjuvant"),
        Alt("[regimen {regimen}]", "role=local"),
    ),
    "why": (
        Alt("[stop_reason stopped for progression]", "reason=progression", 2),
        Alt("[stop_reason until progression]", "reason=progression"),
        Alt("[stop_reason stopped for toxicity]", "reason=toxicity"),
        Alt("[stop_reason discontinued because of toxicity]", "reason=toxicity"),
        Alt("[stop_reason completed]", "reason=completed"),
        Alt("[stop_reason stopped at the patient's wish]", "reason=withdrawal"),
    ),
    "ended": (
        Alt("[stop_reason stopped for progression]", "reason=progression"),
        Alt("[stop_reason stopped for toxicity]", "reason=toxicity"),
        Alt("[stop_reason completed]", "reason=completed"),
        Alt("[stop_reason stopped at the patient's wish]", "reason=withdrawal"),
    ),
    "present": (
        Alt("<name> [start since {start}]<given>", "!first", 3),
        Alt("currently on <name>, [start started on {start}]<given>", "!first role=line", 2),
        Alt("<name>, [start begun on {start}]<given>", "!first"),
        Alt("attends to [start start] <name>", "first role=line", 2),
        Alt("<name>, [start first dose today]", "first role=line drugs"),
        Alt("<name>, [start from today]", "first"),
    ),
    "given": (
        Alt("", "!cycles"),
        Alt(", [cycles {cycles} cycle<plural> given so far]<lately>", "cycles", 2),
        Alt(" ([cycles {cycles} cycle<plural> to date])<lately>", "cycles"),
    ),
    "lately": (
        Alt("", "!changed"),
        Alt(", after {induction} cycle<before> of {dropped} now {now}", "changed", 2),
        Alt(", {dropped} until cycle {induction}, now {now}", "changed"),
    ),
    "before": (Alt("s", "long"), Alt("", "!long")),
    "plural": (Alt("s", "many"), Alt("", "!many")),
}

RESPONSE: dict[str, tuple[Alt, ...]] = {
    "assessment": (
        Alt("[scan CT of {scan}]: [response <response>]<recist><fresh><sum>", "", 3),
        Alt(
            "restaging CT on [scan {scan}] showed [response <response>]<recist><fresh><sum>",
            "style=prose|soap",
            2,
        ),
        Alt("latest imaging ([scan {scan}]): [response <response>]<recist><fresh><sum>"),
        Alt("CT [scan {scan}] [response <code>]<fresh><sum>", "style=terse"),
    ),
    "response": (
        Alt("complete response", "response=CR"),
        Alt("partial response", "response=PR"),
        Alt("stable disease", "response=SD"),
        Alt("progressive disease", "response=PD", 2),
        Alt("disease progression", "response=PD"),
        Alt("response not evaluable", "response=NE"),
    ),
    "code": (
        Alt("CR", "response=CR"),
        Alt("PR", "response=PR"),
        Alt("SD", "response=SD"),
        Alt("PD", "response=PD"),
        Alt("NE", "response=NE"),
    ),
    "recist": (Alt("", "", 2), Alt(" by RECIST 1.1")),
    "fresh": (
        Alt("", "!fresh"),
        Alt(", with [new_lesion new disease]", "fresh"),
        Alt(", with [new_lesion a new lesion or lesions]", "fresh"),
    ),
    "sum": (
        Alt(", [sum sum of target diameters {sum} mm]", "sum"),
        Alt(" ([sum target lesions sum {sum} mm])", "sum"),
        Alt("", "sum"),
        Alt("", "!sum"),
    ),
    "returned": (
        Alt("CT of {scan} showed relapse", "", 2),
        Alt("relapse on CT of {scan}"),
    ),
}

STATE: dict[str, tuple[Alt, ...]] = {
    "ecog": (
        Alt("[ecog ECOG {ecog}]<though>", "", 2),
        Alt("[ecog ECOG performance status {ecog}]<though>", "style=prose|soap", 2),
        Alt("[ecog PS {ecog}]<though>", "style=terse"),
    ),
    "though": (
        Alt("", "!severe"),
        Alt(" as assessed in clinic, although the patient reports <severe>", "severe", 2),
        Alt(" by the clinician's judgement, against <severe> by the patient's own", "severe"),
    ),
    "severe": (Alt("a severe symptom", "!many"), Alt("severe symptoms", "many")),
    "weight": (
        Alt("[weight weight {weight} kg]<since>", "", 2),
        Alt("[weight weighs {weight} kg]<since>", "style=prose"),
        Alt("[weight wt {weight} kg]<since>", "style=terse", 2),
    ),
    "since": (
        Alt("", "!moved"),
        Alt(" ([weight_change {change} kg since baseline])", "moved", 2),
        Alt(", [weight_change <way> {size} kg from baseline]", "moved", 2),
    ),
    "way": (Alt("up", "moved=up"), Alt("down", "moved=down")),
    "complaint": (
        Alt("[symptom {symptom}] ([grade grade {grade}])", "grades=after|ctcae"),
        Alt("[grade grade {grade}] [symptom {symptom}]", "grades=before"),
        Alt("[grade G{grade}] [symptom {symptom}]", "grades=letter"),
    ),
    "noticed": (
        Alt("reports [symptom weight loss]<scales>", "", 2),
        Alt("has noticed [symptom weight loss]<scales>", "style=prose|soap"),
    ),
    "scales": (
        Alt("", "!weighed"),
        Alt(", {loss}% of the baseline weight", "weighed=less", 2),
        Alt(" ({loss}% since baseline)", "weighed=less"),
        Alt(", by weighing less than 1%", "weighed=same"),
        Alt(", not confirmed by weighing", "weighed=more", 2),
        Alt(" that weighing since baseline does not show", "weighed=more"),
    ),
    "complaints": (
        Alt("patient-reported symptoms: {list}", "", 2),
        Alt("symptoms today, as the patient grades them: {list}", "style=prose|soap"),
        Alt("reports {list}", "style=prose|soap", 2),
        Alt("complains of {list}", "style=prose"),
        Alt("sx (patient-graded): {list}", "style=terse"),
    ),
    "well": (
        Alt("[none no symptoms reported]", "", 2),
        Alt("[none denies symptoms]", "spelling=us fit"),
        Alt("[none asymptomatic]", "style=terse fit"),
    ),
    "event": (
        Alt("[grade grade {grade}] [toxicity {event}]", "grades=before"),
        Alt("[toxicity {event}] ([grade grade {grade}])", "grades=after"),
        Alt("[toxicity {event}] ([grade CTCAE grade {grade}])", "grades=ctcae"),
        Alt("[grade G{grade}] [toxicity {event}]", "grades=letter"),
    ),
    "toxicity": (
        Alt("since the last visit: {list}", "", 2),
        Alt("adverse events since the last visit: {list}"),
        Alt(
            "treatment has been complicated since the last visit by {list}", "style=prose !over", 2
        ),
    ),
    "earlier": (
        Alt("earlier in this line: {list}", "!over", 2),
        Alt("worst grade earlier in this line: {list}", "!over"),
        Alt("earlier, during the last line: {list}", "over", 2),
        Alt("worst grade earlier, during the last line: {list}", "over"),
    ),
    "tolerated": (
        Alt("[none no treatment-related adverse event recorded since the last visit]", "", 2),
        Alt("[none no treatment-related toxicity recorded since the last visit]"),
    ),
}

LABS: dict[str, tuple[Alt, ...]] = {
    "lab": (
        Alt("[lab {analyte} {value} {unit}]<bracket>", "labs=short", 2),
        Alt("[lab {analyte} {value} {unit}]<bracket>", "labs=full", 2),
        Alt("[lab {analyte} {value} {unit}], <moved>", "labs=full style=prose prior ungraded"),
    ),
    "bracket": (
        Alt("", "!prior ungraded"),
        Alt(" ([grade grade {grade}])", "!prior !ungraded"),
        Alt(" ([prior_lab previously {prior}], [trend <trend>])", "prior ungraded", 2),
        Alt(" ([prior_lab {prior} on {prior_date}], [trend <trend>])", "prior ungraded"),
        Alt(" ([prior_lab prior {prior}], [trend <trend>])", "prior ungraded style=terse", 2),
        Alt(
            " ([prior_lab previously {prior}], [trend <trend>]; [grade grade {grade}])",
            "prior !ungraded",
            2,
        ),
        Alt(
            " ([grade grade {grade}]; [prior_lab {prior} on {prior_date}], [trend <trend>])",
            "prior !ungraded",
        ),
    ),
    "moved": (
        Alt("[trend <trend>] from [prior_lab {prior}]", "trend=rising|falling", 2),
        Alt("[trend <trend>] ([prior_lab {prior} on {prior_date}])"),
    ),
    "trend": (
        Alt("rising", "trend=rising", 2),
        Alt("up", "trend=rising"),
        Alt("falling", "trend=falling", 2),
        Alt("down", "trend=falling"),
        Alt("stable", "trend=stable", 2),
        Alt("unchanged", "trend=stable same"),
    ),
}

PLAN: dict[str, tuple[Alt, ...]] = {
    "plan": (
        Alt("<start>", "step=start"),
        Alt("<go_on>", "step=continue"),
        Alt("<reduce>", "step=reduce"),
        Alt("<hold>", "step=hold"),
        Alt("<defer>", "step=defer"),
        Alt("<end>", "step=stop"),
        Alt("[step <care>]", "step=supportive"),
        Alt("[step no active treatment at present]<follow>", "step=off_treatment !worse", 2),
        Alt("[step remains off treatment]<follow>", "step=off_treatment !worse treated"),
        Alt("[step no active treatment at present]; <options>", "step=off_treatment worse", 2),
        Alt("[step off treatment at present]; <options>", "step=off_treatment worse"),
        Alt("[step proceed with {regimen}]", "step=local", 2),
        Alt("[step for {regimen} today]", "step=local"),
    ),
    "start": (
        Alt("[step start {which} {regimen} today]<dosed>", "", 2),
        Alt("[step commence {which} {regimen} today]<dosed>", "spelling=uk"),
        Alt("[step initiate {which} {regimen} today]<dosed>", "spelling=us"),
    ),
    "go_on": (
        Alt("[step continue {regimen}]<today>", "", 3),
        Alt("[step proceed with {regimen}]<today>", "", 2),
        Alt("[step carry on with {regimen}]<today>", "spelling=uk"),
    ),
    "today": (
        Alt("", "!dose"),
        Alt(", [dose cycle {cycle} given today]<dosed>", "dose cycle"),
        Alt("; [dose cycle {cycle} today]<dosed>", "dose cycle"),
        Alt("<dosed>", "dose !cycle"),
    ),
    "dosed": (
        Alt("", "!lowered"),
        Alt(" [dose at {percent}% of the full dose]<part>", "lowered", 2),
        Alt(" ([dose {percent}% dose]<part>)", "lowered"),
    ),
    "reduce": (
        Alt("[step continue {regimen} at a reduced dose]<reduced>", "!mixed", 2),
        Alt("[step dose reduction of {regimen}]<reduced>", "!mixed"),
        Alt("[step continue {regimen} with a dose reduction]<reduced>", "mixed"),
    ),
    "reduced": (
        Alt(": [dose cycle {cycle} at {percent}% of the full dose]<part><because>", "cycle"),
        Alt(": [dose {percent}% of the full dose]<part><because>", "!cycle"),
    ),
    "part": (Alt(" of chemotherapy", "mixed"), Alt("", "!mixed")),
    "hold": (
        Alt("[step hold {regimen} today]<because>", "", 2),
        Alt("[step treatment with {regimen} omitted today]<because>"),
    ),
    "because": (
        Alt(" because of toxicity", "cause=toxicity", 2),
        Alt(" for toxicity", "cause=toxicity"),
        Alt(" because of low neutrophils", "cause=neutrophils"),
        Alt(" because of low blood counts", "cause=counts"),
        Alt("", "!cause"),
    ),
    "defer": (
        Alt("[step no infusion today], next cycle to be arranged", "", 2),
        Alt("[step next cycle deferred, no infusion today]"),
    ),
    "end": (
        Alt("[step stop {regimen}]<last> <ending>", "!reason=completed", 2),
        Alt("[step discontinue {regimen}]<last> <ending>", "!reason=completed", 2),
        Alt("[step {regimen} is stopped]<last> <ending>", "style=prose|soap !reason=completed"),
        Alt(
            "[step stop {regimen}]<last>, [stop_reason planned course completed]",
            "reason=completed",
            2,
        ),
        Alt(
            "[step no further {regimen}, stop today]: [stop_reason treatment completed]",
            "reason=completed !last",
        ),
    ),
    "last": (Alt(" after cycle {cycle} today", "last"), Alt("", "!last")),
    "ending": (
        Alt("[stop_reason for progression]; <options>", "reason=progression", 2),
        Alt("[stop_reason because of progression]; <options>", "reason=progression"),
        Alt("[stop_reason for toxicity]", "reason=toxicity"),
        Alt("[stop_reason at the patient's wish]", "reason=withdrawal"),
    ),
    "options": (
        Alt("options for further treatment to be discussed", "", 2),
        Alt("change of treatment to be considered"),
        Alt("further treatment or supportive care to be discussed"),
    ),
    "care": (
        Alt("best supportive care", "", 2),
        Alt("continue best supportive care", "!first"),
        Alt("symptom control and best supportive care"),
    ),
    "follow": (Alt("; clinical follow-up"), Alt("")),
    "advice": (
        Alt("bloods before the next cycle", "dose cycle spelling=uk"),
        Alt("labs before next cycle", "dose cycle spelling=us"),
        Alt("review with the next CT", "", 2),
        Alt("CT as per protocol"),
        Alt("return to clinic as scheduled", "spelling=us"),
        Alt("clinic review as scheduled", "spelling=uk"),
    ),
}

RULES: dict[str, tuple[Alt, ...]] = {
    **WHO, **TREATMENT, **RESPONSE, **STATE, **LABS, **PLAN,
}  # fmt: skip
