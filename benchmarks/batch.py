"""Many letters at once for the benchmarks: rows of different prompts, one writer (`ftapp.backends.many`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftapp import prompts


@dataclass
class Letter:
    """One letter with the prompt it answers; `ended` when it came to its own end token."""

    prompt: prompts.Prompt
    text: str
    ended: bool


def write(backend, asked: Sequence[prompts.Prompt], sampling, adapter=None, seed: int = 0, batch: int = 24) -> list[Letter]:
    """One letter a prompt, in their order. Row i draws from its own generator `seed + i`, whoever writes."""
    from ftapp.backends import many

    written = many.letters(backend, [prompt.messages for prompt in asked], sampling, adapter, seed, rows=batch)
    return [Letter(prompt, *letter) for prompt, letter in zip(asked, written, strict=True)]
