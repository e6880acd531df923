"""What a child process does before and around parsing a stranger's file or page: give up rights, read, answer in JSON.

Knows the system's limits and nothing of formats. Two fences, because no system offers every one of them: limits of the
operating system (POSIX `setrlimit`, Linux namespaces), which also hold for code in C, and a hook in Python (PEP 578) that refuses to
open sockets, write files or start processes everywhere. A file that runs into a fence is refused like a damaged one.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from ftapp.errors import UserError

MEMORY_BYTES = 768 * 2**20
CPU_SECONDS = 15  # behind the parent's wall clock, should the parent be gone
OPEN_FILES = 64
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of sched.h
_PARENT_DEATH, _NO_NEW_RIGHTS = 1, 38  # PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS of prctl.h
_REFUSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "os.kill",
            "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
            "shutil.", "tempfile.", "webbrowser.", "ftplib.", "http.client.", "urllib.Request", "smtplib.")  # fmt: skip
# What each task reads, and what a person can do when that fails.
READS = {"read": ("file", "save it again as plain text, or paste the text."),
         "page": ("page", "open it in a browser and paste the posting's text.")}  # fmt: skip
_TOO_MUCH = "This {} needs more memory than ftapp gives to one - it is damaged or made to do so - {}"


def main(task: str) -> None:
    """Answer on standard output: the result of `task`: "read" the file, or the "page", on standard input, or try the "limits"."""
    answer_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    namespace = enclose()
    data = sys.stdin.buffer.read()
    sys.addaudithook(refuse)
    try:
        answer = tried(namespace) if task == "limits" else _page(data) if task == "page" else _read(data)
    except UserError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": _TOO_MUCH.format(*READS[task])}
    answer_to.write(json.dumps(answer).encode())
    answer_to.flush()
    os._exit(0)  # no destructor of a parser runs outside the answer


def _read(data: bytes) -> dict[str, Any]:
    from ftapp import readers

    return readers.read(data)


def _page(data: bytes) -> dict[str, Any]:
    """The postings of a page that stands below one line of JSON: where it came from, and the charset that the server named."""
    from ftapp import pages

    named, _, html = data.partition(b"\n")
    found = pages.read(html, **json.loads(named))
    return {"postings": [{"fields": one.fields.model_dump(), "text": one.text} for one in found]}


def enclose() -> bool:
    """Take all limits that this system offers; those it lacks are left out. Returns whether the network is another, empty one."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    for name, most in (
        ("RLIMIT_AS", MEMORY_BYTES),
        ("RLIMIT_CPU", CPU_SECONDS),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_CORE", 0),
    ):
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (AttributeError, ValueError, OSError):  # macOS knows RLIMIT_AS and refuses it
            continue
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PARENT_DEATH, 9, 0, 0, 0)
    libc.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0)
    alone = libc.unshare(_NEW_NETWORK) == 0 or libc.unshare(_NEW_USER | _NEW_NETWORK) == 0
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # counts a user's processes, so only after the namespace
    except (ValueError, OSError):
        pass
    return alone


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: raises PermissionError for everything that parsing does not need."""
    if event == "open":
        _, mode, flags = arguments
        writes = (
            isinstance(mode, str) and set(mode) & set("wax+") or isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if writes:
            raise PermissionError("no file may be written here")
    elif event.startswith(_REFUSED):
        raise PermissionError("not allowed here")


def tried(namespace: bool) -> dict[str, str]:
    """Each fence, run into on purpose."""
    by_python, by_system, none = "refused by Python", "refused by the system", "not limited"
    return {
        "memory": none if _succeeds(lambda: bytearray(MEMORY_BYTES)) else by_system,
        "network": by_system if namespace else none if _succeeds(lambda: socket.socket().close()) else by_python,
        "writing": _writing(by_system, by_python, none),
        "processes": none if _succeeds(lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})) else by_python,
    }


def _writing(by_system: str, by_python: str, none: str) -> str:
    try:
        import resource

        return by_system if resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 0 else by_python
    except ImportError:
        return none if _succeeds(lambda: open(os.devnull, "wb").close()) else by_python


def _succeeds(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except (PermissionError, MemoryError, OSError, AttributeError):
        return False
    return True
