"""After letters were taught: did the adapter learn the voice, does prompting do as well, was anything forgotten, is anything recited?

`after_training` reads one run folder, writes letters with the base and with the adapter, and gives numbers, letters and sentences for
`report.json`. Knows no database and no screen. Everything it writes is greedy, so that the same adapter gives the same report.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftapp import claims, cleaning, config, evaluation, metrics, probes, prompts, rendered, sets, voice, voice_verdict
from ftapp.profiles import parse_job, parse_resume
from ftapp.training import run

if TYPE_CHECKING:
    from ftapp.backends.local import AdapterRef, LocalBackend

HELD_OUT, PROMPTED, ELSEWHERE = 8, 8, 20  # letters for held-out postings, of them also by prompting, and letters for somebody else
EXAMPLES = 3
MOST_SECONDS = 300.0  # for all letters: on a large model fewer are written, and the report says how many
SCORES = ("rouge_l_f1", "Response Relevance", "Email Structure Quality", "groundedness", "repetition", "words", "voice_distance")


def after_training(
    backend: LocalBackend, folder: Path | str, sha256: str, *, stop: Callable[[], bool] = lambda: False, most_seconds: float = MOST_SECONDS
) -> dict[str, Any]:
    """The `voice` part of a run's report. The run has `adapter/` with weights of this SHA-256.

    Gives {card, own, table, letters, held_out, elsewhere, habits, examples, forgetting, reciting, verdict, note}. Ends early, with what
    there is, when `stop()` says so or the time is up. `backend` has the run's base. Raises ModelError when the adapter cannot be loaded.
    """
    from ftapp.backends.local import AdapterRef

    folder = Path(folder)
    base, recipe = run.read_json(folder / "base.json"), config.read_recipe(folder / "recipe.yaml")
    taught, held_out = run.read_rows(folder / "train.jsonl"), run.read_rows(folder / "eval.jsonl")
    parent = base.get("parent")
    before = AdapterRef(parent["id"], Path(parent["path"]), parent["sha256"], parent["scope"]) if parent else None
    after = AdapterRef(folder.name, folder / "adapter", sha256, recipe.scope)
    return report(backend, before, after, taught, held_out, stop, most_seconds)


def report(
    backend: LocalBackend, before: AdapterRef | None, after: AdapterRef, taught: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]], stop: Callable[[], bool] = lambda: False, most_seconds: float = MOST_SECONDS,
) -> dict[str, Any]:  # fmt: skip
    """As `after_training`, of rows {id, prompt, completion, split_key} and a loaded model. `before` None is the base."""
    until = time.monotonic() + most_seconds
    over = lambda: stop() or time.monotonic() > until  # noqa: E731
    own = voice.card([row["completion"] for row in taught])
    kinds = Counter(rendered.read(row["prompt"]).kind for row in taught)
    forgotten = probes.forgetting(backend, before, after, set(kinds), stop)
    few, many = config.check_letters(HELD_OUT), config.check_letters(ELSEWHERE)
    asked = [*first_of_each(held_out, few), *elsewhere(backend, many, kinds.most_common(1)[0][0])]
    shown = examples([row["completion"] for row in taught], own)
    written = list(_written(backend, before, after, asked, shown, own, over))
    table = {who: _means([one[who] for one in written if who in one]) for who in ("before", "prompted", "after", "reference")}
    others = [one for one in written if not one["held_out"]]
    cut = len(written) < len(asked)
    return {
        "card": card_values(own), "own": own.own, "table": {who: row for who, row in table.items() if row},
        "letters": [_letter_row(one) for one in written if one["held_out"]] or [_letter_row(one) for one in written[:HELD_OUT]],
        "held_out": sum(one["held_out"] for one in written), "elsewhere": len(others),
        "habits": {who: voice.gaps(own, [one[who]["text"] for one in written]) for who in ("before", "after")} if written else {},
        "examples": max((one["examples"] for one in written), default=0),
        "forgetting": forgotten, "reciting": probes.recited([_plain(one) for one in others], taught),
        "verdict": voice_verdict.verdict(written, own.own),
        "note": f"{len(written)} of {len(asked)} letters were written in the time there was." if cut else "",
    }  # fmt: skip


# --- letters -------------------------------------------------------------------------------------------------------------


def first_of_each(rows: Sequence[Mapping[str, Any]], most: int) -> list[dict[str, Any]]:
    """Up to `most` held-out rows, each of another job or question."""
    return [{"prompt": list(row["prompt"]), "reference": row["completion"]} for row in evaluation.first_prompts(rows, most)]


def elsewhere(backend: LocalBackend, most: int, kind: str) -> list[dict[str, Any]]:
    """Prompts of other people for other employers, who are made up (the built-in set), of a kind that was taught if it has a posting."""
    kind = kind if kind in prompts.KINDS and kind != "answer" else prompts.KINDS[0]
    lengths = backend.spec.words.get(kind, [120])
    how = {"kind": kind, "words": lengths[len(lengths) // 2], "count_tokens": backend.count_tokens,
           "budget_tokens": backend.spec.prompt_budget_tokens, "special_tokens": backend.special_tokens}  # fmt: skip
    built = (prompts.build(parse_resume(resume), parse_job(posting), **how) for posting, resume in sets.fictional()[:most])
    return [{"prompt": [dict(message) for message in one.messages], "reference": ""} for one in built]


def _plain(one: Mapping[str, Any]) -> dict[str, str]:
    fields = one["fields"]
    return {"title": fields.title, "prompt": fields.text, "before": one["before"]["text"], "after": one["after"]["text"]}


def examples(taught: Sequence[str], own: voice.VoiceCard) -> list[str]:
    """The person's letters, the most typical first."""
    return sorted(dict.fromkeys(taught), key=lambda letter: voice.distance(own, [letter]))


def with_examples(backend: LocalBackend, messages: Sequence[Mapping[str, str]], shown: Sequence[str]) -> tuple[list[dict[str, str]], int]:
    """(the messages with up to three letters in front of what is asked, how many): as many as the model's prompt budget holds."""
    taken: list[str] = []
    best, room = [dict(m) for m in messages], backend.spec.prompt_budget_tokens
    for letter in shown:
        text = prompts.neutralise(letter, backend.special_tokens)[0]
        tried = _with([*taken, text], messages)
        if backend.count_tokens(tried) <= room:
            taken, best = [*taken, text], tried
        if len(taken) == EXAMPLES:
            break
    return best, len(taken)


def _with(shown: Sequence[str], messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    told = "Write as the author of these letters does. Take their way of writing, not their facts.\n\n" + "\n\n---\n\n".join(shown)
    first, *rest = (dict(m) for m in messages)
    if first["role"] == "system":
        return [{"role": "system", "content": f"{first['content']}\n\n{told}"}, *rest]
    return [{"role": "system", "content": told}, first, *rest]


def _written(
    backend: LocalBackend, before: AdapterRef | None, after: AdapterRef, asked: Sequence[Mapping[str, Any]], shown: Sequence[str],
    own: voice.VoiceCard, over: Callable[[], bool],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Each prompt's letters {before, after, prompted?, reference?}, scored; the prompted ones for the first few."""
    from ftapp.backends.pair import Row, Sampling, write

    how = Sampling(greedy=True, max_new_tokens=backend.spec.max_new_tokens)

    def said(messages: Sequence[Mapping[str, str]], rows: Sequence[Row]) -> list[tuple[str, bool]]:
        *_, last = write(backend, list(messages), rows, how)
        return [(cleaning.strip(text)[0], ended) for text, ended in zip(last.texts, last.finished, strict=True)]

    for number, one in enumerate(asked):
        if over():
            return
        fields = rendered.read(one["prompt"])
        texts = dict(zip(("before", "after"), said(one["prompt"], [Row(before, 0), Row(after, 0)]), strict=True))
        fitted, count = with_examples(backend, one["prompt"], shown) if number < PROMPTED else ([], 0)
        if count:
            texts["prompted"] = said(fitted, [Row(None, 0)])[0]
        if one["reference"]:
            texts["reference"] = one["reference"], True
        scored = {who: {"text": text, "finished": ended} | _scores(text, fields, one["reference"] if who != "reference" else "", own)
                  for who, (text, ended) in texts.items()}  # fmt: skip
        yield scored | {"held_out": bool(one["reference"]), "fields": fields, "examples": count}


def _scores(letter: str, fields: rendered.Rendered, reference: str, own: voice.VoiceCard) -> dict[str, float | None]:
    ledger = claims.ledger(letter, fields.profile, fields.job, fields.hits, fields.sources)
    made = [claim for sentence in ledger for claim in sentence.claims]
    found = metrics.scores(letter, fields.kind or "answer", fields.words, fields.profile, fields.job,
                           supported=sum(claim.supported for claim in made), claims=len(made))  # fmt: skip
    own_scores = {score.name: score.value for score in found if score.name in SCORES}
    rouge = metrics.rouge_l_f1(letter, reference) if reference else None
    return {"rouge_l_f1": rouge, **own_scores, "voice_distance": voice.distance(own, [letter]) if letter.strip() else None}


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Each score's mean over the letters that have it, and how many letters there are."""
    if not rows:
        return {}
    values = {name: [row[name] for row in rows if row.get(name) is not None] for name in SCORES}
    return {"letters": len(rows)} | {name: round(statistics.fmean(found), 4) if found else None for name, found in values.items()}


def _letter_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt's letters as the page shows them."""
    row: dict[str, Any] = {"title": one["fields"].title}
    for who in ("before", "prompted", "after", "reference"):
        if who in one:
            row |= {who: one[who]["text"], f"{who}_finished": one[who]["finished"], f"{who}_distance": one[who]["voice_distance"]}
    return row


def card_values(own: voice.VoiceCard) -> dict[str, Any]:
    """A card as JSON; `voice_of` makes it a card again."""
    return dataclasses.asdict(own)


def voice_of(values: Mapping[str, Any]) -> voice.VoiceCard:
    """The card that `card_values` wrote."""
    pairs = {name: tuple((form, share) for form, share in values[name]) for name in ("openers", "sign_offs", "favourites")}
    habits = {name: voice.Habit(**habit) for name, habit in values["habits"].items()}
    return voice.VoiceCard(**{**values, **pairs, "habits": habits, "avoided": tuple(values["avoided"]), "rhythm": tuple(values["rhythm"])})
