"""What is taken away opens again with the same words, under a name that every file system takes."""

from __future__ import annotations

import io

import pytest
from docx import Document
from pypdf import PdfReader

from ftapp import takeaway
from ftapp.errors import UserError

LETTER = "Dear team at Vale,\n\nI write – “naïve” café, Łódź, Ελλάδα, Привет, 50 € → 60 €.\nSecond line.\n\nKind regards,\nMara Lindqvist"


def pdf_text(letter: str) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(takeaway.to_bytes(letter, "pdf"))).pages)


def docx(letter: str, **about: str):
    return Document(io.BytesIO(takeaway.to_bytes(letter, "docx", **about)))


@pytest.mark.parametrize(
    ("name", "company", "kind", "expected"),
    [
        ("Mara Lindqvist", "Harbour & Vale Ltd.", "cover_letter", "Mara-Lindqvist_Harbour-Vale-Ltd_Cover-Letter.pdf"),
        ("José O'Neil-Núñez", "", "cold_email", "José-O'Neil-Núñez_Email.pdf"),
        ("", "", "answer", "Answer.pdf"),
        ("张 伟", "../../etc/passwd", "linkedin_message", "张-伟_etc-passwd_LinkedIn-Message.pdf"),
        ("😀\x00\u202e", 'a\\b:c*?"<>|', "cover_letter", "a-b-c_Cover-Letter.pdf"),
        ("_ . ", "CON", "?", "CON_Letter.pdf"),
    ],
)
def test_file_names(name, company, kind, expected):
    assert takeaway.file_name(name, company, kind, "pdf") == expected


@pytest.mark.parametrize("long", ["word " * 200, "x" * 900, "語" * 900])
def test_long_fields_are_cut(long):
    assert 20 < len(takeaway.file_name(long, long, "cover_letter", "docx").encode()) <= 160


def test_txt():
    assert takeaway.to_bytes(f"\n{LETTER}\r\n", "txt") == (LETTER + "\n").encode()


def test_docx_keeps_paragraphs_lines_and_says_whose_it_is():
    held = docx(LETTER, name="Mara Lindqvist", title="Cover-Letter - Vale")
    assert [p.text for p in held.paragraphs] == LETTER.split("\n\n")
    assert (held.core_properties.author, held.core_properties.title, held.core_properties.comments) == (
        "Mara Lindqvist", "Cover-Letter - Vale", "")  # fmt: skip


def test_pdf_keeps_every_word_and_is_set_in_our_font():
    read = PdfReader(io.BytesIO(takeaway.to_bytes(LETTER, "pdf", name="Mara", title="T")))
    assert read.pages[0].extract_text().split() == LETTER.split()
    assert (read.metadata.author, read.metadata.title) == ("Mara", "T")
    fonts = [str(font.get_object()["/BaseFont"]) for font in read.pages[0]["/Resources"]["/Font"].values()]
    assert len(fonts) == 1 and "Source" in fonts[0]


def test_a_long_letter_takes_several_pages():
    long = "\n\n".join(f"Paragraph {n}: " + "many words stand here. " * 20 for n in range(12))
    assert pdf_text(long).split() == long.split()
    assert len(PdfReader(io.BytesIO(takeaway.to_bytes(long, "pdf"))).pages) > 1


def test_a_script_without_a_font_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(takeaway, "_font_folders", lambda: [tmp_path, tmp_path / "none"])
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    for letter, script in (("Hello こんにちは", "Hiragana"), ("สวัสดี", "Thai"), ("Hi 😀", "emoji")):
        with pytest.raises(UserError) as refused:
            takeaway.to_bytes(letter, "pdf")
        assert script in str(refused.value) and ".docx" in str(refused.value) and letter not in str(refused.value)
        assert takeaway.to_bytes(letter, "docx") and takeaway.to_bytes(letter, "txt")


def test_a_character_that_this_python_does_not_know_stays_and_what_is_none_goes():
    found = takeaway.to_bytes("Hi \U0001fae9\U000e0fff there\ufdd0\U0001fffe\ufeff.\x00", "txt").decode()
    assert found == "Hi \U0001fae9\U000e0fff there.\n"
    assert takeaway.to_bytes("Hi \U000e0fff there", "docx")
    with pytest.raises(UserError):
        takeaway.to_bytes("Hi \U000e0fff there", "pdf")


def test_a_font_of_this_machine_helps_out(monkeypatch, tmp_path):
    """A font with one foreign letter, made here: it is found, embedded, and the rows after it are still drawn."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for move, points in ((pen.moveTo, [(50, 0)]), (pen.lineTo, [(50, 700)]), (pen.lineTo, [(450, 700)]), (pen.lineTo, [(450, 0)])):
        move(*points)
    pen.closePath()
    box = pen.glyph()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", "he"])
    made.setupCharacterMap({0x5D0: "he", 0x5D1: "he", 0x3042: "he"})
    made.setupGlyf({".notdef": box, "he": box})
    made.setupHorizontalMetrics({".notdef": (500, 50), "he": (500, 50)})
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Boxes", "styleName": "Regular", "psName": "Boxes"})
    made.setupOS2()
    made.setupPost()
    made.save(tmp_path / "boxes.ttf")
    monkeypatch.setattr(takeaway, "_font_folders", lambda: [tmp_path])
    assert [path.name for path, _ in takeaway._fonts_for("a あ")] == [takeaway.FONT, "boxes.ttf"]
    letter = "אב אב\n\nMara\n\nあ\nLind"
    read = PdfReader(io.BytesIO(takeaway.to_bytes(letter, "pdf")))
    fonts = read.pages[0]["/Resources"]["/Font"]
    assert len(fonts) == 2
    assert {"Mara", "Lind"} <= set(read.pages[0].extract_text().split())
    # A restored graphics state ("Q") has no font: the text after it must name one, else it is invisible.
    rows = read.pages[0].get_contents().get_data().decode("latin-1").split(" ET Q")
    assert len(rows) > 1 and all(" Tf" in row for row in rows if " Tj" in row)


def test_leftward_paragraphs_are_marked_in_word():
    held = docx("שלום לכם\n\nMara")
    assert ["w:bidi" in p._p.xml for p in held.paragraphs] == [True, False]


@pytest.mark.parametrize("ending", takeaway.ENDINGS)
def test_characters_that_files_cannot_hold_go_and_the_rest_stays(ending):
    held = takeaway.to_bytes("a\x00b\x0c\x1bc \ud83d d\ufffe\r\n\r\nend", ending)
    text = {"txt": lambda: held.decode(), "docx": lambda: "\n".join(p.text for p in Document(io.BytesIO(held)).paragraphs),
            "pdf": lambda: PdfReader(io.BytesIO(held)).pages[0].extract_text()}[ending]()  # fmt: skip
    assert text.split() == ["ab", "c", "d", "end"]


@pytest.mark.parametrize(("letter", "ending", "words"), [("x", "odt", "odt"), (" \n", "pdf", "empty"), ("\x00", "docx", "empty")])
def test_what_cannot_be_saved_is_refused(letter, ending, words):
    with pytest.raises(UserError, match=words):
        takeaway.to_bytes(letter, ending)


def test_save_writes_the_named_file(tmp_path):
    path = takeaway.save(LETTER, tmp_path / "new", "docx", name="Mara Lindqvist", company="Vale")
    assert path == tmp_path / "new" / "Mara-Lindqvist_Vale_Cover-Letter.docx"
    assert Document(path).paragraphs[0].text == "Dear team at Vale,"
