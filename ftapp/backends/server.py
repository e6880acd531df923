"""Letters written by a server: alone (`ServerBackend`), or one side of a pair beside the model here (`Beside`).

Driven by the same `pair.write` as a model in memory. What comes from a server is text, not tokens: a row's ids are the pieces in which
its text came, strings. Which weights stand behind a server's name only the server knows; see `ServerBackend.prove` for what can be shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ftapp.backends.local import PROBE, AdapterRef, Proof
from ftapp.backends.pair import NOTHING, SERVED, Row, Sampling, Stopped
from ftapp.backends.wire import Wire
from ftapp.config import ModelSpec
from ftapp.errors import ModelError
from ftapp.hosted import tokens_in

END = object()
LOOK_SECONDS = 0.05  # between looks whether a generation was stopped
PROOF_SECONDS = 600  # a server may be started again with other models under the same names
PROBE_TOKENS = 24
APART = 10  # two names are apart when their answers differ so many times more than one name's answers among themselves
LEAST_APART = 0.01  # and by so much in the logarithm of a token's probability: what rounding explains is less


class ServerBackend:
    """Writes with the models of one server. `names`: which of them writes the base's side and which the other."""

    def __init__(self, spec: ModelSpec, wire: Wire, names: tuple[str, str]) -> None:
        self.spec, self.wire, self.names = spec.model_copy(update={"id": f"{SERVED}{names[0]}"}), wire, names
        self.id, self.base_hash, self.template_hash, self.tokenizer = self.spec.id, "", "", None
        self.special_tokens, self.invocation_tokens = tuple(wire.limits.special_tokens), ()
        self.end_tokens = frozenset({END})
        self.turn: Any = threading.BoundedSemaphore(wire.limits.at_once)
        self._proof: tuple[float, Proof] | None = None

    def encode(self, messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """The messages: the server has the chat template."""
        return list(messages)

    def count_tokens(self, messages: Sequence[dict[str, str]]) -> int:
        """About how many tokens the server will read: its tokenizer is not known here."""
        return tokens_in(messages)

    def decode(self, ids: Sequence[str]) -> str:
        return "".join(ids)

    def open(self, prompt: Sequence[dict[str, str]], rows: Sequence[Row], sampling: Sampling, stopped: Callable[[], bool]) -> Streams:
        """Begin to write; `pair.write` calls this while it holds `turn`."""
        return Streams(self.wire, prompt, [(row.server or self.names[0], row.seed) for row in rows], sampling, stopped)

    def ensure(self, adapter: AdapterRef) -> None:
        """Raises ModelError: a server has its own adapters, by name."""
        raise ModelError(f"The adapter {adapter.id!r} lies on this machine - a server cannot write with it here - offer it to the server.")

    def prove(self, adapter: AdapterRef | None = None) -> Proof:
        """Whether the sides of a pair can be told apart.

        Two samples of one name need no proof. Two names are different by the server's word only, and some servers answer to every
        name with the same model: so each is asked the same twice, always for its likeliest words, and what the two say must differ
        far more than what one says both times. That shows two models behind two names; which weights they are stays the server's word.
        """
        if self.names[0] == self.names[1]:
            return Proof(True)
        held = self._proof
        if held is None or time.monotonic() - held[0] > PROOF_SECONDS or not held[1].ok:
            self._proof = held = time.monotonic(), self._compare()
        return held[1]

    def _compare(self) -> Proof:
        async def answers() -> list[list[tuple[str, float | None]]]:
            async with self.wire.client() as client:
                return [await likeliest(self.wire, client, name) for name in (*self.names, *self.names)]

        try:
            one, two, one_again, two_again = asyncio.run(answers())
        except ModelError as error:
            return Proof(False, str(error))
        noise = max(apart(one, one_again), apart(two, two_again))
        between = min(apart(a, b) for a in (one, one_again) for b in (two, two_again))
        if between > max(APART * noise, LEAST_APART):
            return Proof(True)
        why = "answers the same to both names" if between <= LEAST_APART else "answers each name differently each time"
        todo = "use one model for both letters, or serve two"
        return Proof(False, f"The server at {self.wire.host} {why} - it cannot be shown that two models write - {todo}.")

    def free(self) -> None:
        """Nothing is held."""


async def likeliest(wire: Wire, client: Any, model: str) -> list[tuple[str, float | None]]:
    """The likeliest words of a model for a fixed prompt: [(token, logarithm of its probability)], or one text without numbers."""
    asked = {"model": model, "messages": [dict(one) for one in PROBE], "max_tokens": PROBE_TOKENS, "temperature": 0.0, "seed": 0}
    for body in (asked | {"logprobs": True}, asked):
        try:
            held = await wire.call(client, "POST", "/chat/completions", body, model)
            choice = held["choices"][0]
            numbers = (choice.get("logprobs") or {}).get("content") or []
            if numbers:
                return [(str(one["token"]), float(one["logprob"])) for one in numbers]
            return [(str(choice["message"]["content"] or ""), None)]
        except ModelError:
            if body is asked:
                raise
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            break
    raise ModelError(f"The server at {wire.host} gives no plain answer - its models cannot be compared - use one model for both letters.")


def apart(one: Sequence[tuple[str, float | None]], other: Sequence[tuple[str, float | None]]) -> float:
    """How far two answers are from each other: infinitely if their words differ, else by their probabilities' largest difference."""
    if "".join(token for token, _ in one) != "".join(token for token, _ in other):
        return math.inf
    if len(one) != len(other):  # one of them came without numbers
        return 0.0
    return max((abs(a - b) for (_, a), (_, b) in zip(one, other, strict=True) if a is not None and b is not None), default=0.0)


class Streams:
    """One answer a row, read side by side in a thread of their own; `close` ends those that still run, and the server's work on them."""

    most_tokens = sys.maxsize  # the server counts them

    def __init__(
        self, wire: Wire, prompt: Sequence[dict[str, str]], writers: Sequence[tuple[str, int]], sampling: Sampling,
        stopped: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._wire, self._prompt, self._writers, self._sampling, self._stopped = wire, prompt, writers, sampling, stopped
        self._news: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._waiting: list[deque[Any]] = [deque() for _ in writers]
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._dropped: set[int] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._thread.start()

    def step(self, live: tuple[int, ...], patient: bool = True) -> list[Any]:
        """What is new of every live row; rows that are no longer live are ended. `patient` waits until one has something new.

        Raises Stopped and ModelError.
        """
        for row in set(range(len(self._writers))) - set(live) - self._dropped:
            self._drop(row)
        while True:
            if self._stopped():
                raise Stopped
            self._collect()
            if not patient or any(self._waiting[row] for row in live):
                return [self._next(row) for row in live]
            with contextlib.suppress(queue.Empty):
                row, news = self._news.get(timeout=LOOK_SECONDS)
                self._waiting[row].append(news)

    def close(self) -> None:
        for row in range(len(self._writers)):
            self._drop(row)
        self._thread.join(timeout=5)

    def _collect(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                row, news = self._news.get_nowait()
                self._waiting[row].append(news)

    def _next(self, row: int) -> Any:
        waiting, text = self._waiting[row], ""
        while waiting and isinstance(waiting[0], str):
            text += waiting.popleft()
        if text:
            return text
        if not waiting:
            return NOTHING
        news = waiting[0]
        if isinstance(news, Exception):
            raise news
        return END if news.finished else None

    # ---- in the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._all())
        except Exception as error:  # no client could be made: a key that is none
            for row in range(len(self._writers)):
                self._news.put((row, error))
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _all(self) -> None:
        async with self._wire.client() as client:
            self._tasks = {row: asyncio.create_task(self._read(client, row)) for row in range(len(self._writers))}
            for row in self._dropped:
                self._tasks[row].cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _read(self, client: Any, row: int) -> None:
        model, seed = self._writers[row]
        try:
            async with (
                asyncio.timeout(self._wire.limits.letter_seconds),
                contextlib.aclosing(self._wire.letter(client, model, self._prompt, self._sampling, seed)) as pieces,
            ):
                async for piece in pieces:
                    self._news.put((row, piece))
        except TimeoutError:
            most = self._wire.limits.letter_seconds
            said = f"The server at {self._wire.host} wrote for {most:g} seconds and did not end - what came is kept unfinished - "
            self._news.put((row, ModelError(said + "choose a faster model, or allow more in configs/servers.yaml.")))
        except Exception as error:
            self._news.put((row, error))

    def _drop(self, row: int) -> None:
        """End a row's answer, from any thread; once more is harmless."""
        if row in self._dropped:
            return
        self._dropped.add(row)
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(lambda: row in self._tasks and self._tasks[row].cancel())


class Beside:
    """The model here and a server write one pair: a row that names a `server` is the server's, the other one the model's."""

    def __init__(self, local: Any, server: ServerBackend) -> None:
        self.local, self.server, self.names = local, server, (server.names[0], "")
        self.spec, self.id, self.base_hash, self.template_hash = local.spec, local.id, local.base_hash, local.template_hash
        self.tokenizer, self.invocation_tokens, self.turn = local.tokenizer, local.invocation_tokens, local.turn
        self.special_tokens = tuple(dict.fromkeys([*local.special_tokens, *server.special_tokens]))
        self.end_tokens = local.end_tokens | server.end_tokens

    def encode(self, messages: Sequence[dict[str, str]]) -> tuple[list[int], list[dict[str, str]]]:
        """The prompt for both."""
        return self.local.encode(messages), self.server.encode(messages)

    def count_tokens(self, messages: Sequence[dict[str, str]]) -> int:
        return self.local.count_tokens(messages)

    def decode(self, ids: Sequence[Any]) -> str:
        """The text of a row's ids: pieces of text are the server's."""
        return (self.server if ids and isinstance(ids[0], str) else self.local).decode(ids)

    def open(self, prompt: tuple[Any, Any], rows: Sequence[Row], sampling: Sampling, stopped: Callable[[], bool]) -> _Both:
        return _Both(self, prompt, rows, sampling, stopped)

    def prove(self, adapter: AdapterRef | None = None) -> Proof:
        """The model here wrote one side for certain, and the other came from elsewhere: what remains is the adapter's own proof."""
        return self.local.prove(adapter) if adapter else Proof(True)


class _Both:
    """The rows of a `Beside`, each asked of whoever writes it. A server's row never holds up the other."""

    most_tokens = sys.maxsize  # each side counts its own

    def __init__(self, backend: Beside, prompt: tuple[Any, Any], rows: Sequence[Row], sampling: Sampling, stopped: Callable) -> None:
        self._place, parts = {}, ([], [])  # row -> (whose, its number there)
        for i, row in enumerate(rows):
            whose = int(bool(row.server))
            self._place[i] = whose, len(parts[whose])
            parts[whose].append(row)
        self._here = backend.local.open(prompt[0], parts[0], sampling, stopped) if parts[0] else None
        self._there = backend.server.open(prompt[1], parts[1], sampling, stopped) if parts[1] else None
        self._left = [self._here.most_tokens if self._here else 0] * len(parts[0])

    def step(self, live: tuple[int, ...]) -> list[Any]:
        """The next token, piece or nothing of every live row. Raises Stopped and ModelError."""
        got: dict[int, Any] = {}
        here, there = (tuple(i for i in live if self._place[i][0] == whose) for whose in (0, 1))
        if self._there:
            pieces = self._there.step(tuple(self._place[i][1] for i in there), patient=not here)
            got |= dict(zip(there, pieces, strict=True))
        if room := tuple(i for i in here if self._left[self._place[i][1]] > 0):
            got |= dict(zip(room, self._here.step(tuple(self._place[i][1] for i in room)), strict=True))
            for i in room:
                self._left[self._place[i][1]] -= 1
        return [got.get(i) for i in live]

    def close(self) -> None:
        for writing in (self._here, self._there):
            if writing:
                writing.close()
