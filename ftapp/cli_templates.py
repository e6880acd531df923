"""`python -m ftapp template show|edit|reset`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
from typing import Any

OWNER = "local"  # the person at this machine, as in cli.py


def show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    rows = [studio.templates.show(OWNER, args.kind)] if args.kind else studio.templates.listing(OWNER)
    for row in rows:
        print(f"{row['kind']} ({'your own' if row['edited'] else 'the original'}):\n{row['text']}\n")
    return rows[0] if args.kind else {"templates": rows}


def edit(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.config import BUNDLED
    from ftapp.templates import NOT_THE_ORIGINAL

    row = studio.templates.save(OWNER, args.kind, args.file)
    print("Saved. It is used from the next letter on." if row["edited"] else "These are the words of the original, which is used again.")
    note = NOT_THE_ORIGINAL if row["edited"] and studio.spec.id == BUNDLED else ""
    if note:
        print(note)
    return row | {"note": note}


def reset(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    row = studio.templates.reset(OWNER, args.kind)
    print("The original is used again.")
    return row


VERBS = {"template_show": show, "template_edit": edit, "template_reset": reset}
