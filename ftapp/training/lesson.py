"""One training from its run folder to its adapter, whatever it learns from: load, train, publish, report, letters.

Knows the run folder and the order of things. What is learned, and what its result means, is the business of `dpo` and `sft`.
"""

from __future__ import annotations

import gc
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftapp import config, gate, gate_measure, voice_report
from ftapp.errors import TrainingError
from ftapp.training import finish, fresh, guard, memory, processes, run, tokens
from ftapp.training.bases import load_base
from ftapp.training.watching import Emit, Outcome, resume_point, rounded, step_of, watcher

WRITING = "Before it learns, it writes fresh letters for your postings: what you chose and edited says something of them, too."
CHECKING = "It has learned. Now both versions, before and after, write the same letters, and the gate compares them."
# (model, tokenizer, recipe, base.json, encoded rows to learn from, encoded rows held out, folder for checkpoints) -> a trainer
Build = Callable[..., Any]
# (trainer, recipe, base.json, rows held out) -> what the report says of this way of teaching
Results = Callable[..., dict[str, Any]]


def give(
    run_folder: Path | str, build: Build, results: Results, on_event: Emit | None, stop: Callable[[], bool] | None, letters: int
) -> Outcome:
    """Train the run in `run_folder`, going on from its last complete checkpoint if there is one.

    `on_event` receives {kind, state?, step?, metrics?, reason?}; metrics keep TRL's names, plus `seconds_left`; kind `letters` says that
    no step is taken, as letters are written: before the first, or after the last.
    `stop()` is asked after every step; a stopped run has a checkpoint and can be called again. `letters` held-out
    letters are written before and after (0: none). Raises TrainingError or ModelError with a sentence.
    """
    folder = Path(run_folder)
    emit: Emit = on_event or (lambda event: None)
    stop = stop or (lambda: run.stop_asked(folder))
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    train_rows, eval_rows = (_rows(folder / name, recipe.method) for name in ("train.jsonl", "eval.jsonl"))
    if not train_rows:
        missing, do = ("pair", "choose between some letters") if recipe.method == "dpo" else ("letter", "add some letters of your own")
        raise TrainingError(f"The run has no {missing} to train on - nothing can be learned from it - {do} first.")
    began = time.monotonic()
    gated = letters and recipe.method == "dpo" and not processes.rank()
    chosen = gate_measure.choices(train_rows, eval_rows, stop) if gated else None
    doubt = gate.doubt(chosen) if chosen else ""

    def say(note: str, kind: str = "note") -> None:
        emit({"kind": kind, "reason": "\n".join(filter(None, (doubt, note)))})

    if doubt:
        say("")
    added = _fresh(folder, train_rows, recipe, base, say, stop)
    if (recipe.fresh_letters or recipe.judged_letters) and stop():  # what there was no time for would be missing
        return Outcome("stopped", None, {})
    train_rows += added.rows
    model, tokenizer = load_base(base, recipe)
    train_ids, eval_ids = (tokens.encode_rows(tokenizer, rows, recipe.max_length) for rows in (train_rows, eval_rows))
    trainer = build(model, tokenizer, recipe, base, train_ids, eval_ids, folder / "checkpoints")
    if note := getattr(trainer, "refused", ""):
        say(note)
    watch = watcher(folder, emit, stop)
    trainer.add_callback(watch)
    trainer.add_callback(_guarded(trainer.model, tokenizer, recipe, train_rows, train_ids, eval_ids))
    checkpoint = resume_point(folder)
    steps = run.steps(len(train_rows), recipe)
    loaded = time.monotonic()
    emit({"kind": "start", "step": step_of(checkpoint), "metrics": {"steps": steps, "load_seconds": rounded(loaded - began)}})
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if watch.stopped:
        return Outcome("stopped", None, {})
    seconds = time.monotonic() - loaded
    if processes.rank():
        return Outcome("succeeded", None, {})
    special = results(trainer, recipe, base, eval_rows)
    if "train_pairs" in special:  # those that a person decided; the others are `fresh_pairs`
        special["train_pairs"] -= len(added.rows)
    sha256 = finish.publish(trainer.model, folder, base)
    read = sum(map(tokens.both, train_ids)) * recipe.epochs * (steps - step_of(checkpoint)) / steps
    report: dict[str, Any] = {
        "recipe": recipe.name, "method": recipe.method, "scope": recipe.scope, "learning_rate": recipe.learning_rate,
        "parent": (base.get("parent") or {}).get("id"), "steps": trainer.state.global_step, **added.report(),
        "precision": "bf16" if trainer.args.bf16 else "fp16" if trainer.args.fp16 else "float32",
        "load_seconds": rounded(loaded - began), "train_seconds": rounded(seconds), "tokens_a_second": rounded(read / max(seconds, 1e-9)),
        "memory_bytes": memory.peak_bytes(), "adapter_sha256": sha256, **special, "letters": [], "letters_note": "",
    }  # fmt: skip
    run.write_text(folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False))
    del trainer, model, watch  # the letters need the room
    gc.collect()
    if letters:
        say(CHECKING, "letters")
        writer = finish.writer(base)
        if recipe.method == "sft":
            report["voice"] = voice_report.after_training(writer, folder, sha256, stop=stop)
            report["letters"] = report["voice"]["letters"][:letters]
        else:
            found = finish.letters(writer, base, recipe, eval_rows, folder, sha256, letters, stop)
            report["letters"], report["letters_note"] = found
        report["gate"] = gate_measure.of_run(writer, folder, sha256, report, stop=stop, chosen=chosen,
                                           say=lambda line: say(f"{CHECKING} {line}", "letters"))  # fmt: skip
        run.write_text(folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False))
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # only a resume needs them
    return Outcome("succeeded", folder / "adapter", report)


def _fresh(
    folder: Path, rows: list, recipe: config.Recipe, base: dict[str, Any], say: Callable[..., None], stop: Callable[[], bool]
) -> fresh.Fresh:
    """Pairs with fresh letters, where the recipe wants any; who watches is told why no step is taken yet."""
    if not (recipe.fresh_letters or recipe.judged_letters):
        return fresh.Fresh([])

    def opened() -> Any:
        say(WRITING, "letters")
        return finish.writer(base)

    found = fresh.pairs(folder, rows, recipe, base, opened, stop, lambda line: say(f"{WRITING} {line}", "letters"))
    gc.collect()  # what wrote makes room for what learns
    say("")
    return found


def _rows(path: Path, method: str) -> list[dict[str, Any]]:
    """The rows of a frozen file. Raises TrainingError that names the first line which is none."""
    texts, rows = ("chosen", "rejected") if method == "dpo" else ("completion",), []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                whole = all(isinstance(row[name], str) for name in ("id", "split_key", *texts)) and all(
                    isinstance(message["role"] + message["content"], str) for message in row["prompt"]
                )
            except (ValueError, KeyError, TypeError, IndexError):
                whole = False
            if not whole:
                raise TrainingError(
                    f"{path.name} of this run is damaged at line {number} - what it holds cannot be learned from - start a new training: "
                    "your choices and letters are stored elsewhere and are safe."
                )
            rows.append(row)
    return rows


def _guarded(model: Any, tokenizer: Any, recipe: config.Recipe, rows: list, train_ids: list, eval_ids: list) -> Any:
    """The collapse guard of this run. It writes where there is one process: a letter written by several would stop them all."""
    letters = [ids.get("chosen_ids") or ids.get("completion_ids") or [0] for ids in train_ids]
    texts = [row.get("chosen") or row.get("completion") or "" for row in rows]
    found = guard.Guard(recipe.beta, sum(map(len, letters)) / len(letters), texts)
    prompts = [ids["prompt_ids"] for ids in (eval_ids or train_ids) if "prompt_ids" in ids]
    return guard.callback(found, guard.writer(model, tokenizer, prompts) if processes.count() == 1 and prompts else None)
