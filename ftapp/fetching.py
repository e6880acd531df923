"""A job page's URL -> its bytes, without letting the URL reach anything but a public web page.

The name is resolved once, every address it has is judged, and the connection is made to a judged address, so that a
name cannot point elsewhere a moment later (DNS rebinding). Each redirect goes through the same gate. No proxy, cookie
or password is used. Knows nothing of HTML; `pages` reads what comes back.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import idna

from ftapp.errors import UserError

MOST_SECONDS = 10.0  # resolving, all redirects and reading together
MOST_BYTES = 2_000_000  # of the page as sent, and again once unpacked
MOST_REDIRECTS = 3
PORTS = (80, 443)
_PATH_SIGNS = "/%:@!$&'()*+,;=~-._"  # may stand in a path as they are (RFC 3986), "%" because it may be quoted already
PASTE = "Open the page in a browser and paste the posting's text."

# Special-purpose ranges (IANA registries, RFC 6890) and one cloud's host service (168.63.129.16). Listed here rather than asked of
# `ipaddress.is_global`, whose answer differs between Python versions. ::/96, 64:ff9b::/96 and 2002::/16 hold IPv4 addresses.
DENIED = tuple(ipaddress.ip_network(text) for text in """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
    ::/128 ::1/128 ::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
    """.split())  # fmt: skip


@dataclass(frozen=True)
class Page:
    """What a server sent: the address it came from in the end, the bytes, and the charset it named ("" if none)."""

    url: str
    html: bytes
    charset: str = ""


@dataclass(frozen=True)
class _Target:
    """A URL that may be asked for: name in ASCII, port, and the path with its query."""

    scheme: str
    host: str
    port: int
    path: str


def is_url(text: str) -> bool:
    """Whether a pasted text is one web address and nothing else."""
    return bool(re.fullmatch(r"(?i)https?://\S+", text.strip()))


def fetch(url: str, offline: bool = False) -> Page:
    """The HTML page at `url`. Raises UserError, with a sentence, for everything that is not one public HTML page."""
    if offline:
        raise UserError("ftapp is set to work offline - no page is fetched - paste the posting's text, or unset FTAPP_OFFLINE.")
    deadline = time.monotonic() + MOST_SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        target = _target(url)
        try:
            page, moved = _ask(target, deadline)
        except ssl.SSLCertVerificationError:
            raise _refusal(target.host, "could not prove that it is that site (its certificate does not fit)") from None
        except TimeoutError:
            raise _refusal(target.host, f"did not answer within {MOST_SECONDS:.0f} seconds") from None
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as error:
            raise _refusal(target.host, f"could not be reached or broke off ({type(error).__name__})") from None
        if page is not None:
            return Page(url, *page)
        url = urljoin(url, moved)
    raise _refusal(target.host, f"sends its visitors on more than {MOST_REDIRECTS} times")


def _refusal(host: str, what: str) -> UserError:
    return UserError(f"{host} {what} - the page was not read - {PASTE[0].lower()}{PASTE[1:]}")


# --- what may be asked for ---------------------------------------------------------------------------------------------


def _target(url: str) -> _Target:
    """Take a URL apart, strictly: what two readers could read differently is refused."""
    bad = UserError(f"That is no web address ftapp can open - nothing was fetched - copy it from the browser's address bar. Or: {PASTE}")
    url = url.strip()
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise bad
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise bad from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        raise bad
    if "@" in parts.netloc:
        raise UserError(f"The web address holds a user name or password - that can hide where it leads - remove it. Or: {PASTE}")
    host = _host(parts.hostname)
    port = port if port is not None else (443 if scheme == "https" else 80)
    if port not in PORTS:
        raise UserError(f"The web address names port {port} - job pages stand on 80 and 443, nothing else is opened - {PASTE}")
    path = quote(parts.path or "/", safe=_PATH_SIGNS) + (f"?{quote(parts.query, safe=_PATH_SIGNS + '?')}" if parts.query else "")
    return _Target(scheme, host, port, path)


def _host(name: str) -> str:
    """A host name in ASCII (IDNA 2008, UTS 46). Raises UserError for numbers in any spelling: "2130706433", "0x7f.1", "[::1]"."""
    try:
        ascii_name = idna.encode(name.rstrip("."), uts46=True).decode("ascii") if not name.isascii() else name.rstrip(".").lower()
    except idna.IDNAError:
        ascii_name = ""
    if ":" in name or re.fullmatch(r"\d+|0x[0-9a-f]*", ascii_name.rpartition(".")[2]):  # "ends in a number", WHATWG URL standard
        raise UserError(f"The web address is a bare number, not a name - such addresses lead into private networks - {PASTE}")
    if not re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", ascii_name) or len(ascii_name) > 253:
        raise UserError(f"The web address holds no host name - nothing was fetched - copy it from the browser's address bar. Or: {PASTE}")
    return ascii_name


def is_public(address: str) -> bool:
    """Whether an IP address may be connected to. An IPv4 address written as IPv6 (::ffff:a.b.c.d) is judged as IPv4."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return not any(parsed in network for network in DENIED if network.version == parsed.version)


def _resolved(target: _Target, deadline: float) -> list[tuple]:
    """(family, socket address) of every address of the host, asked for once. One that is not public spoils all."""
    answers: list[tuple] = []
    failure: list[Exception] = []

    def ask() -> None:
        try:
            answers.extend(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failure.append(error)

    asking = threading.Thread(target=ask, daemon=True)  # the system's resolver takes no time limit
    asking.start()
    asking.join(_left(deadline))
    if asking.is_alive():
        raise TimeoutError
    if failure or not answers:
        raise _refusal(target.host, "is not known to the name service (a typing error, or no network)")
    found = list(dict.fromkeys((family, where) for family, _, _, _, where in answers))
    if not all(is_public(where[0]) for _, where in found):
        raise _refusal(target.host, "leads to an address inside a private network")
    return found


# --- one request ---------------------------------------------------------------------------------------------------------


def _left(deadline: float) -> float:
    """Seconds left. Raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed(io.RawIOBase):
    """What a socket sends, each wait ending at one deadline, so that a dripping server gains nothing."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self._deadline = connected, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self._socket.settimeout(_left(self._deadline))
        return self._socket.recv_into(buffer)


class _Channel:
    """The three things http.client asks of a socket. Whoever made the connection closes it, not http.client."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self._deadline = connected, deadline

    def sendall(self, sent: bytes) -> None:
        self._socket.settimeout(_left(self._deadline))
        self._socket.sendall(sent)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Timed(self._socket, self._deadline))

    def close(self) -> None:
        pass


def _connected(target: _Target, deadline: float) -> socket.socket:
    """A connection to one of the judged addresses. TLS greets and proves the host by its name."""
    addresses = _resolved(target, deadline)
    for tried, (family, where) in enumerate(addresses):
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(_left(deadline) / (len(addresses) - tried))
            plain.connect(where)
            plain.settimeout(_left(deadline))
            if target.scheme == "http":
                return plain
            return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
        except OSError as error:
            plain.close()
            if isinstance(error, ssl.SSLError) or tried == len(addresses) - 1:
                raise
    raise TimeoutError


def _ask(target: _Target, deadline: float) -> tuple[tuple[bytes, str] | None, str]:
    """((page, charset), "") or (None, where the page has moved)."""
    named = target.host if target.port == (443 if target.scheme == "https" else 80) else f"{target.host}:{target.port}"
    with _connected(target, deadline) as connected:
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = _Channel(connected, deadline)  # so http.client resolves and connects nothing
        connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
        for header in (("Host", named), ("User-Agent", "Mozilla/5.0 (compatible; ftapp)"), ("Accept", "text/html"),
                       ("Accept-Encoding", "gzip"), ("Connection", "close")):  # fmt: skip
            connection.putheader(*header)
        connection.endheaders()
        answer = connection.getresponse()
        if answer.status in (301, 302, 303, 307, 308) and (moved := answer.getheader("Location")):
            return None, moved.strip()
        _check(answer, target.host)
        return (_body(answer, target.host), answer.headers.get_content_charset("")), ""


def _check(answer: http.client.HTTPResponse, host: str) -> None:
    if answer.status in (401, 403, 429):
        raise _refusal(host, f"shows this page to people only, not to programs (status {answer.status})")
    if answer.status != 200:
        raise _refusal(host, f"has no such page (status {answer.status})")
    if not answer.getheader("Content-Type") or answer.headers.get_content_type() != "text/html":
        raise UserError(f"{host} sent something that is no web page - it was not read - give ftapp the saved file, or paste its text.")


def _body(answer: http.client.HTTPResponse, host: str) -> bytes:
    """The whole body, unpacked; both sizes are bounded before memory is spent."""
    too_long = _refusal(host, f"sent more than {MOST_BYTES // 1_000_000} MB")
    raw = bytearray()
    while piece := answer.read(65_536):
        raw += piece
        if len(raw) > MOST_BYTES:
            raise too_long
    if answer.length:  # read() is silent when the connection ends early
        raise _refusal(host, "broke off in the middle of the page")
    packing = (answer.getheader("Content-Encoding") or "identity").strip().lower()
    if packing == "identity":
        return bytes(raw)
    if packing not in ("gzip", "x-gzip"):
        raise _refusal(host, "sent the page in a packing ftapp did not ask for")
    unpacking = zlib.decompressobj(wbits=31)
    page = unpacking.decompress(bytes(raw), MOST_BYTES + 1)
    if len(page) > MOST_BYTES:
        raise too_long
    if not unpacking.eof:
        raise _refusal(host, "broke off in the middle of the page")
    return page
