"""A web on loopback for the tests of fetching: a server, and hooks that lead every name and every connection to it."""

from __future__ import annotations

import http.server
import socket
import threading

import pytest

from ftapp import fetching
from ftapp.errors import UserError

PUBLIC = "93.184.215.14"
OTHER = "93.184.215.15"
HTML = b"<html><body><h1>Cook</h1></body></html>"


class Web:
    """A loopback server and the hooks that lead everything to it. `names` is the name service, `pages` the sites."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.pages: dict[str, tuple] = {}  # path -> (status, headers, body or a function that writes to the connection)
        self.resolved: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.asked: list[dict] = []
        self.before_connect = None

    def serve(self) -> None:
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append({"path": self.path, **dict(self.headers)})
                status, headers, body = web.pages.get(self.path, (404, {"Content-Type": "text/html"}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if callable(body):
                    body(self.wfile)
                else:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a client that hangs up is what many tests want
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def getaddrinfo(self, host, port, *_, **__):
        self.resolved.append(host)
        if host not in self.names:
            raise socket.gaierror(-2, "unknown")
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port, 0, 0) if ":" in a else (a, port))
                for a in self.names[host]]  # fmt: skip


@pytest.fixture
def web(monkeypatch):
    made = Web()
    made.serve()
    connect = socket.socket.connect

    def hooked(self, where):
        made.connected.append(where[:2])
        if made.before_connect:
            made.before_connect(where)
        if self.family == socket.AF_INET6:
            raise OSError("no IPv6 here")
        return connect(self, made.server.server_address)

    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", hooked)
    made.names["jobs.example"] = [PUBLIC]
    made.pages["/cook"] = (200, {"Content-Type": "text/html; charset=iso-8859-15"}, HTML)
    yield made
    made.server.shutdown()
    made.server.server_close()


def refused(url: str, *words: str, **more) -> str:
    with pytest.raises(UserError) as caught:
        fetching.fetch(url, **more)
    said = str(caught.value)
    assert all(word in said for word in words), said
    assert said.count(" - ") >= 2, f"not three parts: {said}"
    return said
