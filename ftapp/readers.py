"""One file's bytes -> its visible text. Runs in the child process that `files` starts, never in the app.

Knows formats and nothing of postings or résumés. Each reader takes bytes and returns text and sentences about what
was left out, or raises UserError in words for a person; any other exception means a malformed file. Heavy libraries
are imported by the reader that needs them, so that a text file costs nothing but Python's own start.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from ftapp.documents import MOST_CHARACTERS
from ftapp.errors import UserError

MOST_UNPACKED_BYTES = 50 * 2**20  # of a DOCX; real ones with pictures stay below 20 MB
MOST_PARTS = 5000  # files inside a DOCX
MOST_PAGES = 100  # of a PDF
LAYOUT_SECONDS = 6.0  # for a PDF's text and layout together; half of what the parent waits, so that the text alone is never lost
SCANNED_LETTERS = 20  # a page of pictures with fewer letters than this is a scan with a stamp or page number

Found = tuple[str, list[str]]  # text, sentences for the person

_ANOTHER = "save it as an unprotected PDF, DOCX or text file, or paste the text."
_PICTURE = f"This is a picture - a picture holds no text that ftapp could read - {_ANOTHER}"
_FOREIGN = (  # files that people try, by their first bytes
    (b"\xd0\xcf\x11\xe0", f"This is an old Word file (.doc) or a protected one - ftapp reads neither - {_ANOTHER}"),
    (b"{\\rtf", f"This is an RTF file - ftapp does not read that format - {_ANOTHER}"),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
)
_UNKNOWN = f"This file is none of PDF, DOCX, HTML, Markdown, JSON or text - ftapp cannot tell what it says - {_ANOTHER}"
MALFORMED = "This {} file is damaged - it could not be read to its end - save it again in the program that made it, or paste the text."
_EMPTY = "This {} file holds no text - there is nothing to write from - choose another file or paste the text."


def read(data: bytes) -> dict[str, Any]:
    """{"text", "warnings", "profile"} of a file, its format recognised by content. `profile` is a JSON Résumé's fields, else None.

    Raises UserError when there is nothing that could be read.
    """
    kind, reader = _reader(data)
    try:
        text, warnings, *profile = reader(data)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # whatever a parser makes of a broken file
        raise UserError(MALFORMED.format(kind)) from error
    if not re.search(r"[^\W_]", text):
        raise UserError(_EMPTY.format(kind))
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"This {kind} file holds {len(text):,} characters; ftapp reads up to {MOST_CHARACTERS:,} - it is more than one document - "
            "choose the part that matters."
        )
    return {"text": text, "warnings": warnings, "profile": profile[0] if profile else None}


def _reader(data: bytes) -> tuple[str, Callable[[bytes], Any]]:
    """The format's name and its reader. A name's ending is never asked: it is often wrong and easily forged."""
    if b"%PDF-" in data[:1024]:
        return "PDF", pdf
    if data.startswith(b"PK"):
        return "DOCX", docx
    for magic, sentence in _FOREIGN:
        if data.startswith(magic):
            raise UserError(sentence)
    text = decoded(data)
    if re.match(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"])", text):
        return "JSON", json_document
    if (
        re.match(r"(?is)\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", text)
        or len(_TAG.findall(text)) >= 3
    ):
        return "HTML", lambda given: (visible_text(decoded(given)), [])
    if len(_MARKDOWN.findall(text)) >= 2:
        return "Markdown", lambda given: (markdown(decoded(given)), [])
    return "text", lambda given: (decoded(given), [])


# ---- text ------------------------------------------------------------------------------------------------------

_TAG = re.compile(r"(?i)</?(?:p|div|span|br|ul|ol|li|h[1-6]|table|tr|td|a|b|i|strong|em|section|article)(?:\s[^<>]*)?/?>")
_MARKDOWN = re.compile(r"(?m)^ {0,3}#{1,6} +\S|(?<!\*)\*\*[^\s*][^*\n]*\*\*(?!\*)|\[[^\]\n]+\]\(https?://[^)\s]+\)")


def decoded(data: bytes) -> str:
    """Bytes as text: by byte order mark, else UTF-8, else the likeliest code page. Raises UserError for what is no text."""
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _textual(data.decode(codec, errors="replace"))
    try:
        return _textual(data.decode("utf-8"))
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        likeliest = from_bytes(data[:20_000]).best()  # a code page shows in its first accents
        return _textual(data.decode(likeliest.encoding if likeliest else "cp1252", errors="replace"))


def _textual(text: str) -> str:
    strange = len(re.findall("[\x00-\x08\x0e-\x1a\x7f\ufffd]", text))
    if strange > 4 + len(text) // 50:
        raise UserError(_UNKNOWN)
    return text.replace("\x00", "")


def json_document(data: bytes) -> tuple[str, list[str], dict[str, Any]]:
    """A JSON Résumé as text, what is wrong with it, and its fields."""
    from ftapp import json_resume

    try:
        document = json.loads(decoded(data))
    except (ValueError, RecursionError):
        raise UserError(MALFORMED.format("JSON")) from None
    profile, warnings = json_resume.profile(document)
    return json_resume.as_text(profile), warnings, profile.model_dump()


def markdown(text: str) -> str:
    """Markdown without its marks; line breaks stay, because in a résumé they mean something."""
    from markdown_it import MarkdownIt

    return visible_text(MarkdownIt("commonmark", {"breaks": True, "html": False}).enable("table").render(text))


# ---- HTML ------------------------------------------------------------------------------------------------------

_NOT_SHOWN = [
    "script",
    "style",
    "noscript",
    "template",
    "head",
    "svg",
    "canvas",
    "iframe",
    "object",
    "select",
    "button",
    "datalist",
    "dialog",
]
_LOOSE = "p section article header footer main aside nav h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre form figure hr details".split()
_TIGHT = "div li dt dd tr address figcaption summary fieldset".split()  # a new line, without a blank one before it
_GAP, _LINE = "\x1e", "\x1f"  # where those begin and end; control characters, so that no page can hold them
_HIDING = re.compile(
    r"(?i)display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|font-size\s*:\s*0(?:\.\d+)?(?:px|pt|em|rem|%)?\s*"
    r"(?:;|!|$)|text-indent\s*:\s*-\d{3,}|(?:left|top|right|bottom|margin-left|margin-top)\s*:\s*-\d{3,}|clip(?:-path)?\s*:\s*(?:rect\(\s*0|inset\(\s*(?:50|100)%)|"
    r"(?:^|;)\s*(?:max-)?(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|!|$)|(?:^|;)\s*color\s*:\s*transparent"
)  # fmt: skip
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COLOUR = re.compile(r"(?i)(?:^|;)\s*(background(?:-color)?|color)\s*:\s*([^;!]+)")


def visible_text(page: str) -> str:
    """What a reader would see of an HTML page: no scripts, no comments, nothing that is styled away; one line a block."""
    from bs4 import BeautifulSoup, Comment, NavigableString

    soup = BeautifulSoup(page, "html.parser")
    hidden = _hidden_by_sheet(soup)
    for tag in soup.find_all(True):
        if not tag.decomposed and (tag.name in _NOT_SHOWN or tag in hidden or _hides(tag)):
            tag.decompose()
    for node in soup.find_all(string=lambda s: not isinstance(s, Comment) and type(s) is NavigableString):
        text = re.sub(f"[{_GAP}{_LINE}]", " ", node)
        node.replace_with(NavigableString(text if node.find_parent("pre") else re.sub(r"\s+", " ", text)))
    for tag in soup.find_all("br"):
        tag.replace_with("\n")
    for tag in soup.find_all(["td", "th"]):
        tag.append("   ")
    for tag in soup.find_all([*_LOOSE, *_TIGHT]):
        mark = _GAP if tag.name in _LOOSE else _LINE
        tag.insert(0, mark + "• " if tag.name == "li" else mark)
        tag.append(mark)
    text = re.sub(f"• [ {_GAP}{_LINE}]+", "• ", soup.get_text())  # a paragraph inside a list's item
    broken = re.sub(f" *[{_GAP}{_LINE}\n][{_GAP}{_LINE}\n ]*", lambda m: "\n\n" if _GAP in m[0] or m[0].count("\n") > 1 else "\n", text)
    return "\n".join(line.strip() for line in broken.split("\n")).strip()


def _hides(tag: Any) -> bool:
    if tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).strip().lower() == "true" or tag.get("type") == "hidden":
        return True
    return _styled_away(str(tag.get("style", "")))


def _styled_away(style: str) -> bool:
    colours = {name.lower(): value.strip().lower() for name, value in _COLOUR.findall(style)}
    behind = colours.get("background-color") or colours.get("background")
    return bool(_HIDING.search(style)) or behind is not None and colours.get("color") == behind


def _hidden_by_sheet(soup: Any) -> set[Any]:
    """Elements that a rule of the page's own style sheets hides. Rules inside @media count too: some reader is shown nothing."""
    hidden: set[Any] = set()
    for selector, style in (rule for sheet in soup.find_all("style") for rule in _RULE.findall(sheet.get_text())):
        simple = selector.rpartition(";")[2].strip()
        if _styled_away(style) and re.fullmatch(r"[\w.#,\s>-]{1,200}", simple):
            hidden.update(soup.select(simple))
    return hidden


# ---- DOCX ------------------------------------------------------------------------------------------------------

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # repeats what mc:Choice says
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def docx(data: bytes) -> Found:
    """Paragraphs, tables, content controls and text boxes in reading order; the first page's header, where names often stand, first."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
    except zipfile.BadZipFile:
        raise UserError(MALFORMED.format("DOCX")) from None
    if sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES or len(parts) > MOST_PARTS:
        raise UserError(
            f"This file would unpack to more than {MOST_UNPACKED_BYTES >> 20} MB - no résumé or posting is that large, so it was "
            "not opened - save the text alone as a new file, or paste it."
        )
    if any(part.flag_bits & 1 for part in parts):
        raise UserError(f"This file is protected with a password - ftapp cannot open it - {_ANOTHER}")
    if "word/document.xml" not in {part.filename for part in parts}:
        raise UserError(f"This is a packed file, but no Word document - ftapp does not look into it - {_ANOTHER}")
    from docx import Document

    document = Document(io.BytesIO(data))
    section = document.sections[0] if document.sections else None
    header = (
        []
        if section is None
        else [section.first_page_header, section.header]
        if section.different_first_page_header_footer
        else [section.header]
    )
    blocks = [line for part in header for line in _blocks(part._element)] + list(_blocks(document.element.body))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(blocks)), []


def _blocks(element: Any) -> Iterator[str]:
    """The lines below an element: one a paragraph, one a row of a table whose cells are single lines."""
    for child in element.iterchildren(f"{_W}p", f"{_W}tbl", f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}smartTag", f"{_W}customXml"):
        if child.tag == f"{_W}p":
            yield from _paragraph(child)
        elif child.tag == f"{_W}tbl":
            for row in child.iter(f"{_W}tr"):
                if next(row.iterancestors(f"{_W}tbl")) is child:  # rows of tables inside are read with their cell
                    yield from _row(row)
        else:
            yield from _blocks(child)


def _row(row: Any) -> Iterator[str]:
    cells = [[line for line in _blocks(cell) if line.strip()] for cell in row.iter(f"{_W}tc") if next(cell.iterancestors(f"{_W}tr")) is row]
    if all(len(cell) <= 1 for cell in cells):
        yield "   ".join(line for cell in cells for line in cell)
    else:
        yield from (line for cell in cells for line in [*cell, ""])


def _paragraph(paragraph: Any) -> Iterator[str]:
    """A paragraph's visible text, with a bullet when it is a list's, and the paragraphs of text boxes that hang on it."""
    boxes = [box for box in paragraph.iter(f"{_W}txbxContent") if not any(a.tag == _FALLBACK for a in box.iterancestors())]
    for box in boxes:
        yield from _blocks(box)
    text = "".join(_runs(paragraph))
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    listed = paragraph.find(f"{_W}pPr/{_W}numPr") is not None or style is not None and style.get(f"{_W}val", "").startswith("List")
    yield f"• {text.strip()}" if listed and text.strip() else text


def _runs(element: Any) -> Iterator[str]:
    for child in element.iterchildren():
        name = str(child.tag).removeprefix(_W)
        if name == "t":
            yield child.text or ""
        elif name in _SIGNS:
            yield _SIGNS[name]
        elif name not in ("pPr", "rPr", "del", "moveFrom", "txbxContent", "drawing", "pict", "instrText") and not _vanished(child):
            if child.tag != _FALLBACK and not child.tag.__class__.__name__.startswith("builtin"):
                yield from _runs(child)


def _vanished(run: Any) -> bool:
    mark = run.find(f"{_W}rPr/{_W}vanish")
    return mark is not None and mark.get(f"{_W}val", "true") not in ("0", "false", "off")


# ---- PDF -------------------------------------------------------------------------------------------------------


def pdf(data: bytes) -> Found:
    """pypdf's text; where columns or things at the right margin would interleave, the words in the order of the page's layout."""
    import logging

    began = time.monotonic()
    logging.disable(logging.CRITICAL)  # both libraries quote the file in their complaints
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise UserError(f"This PDF is encrypted - it opens only with its password - {_ANOTHER}")
    if len(reader.pages) > MOST_PAGES:
        raise UserError(
            f"This PDF has {len(reader.pages):,} pages; ftapp reads up to {MOST_PAGES} - it is more than one document - "
            "choose the pages that matter."
        )
    pages, lost = [], 0
    for page in reader.pages:
        try:
            pages.append(page.extract_text())
        except MemoryError:
            raise
        except Exception:
            lost += 1
    if lost and not any(pages):
        raise UserError(MALFORMED.format("PDF"))
    text = "\n\n".join(pages)
    if _letters(text) < SCANNED_LETTERS * len(pages) and _has_pictures(reader):
        raise UserError(
            "This PDF is a scan: its pages are pictures without text - nothing in it can be read - "
            "run text recognition (OCR) on it, or paste the text."
        )
    if not _letters(text):
        raise UserError(f"This PDF holds no text - its pages are empty, or their letters are drawn as lines - {_ANOTHER}")
    warnings = [f"{lost} of {lost + len(pages)} pages could not be read and are missing."] if lost else []
    try:
        text = _laid_out(data, text, began + LAYOUT_SECONDS)
    except TimeoutError:
        warnings.append("The layout of this PDF took too long to work out; check that columns and dates were not mixed up.")
    return text + _form(reader), warnings


def _laid_out(data: bytes, text: str, deadline: float) -> str:
    """The text by the page's layout, unless that says nothing more or loses letters. Raises TimeoutError at the deadline."""
    from ftapp import columns

    try:
        by_layout = columns.read(data, deadline)
    except (MemoryError, TimeoutError):
        raise
    except Exception:
        return text
    return by_layout if _letters(by_layout) >= 0.95 * _letters(text) else text


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _has_pictures(reader: Any) -> bool:
    def pictures(resources: Any, depth: int) -> bool:
        below = [x.get_object() for x in (resources.get_object().get("/XObject") or {}).get_object().values()] if resources else []
        return any(
            x.get("/Subtype") == "/Image" or depth and x.get("/Subtype") == "/Form" and pictures(x.get("/Resources"), depth - 1)
            for x in below
        )

    try:
        return any(
            pictures(page.get("/Resources"), 3) or "/Contents" in page and b"\nBI" in page.get_contents().get_data()
            for page in reader.pages
        )
    except Exception:
        return False


def _form(reader: Any) -> str:
    """Filled fields of a form, one a line."""
    try:
        fields = reader.get_form_text_fields() or {}
    except Exception:
        return ""
    return "".join(f"\n{name}: {value}" for name, value in fields.items() if value)
