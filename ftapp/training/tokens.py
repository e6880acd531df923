"""From messages and letters to the token ids that a trainer learns from: the very ids that the writer reads and writes.

TRL would render prompt and answer together. Templates that put a line break after the end token would then train one
token more than the writer ever samples, and a template that renders history differently would train another prompt.
Knows a tokenizer, no model; the app uses it to count before a start, the trainer to encode.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ftapp.backends import hardware
from ftapp.backends.local import PLAIN
from ftapp.errors import TrainingError

SIDES = ("chosen", "rejected", "completion")  # a pair has the first two, an example the last


@functools.lru_cache(maxsize=2)
def tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder; kept, since every plan needs it."""
    with hardware.IMPORTING:
        from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def encode_pair(tokenizer: Any, row: Mapping[str, Any], end: int) -> dict[str, list[int]]:
    """A row {prompt, chosen, rejected} -> {prompt_ids, chosen_ids, rejected_ids}, letters with the end of the turn.

    An example {prompt, completion} likewise gives {prompt_ids, completion_ids}. A row may carry the ids that the writer
    sampled (`chosen_ids`, `rejected_ids`, without the end): text alone does not give them back when a model split a word
    in an unusual way. They count only while they still spell the text.
    """
    sides = [side for side in SIDES if side in row]
    return {
        "prompt_ids": prompt_ids(tokenizer, row["prompt"]),
        **{f"{side}_ids": [*_letter(tokenizer, row[side], row.get(f"{side}_ids")), end] for side in sides},
    }


def encode_rows(tokenizer: Any, rows: Sequence[Mapping[str, Any]], max_length: int) -> list[dict[str, list[int]]]:
    """Each row as token ids, in order. Raises TrainingError rather than cut a letter at `max_length`."""
    end = end_token(tokenizer)
    encoded = [encode_pair(tokenizer, row, end) for row in rows]
    for row, ids in zip(rows, encoded, strict=True):
        if longest(ids) > max_length:
            what = "Example" if "completion" in row else "Pair"
            raise TrainingError(
                f"{what} {row['id']} has {longest(ids)} tokens and the recipe allows {max_length} - a cut letter would teach to stop "
                f"mid-sentence - leave this {what.lower()} out or raise max_length."
            )
    return encoded


def _letter(tokenizer: Any, text: str, written: Sequence[int] | None) -> list[int]:
    if written and tokenizer.decode(list(written), skip_special_tokens=False, clean_up_tokenization_spaces=False) == text:
        return list(written)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def prompt_ids(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> list[int]:
    """The prompt as the writer reads it: the chat template with its assistant header."""
    return list(tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=True, return_dict=False, **PLAIN))


def header_ids(tokenizer: Any) -> list[int]:
    """What the chat template adds to let the assistant speak: where an adapter of scope "letter" wakes. Empty when it adds nothing."""
    turn = [{"role": "user", "content": "q"}]
    without = list(tokenizer.apply_chat_template(turn, tokenize=True, return_dict=False, **PLAIN))
    whole = prompt_ids(tokenizer, turn)
    return whole[len(without) :] if whole[: len(without)] == without else []


def longest(ids: Mapping[str, Sequence[int]]) -> int:
    """Tokens of the longest sequence that a row makes: its prompt with its longer letter."""
    return len(ids["prompt_ids"]) + max(len(letter) for name, letter in ids.items() if name != "prompt_ids")


def both(ids: Mapping[str, Sequence[int]]) -> int:
    """Tokens that one pass over a row reads: each of its letters after the prompt."""
    letters = [len(letter) for name, letter in ids.items() if name != "prompt_ids"]
    return len(letters) * len(ids["prompt_ids"]) + sum(letters)


def end_token(tokenizer: Any) -> int:
    """The token that ends an assistant's turn in the chat template; in some models that is not `eos_token`."""
    answer = "Zq7"  # stands in no template
    turn = [{"role": "user", "content": "q"}, {"role": "assistant", "content": answer}]
    text = tokenizer.apply_chat_template(turn, tokenize=False, **PLAIN)
    after = tokenizer(text[text.rindex(answer) + len(answer) :], add_special_tokens=False)["input_ids"]
    special = {*tokenizer.all_special_ids, *(id for id, token in tokenizer.added_tokens_decoder.items() if token.special)}
    return next((token for token in after if token in special), tokenizer.eos_token_id)
