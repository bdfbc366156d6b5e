"""A real but tiny Llama with a tokenizer of its own."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from modalities.notes.lm.ct_chest import CtChest

KIND = CtChest()


def make_base(folder: Path, *, seed: int = 0, end: str | None = "<end>") -> Path:
    """A Llama of two layers whose padding token is its end token, as SmolLM2's is."""
    texts = []
    for index in range(40):
        pair = KIND.pair(KIND.sample(1, index))
        texts += [pair.prompt, pair.target]
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    plain.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=end, pad_token=end)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024,
            tie_word_embeddings=True, eos_token_id=0, pad_token_id=0,
        )
    ).save_pretrained(folder)  # fmt: skip
    return folder
