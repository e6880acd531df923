"""A file, as bytes or a path -> its text and warnings, or one sentence why not. Knows limits and processes, no formats.

A stranger's PDF is a program for a parser. So every file is parsed by `readers` in a child process of its own (started
afresh, never forked): with a wall clock and, where the system offers them, limits on memory, network, files and
further processes. The bytes go in through a pipe and a JSON answer comes out; nothing is copied to a disk. A page from the web
goes through the same door (see `pages`).
`doctor` prints what `limits` found to hold here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftapp import documents, jail
from ftapp.errors import UserError
from ftapp.profiles import JobPosting, ResumeProfile, parse_job, parse_resume

MOST_BYTES = 10 * 2**20  # of one file; a résumé with a photograph has 1 or 2 MB
SECONDS = 12.0  # wall clock for one file, Python's own start included
MOST_CHILDREN = 4  # at once; more would wait for the same cores, and each may take `jail.MEMORY_BYTES`

_ROOT = Path(__file__).resolve().parent.parent
_CHILD = "import sys; sys.path.append(sys.argv[1]); from ftapp import jail; jail.main(sys.argv[2])"
_turns = threading.BoundedSemaphore(MOST_CHILDREN)

_TOO_SLOW = "This {} took longer than {:.0f} seconds to read - it is damaged, very large or made to do so - {}"
_ENDED = "This {} could not be read within the limits that keep this machine safe - it is damaged or made to do harm - {}"


@dataclass(frozen=True)
class FileText(documents.PlainText):
    """Text and warnings as of a paste; `profile` holds the fields of a JSON Résumé, which need no guessing."""

    profile: ResumeProfile | None = None


def read(source: str | os.PathLike[str] | bytes, name: str = "") -> FileText:
    """The visible text of a PDF, DOCX, HTML, Markdown, JSON Résumé or text file, recognised by content, never empty.

    `name` is what the sentences call it ("posting", "résumé", "file"). Raises UserError, in a sentence of its own each, for a
    scan, an empty, encrypted or damaged file, one that unpacks too far, an unknown format, and one too large or too slow.
    """
    data = source if isinstance(source, bytes) else _bytes(Path(source))
    if len(data) > MOST_BYTES:
        raise UserError(_too_large(len(data)))
    if not data.strip():
        raise UserError("This file is empty - there is nothing to write from - choose another file or paste the text.")
    answer = in_child("read", data)
    plain = documents.read_text(answer["text"], name or "file")
    profile = None if answer["profile"] is None else ResumeProfile.model_validate(answer["profile"])
    return FileText(plain.text, (*answer["warnings"], *plain.warnings), profile)


def read_resume(source: str | os.PathLike[str] | bytes) -> ResumeProfile:
    """A résumé file's fields. Raises as `read` and `as_resume`."""
    return as_resume(read(source, "résumé"))


def as_resume(found: FileText) -> ResumeProfile:
    """The fields of a JSON Résumé as they are, those of any other file by `parse_resume`. Raises UserError when there are none."""
    profile = found.profile or parse_resume(found.text)
    if not (profile.experience or profile.skills or profile.education or profile.certificates or profile.name and profile.headline):
        raise UserError(
            "The file could be read, but no position, skill or education was found in it - a letter would have nothing to say - "
            "check that it is a résumé, or paste its text and mend it."
        )
    return profile


def read_job(source: str | os.PathLike[str] | bytes) -> JobPosting:
    """A posting file's fields by `parse_job`. Raises as `read`."""
    return parse_job(read(source, "posting").text)


def limits() -> dict[str, Any]:
    """What holds in the child on this machine, tried out there: {"seconds", "memory", "network", "writing", "processes"}.

    Each of the last four is "refused by the system", "refused by Python" (library code in C could pass it) or "not limited".
    """
    return {"seconds": SECONDS} | in_child("limits", b"")


# ---- the child -------------------------------------------------------------------------------------------------


def in_child(task: str, data: bytes) -> dict[str, Any]:
    """The answer of one child to a task of `jail`. The child is gone when this returns, however it returns. Raises UserError
    with the child's sentence."""
    what, act = jail.READS.get(task, jail.READS["read"])
    with _turns:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _CHILD, str(_ROOT), task],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,  # complaints may quote the file
            env={name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ},  # no secret goes in
            cwd=_ROOT, start_new_session=True,
        )  # fmt: skip
        try:
            out, _ = child.communicate(data, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError(_TOO_SLOW.format(what, SECONDS, act)) from None
        finally:
            _end(child)
    try:
        answer = json.loads(out)
    except ValueError:
        raise UserError(_ENDED.format(what, act)) from None
    if "error" in answer:
        raise UserError(answer["error"])
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what still runs, with all that it started, and collect it."""
    if child.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe and not pipe.closed:
            try:
                pipe.close()
            except BrokenPipeError:  # bytes that the child never read
                pass
    child.wait()


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError("No such file - nothing was read - check the name.")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UserError(_too_large(size))
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"The file could not be opened ({(error.strerror or 'unreadable').lower()}) - nothing was read - check its rights."
        ) from None


def _too_large(size: int) -> str:
    return (
        f"This file has {size / 2**20:.1f} MB; ftapp reads up to {MOST_BYTES >> 20} MB - résumés and postings are far smaller - "
        "save it without pictures, or paste the text."
    )
