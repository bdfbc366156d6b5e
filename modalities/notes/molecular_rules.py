"""Productions of a molecular pathology report."""

from __future__ import annotations

from modalities.notes.grammar import Alternative as Alt
from modalities.notes.sections import HEADER

RULES: dict[str, tuple[Alt, ...]] = {
    "person": HEADER["person"],
    "title": (
        Alt("MOLECULAR PATHOLOGY REPORT, {date}\nSpecimen of {collected}", "", 2),
        Alt("Molecular diagnostics report\nDate of report: {date}; of specimen: {collected}"),
        Alt(
            "GENOMIC PROFILING REPORT\nReported: {date}\nSpecimen collected: {collected}",
            "spelling=us",
        ),
        Alt("MOLECULAR PATHOLOGY\nReported {date}. Specimen: {collected}", "spelling=uk"),
    ),
    "patient": (
        Alt("{age}-year-old <person>, {disease}", "", 2),
        Alt("{disease}, <person> aged {age}"),
        Alt("@a {age}-year-old <person> with {disease}", "style=prose"),
    ),
    "method": (
        Alt(
            "hybrid-capture sequencing of DNA and RNA, panel of {count} genes, GRCh38; copy number "
            "is not assessed",
            "",
            2,
        ),
        Alt(
            "next-generation sequencing of DNA and RNA by hybrid capture ({count} genes; GRCh38), "
            "without copy number"
        ),
    ),
    "again": (
        Alt("repeat specimen; alterations new since the first specimen are listed"),
        Alt("second specimen, read for alterations that were not in the first"),
    ),
    "variant": (
        Alt("[gene {gene}] [hgvs_c {hgvs_c}] ([hgvs_p {hgvs_p}])<effect>, <share>", "!fusion", 3),
        Alt("[gene {gene}] [hgvs_p {hgvs_p}] ([hgvs_c {hgvs_c}])<effect>, <share>", "!fusion", 2),
        Alt(
            "[gene {gene}]: [hgvs_c {hgvs_c}], [hgvs_p {hgvs_p}]<effect>; <share>",
            "!fusion style=table|terse",
        ),
        Alt("[gene {gene}] fusion, [hgvs_c {hgvs_c}], <share>", "fusion", 2),
        Alt("[gene {gene}] rearrangement: [hgvs_c {hgvs_c}]; <share>", "fusion"),
    ),
    "effect": (Alt(", {effect}", "effect"), Alt("", "!effect")),
    "share": (
        Alt("[vaf VAF {percent}%]", "", 3),
        Alt("[vaf variant allele fraction {percent}%]", "style=prose|table"),
        Alt("[vaf allele fraction {percent}%]"),
    ),
    "row": (
        Alt("[gene {gene}] | [hgvs_c {hgvs_c}] | [hgvs_p {hgvs_p}]<effect> | [vaf {percent}%]"),
    ),
    "found": (
        Alt("the following alterations were detected: {list}", "many", 2),
        Alt("sequencing shows {list}", "", 2),
        Alt("detected: {list}", "style=terse", 2),
    ),
    "nothing": (
        Alt("no pathogenic alteration detected in the genes listed below", "", 2),
        Alt("no reportable alteration was found in the genes listed below"),
    ),
    "negative": (
        Alt("no alteration detected in {list}", "", 2),
        Alt("no pathogenic variant or fusion in {list}"),
    ),
    "pdl1": (
        Alt("[tps PD-L1 tumo<u>r proportion score (TPS) {tps}%]", "", 2),
        Alt("[tps PD-L1 TPS {tps}%], <band>", "", 2),
        Alt("PD-L1 immunohistochemistry: [tps TPS {tps}%] (<band>)"),
    ),
    "band": (
        Alt("high expression", "band=high"),
        Alt("low expression", "band=low"),
        Alt("negative", "band=none"),
    ),
    "burden": (
        Alt("[tmb tumo<u>r mutational burden {tmb} mutations/Mb]", "", 2),
        Alt("[tmb TMB {tmb} mut/Mb]", "", 2),
        Alt("[tmb TMB: {tmb} mutations per megabase]"),
    ),
    "summary": (
        Alt("{list} detected", "named", 2),
        Alt("oncogenic driver<plural>: {list}", "named"),
        # PIK3CA and TP53 drive tumours too: what is meant are the genes that choose a treatment
        Alt("no driver with a targeted treatment detected in the genes listed", "!named", 2),
        Alt("no driver alteration with a targeted treatment was found", "!named"),
    ),
    "resistance": (
        Alt("acquired resistance mutation<plural>: {list}", "named", 2),
        Alt("{list}, acquired under treatment: resistance mutation<plural>", "named"),
        Alt("the alterations above were not in the first specimen", "!named"),
    ),
    "driver": (Alt("[driver {driver}]"),),
    "plural": (Alt("s", "many"), Alt("", "!many")),
    "u": (Alt("u", "spelling=uk"), Alt("", "spelling=us")),
}
