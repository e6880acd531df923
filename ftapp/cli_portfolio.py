"""`python -m ftapp portfolio add|list|remove|import|search`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

OWNER = "local"  # the person at this machine, as in cli.py


def add(portfolio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp import portfolio as flow
    from ftapp.projects import DOCUMENT, PROJECT

    source = flow.source(DOCUMENT if args.document else PROJECT, args.title, args.text, args.link, args.technologies)
    id = portfolio.add(OWNER, source)
    print(f"Stored as {id}.")
    return {"id": id}


def show(portfolio: Any, args: argparse.Namespace) -> dict[str, Any]:
    rows = portfolio.listing(OWNER)
    for row in rows:
        print(f"{row['id']}  {row['title']}" + (f"  {row['link']}" if row["link"] else ""))
    if not rows:
        print("Nothing yet. Add a project: python -m ftapp portfolio add --title ... --technologies ...")
    return {"portfolio": rows}


def remove(portfolio: Any, args: argparse.Namespace) -> dict[str, Any]:
    portfolio.remove(OWNER, args.id)
    print(f"Removed: {args.id}.")
    return {"removed": args.id}


def table(portfolio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Store at once, then make the vectors, for a search in another call to find."""
    from ftapp.errors import ModelError

    done = portfolio.import_csv(OWNER, args.file)
    print(f"Projects stored: {len(done.ids)}, there already: {done.already}, rows not taken: {len(done.rejected)}.")
    for row in done.rejected:
        print(f"  line {row.line}: {row.reason}")
    note = ""
    try:
        portfolio.refresh(OWNER, progress=_made)
    except ModelError as error:
        note = str(error)
        print(note)
    return {"ids": done.ids, "already": done.already, "rejected": [asdict(row) for row in done.rejected], "note": note}


def search(portfolio: Any, args: argparse.Namespace) -> dict[str, Any]:
    answer = portfolio.search(OWNER, args.query, args.top)
    for found in answer.found:
        print(f"{found.score:.2f}  {found.title}" + (f"  {found.link}" if found.link else ""))
        print(f"      {found.hit.text}\n      {found.why}")
    if not answer.found:
        print("Nothing in the portfolio fits.")
    if answer.note:
        print(answer.note)
    return {"found": [asdict(found) for found in answer.found], "note": answer.note}


def _made(count: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{count} passages prepared", end="", file=sys.stderr, flush=True)


def _with_portfolio(act: Callable[[Any, argparse.Namespace], dict[str, Any]]) -> Callable[[Any, argparse.Namespace], dict[str, Any]]:
    return lambda studio, args: act(studio.portfolio, args)


VERBS = {
    f"portfolio_{name}": _with_portfolio(act)
    for name, act in (("add", add), ("list", show), ("remove", remove), ("import", table), ("search", search))
}
