"""Radiograph, clinic and molecular notes written by hand, for the dataset of conftest.

Their wording is not the generators', but who wrote them had seen it: benchmarks/reader holds
paraphrases, and what the readers make of them.
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
66-year-old man with squamous lung cancer, stage IVA, on first-line docetaxel.
Comparison with the study of 7 March 2019.
FINDINGS:
The right upper zone mass has decreased and measures some 2 cm. No effusion. No pneumothorax.
""",
    84: """CHEST, TWO VIEWS
FINDINGS: 20 mm opacity in the right upper zone, unchanged.
New left effusion. Known lytic lesion of a left rib. No pneumothorax.
""",
}

OTHERS = {
    (P1, 40): """CHEST, TWO VIEWS
FINDINGS: The nodule in the left upper zone is smaller, about 1 cm. No effusion.
""",
}

CLINIC = {
    (P0, 21): """Clinic letter of 4 April 2019

A 66-year-old man, still smoking (40 pack-years), with stage IVA squamous lung cancer. PD-L1: 10%
of tumour cells.
First-line docetaxel since 14 March 2019, 2 cycles given.
- Cough persists, mainly at night.
Symptoms: cough, grade 1.
Side effects: grade 2 anaemia.
Bloods: Hb 9.4 g/dL (grade 2; it was 9.4 before, unchanged), neutrophil count 0.9 (grade 3, stable
at 0.9), creatinine 1.9 mg/dL (grade 2), CEA 4 ng/mL.
We proceed with docetaxel today: cycle 2 at 75% of the full dose, for neutropenia.
""",
    (P0, 105): """Clinic letter of 27 June 2019

66-year-old man, squamous cell lung cancer, stage IVA, PD-L1 10%.
First-line docetaxel (14 March 2019 to 6 June 2019), stopped for progression.
CT of 6 June 2019: progressive disease with a new lesion; sum of diameters 36 mm.
He remains off treatment.
""",
    (P0, 0): """Clinic letter of 2019-03-14

He is 66 years of age and has stage IVA squamous lung cancer (PD-L1 10%). ECOG 1, weight 78.5 kg.
Docetaxel, first-line, from today.
Hb 9.4 g/dL (grade 2), ANC 0.9 (grade 3), creatinine 1.9 mg/dL (grade 2).
Plan: begin docetaxel.
""",
    (P1, 0): """Clinic letter of March 14, 2019

58-year-old never-smoker, adenocarcinoma, stage IIIC, PD-L1 60%. The tumour carries EGFR L858R.
She denies symptoms.
Attends to start first-line osimertinib.
Plan: start osimertinib today.
""",
    (P2, 400): """Clinic letter of 17 April 2020

Aged 58 at diagnosis, he had a stage IIB adenocarcinoma (PD-L1 60%), recurrent disease since
17 April 2020.
Lobectomy on 14 March 2019.
Adjuvant carboplatin and pemetrexed, 25 April 2019 to 18 July 2019, completed.
First-line pembrolizumab, first dose today.
No adverse effect related to treatment, no toxicity.
Plan: start pembrolizumab.
""",
}

MOLECULAR = {
    (P1, 0): """Molecular pathology, specimen of 14 March 2019
EGFR c.2573T>G is reported as NM_005228.5:c.2573T>G, p.(Leu858Arg), allele fraction 31.2%.
58-year-old woman, adenocarcinoma; coordinates on GRCh38.
No alteration detected in ALK, ROS1, BRAF, MET, RET, ERBB2 and KRAS.
PD-L1 TPS 60%, high expression. TMB 2.1 mut/Mb.
Conclusion: EGFR L858R.
""",
    (P1, 82): """Molecular pathology, specimen of 4 June 2019
EGFR NM_005228.5:c.2369C>T p.Thr790Met 10.4%
Acquired resistance: EGFR T790M.
""",
    (P0, 0): """Molecular pathology, specimen of 14 March 2019
No pathogenic alteration detected. No oncogenic driver was found.
PD-L1 TPS 10%. TMB 8.2 mut/Mb.
""",
}


def notes() -> list[tuple[str, int, str, str, str]]:
    """Patient, day, kind, prefix of the file's name, text."""
    found = [(P0, day, "radiograph_report", "cxr", text) for day, text in RADIOGRAPHS.items()]
    found += [(p, d, "radiograph_report", "cxr", text) for (p, d), text in OTHERS.items()]
    found += [(p, day, "clinic_note", "clinic", text) for (p, day), text in CLINIC.items()]
    found += [(p, d, "molecular_report", "molecular", text) for (p, d), text in MOLECULAR.items()]
    return found
