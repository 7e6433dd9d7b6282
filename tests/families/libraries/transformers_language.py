"""Language models of transformers, by their configurations."""

from __future__ import annotations

from typing import Any

import transformers as hf
from torch import Tensor, nn

from families.examples import (
    CLASSES,
    ROWS,
    VOCABULARY,
    brief,
    classifying_tokens,
    labels,
    next_tokens,
    stepping,
    tokens,
)
from families.record import third_party

TEXT = tokens(2, 16)
LANGUAGE = {"training": next_tokens(16)}
LABELS = {"training": classifying_tokens(16)}


@third_party(
    "BERT, classifier",
    "transformers",
    {"input_ids": TEXT, "attention_mask": (TEXT > 3).long()},
    training=brief(
        {"input_ids": tokens(ROWS, 16), "attention_mask": (tokens(ROWS, 16) > 3).long()}, labels()
    ),
)
def bert(choose: Any) -> nn.Module:
    width = choose("width", [32, 48])
    config = hf.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=choose("depth", [1, 2, 3]),
        num_attention_heads=choose("heads", [2, 4]),
        intermediate_size=width * choose("expansion", [2, 4]),
        hidden_act=choose("activation", ["gelu", "relu", "silu"]),
        num_labels=CLASSES,
    )
    return hf.BertForSequenceClassification(config)


@third_party("DistilBERT, classifier", "transformers", TEXT, **LABELS)
def distilbert(choose: Any) -> nn.Module:
    config = hf.DistilBertConfig(
        vocab_size=VOCABULARY,
        dim=32,
        n_layers=choose("depth", [1, 2]),
        n_heads=choose("heads", [2, 4]),
        hidden_dim=choose("hidden", [32, 64]),
        sinusoidal_pos_embds=choose("sinusoidal", [False, True]),
        attention_dropout=choose("dropout", [0.0, 0.1]),
        num_labels=CLASSES,
    )
    return hf.DistilBertForSequenceClassification(config)


@third_party("GPT-2", "transformers", TEXT, **LANGUAGE)
def gpt2(choose: Any) -> nn.Module:
    config = hf.GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=32,
        n_embd=choose("width", [32, 48]),
        n_layer=choose("depth", [1, 2, 3]),
        n_head=choose("heads", [2, 4]),
        activation_function=choose("activation", ["gelu_new", "relu"]),
        scale_attn_by_inverse_layer_idx=choose("scaled", [False, True]),
        use_cache=False,
    )
    return hf.GPT2LMHeadModel(config)


def _decoder(choose: Any, **settings: Any) -> dict[str, Any]:
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": choose("intermediate", [32, 64]),
        "num_hidden_layers": choose("depth", [1, 2]),
        "num_attention_heads": 4,
        "num_key_value_heads": choose("groups", [1, 2, 4]),
        "max_position_embeddings": 32,
        "use_cache": False,
        **settings,
    }


@third_party("Llama", "transformers", TEXT, **LANGUAGE)
def llama(choose: Any) -> nn.Module:
    rope = {"rope_type": "default", "rope_theta": choose("theta", [100.0, 10_000.0])}
    config = hf.LlamaConfig(
        **_decoder(choose, rope_parameters=rope, attention_bias=choose("bias", [False, True])),
        tie_word_embeddings=choose("tied", [False, True]),
    )
    return hf.LlamaForCausalLM(config)


@third_party("Mistral, sliding window", "transformers", TEXT, **LANGUAGE)
def mistral(choose: Any) -> nn.Module:
    window = choose("window", [2, 4, 8, 32])
    return hf.MistralForCausalLM(hf.MistralConfig(**_decoder(choose, sliding_window=window)))


@third_party("Qwen3", "transformers", TEXT, **LANGUAGE)
def qwen3(choose: Any) -> nn.Module:
    settings = _decoder(choose, head_dim=choose("head", [8, 16]))
    return hf.Qwen3ForCausalLM(hf.Qwen3Config(**settings))


@third_party("Mixtral, mixture of experts", "transformers", TEXT, **LANGUAGE)
def mixtral(choose: Any) -> nn.Module:
    settings = _decoder(
        choose,
        num_local_experts=choose("experts", [2, 4]),
        num_experts_per_tok=choose("routed", [1, 2]),
    )
    return hf.MixtralForCausalLM(hf.MixtralConfig(**settings))


@third_party("Mamba", "transformers", TEXT, **LANGUAGE)
def mamba(choose: Any) -> nn.Module:
    config = hf.MambaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=choose("depth", [1, 2]),
        state_size=choose("state", [4, 8, 16]),
        conv_kernel=choose("kernel", [2, 4]),
        expand=choose("expand", [1, 2]),
        use_cache=False,
    )
    return hf.MambaForCausalLM(config)


def _energy(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return network(**batch).last_hidden_state.square().mean()


@third_party("T5 encoder", "transformers", TEXT, training=stepping({"input_ids": TEXT}, _energy))
def t5_encoder(choose: Any) -> nn.Module:
    config = hf.T5Config(
        vocab_size=VOCABULARY,
        d_model=32,
        d_kv=8,
        num_heads=choose("heads", [2, 4]),
        d_ff=choose("hidden", [32, 64]),
        num_layers=choose("depth", [1, 2, 3]),
        relative_attention_num_buckets=choose("buckets", [8, 32]),
        feed_forward_proj=choose("mlp", ["relu", "gated-gelu"]),
    )
    return hf.T5EncoderModel(config)


@third_party("BLOOM, ALiBi", "transformers", TEXT, **LANGUAGE)
def bloom(choose: Any) -> nn.Module:
    config = hf.BloomConfig(
        vocab_size=VOCABULARY,
        hidden_size=choose("width", [32, 64]),
        n_layer=choose("depth", [1, 2, 3]),
        n_head=choose("heads", [2, 4, 8]),
        apply_residual_connection_post_layernorm=choose("post", [False, True]),
        use_cache=False,
    )
    return hf.BloomForCausalLM(config)


@third_party("Falcon", "transformers", TEXT, **LANGUAGE)
def falcon(choose: Any) -> nn.Module:
    config = hf.FalconConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=choose("depth", [1, 2]),
        num_attention_heads=choose("heads", [2, 4]),
        multi_query=choose("one_key", [False, True]),
        parallel_attn=choose("parallel", [False, True]),
        alibi=choose("alibi", [False, True]),
        use_cache=False,
    )
    return hf.FalconForCausalLM(config)
