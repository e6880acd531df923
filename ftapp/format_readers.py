"""A row of a file in any known format -> the row to learn from. Recognised by what stands in it, row by row. Pure.

Sources: those of formats.py, and for reading alone LLaMA-Factory's KTO and v1 messages, Anthropic/hh-rlhf, and TRL's `extract_prompt`
for conversations that hold their prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ftapp.formats import BLANK, BLANK_LABEL, SCORES, WRITER, BadRow, Messages, Row, fault, prompt_id

Raw = Mapping[str, Any]
ROLES = {"user": "user", "human": "user", "prompter": "user", "assistant": "assistant", "gpt": "assistant", "model": "assistant",
         "chatgpt": "assistant", "bot": "assistant", "system": "system", "developer": "system"}  # fmt: skip


def read(raw: Raw) -> tuple[str, Row]:
    """(the format's name, the row). Raises BadRow."""
    for fits, name, reader in _READERS:
        if fits(raw):
            try:
                row = reader(raw)
            except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
                raise BadRow(f"a field is of another type than {name} has there") from None
            if why := fault(row):
                raise BadRow(why)
            return name, row
    raise BadRow("no format is known with these fields: " + (", ".join(sorted(map(str, raw))[:6])[:80] or "none"))


def _content(value: Any) -> str:
    """A message's text; a list of typed parts is joined. Raises BadRow for pictures, sounds and tool calls."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        parts = [part if isinstance(part, dict) and part.get("type", "text") == "text" else {} for part in value]
        texts = [part.get("text", part.get("value")) for part in parts]
        if all(isinstance(text, str) for text in texts):
            return "".join(texts)
    raise BadRow("a message holds something other than text")


def _messages(value: Any) -> Messages:
    """Messages under `role` and `content` or `from` and `value`; a text is one message of the user."""
    if isinstance(value, str) and value.lstrip().startswith('[{"'):
        value = parsed if isinstance(parsed := _json(value), list) else value
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise BadRow("a conversation is neither text nor a list of messages")
    made = []
    for message in value:
        if not isinstance(message, dict):
            raise BadRow("a message is not an object with role and content")
        role = ROLES.get(str(message.get("role", message.get("from", ""))).lower())
        if role is None or message.get("tool_calls"):
            raise BadRow("a message is of another role than system, user and assistant")
        made.append({"role": role, "content": _content(message.get("content", message.get("value")))})
    return [message for message in made if message["content"] or message["role"] != "system"]


def _answer(messages: Messages) -> str:
    if len(messages) != 1 or messages[0]["role"] != "assistant":
        raise BadRow("the two conversations part before their last answer" if len(messages) > 1 else "an answer is missing")
    return messages[0]["content"]


def _pair(prompt: Messages, chosen: Any, rejected: Any, told: dict[str, Any]) -> Row:
    """Answers as texts, as messages, or as whole conversations whose common beginning is the prompt."""
    if type(chosen) is not type(rejected) or not isinstance(chosen, str | list | dict):
        raise BadRow("chosen and rejected must both be texts or both be messages")
    if isinstance(chosen, str) and not chosen.lstrip().startswith('[{"'):
        return Row("pair", prompt, chosen, rejected, None, told)
    both = [_messages(chosen), _messages(rejected)]
    if prompt and all(one[: len(prompt)] == prompt for one in both):
        both = [one[len(prompt) :] for one in both]
    elif any(len(one) > 1 for one in both):
        shared = 0
        while shared < min(map(len, both)) - 1 and both[0][shared] == both[1][shared]:
            shared += 1
        prompt, both = both[0][:shared] or prompt, [one[shared:] for one in both]
    return Row("pair", prompt, _answer(both[0]), _answer(both[1]), None, told)


def _trl(raw: Raw) -> Row:
    name = next((name for name in ("prompt", "question", "input", "context") if raw.get(name) not in (None, "", [])), "")
    system = raw.get("system") if isinstance(raw.get("system"), str) else ""
    head = [{"role": "system", "content": system}] if system and isinstance(raw.get(name), str) else []
    used = ("chosen", "rejected", name, *(("system",) if head else ()))
    return _pair([*head, *_messages(raw[name])] if name else [], raw["chosen"], raw["rejected"], _told(raw, "pair", used))


def _implicit(raw: Raw) -> Row:
    """Without a prompt column: whole conversations, or texts whose common beginning is the prompt (as trl.extract_prompt cuts them)."""
    told, chosen, rejected = _told(raw, "pair", ("chosen", "rejected")), raw["chosen"], raw["rejected"]
    if not isinstance(chosen, str) or not isinstance(rejected, str) or chosen.lstrip().startswith('[{"'):
        return _pair([], chosen, rejected, told)
    at = next((i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), min(len(chosen), len(rejected)))
    at -= at > 0 and chosen[at - 1] == " "
    return _pair(_messages(chosen[:at]), chosen[at:], rejected[at:], told)


_TURN = re.compile(r"\n\n(Human|Assistant): ?")


def _anthropic(raw: Raw) -> Row:
    both = []
    for name in ("chosen", "rejected"):
        parts = _TURN.split(raw[name])
        both.append([{"role": ROLES[who.lower()], "content": said.strip()} for who, said in zip(parts[1::2], parts[2::2], strict=True)])
    return _pair([], *both, _told(raw, "pair", ("chosen", "rejected")))


def _openai(raw: Raw) -> Row:
    better, worse = (raw.get(f"{side}_output", raw.get(f"{side}_completion")) for side in ("preferred", "non_preferred"))
    if better is None or worse is None:
        raise BadRow("preferred_output and non_preferred_output must both be there")
    return _pair(_messages(raw["input"]["messages"]), _messages(better), _messages(worse), {})


def _ultrafeedback(raw: Raw) -> Row:
    used = ["chosen", "rejected", "prompt", "messages", "prompt_id"]
    made = _pair([], raw["chosen"], raw["rejected"], {})
    if not made.prompt and isinstance(raw.get("prompt"), str):  # answers alone
        made = replace(made, prompt=_messages(raw["prompt"]))
    used += [name for name, usual in SCORES.items() if raw.get(name) == usual]
    if raw.get("prompt_id") not in (None, prompt_id(made)):
        used.remove("prompt_id")
    return replace(made, provenance=_told(raw, "pair", used))


def _alpaca_prompt(raw: Raw) -> Messages:
    system, asked, more = (raw.get(name) or "" for name in ("system", "instruction", "input"))
    if not all(isinstance(text, str) for text in (system, asked, more)):
        raise BadRow("instruction, input and system must be texts")
    made = [{"role": "system", "content": system}] if system else []
    for turn in raw.get("history") or []:
        if not isinstance(turn, list | tuple) or len(turn) != 2 or not all(isinstance(text, str) for text in turn):
            raise BadRow("history must be a list of question and answer")
        made += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    return [*made, {"role": "user", "content": f"{asked}\n{more}" if asked and more else asked or more}]


_ALPACA = ("instruction", "input", "system", "history")


def _alpaca(raw: Raw) -> Row:
    if isinstance(raw.get("output"), list) and "chosen" not in raw:  # how early versions wrote a ranking
        raw = {**raw, **dict(zip(("chosen", "rejected"), raw["output"], strict=False))}
    if "rejected" not in raw:
        raise BadRow("a ranking needs two answers")
    return _pair(_alpaca_prompt(raw), raw["chosen"], raw["rejected"], _told(raw, "pair", (*_ALPACA, "chosen", "rejected", "output")))


def _sharegpt(raw: Raw) -> Row:
    head = [{"role": "system", "content": raw["system"]}] if isinstance(raw.get("system"), str) and raw["system"] else []
    used = ("conversations", "chosen", "rejected", "system")
    return _pair([*head, *_messages(raw["conversations"])], raw["chosen"], raw["rejected"], _told(raw, "pair", used))


def _v1(raw: Raw) -> Row:
    return _pair([], raw["chosen_messages"], raw["rejected_messages"], _told(raw, "pair", ("chosen_messages", "rejected_messages")))


_GOOD, _BAD = ("true", "1", "1.0", "desirable"), ("false", "0", "0.0", "-1", "undesirable")


def _label(value: Any) -> bool:
    said = str(value).strip().lower()
    if said not in _GOOD and said not in _BAD:
        raise BadRow("the label is neither true nor false")
    return said in _GOOD


def _one(kind: str, prompt: Messages, answer: Any, raw: Raw, used: Sequence[str]) -> Row:
    text = answer if isinstance(answer, str) and not answer.lstrip().startswith('[{"') else _answer(_messages(answer))
    tag = next((name for name in ("label", "kto_tag") if name in raw), "")
    return Row(kind, prompt, text, None, _label(raw[tag]) if kind == "label" else None, _told(raw, kind, (*used, tag)))


def _unpaired(raw: Raw) -> Row:
    return _one("label", _messages(raw["prompt"]), raw["completion"], raw, ("prompt", "completion"))


def _completion(raw: Raw) -> Row:
    return _one("example", _messages(raw["prompt"]), raw["completion"], raw, ("prompt", "completion"))


def _dialogue(kind: str, name: str) -> Callable[[Raw], Row]:
    """A whole conversation whose last message is the answer."""

    def made(raw: Raw) -> Row:
        head = [{"role": "system", "content": raw["system"]}] if isinstance(raw.get("system"), str) and raw["system"] else []
        said = _messages(raw[name])
        if len(said) < 2 or said[-1]["role"] != "assistant":
            raise BadRow("the conversation does not end with an answer")
        return _one(kind, [*head, *said[:-1]], said[-1]["content"], raw, (name, "system"))

    return made


def _alpaca_one(kind: str) -> Callable[[Raw], Row]:
    return lambda raw: _one(kind, _alpaca_prompt(raw), raw["output"], raw, (*_ALPACA, "output"))


def _has(*names: str) -> Callable[[Raw], bool]:
    return lambda raw: all(name in raw for name in names)


def _tagged(*names: str) -> Callable[[Raw], bool]:
    return lambda raw: all(name in raw for name in names) and ("label" in raw or "kto_tag" in raw)


def _is_hh(raw: Raw) -> bool:
    return all(isinstance(raw.get(name), str) and _TURN.match(raw[name]) for name in ("chosen", "rejected"))


def _is_ultrafeedback(raw: Raw) -> bool:
    return isinstance(raw.get("chosen"), list) and "rejected" in raw and ("prompt_id" in raw or "score_chosen" in raw)


# The first that fits decides; what is more particular comes first.
_READERS: list[tuple[Callable[[Raw], bool], str, Callable[[Raw], Row]]] = [
    (lambda raw: isinstance(raw.get("input"), dict) and "messages" in raw["input"], "openai-dpo", _openai),
    (_has("conversations", "chosen", "rejected"), "llamafactory-sharegpt", _sharegpt),
    (_has("chosen_messages", "rejected_messages"), "llamafactory-v1", _v1),
    (_has("instruction", "chosen", "rejected"), "llamafactory-alpaca", _alpaca),
    (lambda raw: "instruction" in raw and isinstance(raw.get("output"), list), "llamafactory-alpaca", _alpaca),
    (_is_ultrafeedback, "ultrafeedback", _ultrafeedback),
    (_is_hh, "anthropic-hh", _anthropic),
    (lambda raw: _has("chosen", "rejected")(raw) and any(raw.get(n) for n in ("prompt", "question", "input", "context")), "trl", _trl),
    (_has("chosen", "rejected"), "trl-implicit", _implicit),
    (_tagged("prompt", "completion"), "kto", _unpaired),
    (_tagged("instruction", "output"), "llamafactory-kto", _alpaca_one("label")),
    (_tagged("messages"), "llamafactory-kto", _dialogue("label", "messages")),
    (_tagged("conversations"), "llamafactory-kto", _dialogue("label", "conversations")),
    (_has("messages"), "openai-sft", _dialogue("example", "messages")),
    (_has("conversations"), "llamafactory-sharegpt", _dialogue("example", "conversations")),
    (_has("instruction", "output"), "llamafactory-alpaca", _alpaca_one("example")),
    (_has("prompt", "completion"), "trl-completion", _completion),
]


# ---- what a row says besides --------------------------------------------------------------------------------------


def _told(raw: Raw, kind: str, used: Sequence[str]) -> dict[str, Any]:
    """What a row says besides: our own struct if it is one, and every other column under `more`."""
    more = {name: value for name, value in raw.items() if name not in used and name != "provenance" and value not in (None, "", [], {})}
    told = raw.get("provenance")
    if isinstance(told, str) and told.startswith("{"):  # a cell of a CSV
        told = _json(told)
    own = _own(told, BLANK if kind == "pair" else BLANK_LABEL)
    if own is None:
        if told not in (None, "", {}):
            more["provenance"] = told
        own = {}
    more = own.pop("more", {}) | more
    return own | ({"more": more} if more else {})


def _own(told: Any, blank: Mapping[str, Any]) -> dict[str, Any] | None:
    """Our struct with `more` unpacked, or None when anything in it is of another shape."""
    if not isinstance(told, dict) or told.keys() != blank.keys():
        return None
    if any(type(told[name]) is not type(value) for name, value in blank.items()):
        return None
    for name in ("chosen_by", "rejected_by", "written_by"):
        by = told.get(name, WRITER)
        if by.keys() != WRITER.keys() or any(type(by[key]) is not type(value) for key, value in WRITER.items()):
            return None
    more = _json(told["more"]) if told["more"] else {}
    return {**told, "more": more} if isinstance(more, dict) and (more or not told["more"]) else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
