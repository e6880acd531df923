"""`python -m ftapp adapter ...`, `trends` and `run repeat`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ftapp.errors import UserError
from ftapp.ui import paper

OWNER = "local"  # the person at this machine, as in cli.py


def take(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.sharing import Sharing

    done = Sharing(studio).take(OWNER, args.adapter, Path(args.out).expanduser())
    print(f"{done['file']} holds the adapter and its model card ({paper.size(done['bytes'])}).")
    return done


def bring(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.sharing import Sharing

    file = Path(args.file).expanduser()
    if not file.is_file():
        raise UserError(f"There is no file {args.file}. Nothing was stored. Name the zip of an adapter.")
    done = Sharing(studio).bring(OWNER, file)
    new = f"Stored as {done['id']}, a candidate. Have it measured: python -m ftapp gate {done['id']}"
    print(f"{done['id']} was here already." if done["already"] else new)
    return done


def show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.adapters import STARTER_ID
    from ftapp.lineage import Lineage, lines

    found = Lineage(studio).listing(OWNER)
    if args.adapter:
        found = [row for row in found if row["id"] == args.adapter]
        if not found:
            if args.adapter == STARTER_ID:
                raise UserError("The starter ships with ftapp: it was not made here, and there is no more to tell of it. Name your own.")
            raise UserError(f"There is no adapter {args.adapter[:24]!r} here. Nothing is shown. See python -m ftapp adapters.")
    for row in found:
        print("\n  ".join([f"{row['id']}  {row['state']}", *lines(row)]))
    if not found:
        print("No adapter of your own yet. What writes is told by: python -m ftapp adapters")
    return {"adapters": found}


def compare(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.lineage import Lineage

    pairs = []
    for pair in Lineage(studio).compare(OWNER, args.one, args.other):
        pairs.append(pair)
        print(f"== {pair['title']}\n--- {args.one}\n{pair['one']}\n--- {args.other}\n{pair['other']}\n", flush=True)
    return {"pairs": pairs}


def trends(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.trends import Trends

    told = Trends(studio).told(OWNER)
    for row in told["weeks"]:
        shares = [f"{name} {100 * row[name]:.0f} %" for name in ("relevance", "structure", "share") if row[name] is not None]
        print(f"{row['week']}: {row['letters']} letters, {row['wins']} won, {row['losses']} lost, {row['ties']} tied. {', '.join(shares)}")
    print("\n".join(filter(None, [told["enough"]["sentence"], told["sentence"]])))
    return told


def repeat(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.training import repeat as training

    done = studio.supervisor.repeat(OWNER, args.run)
    print(training.said(done))
    return done


VERBS = {"adapter_export": take, "adapter_import": bring, "adapter_show": show, "adapter_compare": compare, "run_repeat": repeat,
         "trends": trends}  # fmt: skip
