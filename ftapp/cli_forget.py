"""`python -m ftapp forget ...`: does it and prints. What may be typed stands in arguments_forget.py."""

from __future__ import annotations

import argparse
from typing import Any

OWNER = "local"  # the person at this machine, as in cli.py


def forget(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp import forgetting as words
    from ftapp.forgetting import Forgetting

    verbs = Forgetting(studio)
    if args.what == "list":
        return _listed(verbs.listing(OWNER, args.id or ""))
    if args.what == "backups":
        done = verbs.purge()
        print(f"{done['purged']} deleted, and a fresh backup was made." if done["purged"] else "There was no backup.")
        return done
    if args.what is None:
        return _everything(studio, verbs)
    if args.plan:
        found = verbs.plan(OWNER, args.what, args.id)
        print("\n".join(words.planned(found)))
        return found
    done = verbs.forget(OWNER, args.what, args.id, args.policy, args.purge_backups)
    print("\n".join(words.done(done)))
    if done["adapters"]:
        print("Teach again without it: python -m ftapp train")
    if done["due"]:
        print("Delete the backups now: python -m ftapp forget backups --yes")
    return done


def _listed(found: list[dict[str, str]]) -> dict[str, Any]:
    for row in found:
        print(f"{row['kind']:<8} {row['id']:<22} {row['at'][:19].replace('T', ' ')}  {row['title']}")
    if not found:
        print("Nothing of this kind is stored.")
    return {"items": found}


def _everything(studio: Any, verbs: Any) -> dict[str, Any]:
    number = verbs.everything(OWNER)
    due, backups = verbs.noted("everything"), studio.settings.folder("backups")
    print(f"Everything of yours is deleted: {number:,} rows and the folders of your trainings.")
    if due:
        print(f"Backups made before still hold it: {backups}. They go on {due}, or now: python -m ftapp forget backups --yes")
    return {"removed": number, "backups": str(backups), "due": due}


VERBS = {"forget": forget}
