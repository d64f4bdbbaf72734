"""What networks compute with on which device."""

import pytest
import torch

from generation.engine.devices import compute_dtype, fast_math


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx2": True, "avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx2": True, "amx_bf16": True}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_a_processor_gets_the_dtype_that_it_multiplies_natively(monkeypatch, capabilities, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    layer, sample = torch.nn.Linear(4, 4), torch.ones(1, 4)

    with fast_math(torch.device("cpu")):
        made = layer(sample)

    assert compute_dtype(torch.device("cpu")) is dtype
    assert made.dtype is dtype
