"""A tiny language model and an adapter trained for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from modalities.notes.lm import training
from modalities.notes.lm.config import NotesTraining

sys.path.insert(0, str(Path(__file__).parent))
from tiny_llama import make_base


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def settings(tiny: Path) -> NotesTraining:
    return NotesTraining(
        base_model=str(tiny), rank=4, steps=4, batch=3, every=2, measured_every=2, held_out=2,
        warmup=1, rate=3e-3,
    )  # fmt: skip


@pytest.fixture(scope="session")
def trained(settings: NotesTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_VOCABULARY_FROM", 40)
        return training.train(settings, tmp_path_factory.mktemp("straight"))
