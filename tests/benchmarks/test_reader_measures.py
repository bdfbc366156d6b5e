"""The measures of benchmarks/notes_reader.py on answers that are known, and the real reports."""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from eval.readers.findings import stated_findings
from eval.readers.mentions import load
from modalities import assets

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    from reader import baselines, reference
    from reader.measure import Comparison, Counts, binomial
finally:
    sys.path.remove(str(BENCHMARKS))

RULES = yaml.safe_load(reference.MAP.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("tag", "findings"),
    [
        ("normal", set()),
        ("Cardiomegaly/mild", {"cardiomegaly"}),
        ("Cardiac Shadow/enlarged", {"cardiomegaly"}),
        ("Cardiac Shadow/obscured", set()),
        ("Opacity/lung/base/left", {"opacity"}),
        ("Opacity/ribs/left", set()),
        ("Opacity/lung/ribs", {"opacity"}),
        ("Opacity/lung/interstitial", {"opacity", "interstitial"}),
        ("Markings/bronchovascular", {"bronchovascular"}),
        ("Calcinosis/aorta", {"atherosclerosis"}),
        ("Calcinosis/lung/hilum/lymph nodes", {"granuloma"}),
        ("Hydropneumothorax", {"effusion", "pneumothorax"}),
    ],
)
def test_what_a_tag_means(tag, findings):
    assert reference.findings_of(tag, RULES) == findings


def test_every_mapped_finding_is_one_the_reader_knows():
    assert set(load()["findings"]) - set(RULES) == {"pulmonary_embolism", "other_organ"}
    assert set(RULES) <= set(load()["findings"])


def test_the_judged_disagreements_are_of_known_findings():
    path = BENCHMARKS / "reader" / "causes.yaml"
    for findings in yaml.safe_load(path.read_text(encoding="utf-8")).values():
        assert set(findings) <= set(RULES)


def report(identifier, tags, findings="", impression="", indication="Fever."):
    parts = {"INDICATION": indication, "FINDINGS": findings, "IMPRESSION": impression}
    texts = "".join(f'<AbstractText Label="{k}">{v}</AbstractText>' for k, v in parts.items())
    majors = "".join(f"<major>{tag}</major>" for tag in tags)
    return f'<eCitation><uId id="{identifier}"/>{texts}<MeSH>{majors}</MeSH></eCitation>'


def packed(folder, reports):
    path = folder / "reports.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for i, text in enumerate(reports):
            info = tarfile.TarInfo(f"reports/{i}.xml")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_reports_without_text_or_tags_are_left_out(tmp_path):
    path = packed(
        tmp_path,
        [
            report("B", ["Pleural Effusion/left/small"], findings="Left effusion."),
            report("A", ["normal"], impression="Normal."),
            report("C", ["normal"]),
            report("D", ["No Indexing"], findings="Effusion."),
        ],
    )
    first, second = reference.read(path)
    assert (first.id, first.present, second.id) == ("A", frozenset(), "B")
    assert (second.present, second.sides) == ({"effusion"}, {"effusion": {"left"}})
    assert second.text == "INDICATION: Fever.\nFINDINGS: Left effusion.\n"
    assert second.said == "Left effusion."
    odd = int(hashlib.sha256(b"B").hexdigest(), 16) % 2
    assert second.half == ("reported" if odd else "tuning")
    assert reference.commonest([first, second], 10) == ["effusion"]


def test_counts_and_intervals():
    reports = [
        reference.Report(str(i), "", "", frozenset(present), {})
        for i, present in enumerate([{"scar"}, {"scar", "nodule"}, set(), {"nodule"}] * 25)
    ]
    read = [frozenset(found) for found in [{"scar"}, {"scar"}, {"nodule"}, {"nodule"}] * 25]
    compared = Comparison.of(reports, read, ["scar", "nodule"])
    assert compared.counts(["scar"]) == Counts(50, 0, 0)
    both = compared.counts(["scar", "nodule"])
    assert both == Counts(75, 25, 25)
    assert (both.precision(), both.recall(), both.f1()) == (0.75, 0.75, 0.75)
    low, high = compared.f1_interval(["scar", "nodule"])
    assert 0.65 < low < 0.75 < high < 0.85
    assert compared.f1_interval(["scar"]) == (1.0, 1.0)
    # Clopper-Pearson: 0 of 10 and 10 of 10, to the rule of 1 - 0.025^(1/10).
    assert binomial(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert binomial(10, 10) == (pytest.approx(0.025**0.1), 1.0)


def test_the_baselines_fail_where_they_should():
    text = "FINDINGS: No effusion.\nIMPRESSION: Opacity, possibly atelectasis."
    assert stated_findings(text) == {"opacity"}
    assert baselines.without_hedges(text) == {"opacity", "atelectasis"}
    assert baselines.without_judgement(text) == {"effusion", "opacity", "atelectasis"}
    assert baselines.plain_negspacy(True)(text) == {"opacity", "atelectasis"}
    # Without a full stop the denial reaches past the next header.
    text = "FINDINGS: No effusion\nIMPRESSION: Cardiomegaly"
    assert baselines.plain_negspacy(True)(text) == {"cardiomegaly"}
    assert baselines.plain_negspacy(False)(text) == frozenset()


def test_the_lesion_reader_as_measured():
    text = "FINDINGS: Small left effusion. No nodule."
    assert baselines.lesion_reader(text) == {"effusion"}


def test_real_reports_read_as_well_as_published():
    """The first 200 of the reported half against the published figure, less its sampling error."""
    if not (assets.cache() / assets.REAL_REPORTS_ARCHIVE / assets.REAL_REPORTS).is_file():
        pytest.skip("the real reports are not at hand: make assets")
    reports = reference.read(assets.real_reports())
    ten = reference.commonest(reports, 10)
    some = [r for r in reports if r.half == "reported"][:200]
    compared = Comparison.of(some, [stated_findings(r.text) for r in some], ten)
    rows = json.loads((BENCHMARKS / "results" / "notes_reader.json").read_text(encoding="utf-8"))
    published = next(r for r in rows if r["name"] == "ten commonest findings, micro F1")
    assert compared.f1_interval(ten)[1] > published["value"] - 0.005
    assert len(reports) == 3832 and published["met"]
