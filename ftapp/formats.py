"""A row to learn from, and how it is written in each format that people use for preferences. Pure.

Sources: TRL "Dataset formats and types" (preference, implicit prompt, unpaired, conversational); OpenAI "Direct preference
optimization" and "Supervised fine-tuning"; the card of HuggingFaceH4/ultrafeedback_binarized; LLaMA-Factory data/README.md (alpaca and
sharegpt ranking). Knows no file and no database; reading is done by format_readers.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Messages = list[dict[str, str]]


class BadRow(Exception):
    """Why a row cannot be taken; the sentence holds no text of the row."""


@dataclass(frozen=True)
class Row:
    """A pair (chosen over rejected), a label (one answer, good or bad) or an example (one good answer)."""

    kind: str
    prompt: Messages
    chosen: str  # of a label and an example: the answer
    rejected: str | None = None
    label: bool | None = None
    provenance: dict[str, Any] = field(default_factory=dict)  # keys of BLANK; `more` is a dictionary of other columns

    @property
    def digest(self) -> str:
        """SHA-256 of what it teaches. Raises BadRow when it holds half a character.

        NUL parts the texts, which a faultless row cannot hold; an answer that is missing differs from one, which cannot be empty.
        """
        said = [part for message in self.prompt for part in (message["role"], message["content"])]
        try:
            held = "\0".join([str(self.label), *said, "", self.chosen, self.rejected or ""]).encode()
        except UnicodeEncodeError:
            raise BadRow("holds half of a character (a lone surrogate)") from None
        return hashlib.sha256(held).hexdigest()


def fault(row: Row) -> str:
    """Why nothing can be learned from a row, or nothing."""
    texts = [row.chosen, *([] if row.rejected is None else [row.rejected])]
    if not all(text.strip() for text in texts):
        return "an answer is empty"
    if not any(message["content"].strip() for message in row.prompt):
        return "there is no prompt"
    if row.kind == "pair" and texts[0].strip() == texts[-1].strip():
        return "both answers are the same"
    if any("\0" in text for text in (*texts, *(message["content"] for message in row.prompt))):
        return "holds a NUL character"
    return ""


# ---- provenance: fixed columns of fixed types, never null, since readers infer the types from the first rows ----------------------

WRITER = {"model": "", "adapter": "", "adapter_sha256": "", "seed": -1, "sampling": ""}
BLANK = {
    "id": "", "kind": "", "base": "", "base_hash": "", "template_hash": "", "prompt_hash": "", "split_key": "", "labeler": "",
    "verdict": "", "side": "", "edited": False, "finished": True, "reasons": "", "seconds": 0.0, "at": "",
    "chosen_by": WRITER, "rejected_by": WRITER, "more": "",
}  # fmt: skip
_BOTH = ("chosen_by", "rejected_by")
BLANK_LABEL = {name: value for name, value in BLANK.items() if name not in (*_BOTH, "more")} | {"written_by": WRITER, "more": ""}


def provenance(row: Row, omit: Sequence[str] = ()) -> dict[str, Any]:
    """The whole struct as it is exported; `omit` names columns of `more` that the format writes itself."""
    held = {name: row.provenance.get(name, blank) for name, blank in (BLANK if row.kind == "pair" else BLANK_LABEL).items()}
    more = {name: value for name, value in (row.provenance.get("more") or {}).items() if name not in omit}
    return held | {"more": json.dumps(more, ensure_ascii=False) if more else ""}


# ---- writing ------------------------------------------------------------------------------------------------------

SCORES = {"score_chosen": 1.0, "score_rejected": 0.0}  # a verdict is no score: better and worse


def _said(text: str | None) -> Messages:
    return [{"role": "assistant", "content": text or ""}]


def prompt_id(row: Row) -> str:
    return hashlib.sha256(_question(row).encode(errors="replace")).hexdigest()


def _question(row: Row) -> str:
    """The last thing that the user said."""
    return next((m["content"] for m in reversed(row.prompt) if m["role"] == "user"), row.prompt[-1]["content"] if row.prompt else "")


def _to_trl(row: Row) -> dict[str, Any]:
    return {"prompt": row.prompt, "chosen": _said(row.chosen), "rejected": _said(row.rejected), "provenance": provenance(row)}


def _to_implicit(row: Row) -> dict[str, Any]:
    return {"chosen": row.prompt + _said(row.chosen), "rejected": row.prompt + _said(row.rejected), "provenance": provenance(row)}


def _to_kto(row: Row) -> dict[str, Any]:
    return {"prompt": row.prompt, "completion": _said(row.chosen), "label": bool(row.label), "provenance": provenance(row)}


def _to_openai(row: Row) -> dict[str, Any]:
    asked = {"messages": row.prompt, "tools": [], "parallel_tool_calls": True}
    return {"input": asked, "preferred_output": _said(row.chosen), "non_preferred_output": _said(row.rejected)}


def _to_sft(row: Row) -> dict[str, Any]:
    return {"messages": row.prompt + _said(row.chosen)}


def _to_ultrafeedback(row: Row) -> dict[str, Any]:
    more = row.provenance.get("more") or {}
    scores = {name: float(value) if isinstance(value := more.get(name), int | float) else usual for name, usual in SCORES.items()}
    whole = row.prompt + _said(row.chosen)
    return {"prompt": _question(row), "prompt_id": prompt_id(row), "chosen": whole, "rejected": row.prompt + _said(row.rejected),
            "messages": whole, **scores, "provenance": provenance(row, tuple(SCORES))}  # fmt: skip


def _to_alpaca(row: Row) -> dict[str, Any] | None:
    """None for a conversation that does not go question, answer, ..., question: the format has no place for it."""
    turns = row.prompt[row.prompt[0]["role"] == "system" :]
    if [m["role"] for m in turns] != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        return None
    history = [[a["content"], b["content"]] for a, b in zip(turns[:-1:2], turns[1::2], strict=True)]
    return {"instruction": turns[-1]["content"], "input": "", "chosen": row.chosen, "rejected": row.rejected,
            "system": row.prompt[0]["content"] if len(turns) < len(row.prompt) else "", "history": history,
            "provenance": provenance(row)}  # fmt: skip


_FROM = {"user": "human", "assistant": "gpt", "system": "system"}


def _to_sharegpt(row: Row) -> dict[str, Any]:
    turns = [{"from": _FROM[m["role"]], "value": m["content"]} for m in row.prompt]
    return {"conversations": turns, "chosen": {"from": "gpt", "value": row.chosen}, "rejected": {"from": "gpt", "value": row.rejected},
            "provenance": provenance(row)}  # fmt: skip


def _to_csv(row: Row) -> dict[str, Any]:
    cells = (row.prompt, row.chosen, row.rejected, provenance(row))
    texts = (cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False) for cell in cells)
    return dict(zip(CSV_COLUMNS, texts, strict=True))


CSV_COLUMNS = ("prompt", "chosen", "rejected", "provenance")
# name -> (what it is for a person, the kind of row it holds, its ending, the writer)
WRITERS: dict[str, tuple[str, str, str, Callable[[Row], dict[str, Any] | None]]] = {
    "trl": ("TRL preference", "pair", "jsonl", _to_trl),
    "trl-implicit": ("TRL, prompt in both answers", "pair", "jsonl", _to_implicit),
    "kto": ("TRL unpaired (KTO)", "label", "jsonl", _to_kto),
    "openai-dpo": ("OpenAI preference", "pair", "jsonl", _to_openai),
    "openai-sft": ("OpenAI supervised", "example", "jsonl", _to_sft),
    "ultrafeedback": ("UltraFeedback, binarized", "pair", "jsonl", _to_ultrafeedback),
    "llamafactory-alpaca": ("LLaMA-Factory, alpaca", "pair", "json", _to_alpaca),
    "llamafactory-sharegpt": ("LLaMA-Factory, sharegpt", "pair", "json", _to_sharegpt),
    "csv": ("CSV", "pair", "csv", _to_csv),
}


def as_kind(row: Row, kind: str) -> list[Row]:
    """A row as rows of another kind: a pair is two labels, and one example; labels and examples are nothing else."""
    if row.kind == kind:
        return [row]
    if row.kind != "pair" or kind == "pair":
        return []
    told = {name: value for name, value in row.provenance.items() if name not in _BOTH}
    writers = [row.provenance.get(name) for name in _BOTH]
    better, worse = (told | ({"written_by": by} if by else {}) for by in writers)
    if kind == "example":
        return [Row("example", row.prompt, row.chosen, None, None, better)]
    return [Row("label", row.prompt, row.chosen, None, True, better), Row("label", row.prompt, row.rejected or "", None, False, worse)]
