"""What networks compute with on which device."""

import pytest
import torch

from generation.engine.cascade.networks import build_upsampler
from generation.engine.devices import compute_dtype, fast_math, hold_weights


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


def test_weights_are_held_in_the_dtype_that_they_would_be_cast_to(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    device = torch.device("cpu")
    network = build_upsampler().eval()
    seen, times = torch.randn(1, network.config["in_channels"], 16, 16), torch.tensor(5)

    def painted():
        with torch.inference_mode(), fast_math(device):
            return network(seen, times, class_labels=torch.tensor([9.0])).sample

    cast = painted()
    hold_weights(network, device)

    assert torch.equal(painted(), cast)
    assert network.dtype is torch.float32
    assert network.conv_out.weight.dtype is torch.bfloat16
