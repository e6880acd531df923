"""`python -m ftapp examples ...`: does it and prints. What may be typed stands in arguments_examples.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ftapp import example_readers
from ftapp.arguments import BadArguments

OWNER = "local"  # the person at this machine, as in cli.py
MOST_SHOWN = 20  # of a kind, for a person's eyes; --json has them all
SAID = {"in": "teaches", "kept": "teaches, kept by you", "quarantined": "in quarantine", "left_out": "left out"}


def add(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.forgetting_files import still

    paths = [Path(path).expanduser() for path in args.paths if path != "-"]
    if not (args.paths or args.offered):
        raise BadArguments("Nothing was named - nothing was added - name files or folders, - for standard input, or --offered.")
    if missing := [path for path in paths if not path.exists()]:
        raise BadArguments(f"{missing[0]} is not there - nothing was added - name a file or a folder.")
    there = still(studio.settings.home, OWNER) if args.offered else lambda: None
    given, refused = example_readers.read(paths, args.kind, args.posting)
    given += example_readers.pasted(args.pasted, args.posting, args.kind) if args.pasted else []
    given += studio.examples.offers(OWNER) if args.offered else []
    done = asdict(studio.examples.add(OWNER, given, _similar(studio, args), there))
    told = f"{len(done['ids']):,} added, {done['already']:,} there already, {len(refused):,} not taken."
    print(told + (f" {done['quarantined']:,} of them in quarantine." if done["quarantined"] else ""))
    if done["repaired"]:
        print(f"{done['repaired']:,} repaired: see python -m ftapp examples report")
    _first(refused)
    return done | {"refused": refused}


def listing(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    rows = studio.examples.listing(OWNER, args.state)
    for row in rows:
        found = f" - {', '.join(row['findings'])}" if row["findings"] else ""
        rebuilt = ", brief rebuilt" if row["rebuilt"] else ""
        print(f"{row['id']}  {row['kind']}, {row['words']} words, {SAID[row['state']]}{rebuilt}: {row['name']}{found}")
    if not rows:
        print("None yet. Bring letters that you wrote: python -m ftapp examples add FILE" if not args.state else "None.")
    return {"examples": rows}


def show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.examples.show(OWNER, args.id)
    print(f"{found['kind']}, {SAID[found['state']]}: {found['name']}\n\n{found['letter']}\n")
    for name, text in found["fields"].items():
        print(f"{name}: {text}")
    for one in found["findings"]:
        print(f"- {one['reason']}")
    return found


def keep(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    number = studio.examples.keep(OWNER, _ids(studio, args))
    print(f"{number:,} kept: from the next training on they teach.")
    return {"kept": number}


def leave_out(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    number = studio.examples.leave_out(OWNER, _ids(studio, args))
    print(f"{number:,} left out. Let one teach again: python -m ftapp examples keep ID")
    return {"left_out": number}


def repair(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    offered = [row["id"] for row in studio.examples.listing(OWNER) if row["repairable"] and row["state"] != "left_out"]
    number = studio.examples.repair(OWNER, offered if args.ids == ["all"] else args.ids)
    print(f"{number:,} repaired: before and after are in python -m ftapp examples report --json")
    return {"repaired": number}


def delete(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.forgetting import Forgetting

    ids = _ids(studio, args, "")
    done = Forgetting(studio).forget(OWNER, "example", ids, "keep")
    print(f"{len(set(ids)):,} deleted.")
    if done["adapters"]:
        print(f"{', '.join(row['id'] for row in done['adapters'])} learned from it. Off duty: python -m ftapp rollback; or train again.")
    return {"deleted": len(set(ids)), "adapters": done["adapters"]}


def report(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    studio.examples.check(OWNER, _similar(studio, args))
    found = studio.examples.report(OWNER)
    enough = found["enough"]
    print(f"{found['total']:,} examples: {found['in'] + found['kept']:,} teach, {found['quarantined']:,} in quarantine, "
          f"{found['left_out']:,} left out.")  # fmt: skip
    print(enough["expect"] + (f" Missing: {', '.join(enough['missing'])}." if enough["missing"] else ""))
    for one in found["findings"]:
        print(f"{one['count']:5}  {one['name']} ({one['quarantined']} set aside)\n       {one['reason']}\n       e.g. {one['example']}")
    for one in found["repaired"][:MOST_SHOWN]:
        print(f"repaired, {one['id']}: {one['reason']}")
    for row in found["quarantine"][:MOST_SHOWN]:
        print(f"{row['id']}  {row['name']}")
        for one in row["findings"]:
            print(f"  {one['reason']}" if one["quarantine"] else f"  (note) {one['reason']}")
        if row["repairable"]:
            print(f"  To take it: python -m ftapp examples repair {row['id']}")
    if found["quarantined"] > MOST_SHOWN:
        print(f"  and {found['quarantined'] - MOST_SHOWN:,} more; --json lists them")
    return found


def _ids(studio: Any, args: argparse.Namespace, state: str = "quarantined") -> Sequence[str]:
    return [row["id"] for row in studio.examples.listing(OWNER, state)] if args.ids == ["all"] else args.ids


def _similar(studio: Any, args: argparse.Namespace) -> Any:
    """Likeness by meaning, when it was asked for."""
    return studio.meaning.similar if args.meaning else None


def _first(refused: Sequence[str]) -> None:
    for sentence in refused[:MOST_SHOWN]:
        print(f"  {sentence}", file=sys.stderr)
    if len(refused) > MOST_SHOWN:
        print(f"  and {len(refused) - MOST_SHOWN:,} more; --json lists them", file=sys.stderr)


VERBS = {"examples_add": add, "examples_list": listing, "examples_show": show, "examples_repair": repair, "examples_keep": keep,
         "examples_leave-out": leave_out, "examples_delete": delete, "examples_report": report}  # fmt: skip
