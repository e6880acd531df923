"""What search may draw on besides the résumé: projects of a portfolio and other documents, typed in or read from a CSV table.

Pure: knows what a project is made of and how people name the columns of a table, nothing of storage or search.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ftapp.documents import clean, read_text
from ftapp.errors import UserError

PROJECT, DOCUMENT = "portfolio", "document"  # Document.kind
MOST_TITLE, MOST_LINK, MOST_TECHNOLOGIES = 200, 2000, 60
MOST_TABLE = 2_000_000  # characters of a CSV
MOST_ROWS = 5_000
LONGEST_ROW = 200  # lines; a quotation mark that is open for longer was never closed
# Column names by which people call a thing, as letters and digits only.
COLUMNS = {
    "title": "title name project projectname projecttitle heading topic question".split(),
    "text": "text description summary details about notes note body content answer".split(),
    "link": "link links url urls website web site github repo repository demo portfolio".split(),
    "technologies": "techstack stack tech technology technologies skills skill tools tags keywords languages frameworks".split(),
}


@dataclass(frozen=True)
class Source:
    """A project or a document. A project may lack any of these, but not all; a document has a text."""

    kind: str
    title: str
    text: str
    link: str = ""
    technologies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A row of a table that was not taken: the line of the file at which it begins (from 1), and why."""

    line: int
    reason: str


def project(title: str = "", text: str = "", link: str = "", technologies: str | Sequence[str] = ()) -> Source:
    """A project from what a person typed; without a title it is named after its first technology.

    Raises UserError when nothing is said of it, or when a part is too long or the link is no web address.
    """
    title, text, names = _title(title), read_text(text, "project").text.strip(), _technologies(technologies)
    address = _link(link)
    if not (title or text or names):
        raise UserError("The project has no title, no text and no technologies. There is nothing to find it by. Give at least one of them.")
    if not title:
        title = f"{names[0]} project" if names else " ".join(text.split()[:8])[:MOST_TITLE]
    return Source(PROJECT, title, text, address, names)


def document(title: str, text: str) -> Source:
    """A policy, a FAQ, notes. Without a title its first words name it. Raises UserError when it is empty or too long."""
    title, body = _title(title), read_text(text, "document").text.strip()
    if not body:
        raise UserError("The document is empty. There is nothing to find in it. Paste its text.")
    return Source(DOCUMENT, title or " ".join(body.split()[:8])[:MOST_TITLE], body)


def _title(title: str) -> str:
    line = " ".join(clean(title or "").split())
    if len(line) > MOST_TITLE:
        raise UserError(f"The title has {len(line):,} characters; up to {MOST_TITLE} are kept. It is no title. Move it to the text.")
    return line


def _technologies(given: str | Sequence[str]) -> tuple[str, ...]:
    """Names without repetitions; a text is split at commas, semicolons, bars and line breaks."""
    parts = re.split(r"[,;|\n•]", clean(given)) if isinstance(given, str) else map(clean, given)
    names = {" ".join(part.split()).casefold(): " ".join(part.split()) for part in reversed(list(parts)) if part.strip()}
    found = tuple(reversed(names.values()))
    if len(found) > MOST_TECHNOLOGIES or any(len(name) > MOST_TITLE for name in found):
        raise UserError(
            f"The technologies are no list of up to {MOST_TECHNOLOGIES} names. They could not be searched. "
            "Separate the names by commas, and move sentences to the text."
        )
    return found


def _link(link: str) -> str:
    """A web address, with https:// before a bare host. Raises UserError for anything else: it will be shown as a link."""
    address = clean(link or "").strip()
    if not address:
        return ""
    if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", address):
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        fine = parts.scheme in ("http", "https") and "." in (parts.hostname or "") and not parts.username
    except ValueError:
        fine = False
    if not fine or len(address) > MOST_LINK or re.search(r"[\s<>\"']", address):
        raise UserError("The link is no web address. It would lead nowhere. Give one that begins with https://, or leave it empty.")
    return address


# ---- tables -----------------------------------------------------------------------------------------------------


def import_csv(text: str) -> tuple[list[Source], list[Rejected]]:
    """The projects of a CSV, and every row that was not taken.

    The first row names the columns, in any order, case and punctuation (`Techstack`, `Tech stack`, `Project name`, `URL`); columns
    with other names join the text. Cells are separated by commas, semicolons, tabs or bars. Raises UserError for a table without
    such a row.
    """
    if len(text) > MOST_TABLE:
        raise UserError(f"The table has {len(text):,} characters; up to {MOST_TABLE:,} are read. Nothing was imported. Split the file.")
    lines = list(io.StringIO(text.removeprefix("\ufeff").replace("\x00", ""), newline=""))
    cut = _delimiter(next((line for line in lines if line.strip()), ""))
    rows = _rows(lines, cut)
    _, head = next(rows, (0, []))
    roles = [_role(name) for name in head] if isinstance(head, list) else []
    if not any(roles):
        raise UserError(
            "The first row names no column that ftapp knows. It cannot tell titles from links. "
            "Let the first row say Title, Text, Techstack and Links, or some of these."
        )
    found: list[Source] = []
    rejected: list[Rejected] = []
    for line, cells in rows:
        if len(found) >= MOST_ROWS:
            rejected.append(Rejected(line, f"This and all later rows: a table of more than {MOST_ROWS:,} rows. Split the file."))
            break
        try:
            found.append(_project(head, roles, cells))
        except UserError as error:
            rejected.append(Rejected(line, str(error)))
    return found, rejected


def _project(head: list[str], roles: list[str], cells: list[str] | str) -> Source:
    """One row as a project. Raises UserError with what is wrong with it."""
    if isinstance(cells, str):
        raise UserError(cells)
    if len(cells) != len(head):
        raise UserError(
            f"The row has {len(cells)} cells, the first row {len(head)}. It is unclear what belongs where. "
            "Put a cell that holds a comma between quotation marks."
        )
    held: dict[str, list[str]] = {role: [] for role in ("title", "text", "link", "technologies", "")}
    for name, role, cell in zip(head, roles, cells, strict=True):
        if cell.strip():
            held[role].append(cell.strip() if role else f"{name.strip() or 'Note'}: {cell.strip()}")
    links = [part for cell in held["link"] for part in re.split(r"[\s,;|]+", cell) if part]
    more = [f"See also {_link(link)}" for link in links[1:]]
    return project(" - ".join(held["title"]), "\n".join(held["text"] + held[""] + more), *links[:1] or [""], ",".join(held["technologies"]))


def _role(name: str) -> str:
    """What a column holds, by its name: "title", "text", "link", "technologies", or "" for any other."""
    bare = "".join(re.findall(r"[a-z0-9]", name.casefold()))
    exact = [role for role, names in COLUMNS.items() if bare in names]
    words = re.findall(r"[a-z]+", name.casefold())
    loose = [role for role, names in COLUMNS.items() if any(word in names for word in reversed(words))]
    return (exact or loose or [""])[0]


def _delimiter(header: str) -> str:
    """The sign that cuts the first row into the most columns with known names; a comma when none does."""
    return max(",;\t|", key=lambda cut: sum(bool(_role(cell)) for cell in next(csv.reader([header], delimiter=cut), [])))


def _rows(lines: list[str], cut: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row that is not blank, with its line: its cells, or why it could not be read.

    A row may go over several lines between quotation marks. When a mark is never closed only its own line is lost, not the file.
    """
    at = width = 0
    while at < len(lines):
        cells, used = _row(lines, at, cut, width)
        width = width or len(cells)
        if isinstance(cells, str) or any(cell.strip() for cell in cells):
            yield at + 1, cells
        at += used


def _row(lines: list[str], at: int, cut: str, width: int) -> tuple[list[str] | str, int]:
    """The row that begins at a line, and how many lines it takes; `width` is the number of columns, 0 for the first row."""
    reader = csv.reader(lines[at : at + LONGEST_ROW], delimiter=cut, strict=True)
    try:
        cells = next(reader, [])
        closed = reader.line_num <= 1 or not width or len(cells) == width  # else it was closed by a mark of some later row
    except csv.Error:
        closed, cells = False, []
    if closed:
        return cells, reader.line_num or 1
    return "A quotation mark is never closed, or stands inside a cell. It is unclear where the cell ends. Double it, or remove it.", 1
