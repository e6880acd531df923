"""`python -m ftapp trial`, `gate` and `promote`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
from typing import Any

from ftapp.cli_training import progress
from ftapp.ui import paper

OWNER = "local"  # the person at this machine, as in cli.py
MARKS = {"ok": "ok      ", "refused": "REFUSED ", "unknown": "-       "}
NONE = "No trial yet. Teach an adapter; when the gate lets it through it goes on trial by itself."


def trial(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """The trial that goes on, or what was asked of it."""
    if args.automatic or args.manual:
        studio.trial.automatic(OWNER, bool(args.automatic))
    if args.begin:
        studio.trial.begin(OWNER, args.begin)
    if args.finish:
        studio.trial.finish(OWNER)
    if args.leave:
        studio.trial.leave(OWNER)
    found = studio.trial.trial(OWNER)
    if found is None:
        print(NONE)
        return {"trial": None}
    print(f"{paper.model_name(found['adapter_id'])} against {paper.model_name(found['rival_id'])}: {found['sentence']}")
    if found["state"] == "running":
        how = "What the votes say is done at once." if found["automatic"] else "What the votes say waits for: trial --finish"
        print(f"State: {found['decided']}. {how}")
    return {"trial": found}


def gate(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """What the gate says of an adapter; it is asked when it was not, or again with --again."""
    found = None if args.again else studio.trial.gate(OWNER, args.adapter)
    found = found or studio.trial.ask_gate(OWNER, args.adapter, progress)
    progress("")
    print(f"{args.adapter} beside {paper.model_name(found['rival_id'])}: {'let through' if found['passed'] else 'refused'}.")
    for rule in found["rules"]:
        print(f"{MARKS[rule['state']]}{rule['title']}: {rule['sentence']}")
    if not found["passed"]:
        print(f"To let it write all the same: python -m ftapp promote {args.adapter} --anyway REASON")
    return found


def promote(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    row = studio.trial.promote(OWNER, args.adapter, args.anyway)
    print(f"From now on {'the base model' if row['id'] == 'none' else row['id']} writes.")
    return row


VERBS = {"trial": trial, "gate": gate, "promote": promote}
