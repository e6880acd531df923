"""`python -m ftapp backup|backups|restore`: does it and prints. What may be typed stands in arguments.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ftapp.errors import Damaged


def backup(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.backups import HOLDS

    made = studio.backups.make(Path(args.out).expanduser() if args.out else None)
    print(f"Backed up and checked: {made['file']}. {HOLDS}")
    return made


def listing(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.backups.listing()
    for row in found:
        print(f"{row['at'][:16].replace('T', ' ')} UTC  {row['bytes'] / 1e6:9.1f} MB  {row['file']}")
    if not found:
        print("No backup yet. Make one: python -m ftapp backup")
    return {"backups": found}


def restore(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """A name alone is looked for among the home's backups too."""
    file = Path(args.file).expanduser()
    if not file.exists() and file.name == args.file:
        file = studio.settings.folder("backups") / file
    try:
        found = studio.backups.restore(file)
    except Damaged:
        studio.close()
        return restore_damaged(studio.settings, args)
    return _restored(found)


def restore_damaged(settings: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Where the database is in such a state that no studio can be made."""
    from ftapp.backups import replace_damaged

    file = Path(args.file).expanduser()
    return _restored(replace_damaged(settings, file if file.exists() else settings.folder("backups") / file.name))


def _restored(found: dict[str, Any]) -> dict[str, Any]:
    print(f"Restored from {found['restored']}. What was there before is kept in {found['saved']}.")
    return found


VERBS = {"backup": backup, "backups": listing, "restore": restore}
