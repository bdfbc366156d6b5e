"""Training of the language model: resumed to the same bytes, on one's own reports too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from modalities.notes.lm import adapter, base, own, space, training
from modalities.notes.lm.config import NotesTraining
from modalities.notes.lm.config import read as read_training
from modalities.notes.lm.ct_chest import CtChest
from modalities.notes.lm.pairs import Tokens, micro_batches, tokens
from ontology.errors import ConsilienceError

KIND = CtChest()
ROOT = Path(__file__).parents[2]


def test_training_that_was_stopped_ends_in_the_same_bytes(
    settings: NotesTraining, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_VOCABULARY_FROM", 40)
    monkeypatch.setattr(training, "CORES", 1)  # nor do the cores matter
    training.train(settings.model_copy(update={"steps": 2}), tmp_path)
    again = training.train(settings, tmp_path)
    for name in (adapter.WEIGHTS, adapter.SETTINGS, adapter.CARD):
        assert (again / name).read_bytes() == (trained / name).read_bytes(), name
    assert (tmp_path / training.LOSSES).read_text().startswith("step,loss,held_out\n2,")
    assert (tmp_path / training.CURVE).read_bytes()[:4] == b"\x89PNG"
    other = settings.model_copy(update={"rate": 1e-4})
    with pytest.raises(ConsilienceError, match=r"(?s)another config.*rate"):
        training.train(other, tmp_path)
    monkeypatch.setattr(CtChest, "prompt", lambda self, said: "facts")
    with pytest.raises(ConsilienceError, match=r"(?s)another config.*wording_sha256"):
        training.train(settings, tmp_path)


def test_the_end_of_a_report_is_learned_although_it_is_the_padding_token(
    tiny: Path, settings: NotesTraining
) -> None:
    model = base.load(str(tiny))
    pairs = [tokens(KIND.pair(KIND.sample(1, i)), model.tokenizer, model.end) for i in range(3)]
    assert all(pair.target[-1] == model.tokenizer.pad_token_id for pair in pairs)
    words = sorted({token for pair in pairs for token in pair.target})
    learner = training.Learner(model, words, settings)
    with torch.no_grad():
        together, count = learner.loss(pairs)
        alone = [learner.loss([pair]) for pair in pairs]
    assert count == sum(len(pair.target) for pair in pairs)
    assert float(together) == pytest.approx(sum(float(loss) for loss, _ in alone), rel=1e-4)


def test_in_bfloat16_only_the_base_is_rounded(tiny: Path, settings: NotesTraining) -> None:
    pairs = [KIND.pair(KIND.sample(1, index)) for index in range(3)]
    found = []
    for precision in ("float32", "bfloat16"):
        model = base.load(str(tiny))
        cut = [tokens(pair, model.tokenizer, model.end) for pair in pairs]
        words = sorted({token for pair in cut for token in pair.target})
        config = settings.model_copy(update={"precision": precision})
        learner = training.Learner(model, words, config)
        assert {p.dtype for p in learner.learnt.values()} == {torch.float32}
        loss, slopes = learner.slopes(cut)
        assert {slope.dtype for slope in slopes} == {torch.float32}
        found.append(loss)
    assert found[0] != found[1] and found[1] == pytest.approx(found[0], rel=0.01)


@pytest.mark.parametrize("name", ["notes", "more_notes", "own_notes"])
def test_the_shipped_training_configs_can_be_read(name: str) -> None:
    assert read_training(ROOT / "configs" / "training" / f"{name}.yaml").steps > 0


def test_micro_batches_hold_every_pair_once_within_the_budget() -> None:
    pairs = [Tokens((1,) * n, (2,) * (2 * n)) for n in (5, 40, 7, 90, 21, 8)]
    groups = micro_batches(pairs, 100)
    assert sorted(p.length for g in groups for p in g) == sorted(p.length for p in pairs)
    assert all(len(g) * max(p.length for p in g) <= 100 for g in groups if len(g) > 1)


def test_held_out_combinations_never_occur_in_training() -> None:
    learned = {space.combination(space.case(1, i)[0]) for i in range(300)}
    held = {space.combination(space.case(1, i, held=True)[0]) for i in range(60)}
    assert len(held) > 40 and not learned & held


def test_own_reports_are_learned_from_the_shipped_state_on(
    settings: NotesTraining, trained: Path, tmp_path: Path
) -> None:
    lines = [
        {"text": f"FINDINGS: Nodule of {n} mm in the left lower lobe. IMPRESSION: Nodule, {n} mm.",
         "findings": [{"concept": "lung_lesion", "lobe": "LLL", "long_mm": n}]}
        for n in range(6, 30)
    ]  # fmt: skip
    file = tmp_path / "reports.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    model = base.load(settings.base_model)
    pairs = own.read(file, model)
    assert len(pairs.learned) + len(pairs.held) == len(lines) and pairs.held
    assert "left lower lobe nodule 6" in next(p.prompt for p in pairs.learned)
    config = settings.model_copy(update={"reports": file, "start": str(trained)})
    made = training.train(config, tmp_path / "run")
    card = json.loads((made / adapter.CARD).read_text())
    before = json.loads((trained / adapter.CARD).read_text())
    assert set(before["vocabulary"]) <= set(card["vocabulary"])
    assert card["before"] == {key: before[key] for key in before if key != "vocabulary"}
    file.write_text('{"text": "FINDINGS: a", "findings": []}\n{"text": 3}\nno json\n')
    with pytest.raises(ConsilienceError, match=r"(?s)line 1: .*line 2: .*line 3: "):
        own.read(file, model)


def test_own_reports_that_would_teach_falsehood_or_do_not_fit_are_listed(
    tiny: Path, tmp_path: Path
) -> None:
    model, file = base.load(str(tiny)), tmp_path / "reports.jsonl"
    text = "FINDINGS: Nodule in the left lower lobe, {}. IMPRESSION: Left lower lobe nodule, {}."
    wrong = {"lobe": "RUL", "long_mm": 66}, {"lobe": "LLL", "long_mm": 7}
    lines = [{"text": text.format("6 mm", "6 mm"), "findings": [{"concept": "lung_lesion", **one}]}
             for one in ({"lobe": "LLL", "long_mm": 6}, *wrong)]  # fmt: skip
    lines.append({**lines[0], "text": text.format("6 mm", "6 mm. " + "It is small. " * 6000)})
    file.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(ConsilienceError, match=r"(?s)line 2: .*lobe LLL, not RUL.*line 3: .*size 6 "
                       r".*line 4: \d{4,} tokens .*the 1024 of the context.*leave them out"):  # fmt: skip
        own.read(file, model)
    file.write_text(json.dumps(lines[0]))
    assert own.read(file, model).held == ()


def test_nothing_is_measured_where_nothing_is_held_out_and_torch_is_left_as_it_was(
    settings: NotesTraining, tmp_path: Path
) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text(json.dumps({
        "text": "FINDINGS: Nodule in the left lower lobe, 6 mm. IMPRESSION: Nodule, 6 mm.",
        "findings": [{"concept": "lung_lesion", "lobe": "LLL", "long_mm": 6}],
    }))  # fmt: skip
    torch.set_num_threads(2)
    before = torch.random.get_rng_state()
    made = training.train(settings.model_copy(update={"reports": file}), tmp_path / "run")
    assert torch.equal(torch.random.get_rng_state(), before) and torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert json.loads((made / adapter.CARD).read_text())["held_out_loss"] is None
    assert (tmp_path / "run" / training.LOSSES).read_text().splitlines()[1].endswith(",")
