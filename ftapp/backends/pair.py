"""Several letters from one prompt, decoded together and streamed together.

Knows rows, stopping, ends and text that grows; not which library computes the tokens. A backend gives
`encode`, `decode`, `end_tokens`, `names`, `turn` (the lock of one generation at a time) and `open`, whose `step(live)` returns
the next token of every live row: None where a row can say no more, NOTHING where it has said nothing new. The same loop serves
the local model, servers and the scripted stand-in.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ftapp.backends.local import AdapterRef

NOTHING = object()  # in the place of a token: this row goes on, but has nothing new yet
SERVED = "server:"  # begins the id of a base model that a server has under the name that follows


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. `greedy` ignores temperature and top_p."""

    temperature: float = 0.8
    top_p: float = 0.95
    greedy: bool = False
    max_new_tokens: int = 400


@dataclass(frozen=True)
class Row:
    """One letter to write: by which adapter (None is the base model) and from which seed; or by the model `server` of a server."""

    adapter: AdapterRef | None
    seed: int
    server: str = ""


@dataclass(frozen=True)
class Progress:
    """Where every row stands. `finished[i]` is True only once row i produced its own end token.

    `ids` are the tokens that the texts are decoded from, without the end token; `tokens` counts them.
    """

    texts: tuple[str, ...]
    finished: tuple[bool, ...]
    tokens: tuple[int, ...]
    ids: tuple[tuple[int, ...], ...] = ()


class Control:
    """Stops a generation from any thread; asking twice is harmless."""

    def __init__(self) -> None:
        self._all = threading.Event()
        self._rows: set[int] = set()

    def stop(self) -> None:
        """End every row before its next token."""
        self._all.set()

    def stop_row(self, row: int) -> None:
        """End one row; the others go on."""
        self._rows.add(row)

    def stopped(self, row: int | None = None) -> bool:
        """Whether everything (or this row) was asked to end."""
        return self._all.is_set() or row in self._rows


class Stopped(Exception):
    """Raised by a backend inside a long step once `stopped()` turned true; never leaves `write`."""


def write(
    backend, messages: Sequence[dict[str, str]], rows: Sequence[Row], sampling: Sampling, control: Control | None = None
) -> Iterator[Progress]:
    """Write `rows` letters for one prompt; yields after every token, the last item is where all rows ended.

    Waits for its turn when another generation runs. Closing the iterator, `control.stop()` and an error all give
    the turn back at once. A row that ended leaves the batch, so the others go on faster. Raises ModelError when the
    prompt leaves no room for a letter, or when an adapter cannot be loaded.
    """
    control = control or Control()
    prompt = backend.encode(messages)
    count = len(rows)
    ids: list[list[int]] = [[] for _ in rows]
    texts, finished = [""] * count, [False] * count

    def progress() -> Progress:
        return Progress(tuple(texts), tuple(finished), tuple(len(row) for row in ids), tuple(tuple(row) for row in ids))

    with _turn(backend.turn, control):
        live = () if control.stopped() else tuple(range(count))
        if not live:
            yield progress()
            return
        with contextlib.closing(backend.open(prompt, rows, sampling, control.stopped)) as writing:
            while live := tuple(i for i in live if not control.stopped(i)):
                try:
                    tokens = writing.step(live)
                except Stopped:
                    break
                for i, token in zip(live, tokens, strict=True):
                    if token in backend.end_tokens:
                        finished[i] = True
                    elif token is not None and token is not NOTHING:
                        ids[i].append(token)
                        texts[i] = _whole(backend.decode(ids[i]))
                going = {i for i, token in zip(live, tokens, strict=True) if token is not None and not finished[i]}
                live = tuple(i for i in live if i in going and len(ids[i]) < writing.most_tokens)
                if live:
                    yield progress()
    texts = [backend.decode(row) for row in ids]
    yield progress()


def _whole(text: str) -> str:
    """The text without a character at its end whose bytes have not all been written yet."""
    return text.rstrip("\ufffd")


@contextlib.contextmanager
def _turn(lock: threading.Lock, control: Control) -> Iterator[None]:
    """Hold the model's turn; give up waiting when the generation is stopped before it began."""
    mine = lock.acquire(blocking=False)
    while not mine and not control.stopped():
        mine = lock.acquire(timeout=0.05)
    try:
        yield
    finally:
        if mine:
            lock.release()
