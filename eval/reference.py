"""The evaluator's own clinical constants, entered without the generators', each with its source.

Reference intervals: the project's evidence table, several of them textbook values not yet checked
against a primary source; they are assay-dependent. CTCAE v5 (US HHS, NCI, 27 November 2017),
"Investigations", "Blood" and "Metabolism"; TNM 8 (Goldstraw et al., J Thorac Oncol 2016;11:39,
doi:10.1016/j.jtho.2015.09.009); drug codes: RxNorm ingredients.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """Reference interval in ``unit`` (UCUM); infinite where one side has no limit."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Grades:
    """CTCAE v5 grading of one analyte.

    ``low``: lower limits in the unit below which grades 2, 3, (4) begin, grade 1 beginning below
    the reference interval. ``high``: multiples of the upper limit above which grades 2, 3, (4)
    begin, grade 1 beginning above the interval; ``above``: the same as limits in the unit.
    """

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    above: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Analyte:
    """One laboratory analyte: LOINC, UCUM unit, interval by sex, CTCAE grading.

    ``smoker``: the interval of current smokers where it is another.
    """

    loinc: str
    name: str
    unit: str
    male: Interval
    female: Interval
    grades: Grades = Grades()
    smoker: Interval | None = None


def _same(low: float, high: float) -> tuple[Interval, Interval]:
    interval = Interval(low, high)
    return interval, interval


_COUNT = "10*9/L"
ANALYTES: dict[str, Analyte] = {
    a.loinc: a
    for a in (
        # Unverified (textbook) intervals: neutrophils, lymphocytes, platelets, albumin, LDH,
        # protein, CEA, leukocytes, AST, sodium, thyrotropin. Found in a stored source:
        # haemoglobin, creatinine, ALT, bilirubin, CYFRA 21-1, calcium, fasting glucose.
        Analyte(
            "718-7", "haemoglobin", "g/dL", Interval(13, 18), Interval(12, 16), Grades(low=(10, 8))
        ),
        Analyte("751-8", "neutrophils", _COUNT, *_same(1.8, 7.7), Grades(low=(1.5, 1.0, 0.5))),
        Analyte("731-0", "lymphocytes", _COUNT, *_same(1.0, 4.8), Grades(low=(0.8, 0.5, 0.2))),
        Analyte("777-3", "platelets", _COUNT, *_same(150, 400), Grades(low=(75, 50, 25))),
        Analyte("1751-7", "albumin", "g/L", *_same(35, 50), Grades(low=(30, 20))),
        Analyte("2160-0", "creatinine", "mg/dL", *_same(0.6, 1.2), Grades(high=(1.5, 3, 6))),
        Analyte("1742-6", "ALT", "U/L", *_same(7, 56), Grades(high=(3, 5, 20))),
        Analyte("2532-0", "LDH", "U/L", *_same(140, 280)),
        Analyte("2885-2", "protein", "g/L", *_same(60, 80)),
        Analyte("2039-6", "CEA", "ng/mL", *_same(-math.inf, 3), smoker=Interval(-math.inf, 5)),
        Analyte("6690-2", "leukocytes", _COUNT, *_same(4.0, 11), Grades(low=(3, 2, 1))),
        Analyte("1920-8", "AST", "U/L", *_same(8, 48), Grades(high=(3, 5, 20))),
        Analyte("1975-2", "bilirubin", "mg/dL", *_same(-math.inf, 1.0), Grades(high=(1.5, 3, 10))),
        Analyte("25390-6", "CYFRA 21-1", "ng/mL", *_same(-math.inf, 3.3)),
        Analyte(
            "17861-6",
            "calcium",
            "mg/dL",
            *_same(8.5, 10.5),
            Grades(low=(8, 7, 6), above=(11.5, 12.5, 13.5)),
        ),
        Analyte(
            "2951-2",
            "sodium",
            "mmol/L",
            *_same(135, 145),
            Grades(low=(130, 125, 120), above=(150, 155, 160)),
        ),
        Analyte("2345-7", "glucose", "mg/dL", *_same(70, 110), Grades(low=(55, 40, 30))),
        Analyte("3016-3", "thyrotropin", "m[IU]/L", *_same(0.45, 4.12)),
    )
}
"""By LOINC. High lymphocyte and leukocyte counts are not graded; creatinine, ALT, AST and
bilirubin grade against the upper limit, as CTCAE does for a normal baseline. Sodium from 125 to
129 is grade 2 without symptoms and 3 with them; a value alone is taken as without. High glucose
has no grade by value in version 5 (it goes by treatment), nor has thyrotropin. The LOINC code and
interval of thyrotropin are unverified. CTCAE grades of calcium go by the albumin-corrected value.
"""

CALCIUM = "17861-6"


def corrected_calcium(
    calcium: NDArray[np.float64], albumin: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,) calcium, mg/dL, corrected to an albumin of 40 g/L, by 0.8 mg/dL for each 10 g/L.

    Payne et al., Br Med J 1973;4:643 in its usual rounded form (unverified). Where albumin is
    NaN the value as reported. To 1e-6, so that a value on a limit stays on it.
    """
    shift = np.where(np.isnan(albumin), 0.0, 0.08 * (40.0 - albumin))
    return np.round(calcium + shift, 6)


# Lung TNM 8th edition, stage groups of Goldstraw et al.; entered from memory of the table.
_N0 = {
    "Tis": "0",
    "T1mi": "IA1",
    "T1a": "IA1",
    "T1b": "IA2",
    "T1c": "IA3",
    "T2a": "IB",
    "T2b": "IIA",
    "T3": "IIB",
    "T4": "IIIA",
}
_N_PLUS = {
    "N1": ("IIB", "IIB", "IIIA", "IIIA"),
    "N2": ("IIIA", "IIIA", "IIIB", "IIIB"),
    "N3": ("IIIB", "IIIB", "IIIC", "IIIC"),
}
_M1 = {"M1a": "IVA", "M1b": "IVA", "M1c": "IVB", "M1": "IV"}


def stage_group(t: str, n: str, m: str) -> str | None:
    """Stage group of T, N, M; None where the combination is not in the edition.

    A category without its subdivision ("T1", "T2", "M1") gives the stage without its own.
    """
    t, n, m = _category(t, "T"), _category(n, "N"), _category(m, "M")
    if m in _M1:
        return _M1[m]
    if m != "M0":
        return None
    if n == "N0":
        return _N0.get(t, {"T1": "IA", "T2": None}.get(t))
    column = re.match(r"T([1-4])", t)
    if n not in _N_PLUS or column is None:
        return None
    return _N_PLUS[n][int(column[1]) - 1]


T_SIZES_MM = {
    "T1a": 10.0,
    "T1b": 20.0,
    "T1c": 30.0,
    "T2a": 40.0,
    "T2b": 50.0,
    "T3": 70.0,
    "T4": math.inf,
}
"""Largest diameter of each category by size alone, in rising order; invasion can only raise it."""


def t_by_size(size_mm: float) -> str:
    """The lowest T category of a primary of this size (TNM 8)."""
    return next(t for t, largest in T_SIZES_MM.items() if size_mm <= largest)


def _category(value: str, letter: str) -> str:
    bare = re.sub(rf"^[cpy]*{letter}?", "", value.strip())
    return letter + bare


def summary_stage(t: str, n: str, m: str) -> str:
    """Summary stage of T, N, M as the project defines it: distant with M1 or N3, regional with
    N1, N2, T3 or T4, else localized.
    """
    if m.startswith("M1") or n == "N3":
        return "distant"
    return "regional" if n in ("N1", "N2") or t in ("T3", "T4") else "localized"


# RxNorm ingredient codes; gefitinib, erlotinib, alectinib, atezolizumab, durvalumab and
# bevacizumab are unverified.
EGFR_INHIBITORS = {"1721560": "osimertinib", "328134": "gefitinib", "337525": "erlotinib"}
ALK_INHIBITORS = {"1148495": "crizotinib", "1727455": "alectinib", "2103164": "lorlatinib"}
G12C_INHIBITORS = {"2625882": "adagrasib"}
MET_INHIBITORS = {"2362165": "capmatinib"}
CHECKPOINT_INHIBITORS = {
    "1547545": "pembrolizumab",
    "1597876": "nivolumab",
    "1792776": "atezolizumab",
    "1919503": "durvalumab",
}
OTHER_DRUGS = {
    "72962": "docetaxel",
    "40048": "carboplatin",
    "2555": "cisplatin",
    "56946": "paclitaxel",
    "68446": "pemetrexed",
    "12574": "gemcitabine",
    "253337": "bevacizumab",
}
PLATINUM = frozenset({"40048", "2555"})
"""Carboplatin and cisplatin."""
PEMETREXED = "68446"
"""Not in predominantly squamous histology: FDA label of pemetrexed, limitations of use."""

NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(EGFR_INHIBITORS, ("EGFR",)),
    **dict.fromkeys(ALK_INHIBITORS, ("ALK",)),
    **dict.fromkeys(G12C_INHIBITORS, ("KRAS G12C",)),
    **dict.fromkeys(MET_INHIBITORS, ("MET",)),
    "1148495": ("ALK", "ROS1", "MET"),
}
"""Targets of which a drug needs one. Crizotinib inhibits three kinases."""

NO_DRUG = ("surgery", "sbrt", "best_supportive_care")
"""Treatments without a drug, hence without a RxNorm code."""
CURATIVE = ("surgery", "sbrt", "chemoradiation")
"""Regimens of curative intent, and those whose name begins with one."""

DRUGS: dict[str, str] = (
    EGFR_INHIBITORS
    | ALK_INHIBITORS
    | G12C_INHIBITORS
    | MET_INHIBITORS
    | CHECKPOINT_INHIBITORS
    | OTHER_DRUGS
)

# GRCh38 places of hotspots: (gene, protein change) -> (chrom, pos, ref, alt). Read in a stored
# source: EGFR L858R, KRAS G12D, TP53 R175H; the others and their dbSNP ids are from memory.
HOTSPOTS: dict[tuple[str, str], tuple[str, int, str, str]] = {
    ("EGFR", "L858R"): ("chr7", 55191822, "T", "G"),  # rs121434568
    ("EGFR", "T790M"): ("chr7", 55181378, "C", "T"),  # rs121434569
    ("KRAS", "G12C"): ("chr12", 25245351, "C", "A"),  # rs121913530
    ("KRAS", "G12D"): ("chr12", 25245350, "C", "T"),  # rs121913529
    ("KRAS", "G12V"): ("chr12", 25245350, "C", "A"),  # rs121913529
    ("BRAF", "V600E"): ("chr7", 140753336, "A", "T"),  # rs113488022
    ("TP53", "R175H"): ("chr17", 7675088, "C", "T"),  # rs28934578
    ("TP53", "R248Q"): ("chr17", 7674220, "C", "T"),  # rs11540652
    ("TP53", "R248W"): ("chr17", 7674221, "G", "A"),  # rs121912651
    ("TP53", "R273H"): ("chr17", 7673802, "C", "T"),  # rs28934576
    ("TP53", "R273C"): ("chr17", 7673803, "G", "A"),  # rs121913343
}

# Exon 14 of MET, chr7:116771849-116771989 on GRCh38 (RefSeq NM_000245.4, as quoted in the variant
# catalogue), with 30 bases of intron on either side for its splice sites (assumption).
MET_EXON_14 = (116771819, 116772019)

# IUPAC amino acid codes, three letters and one.
_AMINO = {
    "Ala": "A",
    "Arg": "R",
    "Asn": "N",
    "Asp": "D",
    "Cys": "C",
    "Gln": "Q",
    "Glu": "E",
    "Gly": "G",
    "His": "H",
    "Ile": "I",
    "Leu": "L",
    "Lys": "K",
    "Met": "M",
    "Phe": "F",
    "Pro": "P",
    "Ser": "S",
    "Thr": "T",
    "Trp": "W",
    "Tyr": "Y",
    "Val": "V",
    "Ter": "*",
}


def short_protein(hgvs_p: str) -> str:
    """``NP_005219.2:p.(Leu858Arg)`` or ``p.L858R`` as ``L858R``."""
    change = hgvs_p.rpartition("p.")[2].strip("()")
    return re.sub("|".join(_AMINO), lambda m: _AMINO[m[0]], change)


MET_EXON14 = re.compile(r"D1010[A-Z]")
"""The last codon of exon 14 (c.3028 to 3030): its change destroys the splice donor, the exon is
skipped, and reports name that (Frampton et al., Cancer Discov 2015;5:850; from memory)."""


def fusion_pair(hgvs_c: str) -> str | None:
    """``EML4-ALK`` of ``EML4::ALK:E13;A20`` (HGNC) or ``EML4-ALK:E13;A20``; None without a pair."""
    found = re.match(r"([A-Z][A-Z0-9]*)(?:::|-)([A-Z][A-Z0-9]*)\b", hgvs_c)
    return f"{found[1]}-{found[2]}" if found else None


def driver_names(gene: str, hgvs_c: str, hgvs_p: str) -> tuple[str, ...]:
    """Names under which a report may state an alteration, the usual one first."""
    pair = fusion_pair(hgvs_c)
    if pair is not None:
        return (pair,)
    change = short_protein(hgvs_p)
    skipped = gene == "MET" and MET_EXON14.fullmatch(change)
    return (*(("MET exon 14 skipping",) if skipped else ()), f"{gene} {change}")


# What a chest CT covers, and what of it is measured in millimetres.
CT_SITES = ("lung", "mediastinal_node", "pleura", "liver", "adrenal", "bone")
MEASURED_SITES = ("lung", "mediastinal_node", "liver", "adrenal")
NODE_SITES = ("mediastinal_node", "extrathoracic_node")

# SNOMED CT codes by which a segment names its site (DICOM PS3.16): lung and its lobes, mediastinal
# lymph node, pleura, liver, adrenal gland, bone.
SITE_CODES = {
    "lung": ("39607008", "45653009", "72481006", "90572001"),
    "mediastinal_node": ("62683002",),
    "pleura": ("3120008",),
    "liver": ("10200004",),
    "adrenal": ("23451007",),
    "bone": ("272673000",),
}
# Median HU within a segment of each site, and the least and greatest share of lung around it: wide
# enough for any scanner, narrow enough to tell organs apart (assumptions).
SITE_HU = {
    "lung": (-1000.0, 200.0),
    "mediastinal_node": (-100.0, 200.0),
    "pleura": (-40.0, 60.0),
    "liver": (-30.0, 150.0),
    "adrenal": (-60.0, 150.0),
    "bone": (-50.0, 1500.0),
}
SITE_LUNG = {"lung": (0.15, 1.0), "liver": (0.0, 0.3), "adrenal": (0.0, 0.3)}
# Of what surrounds a segment in bone. 37 drawn lesions had 0.31 and more; lesions of lung, liver,
# adrenal and pleura at most 0.20; nodes beside contrast-filled vessels at most 0.52.
BONE_SHARE = 0.25

# RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228, doi:10.1016/j.ejca.2008.10.026).
NODE_NORMAL_MM = 10.0  # section 4.2: a node below 10 mm short axis is not pathological
PD_INCREASE_MM = 5.0  # section 4.3.1
# 20 % above the nadir and 30 % below the baseline, as ratios of whole numbers.
PD_RATIO = (6, 5)
PR_RATIO = (7, 10)

TOO_SMALL_MM = 5.0  # section 4.3.1: a target that is there but too small to measure counts 5 mm
CONFIRMED_AFTER_D = 28  # section 4.4.3: confirmation no less than four weeks later
STABLE_FROM_D = 35  # section 4.4.3 leaves the minimum to the protocol: week 6 less a week

# Change wording of reports: differences within reader variation are "stable".
STABLE_MM = 2.0
STABLE_SHARE = 0.10
MEASURABLE_MM = 10.0  # section 3.1: long axis on CT
MEASURABLE_NODE_MM = 15.0  # section 3.1: short axis
EXTRATHORACIC_SITES = ("extrathoracic_node", "liver", "adrenal", "bone", "brain")
METASTATIC_SITES = (*EXTRATHORACIC_SITES, "pleura")

# Physique and events.
WEIGHT_KG = (25.0, 250.0)  # assumption: outside, a unit or a digit is wrong
AFTER_TREATMENT_DAYS = 90.0  # ICH E2A leaves it to the protocol; oncology trials take 30 to 90 d
AFTER_IMMUNE_DAYS = 183.0  # assumption: six months after the last dose of a checkpoint inhibitor
FEMALE_ONLY = re.compile(r"pregnan|ovar(y|ian)|uter(us|ine)|vagin|menopaus", re.IGNORECASE)
MALE_ONLY = re.compile(r"prostat|testic|erectile", re.IGNORECASE)
IMMUNE = re.compile(r"immune|hypophysitis", re.IGNORECASE)
"""Pneumonitis, colitis or hypothyroidism also occur without a checkpoint inhibitor (KEYNOTE-189
placebo arm): only an event that is called immune needs one."""
