"""What this machine computes by itself, and how much it holds. Knows no model."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

IMPORTING = threading.RLock()  # two threads that import transformers at the same time can meet half-made modules
# While they build a model, transformers and PEFT patch torch and their own classes for the whole process (`no_tie_weights`,
# `local_torch_dtype`, `init_empty_weights`). Two at once leave each other's patch behind: no tied head is found any more, until a restart.
LOADING = threading.RLock()


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


def keep_4bit_exact(model: Any) -> None:
    """Keep bitsandbytes from repacking a model's 4-bit weights on CPUs with AVX-512 BF16.

    Version 0.50 does so at the first evaluation. What is repacked has no gradient in a training that follows, and is rounded anew each
    time that a state is saved, so that a base model would not stay the same. Writing in 4 bits on such a CPU is slower for it.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def memory_bytes() -> int:
    """Physical memory, or the container's limit where that is less; 0 where the system does not say."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(physical, int(text)) if text.isdigit() else physical


def gpu_memory_bytes() -> int:
    """Memory of the first GPU; 0 without one."""
    with IMPORTING:
        import torch

    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0
