"""Where a server is: a typed address -> the one that is asked, and whether it is this machine. Pure; asks no name service."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from ftapp.errors import UserError

MOST_CHARACTERS = 300
_TAIL = re.compile(r"/(?:chat/completions|completions|models)$")


def is_loopback(host: str) -> bool:
    """True for `localhost`, 127.0.0.0/8 and ::1; a name that must be looked up is not."""
    host = host.strip().strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def server_url(typed: str) -> str:
    """`127.0.0.1:8000` -> `http://127.0.0.1:8000/v1`: the address below which an OpenAI-compatible server answers.

    A path that was given is kept, without the end that names one call. Raises UserError for what is no such address, and for one
    that holds a password or a key, which would be stored with it.
    """
    text = typed.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError:
        host = parts = None
    if not parts or not host or parts.scheme not in ("http", "https") or len(text) > MOST_CHARACTERS or re.search(r"[\s\\\x00-\x1f]", text):
        raise UserError("That is no address of a server. Nothing was changed. Give one such as http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UserError(
            "The address holds more than a place: a name, a password or a parameter. It would be stored with them, so nothing was "
            "changed. Give the address alone; a key belongs into the environment variable FTAPP_SERVER_KEY."
        )
    path = _TAIL.sub("", parts.path.rstrip("/")) or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def host_of(url: str) -> str:
    """`https://api.example.com:8443/v1` -> `api.example.com:8443`."""
    return urlsplit(url).netloc


def is_here(url: str) -> bool:
    """Whether an address is this machine's own."""
    return is_loopback(urlsplit(url).hostname or "")
