"""What may be typed after `python -m ftapp examples`. Knows argparse, nothing of what the verbs do."""

from __future__ import annotations

from typing import Any

from ftapp.prompts import KINDS

STATES = ("in", "quarantined", "kept", "left_out")
_IDS = "an example's id; or all, for every one in quarantine"


def _name(text: str) -> str:
    return text.replace("-", "_").lower()


def add(verbs: Any, verb: Any) -> None:
    """Put the verbs on the parser; `verb` is that of arguments.py."""
    parser = type(verbs.choices["doctor"])
    one = verbs.add_parser("examples", help="your own letters, which can teach your voice", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="add|list|show|repair|keep|leave-out|delete|report", required=True, parser_class=parser)
    p = verb("add", "bring letters, messages and answers that you wrote", acts)
    p.add_argument("paths", nargs="*", metavar="PATH", help="files in any format that read takes, CSV, JSONL, folders; - reads one text")
    p.add_argument("--kind", type=_name, choices=KINDS, default="", metavar="KIND", help=f"{', '.join(KINDS)}; else it is guessed")
    p.add_argument("--posting", metavar="FILE", help="what the letter answered; without it that is read out of the letter")
    p.add_argument("--offered", action="store_true", help="letters that you edited or mixed here, and imported examples")
    _meaning(p)
    p = verb("list", "all examples, newest first", acts)
    p.add_argument("--state", type=_name, choices=STATES, default="", metavar="STATE", help=", ".join(STATES))
    verb("show", "one example complete", acts).add_argument("id", metavar="ID")
    p = verb("repair", "take the repaired text that the report offers", acts)
    p.add_argument("ids", nargs="+", metavar="ID", help="an example's id; or all, for every one with such a text")
    verb("keep", "let it teach, whatever was found", acts).add_argument("ids", nargs="+", metavar="ID", help=_IDS)
    verb("leave-out", "store it, but let it not teach", acts).add_argument("ids", nargs="+", metavar="ID", help=_IDS)
    p = verb("delete", "delete it", acts)
    p.add_argument("ids", nargs="+", metavar="ID", help="an example's id; or all, for every one there is")
    _meaning(verb("report", "check all anew: what was found, what is in quarantine, and whether they are enough", acts))


def _meaning(parser: Any) -> None:
    parser.add_argument("--meaning", action="store_true", help="look for likeness by sentence embeddings too: loads their model first")
