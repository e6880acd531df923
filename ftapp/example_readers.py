"""Pasted text, files, folders and tables -> own examples as they were given. Knows formats and names of columns, and no row.

A text holds one letter, or several with a line of dashes between them, or one after the other, each with its greeting and sign-off.
A file is a text in any format that `files.read` takes, or rows: chat `messages`, prompt and completion, or columns of a letter and what
it was written from. Rows are recognised one by one by what stands in them. Nothing is mended here: the quality report shows repairs.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ftapp import files, format_readers, rowfiles, structure
from ftapp.documents import MOST_CHARACTERS
from ftapp.errors import UserError
from ftapp.formats import BadRow, Row
from ftapp.prompts import KINDS
from ftapp.quality import FIELDS
from ftapp.sets import MOST_FILES

MOST_EXAMPLES = 10_000  # at once: each is compared with all others
TABLES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".gz")
COLUMNS = "letter, and beside it perhaps job title, company, posting, applicant, experience, skills; or question and answer"
_LINES = re.compile(r"(?m)^[ \t]*(?:-{3,}|={3,}|\*{3,}|_{5,})[ \t]*$")
_POSTING = re.compile(r"(?i)^(?P<for>.*?)[ ._-]*(?:job[ ._-]*)?(?:posting|description|advert|job|jd)$")
_OWN_PART = re.compile(r"(?i)[ ._-]*(?:cover[ ._-]*)?(?:letter|e-?mail|message|answer|note)$")

MESSAGE_BLOCKS = 4  # greeting, two paragraphs, sign-off; what has more paragraphs is a letter, however short
_APPLIES = re.compile(
    r"(?i)\b(?:position|role|vacancy|posting|apply(?:ing)?|application|cover letter|r[eé]sum[eé]|opening|opportunity|candidate|hiring|"
    r"your team|(?:great|good|strong|excellent) fit)\b"
)


@dataclass(frozen=True)
class Given:
    """One example as it was given. Empty is what was not: `kind` one of prompts.KINDS, `posting` (for an answer its question) and
    `resume` whole texts, `fields` by the names of quality.FIELDS, `messages` the turns of a conversation before the answer."""

    letter: str
    kind: str = ""
    posting: str = ""
    resume: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[dict[str, str], ...] = ()
    source: str = "pasted"


Read = tuple[list[Given], list[str]]  # what was read, and a sentence for each file or line that was not


# ---- texts ------------------------------------------------------------------------------------------------------------


def pasted(text: str, posting: str = "", kind: str = "") -> list[Given]:
    """The letters of a pasted text. `posting` is what the one letter answered. Raises UserError for nothing, too much, and a posting
    for several letters."""
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"The text has {len(text):,} characters, and {MOST_CHARACTERS:,} can be pasted at once. Nothing was stored. Bring it as a file."
        )
    found = [Given(letter, kind, posting.strip()) for letter in split(text)]
    if not found:
        raise UserError("There is no text. Nothing was stored. Paste a letter, message or answer that you wrote yourself.")
    return _answered(found, posting)


def _answered(found: list[Given], posting: str) -> list[Given]:
    if posting.strip() and len(found) > 1:
        raise UserError(
            f"One posting was given for {len(found)} letters. Nothing was stored, since each letter answers its own. "
            "Bring them one by one, or without the posting: what each was written for is read out of it then."
        )
    return found


def split(text: str) -> list[str]:
    """The letters that stand in a text one after the other."""
    return [letter for part in _LINES.split(text) for letter in _signed(part.strip()) if re.search(r"\w", letter)]


def _signed(text: str) -> list[str]:
    """A new letter begins with a greeting or a subject behind a letter that has its sign-off."""
    found, begun = [], 0
    lines = text.split("\n")
    for at in range(1, len(lines)):
        if structure.opens(lines[at].strip()) and structure.parse(whole := "\n".join(lines[begun:at])).sign_off:
            found.append(whole.strip())
            begun = at
    return [*found, "\n".join(lines[begun:]).strip()]


def guessed(letter: str) -> str:
    """The likeliest of prompts.KINDS by how a text begins and how long it is."""
    pieces, words = structure.parse(letter), len(letter.split())
    if pieces.subject:
        return "cold_email"
    brief = words <= structure.MESSAGE_WORDS and len(re.split(r"\n\s*\n", letter.strip())) <= MESSAGE_BLOCKS
    if re.match(r"(?i)(?:hi|hey|hello)\b", pieces.greeting) and brief:
        return "linkedin_message"
    applies = len({word.casefold() for word in _APPLIES.findall(letter)}) >= 2
    return "cover_letter" if pieces.greeting or pieces.sign_off or applies else "answer"


# ---- files --------------------------------------------------------------------------------------------------------------


def read(paths: Iterable[Path], kind: str = "", posting: str = "", uploaded: bool = False) -> Read:
    """What files and folders hold; a folder gives all files in it by name. A file "X posting" is what the letter "X" beside it answered;
    files that were `uploaded` lie in folders of their own. `posting` is what the one letter answered.

    Raises UserError for too many files. A file that cannot be read is named, and the others are read.
    """
    named = [file for path in paths for file in (_within(path) if path.is_dir() else [path])]
    if len(named) > MOST_FILES:
        raise UserError(f"{len(named)} files were given. No more than {MOST_FILES} are read at once. Put the letters into one CSV.")
    found: list[Given] = []
    refused: list[str] = []
    postings = _postings(named, refused, uploaded)
    for file in named:
        if file in postings:
            continue
        try:
            answered = next((text for other, text in postings.items() if _belongs(other, file, uploaded)), posting)
            found += _rows(file, kind, refused) if file.suffix.lower() in TABLES else _letters(file, kind, answered)
        except (UserError, OSError) as error:
            refused.append(f"{file.name}: {_why(error)}")
        if len(found) > MOST_EXAMPLES:
            raise UserError(f"There are more than {MOST_EXAMPLES:,} examples. Nothing was stored. Bring a part of them at a time.")
    return _answered(found, posting), refused


def _within(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and not any(part.startswith(".") for part in file.parts[-2:]))


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else (getattr(error, "strerror", "") or "it cannot be read").lower()


def _postings(named: Sequence[Path], refused: list[str], uploaded: bool) -> dict[Path, str]:
    """Files that are named as the posting of another one -> their text."""
    found = {}
    for file in named:
        if _POSTING.match(file.stem) and any(_belongs(file, other, uploaded) for other in named):
            try:
                found[file] = files.read(file.read_bytes(), "posting").text
            except (UserError, OSError) as error:
                refused.append(f"{file.name}: {_why(error)}")
                found[file] = ""
    return found


def _belongs(posting: Path, letter: Path, uploaded: bool) -> bool:
    """Whether a posting's file is named for a letter's."""
    named = _POSTING.match(posting.stem)
    if not named or _POSTING.match(letter.stem) or not (uploaded or posting.parent == letter.parent):
        return False
    return named["for"].casefold().rstrip(" ._-") == _OWN_PART.sub("", letter.stem).casefold().rstrip(" ._-")


def _letters(file: Path, kind: str, posting: str) -> list[Given]:
    held = split(files.read(file.read_bytes(), "file").text)
    return [Given(letter, kind, posting, source="file") for letter in held]


def _rows(file: Path, kind: str, refused: list[str]) -> list[Given]:
    found = []
    with file.open("rb") as source:
        for line, raw in rowfiles.read(source, lambda names: any(map(_is_answer, names)), COLUMNS):
            try:
                if isinstance(raw, str):
                    raise BadRow(raw)
                found.append(of_row(raw, kind))
            except BadRow as error:
                refused.append(f"{file.name}, line {line}: {error}")
    return found


# ---- rows ---------------------------------------------------------------------------------------------------------------

_CHAT = (("messages",), ("conversations",), ("prompt", "completion"), ("instruction", "output"))
# What a column is -> how it may be called: small letters, words with one space between them. The first that fits, in this order.
_EXPERIENCE = r"^(?:(?:work(?:ing)?|job|professional|relevant) )?(?:experiences?|history)$|^employment history$"
_NAMES = {
    "past": (r"\b(?:past|previous|prior)\b", _EXPERIENCE),
    "current": (r"\bcurrent\b", _EXPERIENCE),  # of two columns the one that says no time
    "preferred": (r"\bpreferred\b", r"\brequirements?\b"),
    "resume": (r"^(?:resume|cv|résumé)(?: text)?$",),
    "posting": (r"^(?:job )?(?:posting|description|advert\w*|ad|post)(?: text)?$", r"^job$"),
    "letter": (r"^(?:(?:cover|application|motivation) )?letter(?: (?:text|body))?$",
               r"\bletter\b(?! (?:id|type|kind|date|length))", r"^(?:e ?mail|message|post)(?: (?:text|body))?$",
               r"^(?:answer|response|reply|completion|output)$", r"^(?:text|body|content)$"),
    "question": (r"^(?:question|topic|query)$",),
    "prompt": (r"^(?:prompt|instruction|input)$",),
    "company": (r"^(?:hiring )?(?:company|employer|organi[sz]ation)(?: name)?$",
                r"\b(?:company|employer|organi[sz]ation)\b(?! (?:id|size|url|website|description|profile|info\w*))", r"^firm$"),
    "title": (r"^(?:(?:job|position|role) )?(?:title|position|role|name of job)$",),
    "applicant": (r"^(?:applicant|candidate)(?: name)?$", r"\b(?:applicant|candidate)\b", r"^(?:(?:full|your|user) )?name$"),
    "skills": (r"\bskill ?sets?\b|\bskills?\b",),
    "qualifications": (r"\bqualifications?\b", r"^(?:education|degrees?)$"),
    "kind": (r"^(?:kind|type)(?: of text)?$",),
}  # fmt: skip
_OWN_LETTER = 2  # of the patterns of "letter": those that name a letter; an answer, message or text may be anybody's
_BAD = ("bad", "false", "0", "no", "poor", "rejected", "negative")  # what a label calls a letter that nobody should learn from
_NAMES = {name: tuple(map(re.compile, patterns)) for name, patterns in _NAMES.items()}


@functools.lru_cache(maxsize=2000)
def _plain(name: str) -> str:
    """`jobTitle`, `Job_Title`, ` job-title ` -> `job title`."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-zé])(?=[A-Z])", " ", name))).casefold()


def _is_answer(name: str) -> bool:
    return _plain(name) in ("messages", "conversations") or any(pattern.search(_plain(name)) for pattern in _NAMES["letter"])


def of_row(raw: Mapping[str, Any], kind: str = "") -> Given:
    """A row of a table or a line of JSON. Raises BadRow."""
    if any(name in raw for name in ("chosen", "rejected", "preferred_output")):
        raise BadRow("it compares or rates answers: bring it under Data, as choices")
    _check_rating(raw)
    if any(all(name in raw for name in names) for names in _CHAT):
        return of_chat(format_readers.read(raw)[1], kind)
    held = _columns(raw)
    letter, asked = held.pop("letter", ""), held.pop("question", "")
    if not letter:
        raise BadRow("it has no letter or answer" if held else "no column is known; one must be the letter or the answer")
    if max(map(len, (letter, *held.values()))) > MOST_CHARACTERS:
        raise BadRow(f"a text in it has more than {MOST_CHARACTERS:,} characters")
    if said := held.pop("prompt", ""):
        return of_chat(Row("example", [{"role": "user", "content": said}], letter), kind)
    named = re.sub(r"[\s-]+", "_", held.pop("kind", "").lower())
    kind = kind or (named if named in KINDS else "answer" if asked else "")
    posting, resume = held.pop("posting", ""), held.pop("resume", "")
    fields = {name: held[name] for name in FIELDS if held.get(name)}
    return Given(letter, kind or ("cover_letter" if fields else ""), asked or posting, resume, fields, source="file")


def _check_rating(raw: Mapping[str, Any]) -> None:
    """A rating beside a letter is a column like others, unless it says that the letter is bad; beside an answer it is a choice."""
    rated = [str(raw[name]).strip().casefold() for name in ("label", "kto_tag") if name in raw]
    if rated and not any(pattern.search(_plain(name)) for name in raw for pattern in _NAMES["letter"][:_OWN_LETTER]):
        raise BadRow("it compares or rates answers: bring it under Data, as choices")
    if any(said in _BAD for said in rated):
        raise BadRow("its label says that the letter is not a good one")


def of_chat(row: Row, kind: str = "") -> Given:
    """A conversation whose last message is the answer. Raises BadRow."""
    if row.kind != "example":
        raise BadRow("it compares or rates answers: bring it under Data, as choices")
    if len(row.chosen) > MOST_CHARACTERS:
        raise BadRow(f"the answer has more than {MOST_CHARACTERS:,} characters")
    opened = structure.opens(row.chosen.lstrip().partition("\n")[0])
    return Given(row.chosen, kind or (guessed(row.chosen) if opened else "answer"), messages=tuple(row.prompt), source="file")


def _columns(raw: Mapping[str, Any]) -> dict[str, str]:
    """What is known of a row by the names in `_NAMES`; objects in it are looked into once. A column is one thing only."""
    flat: dict[str, Any] = {}
    for name, value in raw.items():
        flat |= {f"{inner}": text for inner, text in value.items() if inner not in flat} if isinstance(value, Mapping) else {name: value}
    texts = {name: _text(value) for name, value in flat.items()}
    found: dict[str, str] = {}
    used: set[str] = set()
    for meant, patterns in _NAMES.items():
        fitting = (name for p in patterns for name in texts if name not in used and texts[name] and p.search(_plain(name)))
        if (name := next(fitting, None)) is not None:
            found[meant] = texts[name]
            used.add(name)
    return found


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, map(_text, value)))
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def as_source(found: Iterable[Given], source: str) -> list[Given]:
    """The same examples, told to come from elsewhere."""
    return [replace(one, source=source) for one in found]
