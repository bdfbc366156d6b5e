"""Productions of a CT chest report around the single findings: header, history, technique,
comparison, what is absent, and the lines of the impression.
"""

from __future__ import annotations

from modalities.notes.grammar import Alternative as Alt

HEADER: dict[str, tuple[Alt, ...]] = {
    "title": (
        Alt("CT CHEST <contrast_title>, {date}", "", 2),
        Alt("EXAMINATION: CT chest <contrast_title>, {date}", "", 2),
        Alt("CT THORAX <contrast_title>\nDate: {date}", "spelling=uk"),
        Alt("EXAM: CT CHEST <contrast_title>\nDATE: {date}", "spelling=us"),
    ),
    "contrast_title": (
        Alt("with intravenous contrast", "contrast", 2),
        Alt("with IV contrast", "contrast"),
        Alt("without intravenous contrast", "!contrast", 2),
        Alt("without IV contrast", "!contrast"),
    ),
    "patient": (
        Alt("{age}-year-old <person>"),
        Alt("<person> aged {age}", "", 0.7),
    ),
    "person": (
        Alt("man", "sex=male", 2),
        Alt("male", "sex=male"),
        Alt("woman", "sex=female", 2),
        Alt("female", "sex=female"),
    ),
    "habit": (
        Alt("", "", 3),
        Alt("; never-smoker", "smoking=never", 2),
        Alt("; former smoker", "smoking=former"),
        Alt("; former smoker, {pack_years} pack-years", "smoking=former packs"),
        Alt("; current smoker", "smoking=current"),
        Alt("; current smoker, {pack_years} pack-years", "smoking=current packs"),
    ),
    "disease": (
        Alt("stage {stage} {disease}", "confirmed !recurred", 3),
        Alt("{disease}, stage {stage}", "confirmed !recurred", 2),
        Alt("{disease} (stage {stage})", "confirmed !recurred"),
        Alt(
            "recurrent {disease}, stage {stage} at first diagnosis",
            "confirmed recurred style=prose|structured|resident",
            2,
        ),
        Alt("recurrent {disease} (stage {stage} at first diagnosis)", "confirmed recurred"),
        Alt("recurrent {disease} (originally stage {stage})", "confirmed recurred", 2),
        Alt("suspected lung cancer", "!confirmed"),
    ),
    "history": (
        Alt(
            "@a <patient> with <disease><habit>. <reason>",
            "style=prose|structured|resident|list",
            3,
        ),
        Alt(
            "<disease> in @a <patient><habit>. <reason>",
            "style=prose|structured|resident !recurred",
        ),
        Alt("<disease>, {age}-year-old <person><habit>. <reason>", "style=terse|list", 2),
        Alt("<disease>. <reason>", "style=terse|list"),
    ),
    "reason": (
        Alt("Staging", "purpose=staging", 2),
        Alt("Staging examination", "purpose=staging"),
        Alt("Follow-up after <local_therapy>", "purpose=surveillance", 2),
        Alt("Previous <local_therapy>. Follow-up", "purpose=surveillance"),
        Alt("Recurrence after <local_therapy>. Restaging", "purpose=recurrence"),
        Alt("On {line}-line {regimen}. <assess>", "purpose=response line regimen", 3),
        Alt("<assess_on> {line}-line {regimen}", "purpose=response line regimen", 2),
        Alt("On best supportive care. Follow-up", "purpose=supportive", 2),
        Alt("Follow-up on best supportive care", "purpose=supportive"),
        Alt("After {line}-line {regimen}. Follow-up", "purpose=follow_up line regimen", 2),
        Alt("Follow-up after {line}-line {regimen}", "purpose=follow_up line regimen"),
        Alt("After {line}-line treatment. <assess>", "line !regimen purpose=response|follow_up", 2),
        Alt("Follow-up after {line}-line treatment", "line !regimen purpose=response|follow_up"),
        Alt("<assess>", "!line purpose=response|follow_up"),
    ),
    "local_therapy": (
        Alt("resection", "local=surgery", 2),
        Alt("surgery", "local=surgery"),
        Alt("stereotactic radiotherapy", "local=sbrt"),
        Alt("local treatment", "!local"),
    ),
    "assess": (
        Alt("Response assessment", "", 2),
        Alt("Restaging"),
        Alt("Assess response"),
        Alt("Follow-up"),
    ),
    "assess_on": (Alt("Response assessment on"), Alt("Restaging on"), Alt("Follow-up on")),
    "technique": (
        Alt("<tech_agent> <tech_slices>", "style=prose|structured|resident|list"),
        Alt("<tech_short>", "style=terse"),
        Alt("<tech_short>", "style=structured|list", 0.5),
    ),
    "tech_agent": (
        Alt(
            "helical CT of the chest was performed after intravenous injection of iodinated "
            "contrast.",
            "contrast",
        ),
        Alt(
            "contrast-enhanced CT of the chest, from the lung apices to the adrenal glands.",
            "contrast",
        ),
        Alt("CT of the chest and upper abdomen with intravenous contrast.", "contrast"),
        Alt("helical CT of the chest was performed without intravenous contrast.", "!contrast"),
        Alt("unenhanced CT of the chest, from the lung apices to the adrenal glands.", "!contrast"),
        Alt("non-contrast CT of the chest and upper abdomen.", "!contrast"),
    ),
    "tech_slices": (
        Alt("Axial reconstructions of {slice} mm."),
        Alt("Axial images were reconstructed at {slice} mm slice thickness."),
        Alt("Slice thickness {slice} mm."),
        Alt("Contiguous axial sections, {slice} mm."),
    ),
    "tech_short": (
        Alt("IV contrast, {slice} mm axial slices.", "contrast"),
        Alt("Contrast-enhanced, {slice} mm slices.", "contrast"),
        Alt("No IV contrast, {slice} mm axial slices.", "!contrast"),
        Alt("Unenhanced, {slice} mm slices.", "!contrast"),
    ),
    "comparison": (
        Alt("None available.", "!followup", 2),
        Alt("None.", "!followup"),
        Alt(
            "No prior examination is available for comparison.",
            "!followup style=prose|structured|resident",
        ),
        Alt("CT chest of {prior_date}.", "followup", 2),
        Alt("CT chest dated {prior_date}.", "followup"),
        Alt("Prior chest CT, {prior_date}.", "followup"),
        Alt("CT {prior_date}.", "followup style=terse"),
        Alt("The previous chest CT, of {prior_date}.", "followup style=prose|structured|resident"),
    ),
    "limits": (
        Alt(
            "Assessment of the mediastinum and upper abdomen is limited without intravenous "
            "contrast."
        ),
        Alt(
            "Evaluation of the mediastinum and solid organs is limited by the lack of contrast.",
            "style=prose|structured|resident",
        ),
        Alt("Limited by lack of IV contrast.", "style=terse|list"),
    ),
}

ABSENCE: dict[str, tuple[Alt, ...]] = {
    "absent": (
        Alt("[finding [side {side}] pleural effusion]", "concept=pleural_effusion side=right|left"),
        Alt("[finding pleural effusion]", "concept=pleural_effusion !side=right|left", 4),
        Alt("[finding effusion]", "concept=pleural_effusion !side=right|left style=terse|list"),
        Alt("[finding [side {side}] pneumothorax]", "concept=pneumothorax side=right|left"),
        Alt("[finding pneumothorax]", "concept=pneumothorax !side=right|left"),
        Alt(
            "[finding [side {side}] mediastinal lymphadenopathy]",
            "concept=lymphadenopathy side=right|left",
        ),
        Alt("[finding mediastinal lymphadenopathy]", "concept=lymphadenopathy !side=right|left", 2),
        Alt(
            "[finding mediastinal lymph node enlargement]",
            "concept=lymphadenopathy !side=right|left",
        ),
        Alt(
            "[finding lymphadenopathy]", "concept=lymphadenopathy !side=right|left style=terse|list"
        ),
        Alt("[finding focal liver lesion]", "concept=liver_lesion", 2),
        Alt("[finding hepatic lesion]", "concept=liver_lesion"),
        Alt("[finding liver lesion]", "concept=liver_lesion"),
        Alt("[finding [side {side}] adrenal nodule]", "concept=adrenal_lesion side=right|left"),
        Alt("[finding adrenal nodule]", "concept=adrenal_lesion !side=right|left", 2),
        Alt("[finding adrenal lesion]", "concept=adrenal_lesion !side=right|left"),
        Alt("[finding osseous lesion]", "concept=bone_lesion"),
        Alt("[finding focal bone lesion]", "concept=bone_lesion"),
        Alt("[finding pulmonary nodule] or mass", "concept=lung_lesion !side !lobe"),
        Alt("[finding [side {side}] lung nodule] or mass", "concept=lung_lesion side !lobe"),
        Alt(
            "[finding nodule] or mass in the [lobe [side {side}] {lobe_tail}]",
            "concept=lung_lesion lobe",
        ),
    ),
    "absences": (
        Alt("[negation no] {list}", "", 3),
        Alt("there is [negation no] {list}", "style=prose|structured|resident", 3),
        Alt("[negation no] {list} is <seen>", "style=prose|structured|resident", 2),
        Alt("[negation no evidence of] {list}", "style=prose|structured|resident|list"),
    ),
    "cleared": (
        Alt("the previously <seen> {list} has [change resolved]", "", 2),
        Alt(
            "the previously <seen> {list} is [change no longer visible]",
            "style=prose|structured|resident",
        ),
    ),
}

IMPRESSION: dict[str, tuple[Alt, ...]] = {
    "lead": (
        Alt("<dominant> <thing>, <extent><hedge>", "!change", 2),
        Alt("<dominant> <size> <thing><hedge>", "!change"),
        Alt("<dominant> <thing> measuring <extent><hedge>", "!change", 2),
        Alt("[change new] <thing>, <extent><hedge>", "change=new"),
        Alt("[change new] <size> <thing><hedge>", "change=new"),
        Alt(
            "<dominant> <thing> [change <has>], now <extent><then><hedge>",
            "change=larger|smaller",
            3,
        ),
        Alt(
            "[change <adverb>] of the <dominant> <thing>, now <extent><then><hedge>",
            "change=larger|smaller",
        ),
        Alt(
            "<dominant> <thing> [change <unchanged>], <extent><then_stable><hedge>",
            "change=stable",
            2,
        ),
        Alt("[change stable] <dominant> <thing>, <extent><hedge>", "change=stable"),
    ),
    "dominant": (Alt("dominant", "several"), Alt("", "!several")),
    "has": (
        Alt("increased in size", "change=larger", 2),
        Alt("larger", "change=larger"),
        Alt("decreased in size", "change=smaller", 2),
        Alt("smaller", "change=smaller"),
    ),
    "went": (
        Alt("increased in size", "change=larger"),
        Alt("increased", "change=larger"),
        Alt("decreased in size", "change=smaller"),
        Alt("decreased", "change=smaller"),
    ),
    "adverb": (
        Alt("interval increase in size", "change=larger"),
        Alt("interval growth", "change=larger"),
        Alt("interval decrease in size", "change=smaller"),
    ),
    # Where several lesions share a lobe, the size tells them apart.
    "brief": (
        Alt("<rank> <thing><hedge>", "measured !change !shared"),
        Alt("<rank> <thing>, <size><hedge>", "measured !change"),
        Alt("[change new] <thing>, <extent><hedge>", "measured change=new"),
        Alt("[change new] <size> <thing><hedge>", "measured change=new", 2),
        Alt("<rank> <thing>, [change <went>] to <extent><hedge>", "measured change=larger|smaller"),
        Alt(
            "<rank> <thing> [change <has>], now <extent><then><hedge>",
            "measured change=larger|smaller",
        ),
        Alt("[change stable] <rank> <thing>, <extent><hedge>", "measured change=stable"),
        Alt("<rank> <thing>, [change <unchanged>] at <extent><hedge>", "measured change=stable"),
        Alt("[change resolution] of the previously <seen> <rank> <thing>", "change=resolved"),
        Alt("previously <seen> <rank> <thing> [change resolved]", "change=resolved"),
        Alt("<frag_state>", "!measured !change=resolved"),
    ),
    "trend": (
        Alt("baseline for subsequent response assessment", "!followup"),
        Alt("baseline study before treatment", "!followup"),
        Alt("<reference> complete response by RECIST 1.1", "response=CR"),
        Alt("findings meet RECIST 1.1 criteria for complete response", "response=CR"),
        Alt(
            "overall decrease in <tumour> burden compared with baseline, consistent with partial "
            "response",
            "response=PR",
            2,
        ),
        Alt("<reference> partial response by RECIST 1.1", "response=PR", 2),
        Alt(
            "overall response to treatment compared with baseline (RECIST 1.1: partial response)",
            "response=PR",
        ),
        Alt("overall stable disease", "response=SD", 2),
        Alt("overall stable disease by RECIST 1.1", "response=SD"),
        Alt(
            "no overall change in <tumour> burden that would meet criteria for response or "
            "progression",
            "response=SD",
        ),
        Alt("overall disease progression", "response=PD", 2),
        Alt("progressive disease by RECIST 1.1", "response=PD"),
        Alt("findings are those of progressive disease", "response=PD"),
        Alt("progressive disease with new lesion<plural>", "response=PD fresh"),
        Alt("overall response cannot be evaluated on this examination", "response=NE"),
        Alt("response not evaluable by RECIST 1.1", "response=NE"),
    ),
    "reference": (Alt("overall,"), Alt("overall findings represent"), Alt("")),
    "plural": (Alt("s", "fresh=many"), Alt("", "!fresh=many")),
    "tumour": (Alt("tumour", "spelling=uk"), Alt("tumor", "spelling=us")),
    "no_new": (
        Alt("no new lesion", "", 2),
        Alt("no new lesion is <seen>", "style=prose|structured|resident"),
        Alt("no new site of disease"),
        Alt("no evidence of new lesions"),
    ),
    "meeting": (
        Alt("lung cancer multidisciplinary meeting", "spelling=uk"),
        Alt("thoracic tumor board", "spelling=us"),
    ),
    "advice": (
        Alt("correlation with clinical staging is suggested", "!followup"),
        Alt("review at the <meeting> is suggested", "!followup"),
        Alt("discussion at the <meeting> is suggested", "response=PD", 2),
        Alt("clinical correlation and review of treatment are suggested", "response=PD"),
        Alt("continued follow-up as per oncology protocol", "followup !response=PD", 2),
        Alt("next follow-up CT as per treatment protocol", "followup !response=PD"),
    ),
}

RULES: dict[str, tuple[Alt, ...]] = {**HEADER, **ABSENCE, **IMPRESSION}
