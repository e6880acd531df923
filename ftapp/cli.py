"""`python -m ftapp`: the verbs of the screen, for a terminal and for scripts.

Knows how to print; what may be typed stands in arguments.py, and everything else is asked of `Studio`. It does not
know the database, the models or the trainer. Imports nothing heavy, so that `--help` and a mistake answer at once.

Results go to standard output, notes and errors to standard error. With `--json` the last line of standard
output is one JSON object. Exit codes: 0 done, 1 the app said no (its sentence), 2 the arguments are wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ftapp import (
    cleaning,
    cli_adapter,
    cli_backups,
    cli_examples,
    cli_forget,
    cli_label,
    cli_portfolio,
    cli_server,
    cli_templates,
    cli_training,
    cli_transfer,
    cli_trial,
    cli_voice,
    gate,
)  # fmt: skip
from ftapp.arguments import VERDICTS, BadArguments, checked, parser
from ftapp.cli_training import progress
from ftapp.errors import Damaged, UserError, unwritten_sentence
from ftapp.files import as_resume
from ftapp.profiles import JobPosting, parse_job, parse_resume

OWNER = "local"  # the person at this machine, the same one that the page knows on loopback
ENDED = ("succeeded", "failed", "stopped", "interrupted")
FOLLOW_SECONDS = 0.5


# --- verbs: each takes the studio and the arguments, prints for people, returns what --json prints ----------------------


def doctor(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.doctor()
    _print_tree(_for_people(found))
    return found


def read(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """What was understood of a file; needs no home and no model, but for --fill."""
    found = args.file
    _warn(found.warnings)
    if args.meant is None:
        print(found.text)
        return {"text": found.text, "warnings": found.warnings}
    if args.fill:
        return _fill(studio, args)
    fields = as_resume(found) if args.meant == "resume" else parse_job(found.text)
    _print_tree(fields.model_dump())
    return {args.meant: fields.model_dump(), "warnings": found.warnings}


def _fill(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """What was understood, and the empty fields asked of the model: also where the rules understood nothing at all."""
    from ftapp import gaps

    text = args.file.text
    fields = args.file.profile or parse_resume(text) if args.meant == "resume" else parse_job(text)
    if reason := gaps.refusal(studio.spec):  # before a model is loaded for nothing
        raise UserError(reason)
    filled = gaps.fill(studio.backend(), text, fields)
    _print_tree(filled.fields.model_dump())
    print("\n".join([gaps.summary(filled), *filled.notes]))
    return {args.meant: filled.fields.model_dump(), "filled": filled.names, "notes": filled.notes, "warnings": args.file.warnings}


def write(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    _warn((*args.job.warnings, *args.resume.warnings))
    asked = (OWNER, args.job.text, args.resume.text, args.kind, args.tone, args.words, args.hook, args.seed, args.greedy, args.adapter,
             (None, args.resume.profile))  # fmt: skip
    return _write_two(studio.write_pair(*asked)) if args.pair else _write_one(studio.write_letter(*asked))


def _write_two(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    pair: dict[str, Any] = {}
    for pair in steps:
        progress(f"{len(pair['left'].split())} and {len(pair['right'].split())} words")
    progress("")
    for side in ("left", "right"):
        print(f"--- {side} ---\n{pair[side]}\n")
        _warn(filter(None, [cleaning.told(pair.get("stripped", {}).get(side, ()))]))
    if not pair["comparison_id"]:
        print("The model wrote nothing, so there is nothing to choose. Try another seed or model.")
        return pair
    print(f"Which would you send?  python -m ftapp prefer {pair['comparison_id']} {'|'.join(VERDICTS)}")
    return pair


def _write_one(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """A person watches the letter grow; a file gets it when it is whole, since talk around it is taken off only then."""
    letter: dict[str, Any] = {}
    printed = ""
    for letter in steps:
        if sys.stdout.isatty() and letter["text"].startswith(printed):
            print(letter["text"][len(printed) :], end="", flush=True)
            printed = letter["text"]
    if not printed:
        print(letter["text"])
    else:
        print("" if printed == letter["text"] else f"\n---\n{letter['text']}")
    _warn(filter(None, [cleaning.told(letter.get("stripped", ()))]))
    return letter


def prefer(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    receipt = studio.prefer(
        OWNER, args.comparison, args.verdict, edited=args.edited, edited_from=args.edited_from, reasons=tuple(args.reason)
    )
    print(f"Stored as {receipt['receipt']}. Left was {receipt['left_model']}, right was {receipt['right_model']}.")
    if receipt.get("note"):
        print(receipt["note"])
    return receipt


def undo(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    undone = studio.undo(OWNER, args.receipt)
    print(f"Taken back: {undone['receipt']}.")
    return undone


def train(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    if args.plan:
        return cli_training.plan(studio, args)
    status = studio.start_training(OWNER, args.recipe, args.smaller)
    print(f"Training {status['id']} is {status['state']}.")
    if args.wait:
        status = _follow(studio, status["id"])
    elif status["state"] not in ENDED:
        print(f"It goes on by itself. See it: python -m ftapp run show {status['id']}")
    return status


def runs(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.runs(OWNER)
    for status in found:
        print(_run_line(status))
    if not found:
        print("No training yet. Choose between a few pairs, then: python -m ftapp train")
    return {"runs": found}


def run_show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    status = studio.training_status(OWNER, args.run)
    print(_run_line(status))
    for key, value in sorted(status["metrics"].items()):
        print(f"  {key} = {value:.4g}" if isinstance(value, float) else f"  {key} = {value}")
    report = studio.report(OWNER, args.run) if status["state"] == "succeeded" else {}
    for said in filter(None, (report.get("sentence"), (report.get("taste") or {}).get("sentence"))):
        print(said)
    if instead := studio.smaller_plan(OWNER, args.run):
        print(f"The next smaller plan: python -m ftapp train --recipe {instead['recipe']} --smaller {instead['smaller']}")
    return status


def run_stop(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    before = studio.training_status(OWNER, args.run)["state"]
    status = _shown(studio.stop_training(OWNER, args.run))
    print("It had ended before. Nothing was stopped." if before in ENDED else f"Go on later: python -m ftapp run resume {args.run}")
    return status


def run_resume(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    return _shown(studio.resume_training(OWNER, args.run))


def adapters(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.adapters(OWNER)
    for row in found:
        print(f"{row['id']:<22} {'refused' if row['refused'] else row['state']:<10} {row['scope']}")
    if not found:
        print("No adapter yet: the base model writes alone.")
    return {"adapters": found}


def rollback(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    return _now_writes(studio.trial.rollback(OWNER))


def claims(studio: None, args: argparse.Namespace) -> dict[str, Any]:
    """What a letter claims, and what none of its sources holds; needs no home, and a model only for `--meaning`."""
    from ftapp import review

    job = parse_job(args.job.text) if args.job else JobPosting()
    sources = review.Sources("cover_letter", None, job, as_resume(args.resume), (args.resume.text,))
    found = review.review(args.letter, sources, _similar(args))
    _warn([found.note] if found.note else [])
    for claim in found.open:
        print(f"{claim.kind}: {claim.text}\n  {claim.reason}" + (f"\n  nearest line: {claim.nearest}" if claim.nearest else ""))
    print(f"{found.claims} claims, {len(found.open)} of them open.")
    return {"claims": found.claims, "open": [asdict(claim) for claim in found.open], "flags": [asdict(flag) for flag in found.flags],
            "scores": {score.name: score.value for score in found.scores}, "note": found.note}  # fmt: skip


def _similar(args: argparse.Namespace) -> Any:
    """Likeness by meaning, when it was asked for: see `metrics.Similar`."""
    if not args.meaning:
        return None
    from ftapp import config, embeddings

    return embeddings.load(config.settings()).similar


def score(studio: None, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp import score_files

    try:
        table = score_files.read(args.file)
        scored = score_files.score(table, args.prediction, args.reference, kind=args.kind, job=args.job, similar=_similar(args))
    except UserError as error:  # a file or column that cannot be meant is a mistake in the arguments
        raise BadArguments(str(error)) from None
    if args.out:
        score_files.write(scored.table, args.out)
    print(score_files.printed(scored))
    return scored.summary


VERBS = {verb.__name__: verb for verb in (
    doctor, read, write, prefer, undo, train, runs, run_show, run_stop, run_resume, adapters, rollback, claims,
    score)}  # fmt: skip
for verbs in (
    cli_adapter, cli_backups, cli_examples, cli_forget, cli_label, cli_portfolio, cli_server, cli_templates, cli_training, cli_transfer,
    cli_trial, cli_voice,
):  # fmt: skip
    VERBS |= verbs.VERBS


# --- printing ------------------------------------------------------------------------------------------------------------


def _warn(warnings: Iterable[str]) -> None:
    """What a person should know about a file, on standard error: standard output is the result."""
    for sentence in warnings:
        print(sentence, file=sys.stderr)


def _run_line(status: dict[str, Any]) -> str:
    line = f"{status['id']}  {status['state']}  step {status['step']} of {status['steps']}"
    if status.get("seconds_left") is not None and status["state"] == "running":
        line += f", about {status['seconds_left']:.0f} s left"
    return line + (f" - {' '.join(status['reason'].splitlines())}" if status.get("reason") else "")


def _shown(status: dict[str, Any]) -> dict[str, Any]:
    print(_run_line(status))
    return status


def _now_writes(row: dict[str, Any]) -> dict[str, Any]:
    print(f"From now on {'the base model' if row['id'] == 'none' else row['id']} writes.")
    return row


def _print_tree(values: dict[str, Any], indent: str = "") -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            print(f"{indent}{key}:")
            _print_tree(value, indent + "  ")
        elif isinstance(value, list | tuple):
            print(f"{indent}{key}:" + ("" if value else " nothing"))
            for entry in value:
                if isinstance(entry, dict):
                    print(f"{indent}  -")
                    _print_tree(entry, indent + "    ")
                else:
                    print(f"{indent}  - {entry}")
        else:
            print(f"{indent}{key}: {value}")


# what a closed process that reads a file must not do, by the names of `files.limits`
FENCES = {"memory": "use more than {} of memory", "network": "reach the network", "writing": "write a file", "processes": "start a program"}


def _for_people(found: dict[str, Any]) -> dict[str, Any]:
    """What `doctor` found, with sizes in GB and MB, yes and no, and in words what a stranger's file is read under."""
    from ftapp.jail import MEMORY_BYTES
    from ftapp.ui.paper import size

    def said(name: str, value: Any) -> tuple[str, Any]:
        if name.split("_")[-1] == "bytes":
            return name.replace("bytes", "size"), size(value) if value else "unknown"
        return name, ("yes" if value else "no") if isinstance(value, bool) else value

    parts = {part: dict(said(*one) for one in found[part].items()) for part in ("hardware", "model", "storage", "versions")}
    fences = {text.format(size(MEMORY_BYTES)): found["files"][name] for name, text in FENCES.items()}
    rules = {f"take longer than {found['files']['seconds']:.0f} seconds": "it is ended", **fences}
    return parts | {"a file that you give is read in a process of its own, which may not": rules, "missing": found["missing"]}


def _follow(studio: Any, run_id: str) -> dict[str, Any]:
    """Wait for a run's end, showing each step. Ctrl-C stops the waiting, never the training."""
    shown, doubts = None, []
    try:
        while (status := studio.training_status(OWNER, run_id))["state"] not in ENDED:
            if not doubts and (doubts := [line for line in (status["reason"] or "").splitlines() if line.startswith(gate.DOUBT)]):
                _warn(doubts)  # in a pipe too: there is still time to stop it
            if (line := _run_line(status)) != shown:
                shown = line
                progress(line)
            time.sleep(FOLLOW_SECONDS)
    except KeyboardInterrupt:
        progress("")
        print(f"No longer waiting; the training goes on. See it: python -m ftapp run show {run_id}")
        return status
    progress("")
    return _shown(status)


# --- entry ---------------------------------------------------------------------------------------------------------------


def _studio(args: argparse.Namespace) -> Any:
    from ftapp.config import settings
    from ftapp.studio import Studio

    return Studio(settings(home=args.home, model=args.model))


def _bug(args: argparse.Namespace, error: Exception) -> str:
    """Log where it happened, without the error's own words, which may quote a person's text; returns the calm sentence."""
    from ftapp.config import settings

    log = settings(home=args.home).home / "cli.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as lines:
        lines.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {args.verb}\n{''.join(traceback.format_tb(error.__traceback__))}"
                    f"{type(error).__name__}\n")  # fmt: skip
    return f"{args.verb} ended with {type(error).__name__} - that is a fault of ftapp, not yours - please report what stands in {log}."


def _run(args: argparse.Namespace) -> dict[str, Any]:
    if args.call in ("read", "claims", "score") and not getattr(args, "fill", False):  # they work on files alone
        return VERBS[args.call](None, args)
    try:
        studio = _studio(args)
    except Damaged:
        if args.call != "restore":
            raise
        from ftapp.config import settings

        return cli_backups.restore_damaged(settings(home=args.home), args)
    try:
        return VERBS[args.call](studio, args)
    finally:
        studio.close()  # a training that this call began goes on by itself


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in argv
    sys.stdout.reconfigure(encoding="utf-8")  # a letter holds signs that a Windows pipe would refuse
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # of loading weights; errors stay alone on standard error
    try:
        args = parser().parse_args(argv)
        if args.verb is None:
            raise BadArguments("No verb was given - nothing was done - see python -m ftapp --help.")
        result = _run(checked(args))
        if as_json:
            print(json.dumps(result, ensure_ascii=False, default=str), flush=True)
        return 0
    except (BadArguments, UserError) as error:
        said, code = str(error), 2 if isinstance(error, BadArguments) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output (`head`) has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        said, code = unwritten_sentence(error) or _bug(args, error), 1
    print(said, file=sys.stderr)
    if as_json:
        print(json.dumps({"error": said}, ensure_ascii=False))
    return code
