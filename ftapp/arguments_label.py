"""What may be typed after `python -m ftapp queue|label|labelers|statistics`. Knows argparse, nothing of what the verbs do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ftapp.prompts import KINDS, TONES

SETS = ("fictional", "pasted")
WAYS = ("local", "password", "hf")
VERDICTS = ("left", "right", "tie", "both_bad")


def _name(text: str) -> str:
    return text.replace("-", "_").lower()


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 1000")
    return int(text)


def add(verbs: Any, verb: Any, words: Any) -> None:
    """Put the verbs on the parser; `verb` and `words` are those of arguments.py."""
    parser = type(verbs.choices["doctor"])
    _queue(verbs, verb, words, parser)
    _label(verbs, verb, parser)
    one = verbs.add_parser("labelers", help="who may label the queue", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="list|add|remove", required=True, parser_class=parser)
    verb("list", "everybody who may label", acts)
    p = verb("add", "let somebody label", acts)
    p.add_argument("name", metavar="NAME")
    p.add_argument("--way", choices=WAYS, default="local", help="on this machine, with a password, or by their Hugging Face login")
    p.add_argument("--password-file", type=Path, metavar="FILE", help="a file that holds the password alone")
    verb("remove", "let somebody label no more; what they chose stays", acts).add_argument("name", metavar="NAME")
    verb("statistics", "what the labels say: which model is preferred, how steady they are, how far labelers agree")


def _queue(verbs: Any, verb: Any, words: Any, parser: Any) -> None:
    one = verbs.add_parser("queue", help="the pairs that are to be labelled", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="show|add|write|clear|rules", required=True, parser_class=parser)
    verb("show", "how far the queue is", acts).add_argument("--labeler", default="", metavar="NAME", help="for whom; without it for you")
    p = verb("add", "plan pairs for postings and résumés", acts)
    p.add_argument("--set", choices=SETS, help="the built-in fictional set of 40, or everything that was pasted together before")
    p.add_argument("--postings", type=Path, nargs="+", default=[], metavar="PATH", help="files, folders, or JSONL with a posting a line")
    p.add_argument("--resume", action="append", default=[], metavar="FILE", help="may be given several times; without it the newest stored")
    p.add_argument("--kind", type=_name, choices=KINDS, default=KINDS[0])
    p.add_argument("--tone", type=_name, choices=TONES, default=TONES[0])
    p.add_argument("--words", type=words, metavar="N")
    p = verb("write", "write pairs now, without a page", acts)
    p.add_argument("--count", type=_count, default=8, metavar="N", help="how many at most (default 8)")
    verb("clear", "forget what is not written yet", acts)
    p = verb("rules", "show or set the guidelines, and how many people judge a pair", acts)
    p.add_argument("--guidelines", metavar="FILE", help="Markdown; - reads standard input")
    p.add_argument("--labels", type=_count, metavar="N", help="how many people judge each pair, 1 to 9")


def _label(verbs: Any, verb: Any, parser: Any) -> None:
    one = verbs.add_parser("label", help="judge the pairs of the queue", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="next|vote|skip|undo|recent|show", required=True, parser_class=parser)

    def by(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument("--labeler", default="", metavar="NAME", help="who judges; without it you")
        return made

    by(verb("next", "the pair to judge next", acts))
    p = by(verb("vote", "judge a pair", acts))
    p.add_argument("comparison", metavar="COMPARISON")
    p.add_argument("verdict", metavar="VERDICT", type=_name, choices=VERDICTS, help=", ".join(VERDICTS))
    p.add_argument("--edited", metavar="FILE", help="the letter as corrected or mixed; - reads standard input")
    p.add_argument("--from", dest="edited_from", choices=("left", "right", "both"), help="which letter it began from; both: a mix")
    p.add_argument("--reason", action="append", default=[], metavar="TAG", help="why; may be given several times")
    p.add_argument("--change", metavar="RECEIPT", help="in the place of this earlier decision on the pair")
    p.add_argument("--settle", action="store_true", help="as the owner, where labelers disagree: this verdict alone counts then")
    by(verb("skip", "pass a pair over", acts)).add_argument("comparison", metavar="COMPARISON")
    by(verb("undo", "take a decision back", acts)).add_argument("receipt", nargs="?", metavar="RECEIPT", help="without it the last one")
    by(verb("recent", "the last ten decisions", acts))
    verb("show", "everything known of a decision and its pair", acts).add_argument("receipt", metavar="RECEIPT")
