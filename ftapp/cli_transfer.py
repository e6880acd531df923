"""`python -m ftapp import|export|imported`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ftapp.arguments import BadArguments

OWNER = "local"  # the person at this machine, as in cli.py
MOST_SHOWN = 20  # bad rows for a person's eyes; --json has them all


def bring(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    try:
        source = sys.stdin.buffer if args.file == "-" else Path(args.file).expanduser().open("rb")
    except OSError as error:
        why = (error.strerror or "no such file").lower()
        said = f"{args.file} could not be read ({why}) - nothing was imported - name a file, or - for standard input."
        raise BadArguments(said) from None
    with source:
        done = studio.transfer.bring(OWNER, source, args.use, _counted)
    kinds = ", ".join(f"{number:,} rows of {name}" for name, number in done.formats.most_common())
    print(f"{done.added:,} added, {done.duplicates:,} there already, {len(done.rejected) + done.unlisted:,} not taken. {kinds}")
    for row in done.rejected[:MOST_SHOWN]:
        print(f"  line {row['line']}: {row['reason']}")
    if len(done.rejected) > MOST_SHOWN:
        print(f"  and {len(done.rejected) - MOST_SHOWN:,} more; --json lists them")
    waiting = (found := studio.transfer.counts(OWNER))["pair"] - found["used"]
    if done.added and waiting:
        print(f"{waiting:,} imported pairs are kept but do not train. Let them: python -m ftapp imported use")
    return {"added": done.added, "duplicates": done.duplicates, "rejected": done.rejected}


def take(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    checked = _check(studio, args) if args.check else {}
    if not args.out:
        return checked
    out = Path(args.out).expanduser()
    done = studio.transfer.take(OWNER, args.format, out, masked=not args.unmasked)
    masked = "" if args.unmasked else " Personal data is masked; read the file before you publish it."
    print(f"{done.rows:,} rows written to {out}.{masked}")
    for why, number in done.left_out.most_common():
        print(f"  {number:,} left out: {why}")
    return checked | {"rows": done.rows, "left_out": dict(done.left_out), "out": str(out), "masked": not args.unmasked}


def _check(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp import hosted

    report = studio.transfer.check(OWNER, args.format, not args.unmasked, args.price)
    print("\n".join(hosted.told(report)))
    return report


def show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.transfer.counts(OWNER)
    print(f"{found['pair']:,} imported pairs, {found['used']:,} of them train; {found['label']:,} labels, {found['example']:,} examples.")
    return found


def use(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    studio.transfer.choose(OWNER, True)
    return show(studio, args)


def ignore(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    studio.transfer.choose(OWNER, False)
    return show(studio, args)


def remove(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    number = studio.transfer.remove(OWNER)
    print(f"{number:,} imported rows deleted.")
    return {"removed": number}


def _counted(rows: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{rows:,} rows", end="", file=sys.stderr, flush=True)


VERBS = {"import": bring, "export": take, "imported_show": show, "imported_use": use, "imported_ignore": ignore, "imported_remove": remove}
