"""`python -m ftapp train --plan` and `models`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ftapp import pace
from ftapp.ui import paper

OWNER = "local"
FITS = {"teach": "fits", "write": "writes only", "no": "too large"}


def progress(line: str) -> None:
    """A line that the next one replaces ("" ends it), for a person who watches; silent in a pipe."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def plan(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """What would be trained, with time and memory measured on a few steps (a minute for a small model)."""
    made = studio.plan(OWNER, args.recipe, args.smaller, measure=True)
    print(f"{made['recipe']}: {made['kept']} to learn from, {made['held_out']} from {made['held_out_groups']} postings held out, 0 cut.")
    for reason, count in sorted(made["dropped"].items()):
        print(f"  {count} left out: {reason.replace('_', ' ')}")
    if made["refused"]:
        print(made["refused"])
        return made
    sides = ", ".join(f"{side} {count}" for side, count in made["sides"].items())
    print(f"Tokens: {sides}; the longest has {made['longest']}. {made['steps']} steps from {paper.model_name(made['parent'])}.")
    print(f"It takes about {pace.duration(made['seconds'])} and {paper.size(made['memory_bytes'])} of memory, measured on a few steps.")
    for note in made["notes"]:
        print(note)
    return made


def models(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """The ladder, or with --use the model that this home works with from now on, fetched where it is not here."""
    from ftapp import config, ladder

    if args.use:
        return _use(studio, args.use)
    found = ladder.rungs(config.settings(home=args.home, model=args.model).model)
    for rung in found:
        mark = "*" if rung["current"] else ">" if rung["recommended"] else " "
        place = "here" if rung["here"] else f"{rung['download_gb']:g} GB to fetch"
        need = f"{rung['write_gb']:g} GB to write, {rung['teach_gb']:g} GB to teach"
        print(f"{mark} {rung['id']:<36} {FITS[rung['fits']]:<12} {place:<18} {need}; {rung['licence']}")
    print("* in use, > recommended for this machine. Take one: python -m ftapp models --use ID")
    return {"models": found}


def _use(studio: Any, model: str) -> dict[str, Any]:
    from ftapp import config, ladder

    folder = ladder.fetch(model, studio.settings.offline, lambda here, total: progress(f"{paper.size(here)} of {paper.size(total)}"))
    progress("")
    config.remember_model(studio.settings.home, model)
    print(f"{model} is here. This home writes and teaches with it from the next start of the app on.")
    return {"model": model, "folder": str(folder)}


VERBS = {"models": models}
