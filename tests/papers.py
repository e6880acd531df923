"""Small PDF, DOCX, HTML and JSON files, made here, for tests that read files."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence

from docx import Document

NAME, EMPLOYER, TITLE = "Mara Lindqvist", "Pellworm Foods Ltd", "Data Analyst"
LINES = [NAME, TITLE, "", "Experience", f"{TITLE}, {EMPLOYER}, 2019 - 2023", "- Cut the weekly report from three days to four hours",
         "- Taught SQL to 14 colleagues in two departments", "", "Skills", "SQL, Python, Excel"]  # fmt: skip
TEXT = "\n".join(LINES)
HTML = f"""<!DOCTYPE html><html><head><title>CV</title></head><body><h1>{NAME}</h1><p>{TITLE}</p><h2>Experience</h2>
<p>{TITLE}, {EMPLOYER}, 2019 - 2023</p>
<ul><li>Cut the weekly report from three days to four hours</li><li><p>Taught SQL to 14 colleagues</p></li></ul>
<h2>Skills</h2><p>SQL, Python</p></body></html>"""
MARKDOWN = (
    f"# {NAME}\n\n**{TITLE}**\n\n## Experience\n\n{TITLE}, {EMPLOYER}, 2019 - 2023\n\n- Taught SQL to 14 colleagues in two departments\n"
)
RESUME = {
    "basics": {"name": NAME, "label": TITLE, "email": "mara@example.org"},
    "work": [{"name": EMPLOYER, "position": TITLE, "startDate": "2019-03-01", "endDate": "2023-06", "summary": "Ran the reports.",
              "highlights": ["Taught SQL to 14 colleagues"]}],
    "education": [{"institution": "Lund University", "area": "Statistics", "studyType": "BSc"}],
    "certificates": [{"name": "Certified Data Steward"}],
    "skills": [{"name": "Data", "keywords": ["SQL", "Python"]}, {"name": "Reporting"}],
}  # fmt: skip
JSON = json.dumps(RESUME)

Placed = tuple[float, float, str]  # points from the left, points from the top, what stands there
PICTURE = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\nx\nendstream"
)


def pdf(*pages: Iterable[Placed], picture: bool = False) -> bytes:
    """A PDF with one page for each list of placed texts, in 10-point Helvetica; `picture` puts an image on every page."""
    parts = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>", PICTURE]
    kids = []
    for page in pages:
        shown = [f"BT /F 10 Tf {x} {800 - y} Td ({_escaped(text)}) Tj ET" for x, y, text in page] + ["/I Do"] * picture
        content = "\n".join(shown).encode("cp1252")
        parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        parts.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> "
                     b"/XObject << /I 4 0 R >> >> >>" % len(parts))  # fmt: skip
        kids.append(b"%d 0 R" % len(parts))
    parts[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    parts[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    if not picture:
        parts[3] = b"<< >>"
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1) + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, start))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def down(lines: Sequence[str], x: float = 50, top: float = 40, step: float = 13) -> list[Placed]:
    """Lines one below another."""
    return [(x, top + step * i, line) for i, line in enumerate(lines) if line]


def encrypted_pdf(password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(down(LINES)))))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(lines: Sequence[str] = LINES) -> bytes:
    document = Document()
    for line in lines:
        document.add_paragraph(line.removeprefix("- "), style="List Bullet" if line.startswith("- ") else None)
    return saved(document)


def saved(document: Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def rezipped(packed: bytes, changed: dict[str, bytes]) -> bytes:
    """A DOCX with some of its parts replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), *changed]):
            new.writestr(name, changed[name] if name in changed else old.read(name))
    return out.getvalue()
