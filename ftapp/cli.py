"""`python -m ftapp`: the verbs of the screen, for a terminal and for scripts.

Knows how to read arguments and how to print; everything else is asked of `Studio`. It does not know the
database, the models or the trainer. Imports nothing heavy, so that `--help` and a mistake answer at once.

Results go to standard output, notes and errors to standard error. With `--json` the last line of standard
output is one JSON object. Exit codes: 0 done, 1 the app said no (its sentence), 2 the arguments are wrong.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ftapp.errors import UserError
from ftapp.prompts import KINDS, TONES

OWNER = "local"  # the person at this machine, the same one that the page knows on loopback
VERDICTS = ("left", "right", "tie", "both_bad")
ENDED = ("succeeded", "failed", "stopped", "interrupted")
FOLLOW_SECONDS = 0.5


class BadArguments(Exception):
    """What was typed cannot be meant; `str(error)` is one sentence."""


class _Parser(argparse.ArgumentParser):
    """argparse whose mistakes are one sentence instead of a usage block."""

    def error(self, message: str) -> NoReturn:
        for pattern, sentence in _IN_WORDS:
            message = re.sub(pattern, sentence, message)
        raise BadArguments(f"{message} - nothing was done - see {self.prog} --help.")


# argparse's messages (3.11 quotes each choice, 3.13 does not) -> what happened, with the value
_IN_WORDS = (
    (r"^the following arguments are required: (.*)$", r"Missing: \1"),
    (r"^unrecognized arguments: (.*)$", r"Not understood: \1"),
    (r"^argument (\S+): expected one argument$", r"\1 needs a value"),
    (r"^argument (\S+): invalid choice: (.*) \(choose from (.*)\)$", r"\1 cannot be \2, only one of: \3"),
    (r"^argument (\S+): (.*)$", r"\1: \2"),
)


# --- reading arguments ---------------------------------------------------------------------------------------------------


def _words(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 2000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of words")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed (a whole number from 0 to 2147483647)")
    return int(text)


def _name(text: str) -> str:
    return text.replace("-", "_").lower()


def _common(default: Any) -> argparse.ArgumentParser:
    """Options that may stand before or after the verb; the verb's own must not reset what stood before it."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", metavar="DIR", default=default, help="data folder (else FTAPP_HOME, else the user's data folder)")
    common.add_argument("--model", metavar="ID", default=default, help="base model: 'bundled', a folder or a Hub id (else FTAPP_MODEL)")
    common.add_argument("--json", action="store_true", default=default or False, help="the last line printed is one JSON object")
    return common


def parser() -> argparse.ArgumentParser:
    """All verbs. A verb's function is its default `call`."""
    root = _Parser(prog="python -m ftapp", allow_abbrev=False, parents=[_common(None)],
                   description="Write two letters, choose one, teach the model.")  # fmt: skip
    verbs = root.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    shared = [_common(argparse.SUPPRESS)]

    def verb(name: str, call: Any, help: str, under: Any = verbs) -> argparse.ArgumentParser:
        made = under.add_parser(name, help=help, description=help, parents=shared, allow_abbrev=False)
        made.set_defaults(call=call)
        return made

    verb("doctor", doctor, "hardware, model, storage, versions, and what is missing")

    p = verb("write", write, "write one letter, or a pair to choose from")
    p.add_argument("--job", required=True, metavar="FILE", help="the posting; - reads standard input")
    p.add_argument("--resume", required=True, metavar="FILE", help="the résumé; - reads standard input")
    p.add_argument("--pair", action="store_true", help="two letters, base and adapter, in random order")
    p.add_argument("--kind", type=_name, choices=KINDS, default=KINDS[0])
    p.add_argument("--tone", type=_name, choices=TONES, default=TONES[0])
    p.add_argument("--words", type=_words, metavar="N", help="length; each model offers a few")
    p.add_argument("--hook", default="", metavar="TEXT", help="a sentence of your own that the letter should use")
    p.add_argument("--seed", type=_seed, metavar="N", help="the same seed writes the same letters")
    p.add_argument("--adapter", default="live", metavar="ID", help="an adapter's id, 'none' for the base, 'live' (default)")
    p.add_argument("--greedy", action="store_true", help="always the likeliest word")

    p = verb("prefer", prefer, "say which letter of a pair you would send")
    p.add_argument("comparison", metavar="COMPARISON")
    p.add_argument("verdict", metavar="VERDICT", type=_name, choices=VERDICTS, help=", ".join(VERDICTS))
    p.add_argument("--edited", metavar="FILE", help="the letter as you corrected it; - reads standard input")
    p.add_argument("--from", dest="edited_from", choices=("left", "right"), help="the side that was corrected")
    p.add_argument("--reason", action="append", default=[], metavar="TAG", help="why; may be given several times")

    p = verb("undo", undo, "take a choice back")
    p.add_argument("receipt", nargs="?", metavar="RECEIPT", help="what prefer returned; without it the last choice")

    p = verb("train", train, "teach a new adapter from all choices")
    p.add_argument("--recipe", metavar="NAME", help="a file of configs/train, without .yaml")
    p.add_argument("--wait", action="store_true", help="follow the training to its end")

    verb("runs", runs, "all trainings, newest first")
    one = verbs.add_parser("run", help="show, stop or resume a training", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="show|stop|resume", required=True, parser_class=_Parser)
    for name, call, help in (("show", run_show, "how far a training is"), ("stop", run_stop, "stop a training; it can be resumed"),
                             ("resume", run_resume, "go on from the last complete checkpoint")):  # fmt: skip
        verb(name, call, help, acts).add_argument("run", metavar="ID")

    verb("adapters", adapters, "all adapters, and which one writes")
    verb("promote", promote, "let an adapter write").add_argument("adapter", metavar="ID", help="an adapter's id, 'starter' or 'none'")
    verb("rollback", rollback, "go back to the adapter that wrote before")
    return root


def _text(name: str) -> str:
    """A file's text, or standard input for `-`. Raises BadArguments when it cannot be read as text."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadArguments(f"{name} could not be read ({(error.strerror or 'no such file').lower()}) - nothing was done - "
                           "name a text file, or - for standard input.") from None  # fmt: skip
    except UnicodeDecodeError:
        raise BadArguments(f"{name} is not a UTF-8 text file - nothing was done - paste its text into a .txt file.") from None


def _checked(args: argparse.Namespace) -> argparse.Namespace:
    """What argparse cannot see: options that belong together; file names become their text."""
    if args.verb == "write":
        if args.job == args.resume == "-":
            raise BadArguments("--job and --resume are both standard input - it can be read only once - give one of them as a file.")
        args.job, args.resume = _text(args.job), _text(args.resume)
    if args.verb == "prefer":
        if (args.edited is None) != (args.edited_from is None):
            raise BadArguments("--edited and --from belong together - nothing was stored - give the corrected file and its side.")
        args.edited = None if args.edited is None else _text(args.edited)
    return args


# --- verbs: each takes the studio and the arguments, prints for people, returns what --json prints ----------------------


def doctor(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.doctor()
    _print_tree(found)
    return found


def write(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    steps = studio.write_pair if args.pair else studio.write_letter
    last: dict[str, Any] = {}
    for last in steps(OWNER, args.job, args.resume, args.kind, args.tone, args.words, args.hook, args.seed, args.greedy, args.adapter):
        _note(f"\r{sum(len(str(last.get(side, '')).split()) for side in ('left', 'right', 'text'))} words", end="")
    _note("\r" + " " * 20 + "\r", end="")
    if args.pair:
        for side in ("left", "right"):
            print(f"--- {side} ---\n{last[side]}\n")
        print(f"Which would you send?  python -m ftapp prefer {last['comparison_id']} left|right|tie|both_bad")
    else:
        print(last["text"])
    return last


def prefer(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    receipt = studio.prefer(
        OWNER, args.comparison, args.verdict, edited=args.edited, edited_from=args.edited_from, reasons=tuple(args.reason)
    )
    print(f"Stored as {receipt['receipt']}. Left was {receipt['left_model']}, right was {receipt['right_model']}.")
    return receipt


def undo(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    undone = studio.undo(OWNER, args.receipt)
    print(f"Taken back: {undone['receipt']}.")
    return undone


def train(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    status = studio.start_training(OWNER, args.recipe)
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
    return status


def run_stop(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    return _shown(studio.stop_training(OWNER, args.run))


def run_resume(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    return _shown(studio.resume_training(OWNER, args.run))


def adapters(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.adapters(OWNER)
    for row in found:
        print(f"{row['id']:<22} {row['state']:<10} {row['scope']}")
    if not found:
        print("No adapter yet: the base model writes alone.")
    return {"adapters": found}


def promote(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    return _now_writes(studio.promote(OWNER, args.adapter))


def rollback(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    return _now_writes(studio.rollback(OWNER))


# --- printing ------------------------------------------------------------------------------------------------------------


def _note(text: str, end: str = "\n") -> None:
    """Progress for a person who watches; silent in a pipe."""
    if sys.stderr.isatty():
        print(text, end=end, file=sys.stderr, flush=True)


def _run_line(status: dict[str, Any]) -> str:
    line = f"{status['id']}  {status['state']}  step {status['step']} of {status['steps']}"
    if status.get("seconds_left") is not None and status["state"] == "running":
        line += f", about {status['seconds_left']:.0f} s left"
    return line + (f" - {status['reason']}" if status.get("reason") else "")


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
        else:
            print(f"{indent}{key}: {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}")


def _follow(studio: Any, run_id: str) -> dict[str, Any]:
    """Wait for a run's end, showing each step. Ctrl-C stops the waiting, never the training."""
    shown = None
    try:
        while (status := studio.training_status(OWNER, run_id))["state"] not in ENDED:
            if (line := _run_line(status)) != shown:
                shown = line
                _note("\r\033[K" + line, end="")
            time.sleep(FOLLOW_SECONDS)
    except KeyboardInterrupt:
        _note("")
        print(f"No longer waiting; the training goes on. See it: python -m ftapp run show {run_id}")
        return status
    _note("\r\033[K", end="")
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in argv
    try:
        args = parser().parse_args(argv)
        if args.verb is None:
            raise BadArguments("No verb was given - nothing was done - see python -m ftapp --help.")
        args = _checked(args)
        result = args.call(_studio(args), args)
    except (BadArguments, UserError) as error:
        print(error, file=sys.stderr)
        if as_json:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        return 2 if isinstance(error, BadArguments) else 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        sentence = _bug(args, error)
        print(sentence, file=sys.stderr)
        if as_json:
            print(json.dumps({"error": sentence}))
        return 1
    if as_json:
        print(json.dumps(result, ensure_ascii=False, default=str), flush=True)
    return 0
