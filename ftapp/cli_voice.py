"""`python -m ftapp voice`: prints the card and the report. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

OWNER = "local"  # the person at this machine, as in cli.py
NAMES = {"before": "before", "prompted": "with examples", "after": "after", "reference": "your own"}


def show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp import own_voice, voice

    card = own_voice.card(studio, OWNER)
    report = own_voice.report(studio, OWNER, args.run)
    if card is None:
        print("No letters of yours yet. Add some: python -m ftapp examples add FILE")
    for label, how in voice.described(card) if card else ():
        print(f"{label + ':':<20} {how}")
    if report:
        _print_report(report)
    return {"card": asdict(card) if card else None, "report": report or None}


def _print_report(report: dict[str, Any]) -> None:
    print("\n".join(["", f"Training {report['run']}", *_said(report), ""]))
    sides = [who for who in NAMES if who in report["table"]]
    print(f"{'':<26}" + "".join(f"{NAMES[who]:>15}" for who in sides))
    for name in next(iter(report["table"].values()), {}):
        cells = (report["table"][who].get(name) for who in sides)
        print(f"{name:<26}" + "".join(f"{'-' if value is None else f'{value:g}':>15}" for value in cells))
    if report.get("note"):
        print(report["note"])


def _said(report: dict[str, Any]) -> Iterator[str]:
    """The sentences of a report, and under what is recited each name and sentence that is."""
    from ftapp.voice_verdict import examples

    yield report["verdict"]["sentence"]
    if count := examples(report):
        yield count
    yield report["reciting"]["sentence"]
    yield from (f"- {leak['kind']}: “{leak['text']}” in the letter for {leak['title']}" for leak in report["reciting"]["leaks"])
    yield report["forgetting"]["sentence"]


VERBS = {"voice": show}
