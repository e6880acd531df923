"""Pairs of letters in one row of tokens: each prompt once, both letters after it, nothing padded.

    prompt 1 | chosen 1 | rejected 1 | prompt 2 | chosen 2 | rejected 2 | ...

Linear layers and norms look at single tokens and need not know. Only attention does: each letter sees its prompt and itself, at the
positions it would have alone. So the row is one ordinary pass through the layers, without a cache that gradient checkpointing would
drop. Where prompts are frozen (scope "letter"), they are read once without gradient; the row holds the header and the letters, and
attention gets the prompts' keys and values from that reading. Imports torch; knows no trainer and no adapter.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention as attend
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "shared_prompt"  # our attention's name in transformers' register
Past = list[tuple[torch.Tensor, torch.Tensor]]  # keys and values (1, key heads, tokens, width) of each layer


@dataclass(frozen=True)
class Pair:
    """Token ids of one pair: `lead` is what both letters go on from (the whole prompt, or its header after a `past`)."""

    lead: list[int]
    letters: tuple[list[int], list[int]]
    past: Past | None = None


@dataclass
class Row:
    """Packed pairs. `scored` are the places whose next token is a letter's, `targets` these tokens: chosen letters first, then rejected."""

    input_ids: torch.Tensor  # (1, tokens)
    position_ids: torch.Tensor  # (1, tokens)
    scored: torch.Tensor
    targets: torch.Tensor
    spans: list[Span]

    @property
    def lengths(self) -> list[int]:
        return [span.tokens for span in self.spans]

    @property
    def counts(self) -> list[int]:
        """Tokens of all chosen and of all rejected letters."""
        return [sum(span.letters[side] + 1 for span in self.spans) for side in (0, 1)]

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence, prompt and one letter, as a model would count them alone."""
        return max(span.before + span.lead + max(span.letters) for span in self.spans)


@dataclass
class Span:
    """One pair's part of a row. `mask` (queries, keys) is added to the attention's scores: 0 where a token may look, else -inf."""

    tokens: int
    lead: int
    past: Past | None
    letters: tuple[int, int]
    _masks: dict = field(default_factory=dict)

    @property
    def before(self) -> int:
        return self.past[0][0].shape[2] if self.past else 0

    def mask(self, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        if dtype not in self._masks:
            self._masks[dtype] = _tree(self, dtype, device)
        return self._masks[dtype]


@dataclass
class Reading:
    """A prompt that is being read: attention leaves each layer's keys and values here."""

    past: Past = field(default_factory=list)


def pack(pairs: Sequence[Pair], device: Any) -> Row:
    """The pairs in one row. A letter's last token is only a target: nothing comes after it."""
    ids, positions, spans, scored, targets, start = [], [], [], ([], []), ([], []), 0
    for pair in pairs:
        before = pair.past[0][0].shape[-2] if pair.past else 0
        after = before + len(pair.lead)
        ids += pair.lead
        positions += range(before, after)
        place = start + len(pair.lead)
        for side, letter in enumerate(pair.letters):
            ids += letter[:-1]
            positions += range(after, after + len(letter) - 1)
            scored[side].extend([start + len(pair.lead) - 1, *range(place, place + len(letter) - 1)])
            targets[side].extend(letter)
            place += len(letter) - 1
        spans.append(Span(place - start, len(pair.lead), pair.past, tuple(len(letter) - 1 for letter in pair.letters)))
        start = place

    def tensor(values: list[int]) -> torch.Tensor:
        return torch.tensor(values, device=device)

    return Row(tensor([ids]), tensor([positions]), tensor(scored[0] + scored[1]), tensor(targets[0] + targets[1]), spans)


def _tree(span: Span, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """What the span's tokens may look at. Without a past only the letters ask: the lead is plainly causal."""
    chosen = span.lead + span.letters[0]
    allowed = torch.ones(span.tokens, span.tokens, dtype=torch.bool, device=device).tril_()
    allowed[chosen:, span.lead : chosen] = False  # the rejected letter does not see the chosen one
    if span.past:
        allowed = torch.cat([allowed.new_ones(span.tokens, span.before), allowed], 1)
    else:
        allowed = allowed[span.lead :]
    return torch.zeros(allowed.shape, dtype=dtype, device=device).masked_fill_(~allowed, -torch.inf)


class OtherAttention(Exception):
    """A layer attends in a way that packed rows do not: within a window that is shorter than they are, softly capped, or by a bias."""


def attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **options: Any) -> tuple:
    """transformers' attention interface: (1, heads, tokens, width) -> (1, tokens, heads, width); plain SDPA where nothing is packed."""
    packed = options.pop("packed", None)
    if packed is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    scale, window = options.get("scaling"), options.get("sliding_window")
    longest = query.shape[2] if isinstance(packed, Reading) else packed.longest
    if (window is not None and window < longest) or options.get("softcap") or options.get("position_bias") is not None:
        raise OtherAttention
    if isinstance(packed, Reading):
        dtype = _product_dtype(query)
        packed.past.append((key.to(dtype).contiguous(), value.to(dtype).contiguous()))
        return _attend(query, key, value, scale, is_causal=True), None
    parts = []
    for span, q, k, v in zip(packed.spans, *(x.split(packed.lengths, 2) for x in (query, key, value)), strict=True):
        if span.past:
            k, v = (torch.cat([old.to(new.dtype), new], 2) for old, new in zip(span.past[module.layer_idx], (k, v), strict=True))
            parts.append(_attend(q, k, v, scale, span.mask(q.dtype, q.device)))
            continue
        lead, letters = q.split([span.lead, span.tokens - span.lead], 2)
        parts.append(_attend(lead, k[:, :, : span.lead], v[:, :, : span.lead], scale, is_causal=True))
        if letters.shape[2]:
            parts.append(_attend(letters, k, v, scale, span.mask(q.dtype, q.device)))
    return torch.cat(parts, 1), None


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None, mask: Any = None, is_causal: bool = False
) -> torch.Tensor:
    """SDPA of one row. Query heads that share a key head stand beside each other, so no key is copied for them."""
    query = query[0].unflatten(0, (key.shape[1], -1))
    key, value = (x[0, :, None].expand(-1, query.shape[1], -1, -1) for x in (key, value))
    return attend(query, key, value, mask, is_causal=is_causal, scale=scale).flatten(0, 1)[None].transpose(1, 2)


def _product_dtype(tensor: torch.Tensor) -> torch.dtype:
    """The type in which attention multiplies: autocast's, where that is on."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


def run(backbone: Any, row: Row | Reading, input_ids: torch.Tensor, position_ids: torch.Tensor) -> torch.Tensor:
    """Hidden states (tokens, width) of one packed row. The mask given is a stand-in that keeps transformers from making its own."""
    stand_in = torch.zeros(1, 1, 1, 1, device=input_ids.device)
    given = {"input_ids": input_ids, "position_ids": position_ids, "attention_mask": stand_in, "use_cache": False, "packed": row}
    return backbone(**given).last_hidden_state[0]


def read(backbone: Any, prompt: Sequence[int], device: Any) -> Past:
    """Every layer's keys and values of a prompt, read alone: what is kept must not depend on what it was read with."""
    reading = Reading()
    ids = torch.tensor([list(prompt)], device=device)
    with torch.no_grad():
        run(backbone, reading, ids, torch.arange(len(prompt), device=device)[None])
    return reading.past


class Prompts:
    """Prompts that were read once, kept for as long as `most_bytes` hold them. Epochs go round, so who came first stays."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._kept: dict[bytes, Past] = {}

    def get(self, prompt: Sequence[int], read: Callable[[Sequence[int]], Past]) -> Past:
        """The prompt's keys and values, read now if they were not kept."""
        name = hashlib.sha256(array("q", prompt).tobytes()).digest()
        if name not in self._kept:
            past = read(prompt)
            size = sum(tensor.nbytes for layer in past for tensor in layer)
            if self.bytes + size > self.most_bytes:
                return past
            self._kept[name], self.bytes = past, self.bytes + size
        return self._kept[name]


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
