"""What may be typed after `python -m ftapp forget`. Knows argparse, nothing of what the verbs do."""

from __future__ import annotations

from typing import Any

KINDS = ("resume", "person", "letter", "labeler", "example")
POLICIES = ("keep", "off", "delete")


def add(verb: Any) -> None:
    """Put the verb on the parser; `verb` is that of arguments.py."""
    p = verb("forget", "delete one résumé, person, letter, labeler or own example with all made from it; or, with --yes alone, everything")
    p.add_argument("what", nargs="?", choices=("list", "backups", *KINDS), metavar="list|backups|resume|person|letter|labeler|example",
                   help="list: what there is, with ids; backups: delete all backups now and make a fresh one")  # fmt: skip
    p.add_argument("id", nargs="?", metavar="ID", help="which one; after list a kind, for that alone")
    p.add_argument("--adapters", dest="policy", choices=POLICIES, default="off", metavar="keep|off|delete",
                   help="adapters that learned from it: keep them, take them off duty (default), delete them")  # fmt: skip
    p.add_argument("--plan", action="store_true", help="only say what would go")
    p.add_argument("--purge-backups", action="store_true", help="delete the backups too, and make a fresh one")
    p.add_argument("--yes", action="store_true", help="really; needed only to delete everything or the backups")


def problem(args: Any) -> str:
    """Why the options do not belong together, or empty."""
    if args.what in (None, "backups") and not args.yes:
        return "Missing: --yes - nothing was deleted - add it if everything shall go, or name one thing: python -m ftapp forget list."
    if args.what in KINDS and not args.id:
        return f"Missing: ID - nothing was deleted - see python -m ftapp forget list {args.what}."
    if args.what == "list" and args.id not in (None, *KINDS):
        return f"{args.id!r} is no kind - nothing is listed - choose one of {', '.join(KINDS)}."
    return ""
