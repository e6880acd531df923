"""What may be typed after `python -m ftapp`, and what is said when it cannot be meant.

Knows argparse, and how a named file becomes its text; nothing of what the verbs do.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from ftapp import arguments_examples, arguments_forget, arguments_label
from ftapp.documents import read_text
from ftapp.fetching import is_url
from ftapp.files import MOST_BYTES, FileText, read
from ftapp.prompts import KINDS, TONES
from ftapp.structure import NOTE_WORDS

FORMATS = ("trl", "trl-implicit", "kto", "openai-dpo", "openai-sft", "ultrafeedback", "llamafactory-alpaca", "llamafactory-sharegpt", "csv")
VERDICTS = ("left", "right", "tie", "both_bad")
DOCUMENTS = ("job", "resume")


class BadArguments(Exception):
    """What was typed cannot be meant; `str(error)` is one sentence."""


class _Parser(argparse.ArgumentParser):
    """argparse whose mistakes are one sentence instead of a usage block."""

    def error(self, message: str) -> NoReturn:
        for pattern, sentence in _IN_WORDS:
            message = re.sub(pattern, sentence, message)
        raise BadArguments(f"{message} - nothing was done - see {self.prog} --help.")


# argparse's messages (3.11 quotes each choice, 3.13 does not) -> what happened, with the value
_IN_WORDS = (
    (r"^the following arguments are required: (.*)$", r"Missing: \1"),
    (r"^unrecognized arguments: (.*)$", r"Not understood: \1"),
    (r"^argument (\S+): expected one argument$", r"\1 needs a value"),
    (r"^argument (\S+): invalid choice: (.*) \(choose from (.*)\)$", r"\1 cannot be \2, only one of: \3"),
    (r"^argument (\S+): (.*)$", r"\1: \2"),
)


def _words(text: str) -> int:
    if text.lower() == "note":
        return NOTE_WORDS
    if not text.isdecimal() or not 0 < int(text) <= 2000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of words")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed (a whole number from 0 to 2147483647)")
    return int(text)


def _times(text: str) -> int:
    if not text.isdecimal() or int(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 9")
    return int(text)


def _name(text: str) -> str:
    return text.replace("-", "_").lower()


def _common(default: Any) -> argparse.ArgumentParser:
    """Options that may stand before or after the verb; the verb's own must not reset what stood before it."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", metavar="DIR", default=default, help="data folder (else FTAPP_HOME, else the user's data folder)")
    common.add_argument("--model", metavar="ID", default=default, help="base model: 'bundled', a folder or a Hub id (else FTAPP_MODEL)")
    common.add_argument("--json", action="store_true", default=default or False, help="the last line printed is one JSON object")
    return common


def parser() -> argparse.ArgumentParser:
    """All verbs. `call` names the function that does one."""
    root = _Parser(prog="python -m ftapp", allow_abbrev=False, parents=[_common(None)],
                   description="Write two letters, choose one, teach the model.")  # fmt: skip
    verbs = root.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    shared = [_common(argparse.SUPPRESS)]

    def verb(name: str, help: str, under: Any = verbs) -> argparse.ArgumentParser:
        made = under.add_parser(name, help=help, description=help, parents=shared, allow_abbrev=False)
        made.set_defaults(call=made.prog.split(maxsplit=3)[-1].replace(" ", "_"))  # "run show" is done by run_show
        return made

    verb("doctor", "hardware, model, storage, versions, and what is missing")

    p = verb("read", "print what is understood of a posting or résumé file")
    p.add_argument("file", metavar="FILE", help="PDF, DOCX, HTML, Markdown, JSON Résumé or text; - reads text from standard input")
    p.add_argument("--as", dest="meant", type=_name, choices=DOCUMENTS, help="its fields; without it the text")
    p.add_argument("--fill", action="store_true", help="ask the model for the fields that are empty; needs a larger model and --as")

    p = verb("write", "write one letter, or a pair to choose from")
    p.add_argument("--job", required=True, metavar="FILE", help="the posting, in a format that read takes; - reads standard input")
    p.add_argument("--resume", required=True, metavar="FILE", help="the résumé; likewise")
    p.add_argument("--pair", action="store_true", help="two letters, base and adapter, in random order")
    p.add_argument("--kind", type=_name, choices=KINDS, default=KINDS[0])
    p.add_argument("--tone", type=_name, choices=TONES, default=TONES[0])
    p.add_argument("--words", type=_words, metavar="N", help="length; each model offers a few. note: a LinkedIn connection note")
    p.add_argument("--hook", default="", metavar="TEXT", help="a sentence of your own that the letter should use")
    p.add_argument("--seed", type=_seed, metavar="N", help="the same seed writes the same letters")
    p.add_argument("--adapter", default="live", metavar="ID", help="an adapter's id, 'none' for the base, 'live' (default)")
    p.add_argument("--greedy", action="store_true", help="always the likeliest word")

    p = verb("prefer", "say which letter of a pair you would send")
    p.add_argument("comparison", metavar="COMPARISON")
    p.add_argument("verdict", metavar="VERDICT", type=_name, choices=VERDICTS, help=", ".join(VERDICTS))
    p.add_argument("--edited", metavar="FILE", help="the letter as you corrected it; - reads standard input")
    p.add_argument("--from", dest="edited_from", choices=("left", "right"), help="the side that was corrected")
    p.add_argument("--reason", action="append", default=[], metavar="TAG", help="why; may be given several times")

    p = verb("undo", "take a choice back")
    p.add_argument("receipt", nargs="?", metavar="RECEIPT", help="what prefer returned; without it the last choice")

    p = verb("train", "teach a new adapter from all choices, or from your own letters")
    p.add_argument("--recipe", metavar="NAME", help="a file of configs/train without .yaml: dpo_... from choices, sft_... from letters")
    p.add_argument("--plan", action="store_true", help="only say what would be trained; time and memory are measured on a few steps")
    p.add_argument("--smaller", type=_times, default=0, metavar="N", help="N times smaller than the recipe, where memory was used up")
    p.add_argument("--wait", action="store_true", help="follow the training to its end")

    verb("runs", "all trainings, newest first")
    one = verbs.add_parser("run", help="show, stop, resume or repeat a training", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="show|stop|resume|repeat", required=True, parser_class=_Parser)
    verb("show", "how far a training is", acts).add_argument("run", metavar="ID")
    verb("stop", "stop a training; it can be resumed", acts).add_argument("run", metavar="ID")
    verb("resume", "go on from the last complete checkpoint", acts).add_argument("run", metavar="ID")
    verb("repeat", "train once more from the run's own folder, and compare the two adapters", acts).add_argument("run", metavar="ID")

    verb("trends", "how what writes now does week by week, whether to teach again, and whether the choices are enough to tell")
    verb("adapters", "all adapters, and which one writes")
    one = verbs.add_parser("adapter", help="take an adapter away as a zip, bring one, tell where one comes from", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="export|import|show|compare", required=True, parser_class=_Parser)
    p = verb("export", "write an adapter with its model card into a zip", acts)
    p.add_argument("adapter", metavar="ID", help="an adapter's id, or 'starter'")
    p.add_argument("--out", required=True, metavar="FILE", help="written whole or not at all, over an older one")
    p = verb("import", "check an adapter's zip, and store it as a candidate for the present base model", acts)
    p.add_argument("file", metavar="FILE")
    p = verb("show", "parents, what it was taught from, checks, trial, and who let it write; without an id of all", acts)
    p.add_argument("adapter", nargs="?", metavar="ID")
    p = verb("compare", "the same five held-out jobs written by two versions", acts)
    p.add_argument("one", metavar="ID", help="an adapter's id, 'starter' or 'none'")
    p.add_argument("other", metavar="ID")
    _trial(verb)
    verb("rollback", "go back to the adapter that wrote before")

    p = verb("models", "base models from small to large: which fit this machine, which are here, which is in use")
    p.add_argument("--use", metavar="ID", help="fetch it where it is not here, and work with it from the next start on")

    p = verb("claims", "trace a letter to its sources, and name every claim that none of them holds")
    p.add_argument("--letter", required=True, metavar="FILE", help="the letter as text; - reads standard input")
    p.add_argument("--resume", required=True, metavar="FILE", help="the résumé, in a format that read takes")
    p.add_argument("--job", metavar="FILE", help="the posting; likewise")
    _meaning(p, "nearest lines and requirements")

    p = verb("score", "score a file of letters against reference letters (JSONL or CSV)")
    p.add_argument("file", metavar="FILE", help="one letter and its reference a line")
    p.add_argument("--prediction", required=True, metavar="COL", help="the column of the letters to score")
    p.add_argument("--reference", required=True, metavar="COL", help="the column of the reference letters")
    p.add_argument("--job", metavar="COL", help="the column of the postings' text, for relevance and specificity")
    _meaning(p, "requirements")
    p.add_argument("--kind", type=_name, choices=KINDS, default=KINDS[0], help="what the letters are; decides which parts they need")
    p.add_argument("--out", metavar="FILE", help="writes the file there (.jsonl or .csv) with a column a score")
    p = verb("voice", "how your letters are written, and what the last training of letters changed")
    p.add_argument("--run", metavar="ID", help="the report of this training")
    _portfolio(verbs, verb)
    _template(verbs, verb)
    _transfer(verbs, verb)
    _server(verbs, verb)
    arguments_label.add(verbs, verb, _words)
    arguments_examples.add(verbs, verb)
    return root


def _trial(verb: Any) -> None:
    p = verb("trial", "how the new adapter does against the one that writes, by your votes")
    one = p.add_mutually_exclusive_group()
    one.add_argument("--begin", metavar="ID", help="put this adapter on trial")
    one.add_argument("--finish", action="store_true", help="do what the votes say")
    one.add_argument("--leave", action="store_true", help="end it without a decision")
    how = p.add_mutually_exclusive_group()
    how.add_argument("--automatic", action="store_true", help="from now on what the votes say is done at once")
    how.add_argument("--manual", action="store_true", help="from now on it waits for --finish")
    p = verb("gate", "what the gate says of an adapter: each rule with its value; measures it where that was not done")
    p.add_argument("adapter", metavar="ID")
    p.add_argument("--again", action="store_true", help="measure it again, beside what writes now")
    p = verb("promote", "let an adapter write")
    p.add_argument("adapter", metavar="ID", help="an adapter's id, 'starter' or 'none'")
    p.add_argument("--anyway", default="", metavar="REASON", help="though the gate refused it, and why")


def _meaning(parser: Any, what: str) -> None:
    parser.add_argument("--meaning", action="store_true", help=f"{what} by sentence embeddings too: loads their model first")


def _portfolio(verbs: Any, verb: Any) -> None:
    one = verbs.add_parser("portfolio", help="projects and documents that letters may draw on", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="add|list|remove|import|search", required=True, parser_class=_Parser)
    p = verb("add", "store a project, or with --document a document", acts)
    p.add_argument("--title", default="", metavar="TEXT")
    p.add_argument("--text", metavar="FILE", help="what it is about; - reads standard input")
    p.add_argument("--link", default="", metavar="URL")
    p.add_argument("--technologies", default="", metavar="LIST", help="names, separated by commas")
    p.add_argument("--document", action="store_true", help="a policy, a FAQ, notes: it has no link and no technologies")
    verb("list", "all projects and documents, newest first", acts)
    verb("remove", "delete a project or document", acts).add_argument("id", metavar="ID")
    p = verb("import", "store the projects of a CSV file, whose first row may be Title,Text,Techstack,Links", acts)
    p.add_argument("file", metavar="FILE", help="- reads standard input")
    p = verb("search", "what fits a question, or the lines of a posting", acts)
    p.add_argument("query", metavar="LINE", nargs="+")
    p.add_argument("--top", type=_top, default=3, metavar="N", help="how many to show")


def _template(verbs: Any, verb: Any) -> None:
    one = verbs.add_parser("template", help="what the model is told first, in your own words", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="show|edit|reset", required=True, parser_class=_Parser)
    p = verb("show", "the template of a kind of text, or all", acts)
    p.add_argument("kind", nargs="?", type=_name, choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    p = verb("edit", "use your own text from the next letter on", acts)
    p.add_argument("kind", type=_name, choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    p.add_argument("file", metavar="FILE", help="the text, which may hold {title}, {company} and other fields; - reads standard input")
    verb("reset", "back to the original", acts).add_argument("kind", type=_name, choices=KINDS, metavar="KIND", help=", ".join(KINDS))


def _transfer(verbs: Any, verb: Any) -> None:
    p = verb("import", "bring preferences from a file: TRL, OpenAI, UltraFeedback, LLaMA-Factory, Anthropic HH, CSV; recognised by content")
    p.add_argument("file", metavar="FILE", help="JSON lines, a JSON array or CSV, also gzipped; - reads standard input")
    p.add_argument("--use", action="store_true", help="let the new pairs train; else only those that an ftapp wrote for a posting do")
    p = verb("export", "write every choice, and what was imported, into a file; brought into an empty home and exported again in the same "
             "format it is the same byte for byte. openai-dpo and openai-sft have no place for where a row is from; ties and neither "
             "go into kto only")  # fmt: skip
    p.add_argument("--format", required=True, type=_format, choices=FORMATS, metavar="NAME", help=", ".join(FORMATS))
    p.add_argument("--out", metavar="FILE", help="written whole or not at all, over an older one")
    p.add_argument("--check", action="store_true", help="openai-sft and openai-dpo: the rules of hosted fine-tuning, tokens and cost")
    p.add_argument("--price", type=_price, metavar="P", help="for a million training tokens, with --check (else configs/servers.yaml)")
    p.add_argument("--unmasked", action="store_true", help="keep names, addresses, telephone numbers and links, which are masked otherwise")
    one = verbs.add_parser("imported", help="what was imported: counts, let it train or not, delete it", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="show|use|ignore|remove", required=True, parser_class=_Parser)
    verb("show", "how many pairs, labels and examples, and how many pairs train", acts)
    verb("use", "let all imported pairs train", acts)
    verb("ignore", "keep them, but train on none", acts)
    verb("remove", "delete them; choices made here stay", acts)
    p = verb("backup", "a checked copy of the database, of which ten are kept; the adapters' own files, under runs, are not in it")
    p.add_argument("--out", metavar="FILE", help="written there, over an older one, and not counted among the ten")
    verb("backups", "all backups in the data folder, newest first")
    p = verb("restore", "put a backup in the place of everything stored; what is there is backed up first")
    p.add_argument("file", metavar="FILE", help="a file, or the name of one that backups lists")
    p.add_argument("--yes", action="store_true", required=True, help="really")
    arguments_forget.add(verb)


def _server(verbs: Any, verb: Any) -> None:
    one = verbs.add_parser("server", help="let an OpenAI-compatible server write one letter of a pair, or both", allow_abbrev=False)
    acts = one.add_subparsers(dest="act", metavar="set|show|off|check|adapter", required=True, parser_class=_Parser)
    p = verb("set", "which server writes, from the next letter on; a key is read from FTAPP_SERVER_KEY and never stored", acts)
    p.add_argument("--address", required=True, metavar="URL", help="such as http://127.0.0.1:8000/v1")
    p.add_argument("--name", required=True, metavar="NAME", help="the model's name there; a hosted fine-tuned model by its id")
    p.add_argument("--other", default="", metavar="NAME", help="another model of it, for the second letter; then it writes both")
    p.add_argument("--side", type=_name, choices=("one", "both"), help="one letter, beside the model here (default), or both")
    verb("show", "which server is set, and what leaves this machine", acts)
    verb("off", "let the model on this machine write again", acts)
    verb("check", "ask it: what it has, whether it writes, how fast, and whether its two models can be told apart", acts)
    p = verb("adapter", "the command that serves an adapter of scope all with vLLM", acts)
    p.add_argument("id", metavar="ID")
    p.add_argument("--load", action="store_true", help="have the server that is set load it while it runs")


def _format(text: str) -> str:
    return text.replace("_", "-").lower()


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no price (a number of 0 or more)")
    return price


def _top(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 100")
    return int(text)


def _text(name: str) -> str:
    """A file's text, or standard input for `-`. Raises BadArguments when it cannot be read as text."""
    try:
        held = sys.stdin.buffer.read() if name == "-" else Path(name).expanduser().read_bytes()
        return held.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(name, error) from None
    except UnicodeDecodeError:
        raise BadArguments(f"{name} is not a UTF-8 text file - nothing was done - paste its text into a .txt file.") from None


def _document(name: str, what: str) -> FileText:
    """A posting's or résumé's file in any known format, or a posting's link; standard input is text.

    Raises BadArguments, and UserError as `files.read` and `pages.read_url`.
    """
    if what == "posting" and is_url(name):
        return _page(name)
    if name == "-":
        plain = read_text(_text(name), what)
        return FileText(plain.text, plain.warnings)
    try:
        with Path(name).expanduser().open("rb") as held:  # a pipe will do as well
            data = held.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(name, error) from None
    return read(data, what)


def _page(url: str) -> FileText:
    """The one posting of a job page. Raises BadArguments when the page holds several."""
    from ftapp.config import settings
    from ftapp.pages import read_url

    found = read_url(url, settings().offline)
    if len(found) > 1:
        titles = "; ".join(" at ".join(filter(None, (one.fields.title, one.fields.company))) for one in found)
        raise BadArguments(f"This page holds {len(found)} postings ({titles}) - nothing was written - save yours as a text file.")
    plain = read_text(found[0].text, "posting")
    return FileText(plain.text, plain.warnings)


def _unreadable(name: str, error: OSError) -> BadArguments:
    why = (error.strerror or "no such file").lower()
    return BadArguments(f"{name} could not be read ({why}) - nothing was done - name a file, or - for standard input.")


def checked(args: argparse.Namespace) -> argparse.Namespace:
    """What argparse cannot see: options that belong together; file names become their text."""
    if args.verb == "write":
        if args.job == args.resume == "-":
            raise BadArguments("--job and --resume are both standard input - it can be read only once - give one of them as a file.")
        args.job, args.resume = _document(args.job, "posting"), _document(args.resume, "résumé")
    if args.verb == "forget" and (problem := arguments_forget.problem(args)):
        raise BadArguments(problem)
    if args.verb == "claims":
        args.letter = _text(args.letter)
        args.resume = _document(args.resume, "résumé")
        args.job = _document(args.job, "posting") if args.job else None
    if args.verb == "read":
        if args.fill and not args.meant:
            raise BadArguments("--fill needs --as - nothing was asked - say whether the file is a job or a resume.")
        args.file = _document(args.file, {"job": "posting", "resume": "résumé"}.get(args.meant, "file"))
    if args.call == "export" and not (args.out or args.check):
        raise BadArguments("Missing: --out - nothing was done - name a file, or only look with --check.")
    if args.call == "portfolio_add":
        args.text = "" if args.text is None else _text(args.text)
    if args.call == "portfolio_import":  # a table may come from a spreadsheet that writes no UTF-8
        args.file = _document(args.file, "table").text
    if args.call == "template_edit":
        args.file = _text(args.file)
    if args.call == "examples_add":
        args.posting = _document(args.posting, "posting").text if args.posting else ""
        args.pasted = _text("-") if "-" in args.paths else ""
    if args.call == "queue_add":
        args.resume = [_document(name, "résumé") for name in args.resume]
    if args.call == "queue_rules" and args.guidelines is not None:
        args.guidelines = _text(args.guidelines)
    if args.call == "labelers_add":
        args.password_file = _text(str(args.password_file)).strip() if args.password_file else ""
    if args.call in ("prefer", "label_vote"):
        if (args.edited is None) != (args.edited_from is None):
            raise BadArguments("--edited and --from belong together - nothing was stored - give the corrected file and its side.")
        args.edited = None if args.edited is None else _text(args.edited)
    return args
