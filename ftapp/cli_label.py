"""`python -m ftapp queue|label|labelers|statistics`: does it and prints. What may be typed stands in arguments_label.py."""

from __future__ import annotations

import argparse
from typing import Any

from ftapp.errors import UserError

OWNER = "local"  # the person at this machine, as in cli.py


# --- the queue ----------------------------------------------------------------------------------------------------------


def queue_show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.labelling.progress(OWNER, studio.labelling.named(OWNER, args.labeler))
    print(f"{found['judged']} of {found['pairs']} pairs judged, {found['ready']} ready, {found['waiting']} still to be written, "
          f"{found['alike']} left out as nearly alike, {found['failed']} could not be written.")  # fmt: skip
    for reason in found["reasons"]:
        print(f"  {reason}")
    return found


def queue_add(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Every posting with every résumé that was given."""
    from ftapp import sets

    asked = args.kind, args.tone, args.words
    if bool(args.set) == bool(args.postings):
        raise UserError("Either a set or postings are added. Nothing was added. Give --set or --postings.")
    studio.labelling.ahead.close()  # this call plans; an app that runs, or `queue write`, writes
    if args.set:
        fill = {"fictional": studio.labelling.fill_fictional, "pasted": studio.labelling.fill_pasted}[args.set]
        found, refused = fill(OWNER, *asked), []
    else:
        texts, refused = sets.from_files(args.postings)
        pairs = [(job, own or cv.text) for job, own in texts for cv in args.resume] if args.resume else texts
        found = studio.labelling.fill(OWNER, pairs, "", *asked)
    found["refused"] = [*refused, *found["refused"]]
    print(f"{found['added']} pairs added. A running app writes them, or: python -m ftapp queue write")
    for line in found["refused"]:
        print(f"  not taken: {line}")
    return found


def queue_write(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    done = 0
    while done < args.count and studio.labelling.ahead.write_one(OWNER):
        done += 1
    found = studio.labelling.progress(OWNER, OWNER)
    print(f"{done} taken up; {found['ready']} pairs are ready, {found['waiting']} are still to be written.")
    return {"taken_up": done} | found


def queue_clear(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    gone = studio.labelling.clear(OWNER)
    print(f"{gone} pairs will not be written.")
    return {"cleared": gone}


def queue_rules(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    if args.guidelines is None and args.labels is None:
        found = studio.labelling.rules(OWNER)
    else:
        found = studio.labelling.set_rules(OWNER, args.guidelines, args.labels)
    print(f"{found['guidelines']}\n\nEach pair is judged by {found['labels_needed']}.")
    return found


# --- judging ------------------------------------------------------------------------------------------------------------


def label_next(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.labelling.next(OWNER, studio.labelling.named(OWNER, args.labeler), most=1)
    if not found:
        print("No pair is ready. Add some: python -m ftapp queue add --set fictional, then: python -m ftapp queue write")
        return {"pair": None}
    (pair,) = found
    for side in ("left", "right"):
        print(f"--- {side} ---\n{pair[side]}\n")
    print(f"Which would you send?  python -m ftapp label vote {pair['id']} left|right|tie|both_bad")
    return {"pair": pair}


def label_vote(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    from ftapp.preferences import SETTLED

    labeler = SETTLED if args.settle else studio.labelling.named(OWNER, args.labeler)
    receipt = studio.labelling.vote(OWNER, labeler, args.comparison, args.verdict, args.edited, args.edited_from, tuple(args.reason),
                                    replaces=args.change)  # fmt: skip
    print(f"Stored as {receipt['receipt']}. Left was {receipt['left_model']}, right was {receipt['right_model']}.")
    return receipt


def label_skip(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    studio.labelling.skip(OWNER, studio.labelling.named(OWNER, args.labeler), args.comparison)
    print("Skipped.")
    return {"skipped": args.comparison}


def label_undo(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    undone = studio.labelling.undo(OWNER, studio.labelling.named(OWNER, args.labeler), args.receipt)
    print(f"Taken back: {undone['receipt']}.")
    return undone


def label_recent(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    rows = studio.labelling.recent(OWNER, studio.labelling.named(OWNER, args.labeler))
    for row in rows:
        said = "mix" if row["mixed"] else "edit" if row["edited"] else row["verdict"]
        print(f"{row['receipt']}  {said:<9} {' at '.join(filter(None, (row['title'], row['company'])))}")
    if not rows:
        print("No decision yet.")
    return {"recent": rows}


def label_show(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.labelling.story(OWNER, args.receipt)
    for name in ("verdict", "labeler", "at", "seconds", "reasons", "kind", "template_hash"):
        print(f"{name}: {found[name]}")
    for side in ("left", "right"):
        one = found[side]
        print(f"--- {side}: base {one['base_id']}, adapter {one['adapter_id'] or 'none'}, seed {one['seed']} ---\n{one['text']}\n")
    return found


# --- people and what their labels say -----------------------------------------------------------------------------------


def labelers_list(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    rows = studio.labelling.people(OWNER)
    for row in rows:
        print(f"{row['name']:<24} {row['way']:<10} since {row['since']}")
    if not rows:
        print("Nobody but you. Add somebody: python -m ftapp labelers add NAME")
    return {"labelers": rows}


def labelers_add(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    row = studio.labelling.invite(OWNER, args.name, args.way, args.password_file or "")
    print(f"{row['name']} may label now.")
    return row


def labelers_remove(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    studio.labelling.dismiss(OWNER, studio.labelling.named(OWNER, args.name))
    print(f"{args.name} may label no more. What they chose stays.")
    return {"removed": args.name}


def statistics(studio: Any, args: argparse.Namespace) -> dict[str, Any]:
    found = studio.labelling.statistics(OWNER)
    print(f"{found['labels']} labels.")
    for row in found["models"]["models"][1:]:
        print(f"  {row['model']} is chosen over {found['models']['models'][0]['model']} {_share(row, 'chance')}, ties apart.")
    for name, said in (("steadiness", "same answer when asked twice"), ("side", "left chosen"), ("length", "the longer letter chosen"),
                       ("agreement", "labelers agree")):  # fmt: skip
        if found[name]["total"]:
            print(f"  {said}: {found[name]['successes']} of {found[name]['total']}, {_share(found[name])}")
    rate = found["steadiness"]["flip_rate"]
    if rate is not None:
        print(f"  about {100 * rate:.0f} % slips: python -m ftapp train --recipe dpo_robust counts on them.")
    if found["agreement"]["alpha"] is not None:
        print(f"  Krippendorff's alpha {found['agreement']['alpha']:.2f}")
    for row in found["people"]:
        print(f"  {row['name']}: {row['labels']} labels" + (f", {row['seconds']:.0f} s a pair" if row["seconds"] else ""))
    print(f"  {len(found['disagreements'])} pairs to settle, {len(found['contradictions'])} contradictions.")
    return found


def _share(row: dict[str, Any], name: str = "share") -> str:
    return f"{100 * row[name]:.0f} % (likely {100 * row['low']:.0f} to {100 * row['high']:.0f} %)"


VERBS = {verb.__name__: verb for verb in (
    queue_show, queue_add, queue_write, queue_clear, queue_rules, label_next, label_vote, label_skip, label_undo, label_recent, label_show,
    labelers_list, labelers_add, labelers_remove, statistics)}  # fmt: skip
