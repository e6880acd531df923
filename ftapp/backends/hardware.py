"""What this machine computes by itself. Knows no model."""

from __future__ import annotations


def computes_bf16() -> bool:
    """Whether bfloat16 is multiplied in hardware; where it is emulated it is slower than float32."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # torch has no public name for them; where gone, float32 is right
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def fast_dtype() -> str:
    """The shortest numbers that are multiplied in hardware here, by torch's name."""
    import torch

    return "bfloat16" if computes_bf16() else "float16" if torch.cuda.is_available() else "float32"
