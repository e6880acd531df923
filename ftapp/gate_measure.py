"""What the gate judges, measured: a new adapter beside what writes now, on the same held-out prompts from the same seeds.

Reads an adapter's folder and writes letters with a loaded model. Knows no database and no rule.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftapp import claims, cleaning, config, evaluation, gate, metrics, pace, probes, prompts, rendered, voice
from ftapp.pace import Say
from ftapp.training import fresh, run

if TYPE_CHECKING:
    from ftapp.backends.local import AdapterRef, LocalBackend

LETTERS, HELD_OUT = 32, 20  # prompts; of them at most so many held-out ones, the others are made up
# For all letters: what is slower than that writes fewer, and the report says how many. It is long, for intervals of few letters are wide:
# of two good adapters, samples of 3 letters were refused 82 and 93 times in 100, of 16 letters 28 and 32 times, of 32 letters 2 and 4.
MOST_SECONDS = 1800.0
TAUGHT = 60  # pairs of what taught it that are read
ROWS = 12  # letters written together
TURN_SECONDS = 0.2  # between two lots, for who waits to write a letter: a lock that is taken again at once is got by nobody else
STREAM, SEED = 60606, 4000  # of the generator, and of the letters
# (prompts, adapter or None for the base) -> (text, whether it ended by itself) of each; the same call gives the same letters
Write = Callable[[Sequence[list[dict[str, str]]], "AdapterRef | None"], Sequence[tuple[str, bool]]]


def measure(
    backend: LocalBackend, live: AdapterRef | None, new: AdapterRef, taught: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]], report: Mapping[str, Any], own: voice.VoiceCard | None = None, *,
    stop: Callable[[], bool] = lambda: False, say: Say = lambda line: None, write: Write | None = None,
    chosen: Mapping[str, Any] | None = None, count: int = LETTERS,
) -> dict[str, Any]:  # fmt: skip
    """{files, sides, held_out, agreement, taught, asked, letters, stamp, forgetting, reciting, seconds}, as `gate.judge` reads it.

    `live` None is the base; `taught` and `held_out` are the run's rows; `report` its report so far (`held_out`, and `voice` of a
    training of letters, whose probes are not repeated); `own` the card of the person's letters. `say` is told how many letters are there,
    `write` is for who can write many letters at once, `chosen` for who has asked `choices` already. An adapter whose files or sides are
    not right is measured no further.
    """
    began = time.monotonic()
    found: dict[str, Any] = {"files": files(Path(new.path), new.sha256), "sides": "", "held_out": report.get("held_out"), "letters": []}
    if found["files"]:
        return found | {"sides": "Nothing was written: the files are not right."}
    for adapter in filter(None, (live, new)):
        if not (proof := backend.prove(adapter)).ok:
            return found | {"sides": proof.reason}
    sft = any("completion" in row for row in taught)
    rows = [{"prompt": row["prompt"], "completion": row.get("completion") or row["chosen"]} for row in taught]
    asked = _asked(backend, held_out, _kinds(rows).most_common(1)[0][0], count)
    found["asked"] = len(asked)
    written = _written(backend, live, new, asked, write, stop, say, began)
    own = own or (voice.card([row["completion"] for row in rows]) if sft else None)
    found["letters"] = [{side: scored(*one[side], rendered.read(messages), own) for side in ("live", "new")} for messages, one in written]
    texts = {side: [one[side][0] for _, one in written] for side in ("live", "new")}
    said = [rendered.read(messages).text for messages, _ in written]
    if written and not sft:
        known = [*(row["rejected"] for row in taught), *(row["chosen"] for row in taught if _edited(row))]
        # what was rejected was written by models before it, too; what comes back in a person's own edits was to be learned
        found["stamp"] = gate.stamp(texts["new"], [*texts["live"], *known], said)
    if not sft:
        found |= chosen or choices(taught, held_out, stop)
    voiced = report.get("voice") or {}
    each = enumerate(zip(said, texts["live"], texts["new"], strict=True), 1)
    others = [{"title": str(n), "prompt": prompt, "before": before, "after": after} for n, (prompt, before, after) in each]
    own_texts = rows if sft else [row for row, given in zip(rows, taught, strict=True) if _edited(given)]
    drafts = [] if sft else [row[side] for row in taught for side in ("chosen", "rejected") if side == "rejected" or not _edited(row)]
    told = voiced.get("reciting") or {}  # of no letters, where the training's own report had no time for any
    found["reciting"] = told if told.get("letters") else probes.recited(others, rows, own_texts, drafts) if others and rows else None
    found["forgetting"] = voiced.get("forgetting") or probes.forgetting(backend, live, new, set(_kinds(rows)), stop)
    return found | {"stopped": stop(), "seconds": round(time.monotonic() - began, 1)}


def choices(taught: Sequence[Mapping[str, Any]], held_out: Sequence[Mapping[str, Any]], stop: Callable[[], bool]) -> dict[str, Any]:
    """{agreement, taught}: what can be said of a training on choices before it begins."""
    return {"agreement": fresh.agreement(taught, held_out, stop), "taught": preferred(taught, stop)}


def preferred(taught: Sequence[Mapping[str, Any]], stop: Callable[[], bool]) -> dict[str, Any]:
    """{letters, stamp} of chosen letters (`new`) beside rejected ones (`live`), but for letters that the person wrote: those are to
    come out. `TAUGHT` at most are read, 50 ms each."""
    rows = [row for row in taught if not _edited(row)]
    rows = [] if stop() else rows[:: -(-len(rows) // TAUGHT) or 1]
    asked = [rendered.read(row["prompt"]) for row in rows]
    letters = [{side: scored(row[which], True, fields, None) for side, which in (("live", "rejected"), ("new", "chosen"))}
               for row, fields in zip(rows, asked, strict=True)]  # fmt: skip
    sides = ([row[side] for row in rows] for side in ("chosen", "rejected"))
    return {"letters": letters, "stamp": gate.stamp(*sides, [fields.text for fields in asked])}


def _edited(row: Mapping[str, Any]) -> bool:
    """Whether a person wrote the chosen letter."""
    return bool(row.get("edited"))


def _kinds(rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
    return Counter(rendered.read(row["prompt"]).kind or prompts.KINDS[0] for row in rows) or Counter([prompts.KINDS[0]])


def _asked(backend: LocalBackend, held_out: Sequence[Mapping[str, Any]], kind: str, count: int) -> list[list[dict[str, str]]]:
    """Held-out prompts, each of another posting, filled up with made-up ones of the kind that was taught most."""
    from ftapp.bundled import generator

    asked = [[dict(m) for m in row["prompt"]] for row in evaluation.first_prompts(held_out, min(HELD_OUT, count))]
    kind = kind if kind in prompts.KINDS else prompts.KINDS[0]
    made = (generator.example(STREAM, i, unseen=True, clean=True, kind=kind, count_tokens=backend.count_tokens) for i in range(count))
    return asked + [[dict(m) for m in one.prompt.messages] for one, _ in zip(made, range(count - len(asked)), strict=False)]


def _written(
    backend: LocalBackend, live: AdapterRef | None, new: AdapterRef, asked: Sequence[list[dict[str, str]]], write: Write | None,
    stop: Callable[[], bool], say: Say, began: float,
) -> list[tuple[list[dict[str, str]], dict[str, tuple[str, bool]]]]:  # fmt: skip
    """[(prompt, {live, new}: (text, ended))], as many as the time allows but `gate.FEWEST` at least; together where the model can, since
    that is many times faster, and a few prompts after another, so that what there was time for is there for both."""
    from ftapp.backends import many
    from ftapp.letters import sampling

    done: list[tuple[list[dict[str, str]], dict[str, tuple[str, bool]]]] = []
    over = lambda: stop() or (len(done) >= gate.FEWEST and time.monotonic() > began + MOST_SECONDS)  # noqa: E731

    def letters(some: list[list[dict[str, str]]], writer: AdapterRef | None, seed: int) -> list[tuple[str, bool] | None]:
        return write(some, writer) if write else many.by_any(backend, some, sampling(backend.spec), writer, seed, stop=over, rows=ROWS)

    told = pace.of_letters(say, MOST_SECONDS)
    start, size = 0, gate.FEWEST
    while start < len(asked) and size > 0 and not over():
        time.sleep(TURN_SECONDS)
        some = list(asked[start : start + size])
        both = []
        for number, writer in enumerate((live, new), 1):
            both.append(letters(some, writer, SEED + start))
            told(2 * start + number * len(some), 2 * len(asked))
        rows = zip(some, *both, strict=True)
        done += [(messages, {"live": _tidy(a), "new": _tidy(b)}) for messages, a, b in rows if a is not None and b is not None]
        start += len(some)
        seconds = max(0.001, time.monotonic() - began)
        size = min(ROWS, int((MOST_SECONDS - seconds) / seconds * start))  # what was begun and not ended is lost
    return done


def _tidy(letter: tuple[str, bool]) -> tuple[str, bool]:
    return cleaning.strip(letter[0])[0], letter[1]


def scored(letter: str, finished: bool, fields: rendered.Rendered, own: voice.VoiceCard | None) -> dict[str, Any]:
    """{relevance, structure, groundedness, unsupported, repetition, words, voice, finished} of a letter, None where nothing can be said."""
    ledger = claims.ledger(letter, fields.profile, fields.job, fields.hits, fields.sources)
    made = [claim for sentence in ledger for claim in sentence.claims]
    held = sum(claim.supported for claim in made)
    by_name = {score.name: score.value for score in metrics.scores(
        letter, fields.kind or "answer", fields.words, fields.profile, fields.job, supported=held, claims=len(made))}  # fmt: skip
    return {
        "relevance": by_name["Response Relevance"], "structure": by_name["Email Structure Quality"],
        "groundedness": by_name["groundedness"], "unsupported": len(made) - held,
        "repetition": by_name["repetition"], "words": by_name["words"],
        "voice": voice.distance(own, [letter]) if own and letter.strip() else None, "finished": finished,
    }  # fmt: skip


def of_run(
    backend: LocalBackend, folder: Path | str, sha256: str, report: Mapping[str, Any], *, stop: Callable[[], bool] = lambda: False,
    say: Say = lambda line: None, live: AdapterRef | None | bool = False, chosen: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The `gate` part of a run's report: `gate.judge` of the adapter in its folder, beside what wrote when the run was planned (or
    `live`, when given). `backend` has the run's base. Raises ModelError when an adapter cannot be loaded."""
    from ftapp.backends.local import AdapterRef
    from ftapp.voice_report import voice_of

    folder = Path(folder)
    base, recipe = run.read_json(folder / "base.json"), config.read_recipe(folder / "recipe.yaml")
    named = base.get("live")
    if live is False:
        live = AdapterRef(named["id"], Path(named["path"]), named["sha256"], named["scope"]) if named else None
    new = AdapterRef(folder.name, folder / "adapter", sha256, recipe.scope)
    own = voice_of(base["voice"]) if base.get("voice") else None
    taught, held_out = run.read_rows(folder / "train.jsonl"), run.read_rows(folder / "eval.jsonl")
    found = measure(backend, live, new, taught, held_out, report, own, stop=stop, say=say, chosen=chosen,
                    count=config.check_letters(LETTERS))  # fmt: skip
    return {"rival": live.id if live else "none"} | gate.judge(found)


def of_adapter(
    backend: LocalBackend, new: AdapterRef, live: AdapterRef | None, *, stop: Callable[[], bool] = lambda: False,
    say: Say = lambda line: None,
) -> dict[str, Any]:  # fmt: skip
    """The same of an adapter whose run is not here: it came as an archive, and what it learned from is not known."""
    found = measure(backend, live, new, [], [], {}, stop=stop, say=say, count=config.check_letters(LETTERS))
    return {"rival": live.id if live else "none"} | gate.judge(found)


# ---- files ------------------------------------------------------------------------------------------------------------


def files(folder: Path, sha256: str) -> str:
    """What is wrong with an adapter's files, in a sentence; "" when they are whole, as recorded, finite and of fitting shapes."""
    if not run.sealed(folder) or run.read_json(folder / run.MANIFEST).get("adapter_model.safetensors") != sha256:
        return "The adapter's files are not the recorded ones (a file is missing or its hash differs)."
    strange = sorted(path.name for path in folder.iterdir() if path.name not in (*run.PUBLISHED, run.MANIFEST, run.FACTS))
    if strange:
        return f"The adapter's folder holds a file that does not belong there ({strange[0][:40]})."
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    rank = run.read_json(folder / "adapter_config.json").get("r")
    try:
        tensors = load_file(folder / "adapter_model.safetensors")
    except (SafetensorError, OSError, ValueError):
        return "The adapter's weights cannot be read as safetensors."
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            return f"The adapter's weights hold values that are not numbers ({name[:80]})."
        if tensor.dim() != 2 or rank not in tensor.shape:
            return f"The adapter's weights have a shape that its description does not fit ({name[:80]})."
    if not any(tensor.abs().max() > 0 for name, tensor in tensors.items() if "lora_B" in name):
        return "The adapter's weights are empty: it changes nothing."
    return ""
