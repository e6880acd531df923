"""A stand-in for `LocalBackend` that recites given texts: screens and flows are tested fast and exactly with it.

It is driven by the same `pair.write`, so streaming, stopping, turns and ends behave as with a real model. Imports no torch.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from ftapp.backends.local import AdapterRef, Proof
from ftapp.errors import ModelError

END = 0


class ScriptedBackend:
    """Recites `texts[adapter id]` (key None: the base). Row seeds choose among several texts of one writer.

    A text that ends with `unfinished_mark` is recited without it and without an end token. `seconds_a_token` is the pace.
    """

    unfinished_mark = "\x00"
    names = ("", "")

    def __init__(self, spec, texts: Mapping[str | None, Sequence[str]], seconds_a_token: float = 0.0, proof: Proof | None = None) -> None:
        self.spec, self.id, self.tokenizer = spec, spec.id, None
        self.texts, self.seconds_a_token, self.proof = dict(texts), seconds_a_token, proof or Proof(True)
        self.base_hash = hashlib.sha256(b"scripted").hexdigest()
        self.template_hash = hashlib.sha256(b"scripted template").hexdigest()
        self.special_tokens = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>")
        self.invocation_tokens: tuple[int, ...] = (1,)
        self.end_tokens = frozenset({END})
        self.turn = threading.Lock()
        self._pieces: list[str] = ["", "<|assistant|>"]

    def encode(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """One id a word, the assistant header last."""
        return [*(i for message in messages for i in self._ids(message["content"])), *self.invocation_tokens]

    def count_tokens(self, messages: Sequence[dict[str, str]]) -> int:
        return len(self.encode(messages))

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self._pieces[i] for i in ids)

    def open(self, prompt: Sequence[int], rows: Sequence, sampling, stopped: Callable[[], bool]) -> Recital:
        """Begin to recite; `pair.write` calls this while it holds `turn`."""
        scripts = []
        for row in rows:
            if row.adapter is not None:
                self.ensure(row.adapter)
            choices = self.texts[row.adapter.id if row.adapter else None]
            text = choices[0 if sampling.greedy else row.seed % len(choices)]
            whole = not text.endswith(self.unfinished_mark)
            scripts.append([*self._ids(text.removesuffix(self.unfinished_mark)), *([END] if whole else [])])
        return Recital(scripts, min(sampling.max_new_tokens, self.spec.context_tokens - len(prompt)), self.seconds_a_token)

    def ensure(self, adapter: AdapterRef) -> None:
        """Raises ModelError when there is no script for `adapter`."""
        if adapter.id not in self.texts:
            raise ModelError(f"The adapter {adapter.id!r} has no script - it cannot recite - give it one.")

    def prove(self, adapter: AdapterRef) -> Proof:
        return self.proof

    def free(self) -> None:
        with self.turn:
            self.texts.clear()

    def _ids(self, text: str) -> list[int]:
        ids = []
        for piece in re.findall(r"\s*\S+|\s+", text):
            if piece not in self._pieces:
                self._pieces.append(piece)
            ids.append(self._pieces.index(piece))
        return ids


class Recital:
    """Word after word of every row's script."""

    def __init__(self, scripts: list[list[int]], most_tokens: int, seconds_a_token: float) -> None:
        self._rest = [iter(script) for script in scripts]
        self.most_tokens, self._seconds = most_tokens, seconds_a_token

    def step(self, live: tuple[int, ...]) -> list[int | None]:
        """The next word of every live row; None where a script ran out without an end."""
        if self._seconds:
            time.sleep(self._seconds)
        return [next(self._rest[i], None) for i in live]

    def close(self) -> None:
        """There is nothing to let go of."""
