"""Facts about the size of a key-value cache as an objective."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from candidates import candidate, candidate_of
from torch import nn

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import KV_CACHE, CachingSpace, Candidate, KVCache
from bonas.spaces import MLPSpace, TransformerSpace

TEXT = TransformerSpace(task="language_model", vocabulary=11, length=8)


def language_model(seed: int = 0) -> Candidate:
    """Return a random candidate of a space of language models."""
    return candidate_of(TEXT, TEXT.sample(np.random.default_rng(seed)))


def test_the_size_grows_with_the_length_and_the_bytes_of_a_number() -> None:
    full = {"attention": "multi_head"}
    one = candidate_of(TEXT, TEXT.completed(full, np.random.default_rng(0)))
    sizes = [KVCache(length)(one)["kv_cache"] for length in (8, 16, 64)]
    assert sizes == [sizes[0], 2 * sizes[0], 8 * sizes[0]]
    assert KVCache(8, bytes_per_number=0.5)(one)["kv_cache"] == sizes[0] / 4


def test_by_default_the_length_is_that_of_the_space() -> None:
    one = language_model()
    assert KVCache()(one) == KVCache(8)(one)


def test_it_is_an_objective_in_bytes_to_be_minimised() -> None:
    assert KVCache.objectives == (KV_CACHE,)
    assert (KV_CACHE.direction, KV_CACHE.unit) == ("minimize", "bytes")


def test_the_description_is_plain_and_tells_settings_apart() -> None:
    plain = KVCache().describe()
    assert json.loads(json.dumps(plain)) == plain
    assert KVCache(16).describe() != plain
    assert KVCache(bytes_per_number=1).describe() != plain


def test_spaces_without_a_cache_are_refused() -> None:
    assert isinstance(TEXT, CachingSpace)
    for space in (MLPSpace(4, 2), None):
        one = candidate(nn.Identity) if space is None else candidate_of(space, {})
        with pytest.raises(
            InvalidArgument, match="method kv_cache_bytes, such as TransformerSpace"
        ):
            KVCache()(one)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 0}, "length must be a whole number of at least 1, got 0"),
        ({"length": 2.0}, r"length must be a whole number of at least 1, got 2\.0"),
        ({"bytes_per_number": 0}, "must be a positive number, got 0; half precision takes 2"),
        ({"bytes_per_number": math.inf}, "bytes_per_number must be a positive number, got inf"),
        ({"bytes_per_number": True}, "bytes_per_number must be a positive number, got True"),
        ({"bytes_per_number": "2"}, "bytes_per_number must be a positive number, got '2'"),
        ({"bytes_per_number": math.nan}, "bytes_per_number must be a positive number, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        KVCache(**settings)


def test_a_search_finds_the_smallest_of_what_it_evaluates() -> None:
    result = bonas.optimize(
        TEXT, 4, evaluate=KVCache(100), surrogate="random", seed=0, progress=False
    )
    least = result.best("kv_cache")
    assert least.values["kv_cache"] == TEXT.kv_cache_bytes(least.choices, length=100)
    assert KVCache(100).describe() == {"kv_cache": {"length": 100, "bytes_per_number": 2}}
