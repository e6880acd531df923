"""Attention whose backward pass is made of matrix products, for processors.

torch's own backward pass on a CPU takes half of a frozen training step: it multiplies in small pieces, seven times slower than the same
sums as plain products (measured in bfloat16 with AMX). Here the scores of some queries at a time are computed once more from what the
forward pass kept, as FlashAttention does (Dao et al. 2022, arXiv 2205.14135, algorithm 4), in pieces that stay in the cache. Query
heads that share a key head are one product. Imports torch; knows no model.
"""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

AT_ONCE = 2**19  # scores that exist at one time: 2 MB in float32


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None, mask: torch.Tensor | None, causal: bool
) -> torch.Tensor:
    """SDPA: query (key heads, group, asked, width), key and value (key heads, seen, width) -> as query. `mask` (asked, seen) is added."""
    if query.device.type == "cpu" and torch.is_grad_enabled() and query.requires_grad:
        if torch.is_autocast_enabled("cpu"):
            query, key, value = (x.to(torch.get_autocast_dtype("cpu")) for x in (query, key, value))
        return _Attend.apply(query, key, value, query.shape[-1] ** -0.5 if scale is None else scale, mask, causal)
    key, value = (_for_all(x, query) for x in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=scale)


def _for_all(shared: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    """A key head for each of its query heads, without a copy."""
    return shared[:, None].expand(-1, query.shape[1], -1, -1)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, scale, mask, causal):
        forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        out, total = forward(query, _for_all(key, query), _for_all(value, query), 0.0, causal,
                             attn_mask=None if mask is None else mask[None, None], scale=scale)  # fmt: skip
        ctx.save_for_backward(query, key, value, out, total, mask)
        ctx.scale, ctx.causal = scale, causal
        return out

    @staticmethod
    def backward(ctx, grad):
        query, key, value, out, total, mask = ctx.saved_tensors
        heads, group, asked, width = query.shape
        delta = (grad.float() * out.float()).sum(-1)
        query_grad = torch.empty_like(query, memory_format=torch.contiguous_format)
        key_grad, value_grad = (torch.zeros(x.shape, dtype=torch.float32) for x in (key, value))
        rows = max(16, AT_ONCE // (group * key.shape[1]))
        for head in range(heads):
            for start in range(0, asked, rows):
                part = slice(start, start + rows)
                seen = min(start + rows, asked) if ctx.causal else key.shape[1]
                keys, values = key[head, :seen], value[head, :seen]
                some = query[head, :, part].reshape(-1, width) * ctx.scale
                theirs = grad[head, :, part].reshape(-1, width).to(query.dtype)
                chances = (some @ keys.T).view(group, -1, seen)
                allowed = mask[part] if mask is not None else _causal(start, chances.shape[1], seen, query.dtype) if ctx.causal else None
                if allowed is not None:
                    chances += allowed
                chances = chances.sub(total[head, :, part, None]).exp_()
                slope = (theirs @ values.T).view_as(chances).sub(delta[head, :, part, None]).mul_(chances)
                chances, slope = (x.view(-1, seen).to(query.dtype) for x in (chances, slope))
                value_grad[head, :seen] += chances.T @ theirs
                key_grad[head, :seen] += slope.T @ some
                query_grad[head, :, part] = (slope @ keys).mul_(ctx.scale).view(group, -1, width)
        return query_grad, key_grad.to(key.dtype), value_grad.to(value.dtype), None, None, None


def _causal(start: int, asked: int, seen: int, dtype: torch.dtype) -> torch.Tensor:
    """(asked, seen): -inf where a query that stands at `start` or after would look ahead of itself."""
    return torch.full((asked, seen), -torch.inf, dtype=dtype).triu_(start + 1)
