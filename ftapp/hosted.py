"""What hosted fine-tuning asks of a file of examples or pairs, how many tokens it has, and what it would cost. Pure.

Rules: OpenAI, "Supervised fine-tuning" (at least 10 examples, 50 to begin with), "Direct preference optimization" (text only; one
preferred and one other answer), Microsoft Foundry, "Direct preference optimization" (answers are assistant messages), and the checks
and epochs of the OpenAI Cookbook, "Data preparation and analysis for chat model fine-tuning". The numbers stand in
configs/servers.yaml. Others that take these formats (Together, Fireworks, Azure) ask for less.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftapp.config import HostedRules

FORMATS = ("openai-sft", "openai-dpo")
ROLES = ("system", "user", "assistant")
AROUND_MESSAGE = 3  # tokens of the turn's own signs, as the Cookbook counts them; and once for the answer
LEAST_READ, MOST_READ = 100, 25_000  # examples that the service aims to read in all, and the most it reads more than once
MOST_EPOCHS = 25
CLOSING = "OpenAI takes no new customers for fine-tuning and is closing it; Together, Fireworks and Azure read the same files."
_PIECE = re.compile(r"[^\W\d_]+|\d{1,3}|[^\w\s]+|_+|\n\s*|[ \t]{2,}")
_MASK = re.compile(r"\[[A-Z][A-Z_]{2,}\d*\]")


def tokens_about(text: str) -> int:
    """About how many tokens a text has for a large model of today (o200k_base, and near it those of Llama 3 and Qwen).

    Counted by words and signs; no vocabulary is needed. Against o200k_base: job adverts 1 % fewer, letters 2.5 % more, résumés 7 % fewer.
    """
    count = 0
    for piece in _PIECE.findall(text):
        if not piece[0].isalpha():
            count += 1 + len(piece) // 16
        elif piece.isascii():
            count += 1 + (len(piece) - 1) // 12
        else:
            count += max(1, len(piece.encode("utf-8", "replace")) // 3)
    return count


def tokens_in(messages: Sequence[Mapping[str, str]]) -> int:
    """About how many tokens a conversation has, the signs around its turns included."""
    return AROUND_MESSAGE + sum(AROUND_MESSAGE + tokens_about(message["content"]) for message in messages)


@dataclass(frozen=True)
class Finding:
    """Something that a row, or the file, is not: `rows` are the first few by their line; `hinders` when it would be refused."""

    why: str
    count: int
    rows: tuple[int, ...]
    hinders: bool


class Check:
    """Reads the rows of a file one by one; `report` says what they are together."""

    most_named = 5

    def __init__(self, name: str, rules: HostedRules) -> None:
        self.pairs, self.rules = name == "openai-dpo", rules
        self.rows = self.bytes = self.tokens = self.longest = 0
        self._wrong: dict[tuple[str, bool], list[int]] = defaultdict(lambda: [0])

    def add(self, row: Mapping[str, Any]) -> None:
        """One row as it stands in the file."""
        self.rows += 1
        self.bytes += len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")) + 1
        said = _faults_of_pair(row) if self.pairs else _faults_of_example(row)
        wrong = [(why, True) for why in said]
        if not said:
            sequences = _sequences(row, self.pairs)
            counts = [tokens_in(one) for one in sequences]
            self.tokens += sum(counts)
            self.longest = max(self.longest, *counts)
            if max(counts) > self.rules.most_example_tokens:
                wrong.append((f"has about {max(counts):,} tokens; {self.rules.most_example_tokens:,} fit, the rest is cut off", True))
            if any(_MASK.search(message["content"]) for one in sequences for message in one if message["role"] == "assistant"):
                wrong.append(("has a mask in an answer: the model would learn to write it", False))
            if not self.pairs and sum(message["role"] == "assistant" for message in row["messages"]) > 1:
                wrong.append(("has several assistant messages: each of them is learned, not only the last", False))
        for one in wrong:
            held = self._wrong[one]
            held[0] += 1
            if len(held) <= self.most_named:
                held.append(self.rows)

    def report(self, price: float | None = None) -> dict[str, Any]:
        """{ok, rows, tokens, longest, epochs, charged_tokens, price, cost, findings, note}; a cost only where a price is known."""
        rules = self.rules
        price = rules.price_per_million_tokens if price is None else price
        found = [Finding(why, held[0], tuple(held[1:]), hinders) for (why, hinders), held in self._wrong.items()]
        if self.rows < rules.least_examples:
            found.append(Finding(f"The file has {self.rows} rows; {rules.least_examples} are the least that is taken.", 1, (), True))
        elif self.rows < rules.advised_examples:
            advice = f"The file has {self.rows} rows; {rules.advised_examples} good ones are advised to begin with."
            found.append(Finding(advice, 1, (), False))
        if self.bytes > rules.most_file_mb * 1_000_000:
            found.append(Finding(f"The file has {self.bytes / 1e6:,.0f} MB; {rules.most_file_mb} are taken.", 1, (), True))
        times = epochs(self.rows, rules.epochs)
        charged = times * self.tokens
        cost = None if price is None else round(charged * price / 1e6, 2)
        return {
            "ok": not any(one.hinders for one in found), "rows": self.rows, "tokens": self.tokens, "longest": self.longest,
            "epochs": times, "charged_tokens": charged, "price": price, "cost": cost,
            "findings": [vars(one) | {"rows": list(one.rows)} for one in found], "note": CLOSING,
        }  # fmt: skip


def epochs(rows: int, usual: int) -> int:
    """How often the service reads a file if it is not told: more often when it is short, less when it is long (the Cookbook's rule)."""
    if not rows or LEAST_READ <= rows * usual <= MOST_READ:
        return usual
    return min(MOST_EPOCHS, LEAST_READ // rows) if rows * usual < LEAST_READ else max(1, MOST_READ // rows)


def told(report: Mapping[str, Any]) -> list[str]:
    """A report in sentences, what matters most first."""
    said = ["This file would be taken." if report["ok"] else "This file would be refused as it is."]
    for one in sorted(report["findings"], key=lambda one: not one["hinders"]):
        where = f" ({one['count']:,} rows, first {', '.join(map(str, one['rows']))})" if one["rows"] else ""
        said.append(f"{'A row ' if one['rows'] else ''}{one['why']}{where}")
    said.append(
        f"{report['rows']:,} rows, about {report['tokens']:,} tokens, the longest about {report['longest']:,}; "
        f"read {report['epochs']} times, about {report['charged_tokens']:,} tokens are charged."
    )
    if report["cost"] is None:
        said.append("Give the price for a million training tokens to see what that costs.")
    else:
        said.append(f"At {report['price']:g} for a million tokens that costs about {report['cost']:,.2f}.")
    return [*said, report["note"]]


# ---- rules of one row -------------------------------------------------------------------------------------------


def _faults(messages: Any, what: str, roles: Sequence[str]) -> list[str]:
    """What is wrong with a list of messages by itself."""
    if not isinstance(messages, list) or not messages or not all(isinstance(one, Mapping) for one in messages):
        return [f"has no list of messages in {what}"]
    wrong = []
    if any(one.get("role") not in roles for one in messages):
        wrong.append(f"has a role in {what} that is not one of {', '.join(roles)}")
    if any(not isinstance(one.get("content"), str) or not one["content"].strip() for one in messages):
        wrong.append(f"has a message without text in {what}")
    if any(set(one) - {"role", "content", "name", "weight"} for one in messages):
        wrong.append(f"has a message with a key that is not known in {what}")
    return wrong


def _faults_of_example(row: Mapping[str, Any]) -> list[str]:
    messages = row.get("messages")
    if wrong := _faults(messages, "messages", ROLES):
        return wrong
    roles = [one["role"] for one in messages]
    if roles[-1] != "assistant":
        wrong.append("does not end with an assistant message, which is what is learned")
    if "user" not in roles:
        wrong.append("has no user message")
    if "system" in roles[1:]:
        wrong.append("has a system message that is not the first")
    if any(a == b == "assistant" for a, b in zip(roles, roles[1:], strict=False)):
        wrong.append("has two assistant messages in a row")
    return wrong


def _faults_of_pair(row: Mapping[str, Any]) -> list[str]:
    asked = row.get("input")
    wrong = _faults(asked.get("messages") if isinstance(asked, Mapping) else None, "input", ROLES)
    for side in ("preferred_output", "non_preferred_output"):
        wrong += _faults(row.get(side), side, ("assistant",)) or (
            [f"has not exactly one assistant message in {side}"] if len(row[side]) != 1 else []
        )
    if not wrong:
        roles = [one["role"] for one in asked["messages"]]
        if roles[-1] != "user":
            wrong.append("does not ask: its input must end with a user message")
        if "assistant" in roles:
            wrong.append("has a conversation of several turns in input: pairs are learned from one question and its answers")
        if row["preferred_output"] == row["non_preferred_output"]:
            wrong.append("has the same answer twice")
    return wrong


def _sequences(row: Mapping[str, Any], pairs: bool) -> list[list[Mapping[str, str]]]:
    """What the service reads of a row: an example once, a pair once with each answer."""
    if not pairs:
        return [row["messages"]]
    return [[*row["input"]["messages"], *row[side]] for side in ("preferred_output", "non_preferred_output")]
