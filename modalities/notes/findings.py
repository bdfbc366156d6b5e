"""Productions of a CT chest report that state one finding: its place, size, change, certainty.

``full_*`` are whole sentences, ``frag_*`` the fragments of structured and terse reports, ``lead``
and ``brief`` the lines of an impression. A definite finding carries no hedging word, so a hedge
always means what the plan says.
"""

from __future__ import annotations

from modalities.notes.grammar import Alternative as Alt

PLACES: dict[str, tuple[Alt, ...]] = {
    # Before the noun: "right upper lobe nodule".
    "attr": (
        Alt("[lobe [side {side}] {lobe_tail}]", "lobe naming=long|mixed"),
        Alt("[lobe [side {lobe}]]", "lobe naming=short|mixed"),
        Alt("[side {side}] lung", "concept=lung_lesion !lobe side"),
        Alt("pulmonary", "concept=lung_lesion !lobe !side"),
        Alt("[side {side}] mediastinal", "concept=lymphadenopathy side", 2),
        Alt("[side {side}]-sided mediastinal", "concept=lymphadenopathy side=right|left"),
        Alt("mediastinal", "concept=lymphadenopathy !side"),
        Alt("hepatic", "concept=liver_lesion !side"),
        Alt("liver", "concept=liver_lesion !side"),
        Alt("[side {side}]-sided hepatic", "concept=liver_lesion side=right|left"),
        Alt("[side {side}] hepatic", "concept=liver_lesion side=midline"),
        Alt("[side {side}] adrenal", "concept=adrenal_lesion side"),
        Alt("adrenal", "concept=adrenal_lesion !side"),
        Alt("osseous", "concept=bone_lesion !side"),
        Alt("bone", "concept=bone_lesion !side"),
        Alt("[side {side}]-sided osseous", "concept=bone_lesion side=right|left"),
        Alt("[side {side}] osseous", "concept=bone_lesion side=midline"),
        Alt("[side {side}] pleural", "concept=pleural_effusion side", 2),
        Alt("[side {side}]-sided pleural", "concept=pleural_effusion side=right|left"),
        Alt("pleural", "concept=pleural_effusion !side"),
        Alt("[side {side}]", "concept=pneumothorax side", 2),
        Alt("[side {side}]-sided", "concept=pneumothorax side=right|left"),
        Alt("", "concept=pneumothorax !side"),
    ),
    # After it: "nodule in the right upper lobe".
    "loc": (
        Alt("in the [lobe [side {side}] {lobe_tail}]", "lobe naming=long|mixed", 4),
        Alt("within the [lobe [side {side}] {lobe_tail}]", "lobe naming=long|mixed"),
        Alt("in the [lobe [side {lobe}]]", "lobe naming=short|mixed", 3),
        Alt("in the [side {side}] lung", "concept=lung_lesion !lobe side"),
        Alt("in the lungs", "concept=lung_lesion !lobe !side"),
        Alt("in the [side {side}] mediastinum", "concept=lymphadenopathy side=right|left"),
        Alt("in the [side {side}] mediastinum", "concept=lymphadenopathy side=midline"),
        Alt("in the mediastinum", "concept=lymphadenopathy !side"),
        Alt("in the liver", "concept=liver_lesion !side"),
        Alt("on the [side {side}] side of the liver", "concept=liver_lesion side=right|left"),
        Alt("in the [side {side}] of the liver", "concept=liver_lesion side=midline"),
        Alt("in the [side {side}] adrenal gland", "concept=adrenal_lesion side", 2),
        Alt("of the [side {side}] adrenal gland", "concept=adrenal_lesion side"),
        Alt("in an adrenal gland", "concept=adrenal_lesion !side"),
        Alt("in the imaged skeleton", "concept=bone_lesion !side"),
        Alt(
            "on the [side {side}] side of the imaged skeleton",
            "concept=bone_lesion side=right|left",
        ),
        Alt("in the [side {side}] of the imaged skeleton", "concept=bone_lesion side=midline"),
        Alt("on the [side {side}]", "concept=pleural_effusion|pneumothorax side"),
    ),
    # "In the right upper lobe, there is": not every place opens a sentence well.
    "opening": (
        Alt("in the [lobe [side {side}] {lobe_tail}]", "lobe naming=long|mixed"),
        Alt("in the [lobe [side {lobe}]]", "lobe naming=short|mixed"),
        Alt("<loc>", "!lobe"),
    ),
    "noun": (
        Alt("nodule", "concept=lung_lesion|adrenal_lesion !big", 3),
        Alt("mass", "concept=lung_lesion|adrenal_lesion big", 3),
        Alt("lesion", "concept=lung_lesion|adrenal_lesion"),
        Alt("lesion", "concept=liver_lesion|bone_lesion"),
        Alt("lymph node", "concept=lymphadenopathy", 3),
        Alt("node", "concept=lymphadenopathy"),
        Alt("effusion", "concept=pleural_effusion"),
        Alt("pneumothorax", "concept=pneumothorax"),
    ),
    "bare": (
        Alt("<noun>", "!concept=pleural_effusion"),
        Alt("pleural effusion", "concept=pleural_effusion"),
    ),
    "thing": (
        Alt("[finding <attr> <noun>]", "", 2),
        Alt(
            "[finding <bare> <loc>]",
            "located !concept=bone_lesion style=prose|structured|resident",
            1.5,
        ),
        Alt(
            "[finding <bare> <loc>]",
            "located !concept=bone_lesion style=terse|list|impression",
            0.5,
        ),
        Alt("[finding <bare> <loc>]", "concept=bone_lesion", 0.3),
    ),
}

SIZES: dict[str, tuple[Alt, ...]] = {
    "unit": (Alt("mm", "unit=mm"), Alt("cm", "unit=cm")),
    "size": (
        Alt("[size {long} x {short} <unit>]", "short", 5),
        Alt("[size {long} by {short} <unit>]", "short style=prose"),
        Alt("[size {long} <unit>]", "!short"),
    ),
    "extent": (
        Alt("<size>", "", 4),
        Alt(
            "[size {long} <unit> in long axis and {short} <unit> in short axis]",
            "short style=prose|structured|resident",
            1.5,
        ),
        Alt(
            "[size {long} x {short} <unit>] (long x short axis)",
            "short !prior style=structured|list",
        ),
        Alt(
            "[size {short} <unit> in short axis and {long} <unit> in long axis]",
            "concept=lymphadenopathy short style=prose|structured|resident",
            2,
        ),
        Alt(
            "[size {long} x {short} <unit>] (short axis {short} <unit>)",
            "concept=lymphadenopathy short !prior",
            3,
        ),
    ),
    "before": (
        Alt("[prior_size {prior_long} x {prior_short} <unit>]", "prior_short", 3),
        Alt("[prior_size {prior_long} <unit>]", "!concept=lymphadenopathy"),
        Alt("[prior_size {prior_long} <unit>]", "concept=lymphadenopathy !prior_short"),
    ),
    # What it was, after what it is; in parentheses where a hedge follows, or the doubt would be
    # about the prior size.
    "then": (
        Alt(", previously <before>", "prior certainty=definite", 3),
        Alt(" (previously <before>)", "prior", 3),
        Alt(" (prior <before>)", "prior style=terse|structured|list|impression", 2),
        Alt(" (was <before>)", "prior style=terse|list"),
        Alt(
            ", compared with <before> on {prior_date}",
            "prior certainty=definite style=prose|structured|resident",
            2,
        ),
        Alt(
            ", compared with <before> previously",
            "prior certainty=definite style=prose|structured|resident",
        ),
        Alt(" (<before> on {prior_date})", "prior"),
        Alt(", previously too small to measure", "returned"),
        Alt("", "!prior !returned"),
    ),
    "then_stable": (Alt("<then>", "", 2), Alt("", "equal")),
    "aside": (
        Alt(" (previously <before>)", "prior"),
        Alt(" (<before> on {prior_date})", "prior"),
        Alt("", "equal"),
        Alt("", "!prior"),
    ),
    "rank": (Alt("{ordinal}", "ranked"), Alt("", "!ranked")),
    "another": (Alt("{ordinal}", "ranked", 2), Alt("further", "ranked"), Alt("", "!ranked")),
    "tiny": (Alt("tiny", "tiny", 2), Alt("punctate", "tiny"), Alt("", "tiny", 2), Alt("", "!tiny")),
    "seen": (Alt("seen", "", 3), Alt("present"), Alt("noted"), Alt("identified")),
    "since": (
        Alt("since the prior examination", "", 2),
        Alt("since the previous study"),
        Alt("since {prior_date}"),
        Alt("compared with the prior examination"),
    ),
}

HEDGES: dict[str, tuple[Alt, ...]] = {
    # Of a measured lesion the doubt is about its nature, of the others about their presence.
    "hedge": (
        Alt("", "certainty=definite"),
        Alt(", [certainty suspicious for <evil>]", "certainty=probable", 2),
        Alt(", [certainty probably <evil_adj>]", "certainty=probable"),
        Alt(", [certainty likely <evil_adj>]", "certainty=probable", 2),
        Alt(", [certainty concerning for <evil>]", "certainty=probable"),
        Alt(", [certainty worrisome for <evil>]", "certainty=probable style=resident"),
        Alt(", [certainty possibly <evil_adj>]", "certainty=possible", 2),
        Alt(", in which [certainty <evil> cannot be excluded]", "certainty=possible"),
        Alt(", [certainty may represent <evil>]", "certainty=possible style=terse|list|impression"),
        Alt(", which [certainty may represent <evil>]", "certainty=possible !prior style=prose"),
    ),
    "evil": (
        Alt("malignancy", "concept=lung_lesion"),
        Alt("nodal metastasis", "concept=lymphadenopathy"),
        Alt("metastasis", "!concept=lung_lesion|lymphadenopathy"),
    ),
    "evil_adj": (
        Alt("malignant", "concept=lung_lesion"),
        Alt("metastatic", "!concept=lung_lesion"),
    ),
    "maybe": (
        Alt("", "certainty=definite"),
        Alt("[certainty probable]", "certainty=probable"),
        Alt("[certainty likely]", "certainty=probable"),
        Alt("[certainty possible]", "certainty=possible", 2),
        Alt("[certainty questionable]", "certainty=possible"),
    ),
}

FULL: dict[str, tuple[Alt, ...]] = {
    "full": (
        Alt("<full_plain>", "measured !change"),
        Alt("<full_new>", "measured change=new"),
        Alt("<full_larger>", "measured change=larger"),
        Alt("<full_smaller>", "measured change=smaller"),
        Alt("<full_stable>", "measured change=stable"),
        Alt("<full_resolved>", "change=resolved"),
        Alt("<full_state>", "!measured !change=resolved"),
    ),
    "full_plain": (
        Alt("there is @a <another> <tiny> <size> <thing><hedge>", "", 3),
        Alt("@a <another> <tiny> <size> [finding <bare>] is <seen> <loc><hedge>", "located", 2),
        Alt("@a <another> <tiny> <thing> measures <extent><hedge>", "", 3),
        Alt(
            "<opening>, there is @a <another> <tiny> <size> [finding <bare>]<hedge>", "located", 1.5
        ),
        Alt("@a <another> <thing> is <seen>, measuring <extent><hedge>", "", 1.5),
    ),
    "full_new": (
        Alt("there is a [change new] <tiny> <size> <thing><hedge>", "", 3),
        Alt("a [change new] <tiny> <thing> measures <extent><hedge>", "", 2),
        Alt("a [change new] <tiny> <size> [finding <bare>] is <seen> <loc><hedge>", "located", 2),
        Alt("<opening>, there is a [change new] <tiny> <size> [finding <bare>]<hedge>", "located"),
        Alt("@a <tiny> <size> <thing> is [change new] <since><hedge>", "", 1.5),
        Alt("a [change new] <thing> has appeared <since>, measuring <extent><hedge>"),
    ),
    "full_larger": (
        Alt(
            "the <rank> <thing> has [change <grown>] and now measures <extent><then><hedge>", "", 3
        ),
        Alt("the <rank> <thing> has [change <grown>], now <extent><then><hedge>", "", 2),
        Alt("the <rank> <thing> is [change larger], now measuring <extent><then><hedge>", "", 2),
        Alt(
            "there has been [change interval enlargement] of the <rank> <thing>, now measuring "
            "<extent><then><hedge>"
        ),
        Alt("the <rank> <thing> is [change larger] than before and measures <extent><then><hedge>"),
    ),
    "grown": (Alt("increased in size", "", 3), Alt("enlarged"), Alt("grown")),
    "full_smaller": (
        Alt(
            "the <rank> <thing> has [change <shrunk>] and now measures <extent><then><hedge>", "", 3
        ),
        Alt("the <rank> <thing> has [change <shrunk>], now <extent><then><hedge>", "", 2),
        Alt("the <rank> <thing> is [change smaller], now measuring <extent><then><hedge>", "", 2),
        Alt(
            "there has been [change an interval decrease in size] of the <rank> <thing>, now "
            "measuring <extent><then><hedge>"
        ),
        Alt(
            "the <rank> <thing> is [change smaller] than before and measures <extent><then><hedge>"
        ),
    ),
    "shrunk": (Alt("decreased in size", "", 3), Alt("become smaller"), Alt("shrunk")),
    "full_stable": (
        Alt(
            "the <rank> <thing> is [change <unchanged>], measuring <extent><then_stable><hedge>",
            "",
            3,
        ),
        Alt("the <rank> <thing> remains [change stable] at <extent><then_stable><hedge>", "", 2),
        Alt("the <rank> <thing> measures <extent><aside> and is [change <unchanged>]<hedge>"),
    ),
    "unchanged": (
        Alt("stable", "", 2),
        Alt("stable in size"),
        Alt("unchanged", "equal", 2),
        Alt("essentially unchanged", "!equal"),
        Alt("not significantly changed", "!equal"),
    ),
    "full_resolved": (
        Alt("the previously <seen> <rank> <old> <thing> has [change resolved]", "!kept", 3),
        Alt("the <rank> <thing>, previously <before>, has [change resolved]", "prior", 2),
        Alt("the previously <seen> <rank> <old> <thing> is [change no longer visible]", "!kept", 2),
        Alt(
            "there has been [change complete resolution] of the <rank> <old> <thing> seen "
            "previously",
            "!kept",
        ),
        Alt("the previously <seen> <rank> <thing> [change remains resolved]", "kept", 2),
        Alt("the <rank> <thing> seen on earlier examinations [change remains resolved]", "kept"),
    ),
    "old": (Alt("<before>", "prior", 2), Alt("", "prior"), Alt("", "!prior")),
    "full_state": (
        Alt("there is @a <maybe> <another> <thing>", "!change !again", 2),
        Alt("@a <maybe> <another> <thing> is <seen>", "!change !again"),
        Alt("@a <maybe> <rank> <thing> is again <seen>", "!change again", 2),
        Alt("again <seen> is @a <maybe> <rank> <thing>", "!change again"),
        Alt("there is a [change new] <maybe> <thing>", "change=new", 2),
        Alt("a [change new] <maybe> <thing> is <seen>", "change=new"),
        Alt("the <maybe> <rank> <thing> has [change increased]", "change=larger"),
        Alt("the <maybe> <rank> <thing> is [change larger]", "change=larger"),
        Alt("the <maybe> <rank> <thing> has [change decreased]", "change=smaller"),
        Alt("the <maybe> <rank> <thing> is [change smaller]", "change=smaller"),
        Alt("the <maybe> <rank> <thing> is [change unchanged]", "change=stable"),
        Alt("the <maybe> <rank> <thing> is [change stable]", "change=stable"),
    ),
}

FRAGMENTS: dict[str, tuple[Alt, ...]] = {
    "frag": (
        Alt("<frag_measured>", "measured !change=resolved"),
        Alt("<frag_resolved>", "change=resolved"),
        Alt("<frag_state>", "!measured !change=resolved"),
    ),
    "frag_measured": (
        Alt("<rank> <tiny> <size> <thing><hedge>", "!change", 2),
        Alt("<rank> <tiny> <thing>, <extent><hedge>", "!change", 2),
        Alt("<rank> <tiny> <thing> measuring <extent><hedge>", "!change"),
        Alt("<rank> <tiny> <thing>: <extent><hedge>", "!change style=terse|list", 3),
        Alt("[change new] <tiny> <size> <thing><hedge>", "change=new", 3),
        Alt("[change new] <tiny> <thing>, <extent><hedge>", "change=new", 2),
        Alt("[change new] <tiny> <thing>: <extent><hedge>", "change=new style=terse|list"),
        Alt(
            "<rank> <thing> [change <word>], now <extent><then><hedge>", "change=larger|smaller", 2
        ),
        Alt("<rank> <thing> [change <went>] to <extent><then><hedge>", "change=larger|smaller"),
        Alt("<rank> <thing>, <extent><then>, [change <word>]<hedge>", "change=larger|smaller", 2),
        Alt(
            "<rank> <thing>: <extent><then>, [change <word>]<hedge>",
            "change=larger|smaller style=terse|list",
            4,
        ),
        Alt("[change stable] <rank> <thing>, <extent><then_stable><hedge>", "change=stable", 2),
        Alt("<rank> <thing> [change <unchanged>], <extent><then_stable><hedge>", "change=stable"),
        Alt(
            "<rank> <thing>: <extent><then_stable>, [change <unchanged>]<hedge>",
            "change=stable style=terse|list",
            4,
        ),
    ),
    "word": (
        Alt("larger", "change=larger", 2),
        Alt("increased", "change=larger"),
        Alt("smaller", "change=smaller", 2),
        Alt("decreased", "change=smaller"),
    ),
    "frag_resolved": (
        Alt("previously <seen> <rank> <old> <thing> [change resolved]", "!kept", 2),
        Alt("<rank> <thing>, previously <before>, [change resolved]", "prior", 2),
        Alt("<rank> <thing>: [change resolved]<then>", "style=terse|list !kept", 3),
        Alt("<rank> <thing> [change no longer visible]<then>", "!kept"),
        Alt("<rank> <thing> [change remains resolved]", "kept"),
        Alt("<rank> <thing>: [change remains resolved]", "kept style=terse|list"),
    ),
    "frag_state": (
        Alt("<maybe> <rank> <thing>", "!change !again"),
        Alt("<maybe> <rank> [finding <attr> <noun>] <seen>", "!change !again style=structured"),
        Alt("<maybe> <rank> <thing> again <seen>", "!change again"),
        Alt("[change new] <maybe> <thing>", "change=new"),
        Alt("<maybe> <rank> <thing>, [change <word>]", "change=larger|smaller"),
        Alt("[change stable] <maybe> <rank> <thing>", "change=stable"),
        Alt("<maybe> <rank> <thing>, [change unchanged]", "change=stable"),
    ),
    "lesion": (
        Alt("<full>", "style=prose"),
        Alt("<full>", "style=structured"),
        Alt("<frag>", "style=structured", 0.7),
        Alt("<frag>", "style=terse|list"),
        Alt("<resident>", "style=resident"),
    ),
}

RESIDENT: dict[str, tuple[Alt, ...]] = {
    # A trainee's dictation: change first, "redemonstrated", "currently", "note is made of".
    "resident": (
        Alt("note is made of @a <another> <tiny> <size> <thing><hedge>", "measured !change"),
        Alt("there is @a <another> <tiny> <thing> measuring <extent><hedge>", "measured !change"),
        Alt("[change interval development] of @a <tiny> <size> <thing><hedge>",
            "measured change=new"),
        Alt("@a [change new] <tiny> <thing> is <seen>, measuring up to <extent><hedge>",
            "measured change=new !short"),
        Alt("there is @a [change new] <tiny> <thing> measuring <extent><hedge>",
            "measured change=new"),
        Alt("[change interval increase in size] of the <rank> <thing>, currently measuring "
            "<extent><then><hedge>", "measured change=larger", 2),
        Alt("redemonstrated <rank> <thing>, [change increased in size], now measuring "
            "<extent><then><hedge>", "measured change=larger"),
        Alt("[change interval decrease in size] of the <rank> <thing>, currently measuring "
            "<extent><then><hedge>", "measured change=smaller", 2),
        Alt("redemonstrated <rank> <thing>, [change decreased in size], now measuring "
            "<extent><then><hedge>", "measured change=smaller"),
        Alt("redemonstrated <rank> <thing>, [change <unchanged>], measuring "
            "<extent><then_stable><hedge>", "measured change=stable"),
        Alt("the <rank> <thing> shows [change no significant interval change], measuring "
            "<extent><then_stable><hedge>", "measured change=stable"),
        Alt("[change interval resolution] of the <rank> <old> <thing>", "change=resolved !kept"),
        Alt("<full_resolved>", "change=resolved"),
        Alt("<full_state>", "!measured !change=resolved"),
    ),
}  # fmt: skip

RULES: dict[str, tuple[Alt, ...]] = {
    **PLACES, **SIZES, **HEDGES, **FULL, **FRAGMENTS, **RESIDENT,
}  # fmt: skip
