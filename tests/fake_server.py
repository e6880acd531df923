"""A small OpenAI-compatible server on loopback, over real HTTP: it says given texts, and misbehaves as real ones do."""

from __future__ import annotations

import http.server
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Says:
    """How one model answers. `texts` in turn by seed; `statuses` come before the first answer, one a call."""

    texts: tuple[str, ...]
    pace: float = 0.0  # seconds before each piece
    reason: str | None = "stop"
    cut_after: int | None = None  # pieces, then the connection closes
    cuts: int = 10**9  # so many answers are cut, then none
    statuses: list[tuple[int, dict[str, str], str]] = field(default_factory=list)  # (status, headers, body)
    streams: bool = True
    refuses: frozenset[str] = frozenset()  # names of fields that make it answer 400
    raw: Callable[[Any], None] | None = None  # writes the whole answer by itself
    logprob: float | None = None  # of every token, when asked
    wobble: float = 0.0  # how much that changes from call to call


class FakeServer:
    """`models` is what it has; `asked` what it was asked: (path, headers, body)."""

    def __init__(self, **models: Says) -> None:
        self.models, self.asked, self.open_streams, self.adapters = models, [], 0, None
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fake.asked.append((self.path, dict(self.headers), None))
                fake._json(self, 200, {"object": "list", "data": [{"id": name} for name in fake.models]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.asked.append((self.path, dict(self.headers), body))
                fake.answer(self, body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a client that hangs up is what many tests want
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def chats(self) -> list[dict[str, Any]]:
        """The bodies of all chat completions that were asked for."""
        return [body for path, _, body in self.asked if path.endswith("/chat/completions")]

    @staticmethod
    def _json(to: Any, status: int, held: Any, headers: dict[str, str] | None = None) -> None:
        data = held.encode() if isinstance(held, str) else json.dumps(held).encode()
        to.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            to.send_header(name, value)
        to.send_header("Content-Length", str(len(data)))
        to.end_headers()
        to.wfile.write(data)

    def answer(self, to: Any, body: dict[str, Any]) -> None:
        if to.path == "/v1/load_lora_adapter":
            if self.adapters is None:
                return self._json(to, 404, {"detail": "Not Found"})
            self.adapters.append(body)
            self.models[body["lora_name"]] = Says(("Dear team, loaded.",))
            return self._json(to, 200, "Success", {"Content-Type": "text/plain"})
        says = self.models.get(body.get("model"))
        if to.path != "/v1/chat/completions" or says is None:
            return self._json(to, 404, {"error": {"code": "model_not_found", "message": str(body)}})
        if says.statuses:
            status, headers, held = says.statuses.pop(0)
            return self._json(to, status, held, headers)
        if refused := says.refuses & set(body):
            return self._json(to, 400, {"error": {"code": "unsupported_parameter", "message": f"{refused} {body['messages']}"}})
        if says.raw:
            to.close_connection = True
            return says.raw(to)
        text = says.texts[body.get("seed", 0) % len(says.texts)]
        if not body.get("stream") or not says.streams:
            choice = {"message": {"role": "assistant", "content": text}, "finish_reason": says.reason}
            if body.get("logprobs") and says.logprob is not None:
                says.logprob += says.wobble
                choice["logprobs"] = {"content": [{"token": word, "logprob": says.logprob} for word in re.findall(r"\s*\S+", text)]}
            return self._json(to, 200, {"choices": [choice]})
        self._stream(to, says, text)

    def _stream(self, to: Any, says: Says, text: str) -> None:
        to.send_response(200)
        to.send_header("Content-Type", "text/event-stream; charset=utf-8")
        to.send_header("Transfer-Encoding", "chunked")
        to.end_headers()
        self.open_streams += 1
        try:
            cut = says.cut_after if says.cuts > 0 else None
            says.cuts -= 1
            for i, piece in enumerate(re.findall(r"\s*\S+|\s+", text)):
                if i == cut:
                    to.close_connection = True
                    return to.connection.close()
                time.sleep(says.pace)
                self._event(to, {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
            self._event(to, {"choices": [{"index": 0, "delta": {}, "finish_reason": says.reason}]})
            self._event(to, {"choices": [], "usage": {"completion_tokens": 3}})
            self._chunk(to, b"data: [DONE]\n\n")
            to.wfile.write(b"0\r\n\r\n")
        finally:
            self.open_streams -= 1

    def _event(self, to: Any, held: Any) -> None:
        self._chunk(to, b": still here\n\ndata: " + json.dumps(held, ensure_ascii=False).encode() + b"\n\n")

    @staticmethod
    def _chunk(to: Any, data: bytes) -> None:
        to.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        to.wfile.flush()


def raw(status: str, content_type: str, body: bytes) -> Callable[[Any], None]:
    """An answer sent as it is, whose length is said by the end of the connection."""

    def send(to: Any) -> None:
        to.wfile.write(f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode() + body)

    return send
