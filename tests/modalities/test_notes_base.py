"""Base models by kind: those that are tried write what they write by themselves; others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

import consilience
from alignment.run import NotesOptions, RunConfig
from modalities.notes.lm import base, supported
from modalities.notes.lm.author import BARE, LanguageModel
from modalities.notes.lm.generate import Engine
from modalities.notes.lm.jobs import Draft, Job
from ontology.errors import ConsilienceError

SIZES: dict[str, Any] = {
    "vocab_size": 257, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "eos_token_id": 0, "pad_token_id": 0, "bos_token_id": 0, "initializer_range": 0.1,
}  # fmt: skip
PROMPTS = ("left upper lobe nodule 24 x 16", "no mediastinal lymph node", "baseline")


def save(config: PretrainedConfig, folder: Path) -> Path:
    """A random model of the config, with bytes for tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE({"<end>": 0, **{c: i for i, c in enumerate(letters, 1)}}, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<end>")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    for name, value in model.named_parameters():
        if name.endswith("bias"):  # zero in a new model: they would not be tried
            torch.nn.init.normal_(value, std=0.5)
    model.save_pretrained(folder)
    return folder


def rope(kind: str, **kw: Any) -> dict[str, Any]:
    return {"rope_theta": 10000.0, "rope_type": kind, **kw}


TRIED = {
    "llama": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "llama linear": LlamaConfig(**SIZES, rope_parameters=rope("linear", factor=2.0)),
    "llama llama3": LlamaConfig(
        **SIZES,
        rope_parameters=rope(
            "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=64,
        ),
    ),
    "mistral": MistralConfig(**SIZES, head_dim=8, sliding_window=None),
    "mistral, wide window": MistralConfig(**SIZES, head_dim=8, sliding_window=256),
    "qwen2": Qwen2Config(**SIZES, use_sliding_window=False),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIED)
def test_a_kind_that_is_tried_writes_what_it_writes_by_itself(name: str, tmp_path: Path) -> None:
    folder = save(TRIED[name], tmp_path)
    own = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = base.load(str(folder))
    engine, found = Engine(model, rows=3, temperature=1e-6), dict[int, Draft]()
    jobs = [Job(1, patient, 0, prompt) for patient, prompt in enumerate(PROMPTS)]

    class Kept:
        def after(self, job: Job, draft: Draft) -> list[Job]:
            found[job.patient] = draft
            return []

        def needless(self, job: Job) -> bool:
            return False

    engine.write("CT\n", jobs, Kept())
    for patient, prompt in enumerate(PROMPTS):
        asked = torch.tensor([engine.ids("CT\n") + engine.ids(prompt)])
        told = own.generate(asked, max_new_tokens=40, do_sample=False)[0, asked.shape[1] :]
        plain = model.tokenizer.decode([int(token) for token in told if token != model.end])
        assert len(told) > 10
        assert found[patient].text.startswith(plain.rstrip("\ufffd"))  # perhaps a cut letter


REFUSED = {
    "model_type gpt2": GPT2Config(
        vocab_size=257, n_embd=32, n_layer=1, n_head=2, eos_token_id=0, bos_token_id=0
    ),
    "sliding_window 16, shorter than a text of 256": MistralConfig(
        **SIZES, head_dim=8, sliding_window=16
    ),
    "sliding_window 32, shorter": Qwen2Config(
        **SIZES, use_sliding_window=True, sliding_window=32, max_window_layers=1
    ),
    "attn_logit_softcapping 50.0": LlamaConfig(**SIZES, attn_logit_softcapping=50.0),
    "rotary positions dynamic": LlamaConfig(**SIZES, rope_parameters=rope("dynamic", factor=2.0)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_kind_that_would_be_run_wrongly_is_refused_before_the_work(
    name: str, tmp_path: Path
) -> None:
    REFUSED[name].save_pretrained(tmp_path)  # no weights: the config alone tells
    with pytest.raises(ConsilienceError, match=rf"(?s){name}.*llama, mistral, qwen2.*grammar"):
        LanguageModel(base_model=str(tmp_path), adapter=BARE).check()


def test_a_model_is_found_by_its_id_in_the_local_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept, commit = tmp_path / "models--some--tiny-llama", "0" * 40
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit)
    folder = save(TRIED["llama"], kept / "snapshots" / commit)
    author = LanguageModel(base_model="some/tiny-llama", adapter=BARE)
    author.check()
    assert author.name == "tiny-llama"
    assert base.inspect("some/tiny-llama").digest == base.inspect(str(folder)).digest
    for name in ("some/other", "not an id", "a/b/c"):
        with pytest.raises(ConsilienceError, match=r"(?s)no such base model.*download"):
            base.inspect(name)


def test_the_longest_text_is_that_of_the_context_and_never_above_the_limit() -> None:
    assert supported.room(TRIED["llama"]) == 256
    assert supported.room(LlamaConfig(max_position_embeddings=100_000)) == supported.LONGEST


def test_a_conversion_to_other_tensors_is_told_with_the_versions_that_made_it(
    tmp_path: Path,
) -> None:
    folder = save(TRIED["llama"], tmp_path)
    with pytest.raises(ConsilienceError, match=r"(?s)converted.*transformers \d.*gguf \d.*install"):
        base._require_converted(folder / base.WEIGHTS)


def test_the_author_is_asked_for_only_where_a_ct_report_is_wanted(tmp_path: Path) -> None:
    run = RunConfig(disease="nsclc", patients=4, seed=3, modalities=("notes",))
    without = NotesOptions(kinds=("molecular_report",), base_model="nowhere")
    made = consilience.generate(run.model_copy(update={"notes": without}), out=tmp_path / "a")
    assert (made.folder / "manifest.json").is_file()
    wanted = without.model_copy(update={"kinds": ("molecular_report", "ct_chest_report")})
    with pytest.raises(ConsilienceError, match="no such base model"):
        consilience.generate(run.model_copy(update={"notes": wanted}), out=tmp_path / "b")
    assert not (tmp_path / "b").exists()
