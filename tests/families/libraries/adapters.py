"""Adapters of PEFT on a frozen network: their rank and what they are put on are the choices."""

from __future__ import annotations

from typing import Any

import peft
import transformers as hf
from torch import nn

from families.examples import CLASSES, VOCABULARY, classifying_tokens, tokens
from families.record import third_party

TEXT = tokens(2, 16)
LABELS = {"training": classifying_tokens(16)}


def _base(width: int = 32) -> nn.Module:
    config = hf.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=CLASSES,
    )
    return hf.BertForSequenceClassification(config)


@third_party("LoRA on BERT", "peft", TEXT, **LABELS)
def lora(choose: Any) -> nn.Module:
    targets = {
        "queries": ["query"],
        "attention": ["query", "key", "value"],
        "all": ["query", "key", "value", "dense"],
    }
    config = peft.LoraConfig(
        task_type="SEQ_CLS",
        r=choose("rank", [1, 2, 4, 8]),
        lora_alpha=choose("alpha", [4, 16]),
        target_modules=choose("targets", targets),
        use_dora=choose("dora", [False, True]),
        lora_dropout=choose("dropout", [0.0, 0.1]),
    )
    return peft.get_peft_model(_base(), config)


@third_party("IA3 on BERT", "peft", TEXT, **LABELS)
def ia3(choose: Any) -> nn.Module:
    targets = {"keys": ["key"], "values": ["value"], "both": ["key", "value"]}
    chosen = choose("targets", targets)
    hidden = ["intermediate.dense"] if choose("hidden", [False, True]) else []
    config = peft.IA3Config(
        task_type="SEQ_CLS", target_modules=[*chosen, *hidden], feedforward_modules=hidden
    )
    return peft.get_peft_model(_base(choose("width", [32, 48])), config)
