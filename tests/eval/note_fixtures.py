"""Radiograph, clinic and molecular notes written by hand, for the dataset of conftest.

Their wording is not the generators': a reader that knows only theirs would fail here.
"""

from __future__ import annotations

P0, P1, P2 = "P0000000", "P0000001", "P0000002"

RADIOGRAPHS = {
    -7: """CHEST, TWO VIEWS
Clinical information: suspected lung cancer.
FINDINGS:
Mass of about 3 cm in the right upper zone. No pleural effusion or pneumothorax.
""",
    42: """CHEST, TWO VIEWS, 25 April 2019
Comparison with the study of 7 March 2019.
FINDINGS:
The right upper zone mass has decreased and measures some 2 cm. No effusion. No pneumothorax.
""",
    84: """CHEST, TWO VIEWS
FINDINGS: 20 mm opacity in the right upper zone, unchanged.
New left effusion. No pneumothorax.
""",
}

CLINIC = {
    (P0, 21): """Clinic letter of 4 April 2019

A 66-year-old man with stage IVA squamous lung cancer. PD-L1: 10% of tumour cells.
First-line docetaxel since 14 March 2019, 2 cycles given.
- Cough persists, mainly at night.
Symptoms: cough, grade 1.
Side effects: grade 2 anaemia.
Bloods: Hb 9.4 g/dL (grade 2; it was 9.4 before, unchanged), neutrophil count 0.9 (grade 3, stable
at 0.9), creatinine 1.9 mg/dL, CEA 4 ng/mL.
We proceed with docetaxel today: cycle 2 at 75% of the full dose.
""",
    (P0, 105): """Clinic letter of 27 June 2019

66-year-old, stage IVA.
First-line docetaxel (14 March 2019 to 6 June 2019), stopped for progression.
CT of 6 June 2019: progressive disease with a new lesion; sum of diameters 36 mm.
He remains off treatment.
""",
    (P0, 0): """Clinic letter of 2019-03-14

66-year-old, stage IVA. ECOG 1, weight 78.5 kg.
Docetaxel, first-line, from today.
Hb 9.4 g/dL.
Plan: begin docetaxel.
""",
    (P1, 0): """Clinic letter of March 14, 2019

58-year-old never-smoker, stage IIIC. The tumour carries EGFR L858R.
She denies symptoms.
Attends to start first-line osimertinib.
Plan: start osimertinib today.
""",
    (P2, 400): """Clinic letter of 17 April 2020

58-year-old, stage IIB, recurrent disease since 17 April 2020.
Lobectomy on 14 March 2019.
Adjuvant carboplatin and pemetrexed, 25 April 2019 to 18 July 2019, completed.
First-line pembrolizumab, first dose today.
Plan: start pembrolizumab.
""",
}

MOLECULAR = {
    (P1, 0): """Molecular pathology, specimen of 14 March 2019
EGFR c.2573T>G is reported as NM_005228.5:c.2573T>G, p.(Leu858Arg), allele fraction 31.2%.
No alteration detected in ALK, ROS1 and KRAS.
PD-L1 TPS 60%. TMB 2.1 mut/Mb.
Conclusion: EGFR L858R.
""",
    (P1, 82): """Molecular pathology, specimen of 4 June 2019
EGFR NM_005228.5:c.2369C>T p.Thr790Met 10.4%
""",
    (P0, 0): """Molecular pathology, specimen of 14 March 2019
No pathogenic alteration detected. No oncogenic driver was found.
""",
}


def notes() -> list[tuple[str, int, str, str, str]]:
    """Patient, day, kind, prefix of the file's name, text."""
    found = [(P0, day, "radiograph_report", "cxr", text) for day, text in RADIOGRAPHS.items()]
    found += [(p, day, "clinic_note", "clinic", text) for (p, day), text in CLINIC.items()]
    found += [(p, d, "molecular_report", "molecular", text) for (p, d), text in MOLECULAR.items()]
    return found
