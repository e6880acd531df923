"""A letter as a file to take away: .docx, .pdf or .txt, under a name that says whose it is and for whom. Pure.

Knows paper, fonts and file names. Does not know whether the letter should be sent: ask cleaning.py and the claim ledger
before. Nothing is left out silently: characters that no font on this machine can draw refuse the .pdf in a sentence.
"""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from ftapp.errors import UserError

ENDINGS = ("docx", "pdf", "txt")
KIND_NAMES = {"cover_letter": "Cover-Letter", "cold_email": "Email", "linkedin_message": "LinkedIn-Message", "answer": "Answer"}
FONT = "SourceSerifPro-Regular.ttf"  # of the package font-source-serif-pro
WORD_FONT = "Georgia"  # on Windows and macOS; Word takes another serif where it is missing
SIZE_POINTS = 11
MARGIN_MM = 25
_FIELD_BYTES = 60  # of each part of a file name: the longest whole name then fits every file system
_SHAPED = re.compile(r"[\u0590-\u08ff\u0900-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufefc]")  # scripts that are joined or run leftwards


def file_name(name: str, company: str, kind: str, ending: str) -> str:
    """`Name_Company_Cover-Letter.docx`; a field that is unknown is left out. Letters of every script stay, signs do not."""
    fields = [_field(name), _field(company), KIND_NAMES.get(kind, "Letter")]
    return "_".join(field for field in fields if field) + "." + ending


def _field(text: str) -> str:
    """One part of a file name: words of letters and digits, joined by hyphens, cut at a word."""
    found = ""
    for word in re.findall(r"[^\W_]+(?:['’][^\W_]+)*", unicodedata.normalize("NFC", text)):
        longer = f"{found}-{word}" if found else word
        if len(longer.encode()) > _FIELD_BYTES:
            return found or word.encode()[:_FIELD_BYTES].decode(errors="ignore")
        found = longer
    return found


def to_bytes(letter: str, ending: str, *, name: str = "", title: str = "") -> bytes:
    """The letter as the content of a file of that ending. `name` and `title` go into the file's properties.

    Raises UserError for another ending, an empty letter, and a .pdf whose characters cannot be drawn.
    """
    if ending not in ENDINGS:
        raise UserError(f"A letter cannot be saved as {ending!r} - nothing was saved - choose one of {', '.join(ENDINGS)}.")
    letter = _printable(letter).strip()
    if not letter:
        raise UserError("The letter is empty - there is nothing to save - write one first.")
    return {"docx": _docx, "pdf": _pdf, "txt": _txt}[ending](letter, _printable(name), _printable(title))


def save(letter: str, folder: Path, ending: str, *, name: str = "", company: str = "", kind: str = "cover_letter") -> Path:
    """Write the letter into `folder` under `file_name`, over an older one of that name; returns its path. Raises as `to_bytes`."""
    held = to_bytes(letter, ending, name=name, title=" - ".join(field for field in (KIND_NAMES.get(kind, "Letter"), company) if field))
    path = folder / file_name(name, company, kind, ending)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(held)
    return path


def _printable(text: str) -> str:
    """Line breaks of one kind; no control characters, halves of a surrogate pair or noncharacters, which XML and PDF cannot hold. A
    character that this Python does not know yet (a newer emoji) stays."""
    text = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text).replace("\t", "    ")
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") and not _no_character(ord(c)))


def _no_character(code: int) -> bool:
    """U+FDD0 to U+FDEF, the last two of each plane, and the byte order mark."""
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE or code == 0xFEFF


def _paragraphs(letter: str) -> list[list[str]]:
    """Paragraphs, each a list of its lines."""
    return [block.split("\n") for block in re.split(r"\n[ ]*\n\s*", letter)]


def _leftwards(text: str) -> bool:
    """Whether a paragraph runs from right to left: its first letter decides (Unicode Bidirectional Algorithm, P2 and P3)."""
    first = next((way for way in map(unicodedata.bidirectional, text) if way in ("L", "R", "AL")), "L")
    return first != "L"


def _txt(letter: str, name: str, title: str) -> bytes:
    return (letter + "\n").encode()


# --- Word ----------------------------------------------------------------------------------------------------------------


def _docx(letter: str, name: str, title: str) -> bytes:
    from docx import Document
    from docx.oxml import OxmlElement
    from docx.shared import Mm, Pt

    document = Document()
    document.styles["Normal"].font.name = WORD_FONT
    document.styles["Normal"].font.size = Pt(SIZE_POINTS)
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(MARGIN_MM)
    for lines in _paragraphs(letter):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(SIZE_POINTS)
        run = paragraph.add_run("\n".join(lines))  # python-docx makes line breaks of them
        if _leftwards(lines[0]):
            paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
            run.font.rtl = True
    about = document.core_properties
    about.author, about.title, about.comments = name[:255], title[:255], ""
    about.created = about.modified = datetime.now(UTC)
    held = io.BytesIO()
    document.save(held)
    return held.getvalue()


# --- PDF -----------------------------------------------------------------------------------------------------------------


def _pdf(letter: str, name: str, title: str) -> bytes:
    from fpdf import FPDF
    from fpdf.enums import MethodReturnValue, XPos, YPos

    fonts = _fonts_for(letter)
    page = FPDF(format="A4", unit="mm")
    page.set_margins(MARGIN_MM, MARGIN_MM)
    page.set_auto_page_break(True, MARGIN_MM)
    page.set_title(title)
    page.set_author(name)
    for number, (path, index) in enumerate(fonts):
        page.add_font(f"letter{number}", fname=path, collection_font_number=index)
    page.set_font("letter0", size=SIZE_POINTS)
    page.set_fallback_fonts([f"letter{number}" for number in range(1, len(fonts))], exact_match=False)
    page.set_text_shaping(bool(_SHAPED.search(letter)))
    page.add_page()
    height = SIZE_POINTS * 1.45 * 25.4 / 72
    for lines in _paragraphs(letter):
        for line in lines:
            for row in page.multi_cell(0, height, line, dry_run=True, output=MethodReturnValue.LINES):
                # After a row that begins in a fallback font, fpdf2 2.8.9 writes on without a font: what follows is invisible.
                page.current_font_is_set_on_page = False
                page.cell(0, height, row, align="R" if _leftwards(line) else "L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.ln(height * 0.7)
    return bytes(page.output())


def _fonts_for(letter: str) -> list[tuple[Path, int]]:
    """(file, number in it) of the fonts that draw every character: ours first, then whichever of this machine's are needed."""
    from fontTools.ttLib import TTFont

    ours = Path(str(resources.files("font_source_serif_pro") / "files" / FONT))
    missing = _drawn(letter) - _held(TTFont(ours, lazy=True))
    fonts = [(ours, 0)]
    for path, index, font in _installed() if missing else ():
        if covered := missing & _held(font):
            fonts.append((path, index))
            missing -= covered
        font.close()
        if not missing:
            break
    if missing:
        raise UserError(f"No font on this machine can draw the {_scripts(missing)} in this letter - the .pdf was not made, nothing was "
                        "lost - save it as .docx or .txt, or install a font that has them (Noto is free) and try again.")  # fmt: skip
    return fonts


def _drawn(letter: str) -> set[int]:
    """Code points that need a picture: no white space, no joiners and direction marks."""
    return {ord(c) for c in letter if not c.isspace() and unicodedata.category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f"}


def _held(font: object) -> set[int]:
    return set(font.getBestCmap() or ()) if "glyf" in font or "CFF " in font else set()  # colour bitmaps alone cannot be embedded


def _installed() -> Iterator[tuple[Path, int, object]]:
    """This machine's fonts, upright and regular ones first; a file that cannot be read is passed over."""
    from fontTools.ttLib import TTCollection, TTFont, TTLibError

    files = [file for folder in _font_folders() if folder.is_dir() for file in folder.rglob("*")]
    files = [file for file in files if file.suffix.lower() in (".ttf", ".otf", ".ttc", ".otc")]
    odd = re.compile(r"(?i)bold|italic|oblique|mono|light|thin|black|condensed|narrow|math|emoji")
    for file in sorted(files, key=lambda file: (bool(odd.search(file.name)), "serif" not in file.name.lower(), file.name)):
        try:
            fonts = TTCollection(file, lazy=True).fonts[:1] if file.suffix.lower().endswith("c") else [TTFont(file, lazy=True)]
            for index, font in enumerate(fonts):
                yield file, index, font
        except (TTLibError, OSError, ValueError, AssertionError, KeyError):
            continue


def _font_folders() -> list[Path]:
    """Where systems keep fonts; `FTAPP_FONTS` names a further folder."""
    home = Path.home()
    named = [Path(os.environ["FTAPP_FONTS"])] if os.environ.get("FTAPP_FONTS") else []
    if sys.platform == "win32":
        return [*named, Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", home / "AppData/Local/Microsoft/Windows/Fonts"]
    if sys.platform == "darwin":
        return [*named, Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [*named, Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


def _scripts(points: set[int]) -> str:
    """The scripts of code points, as words: "Hiragana and Thai characters". Unicode names begin with the script's."""
    letters = [chr(point) for point in sorted(points) if unicodedata.category(chr(point))[0] == "L"]
    names = dict.fromkeys(unicodedata.name(letter, "rare").split(" ")[0] for letter in letters)
    if not names:
        return "emoji or signs"
    return " and ".join(name if name == "CJK" else name.capitalize() for name in names) + " characters"
