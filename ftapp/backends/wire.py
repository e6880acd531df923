"""The calls to an OpenAI-compatible server: the request, the stream, trying again, and what went wrong in words.

Knows HTTP and chat completions as vLLM, `transformers serve`, llama.cpp's server and hosted services speak them; no letter, no row.
The key is read from the environment for each call. Neither it, nor a text, nor a sentence of the server is ever put into an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ftapp import addresses
from ftapp.config import ServerConfig
from ftapp.errors import ModelError

KEY = "FTAPP_SERVER_KEY"
MOST_BYTES = 4_000_000  # of one answer
ENDED = frozenset(("stop", "eos", "eos_token", "end_turn", "stop_sequence"))  # why a letter is whole; vLLM, llama.cpp and OpenAI say "stop"
_WORD = re.compile(r"[a-z][a-z_]{1,40}")  # an error's code is a word, never a sentence


@dataclass(frozen=True)
class End:
    """The server said that the answer ends here; `finished` when the model ended it, not a limit."""

    finished: bool


class _Again(Exception):
    """It may go better soon: `said` is what to say when it does not, `seconds` how long the server asks to wait."""

    def __init__(self, said: ModelError, seconds: float | None = None) -> None:
        self.said, self.seconds = said, seconds


class _Unfit(Exception):
    """The server does not take the request in this form; `said` is what to say when it takes it in none."""

    def __init__(self, said: ModelError) -> None:
        self.said = said


def key() -> str:
    """The key from the environment, or "". Raises ModelError for one that cannot stand in a header."""
    held = os.environ.get(KEY, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", held):
        raise ModelError(f"{KEY} holds signs that no key has - nothing was sent - set it again, in one line.")
    return held


def forms(model: str, messages: Sequence[Mapping[str, str]], sampling: Any, seed: int) -> list[dict[str, Any]]:
    """One request in several forms, the fullest first: some servers know no seed, some models no temperature, some no stream."""
    asked = {"model": model, "messages": [dict(message) for message in messages]}
    chance = {"temperature": 0.0} if sampling.greedy else {"temperature": sampling.temperature, "top_p": sampling.top_p}
    most, stream = {"max_tokens": sampling.max_new_tokens}, {"stream": True}
    newer = {"max_completion_tokens": sampling.max_new_tokens}  # OpenAI's later models refuse max_tokens, and any temperature
    return [asked | most | chance | stream | {"seed": seed}, asked | most | chance | stream, asked | newer | stream, asked | most | chance]


class Wire:
    """The calls to one server. `url` ends with /v1 or what stands in its place."""

    def __init__(self, url: str, limits: ServerConfig) -> None:
        self.url, self.host, self.limits = url, addresses.host_of(url), limits
        self._form: dict[str, int] = {}  # model -> the form that it took last

    def client(self) -> httpx.AsyncClient:
        """For the calls of one event loop. No redirect is followed: texts and key go to the given address alone."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "ftapp"} | ({"Authorization": f"Bearer {held}"} if (held := key()) else {})
        pauses = httpx.Timeout(self.limits.silence_seconds, connect=self.limits.connect_seconds)
        return httpx.AsyncClient(headers=headers, timeout=pauses, follow_redirects=False, trust_env=not addresses.is_here(self.url))

    # ---- a letter -----------------------------------------------------------------------------------------------

    async def letter(
        self, client: httpx.AsyncClient, model: str, messages: Sequence[Mapping[str, str]], sampling: Any, seed: int
    ) -> AsyncIterator[str | End]:
        """The pieces of an answer as they come, then its End. What broke off before the first piece is asked for again.

        Raises ModelError.
        """
        asked, form, tries, begun = forms(model, messages, sampling, seed), self._form.get(model, 0), 1, False
        while True:
            try:
                async with contextlib.aclosing(self._pieces(client, asked[form], model)) as pieces:
                    async for piece in pieces:
                        begun = True
                        self._form[model] = form
                        yield piece
                return
            except _Unfit as error:
                form += 1
                if form == len(asked):
                    raise error.said from None
            except _Again as error:
                if begun or tries == self.limits.tries:
                    raise error.said from None
                await self._wait(error, tries)
                tries += 1

    async def _pieces(self, client: httpx.AsyncClient, body: dict[str, Any], model: str) -> AsyncIterator[str | End]:
        async with self._answer(client, "POST", f"{self.url}/chat/completions", body, model) as answer:
            if "text/event-stream" not in answer.headers.get("content-type", "").lower():
                text, reason = _choice(self._json(await self._read(answer)), "message", self._strange())
                if text:
                    yield text
                yield self._end(reason)
                return
            count, reason, done = 0, None, False
            async for event in self._events(answer):
                if event == "[DONE]":
                    done = True
                    break
                held = self._json(event)
                if isinstance(held, dict) and held.get("error"):
                    raise _Again(self._said("reported an error while it wrote", "the letter is not finished", "write again"))
                text, told = _choice(held, "delta", self._strange())
                reason = told or reason
                if text:
                    count += len(text)
                    yield text
                if count > self.limits.most_characters:
                    raise self._said("does not come to an end", "what came is kept unfinished", "choose another model")
            if reason is None and not done:
                raise _Again(self._said("broke off in the middle", "what came is kept unfinished", "write again"))
            yield self._end(reason)

    def _end(self, reason: str | None) -> End:
        if reason == "content_filter":
            raise self._said("withheld the letter by its filter", "it is not finished", "write again, or choose another model")
        return End(reason in ENDED)

    async def _events(self, answer: httpx.Response) -> AsyncIterator[str]:
        """The data of each event (WHATWG server-sent events; such servers put each into one line)."""
        rest, read = "", 0
        async for text in answer.aiter_text():
            read += len(text)
            *lines, rest = (rest + text).split("\n")
            if read > MOST_BYTES:
                raise self._said("sends more than a letter can be", "it was not read to its end", "choose another model")
            for line in lines:
                if line.startswith("data:"):
                    yield line[5:].strip()
        if rest.startswith("data:"):
            yield rest[5:].strip()

    # ---- any call -----------------------------------------------------------------------------------------------

    async def call(self, client: httpx.AsyncClient, method: str, path: str, body: Any = None, model: str = "") -> Any:
        """The JSON of one answer, or its text where it is none. `path` beginning with "/v1" stands at the server's root.

        Raises ModelError.
        """
        url = f"{self.url.removesuffix('/v1')}{path}" if path.startswith("/v1") else f"{self.url}{path}"
        tries = 1
        while True:
            try:
                async with self._answer(client, method, url, body, model) as answer:
                    held = await self._read(answer)
                    return self._json(held) if "json" in answer.headers.get("content-type", "") else held
            except _Unfit as error:
                raise error.said from None
            except _Again as error:
                if tries == self.limits.tries:
                    raise error.said from None
                await self._wait(error, tries)
                tries += 1

    @contextlib.asynccontextmanager
    async def _answer(self, client: httpx.AsyncClient, method: str, url: str, body: Any, model: str) -> AsyncIterator[httpx.Response]:
        """An answer that says yes, its body unread; all that can go wrong until it is closed becomes a sentence."""
        try:
            async with client.stream(method, url, json=body) as answer:
                if answer.status_code >= 300:
                    raise await self._refused(answer, model)
                yield answer
        except httpx.ReadTimeout:
            raise self._said(f"said nothing for {self.limits.silence_seconds:g} seconds", "the letter is not finished",
                             "see whether it is overloaded, or allow more in configs/servers.yaml") from None  # fmt: skip
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            if isinstance(error.__cause__ and error.__cause__.__cause__, ssl.SSLError) or "SSL" in str(error):
                raise self._said("could not prove that it is that server (its certificate does not fit)", "nothing was sent",
                                 "correct the address") from None  # fmt: skip
            raise _Again(self._said("cannot be reached", "nothing was written", "start it, or correct its address")) from None
        except (httpx.TransportError, httpx.StreamError):
            raise _Again(self._said("broke off", "the letter is not finished", "write again")) from None
        except (httpx.InvalidURL, httpx.HTTPError, UnicodeError):
            raise self._said("cannot be asked at this address", "nothing was sent", "correct the address") from None

    async def _refused(self, answer: httpx.Response, model: str) -> Exception:
        """What an answer that says no means: to wait, to ask otherwise, or to stop."""
        status, code = answer.status_code, await self._code(answer)
        told = f"{status}{', ' + code if code else ''}"
        if status in (429, 503) and code != "insufficient_quota":
            seconds = _seconds(answer.headers.get("retry-after", ""))
            wait = f"asks to wait {seconds:g} seconds" if seconds else "is busy"
            return _Again(self._said(f"{wait} ({told})", "nothing was written", "try again later"), seconds)
        if status >= 500 and status != 501:
            return _Again(self._said(f"failed ({told})", "nothing was written", "look at its own messages, then write again"))
        if status in (401, 403):
            what = "refused the key" if key() else "asks for a key"
            return self._said(f"{what} ({told})", "nothing was written", f"set {KEY} in the environment and start ftapp again")
        if status == 429 or code == "insufficient_quota":
            return self._said("has no quota left for this key", "nothing was written", "see the account there")
        if status == 404:
            what = f"has no model {model!r}, or" if model else "has no such call, or"
            return self._said(f"{what} answers elsewhere ({told})", "nothing was written", "see python -m ftapp server check")
        if status < 400:
            return self._said(f"sends on to another address ({told})", "texts and key go to the given address only", "give the final one")
        if code == "context_length_exceeded":
            return self._said(f"reads no prompt of this length ({told})", "nothing was written", "shorten the posting or the résumé")
        return _Unfit(self._said(f"did not take the request ({told})", "it may be too long, or of a form that it does not know",
                                 "shorten the texts, or see its own messages"))  # fmt: skip

    async def _code(self, answer: httpx.Response) -> str:
        """The code that an error carries, if it is one word: sentences might quote what was sent."""
        with contextlib.suppress(ModelError, ValueError, httpx.HTTPError):
            held = json.loads(await self._read(answer))
            error = held.get("error", held) if isinstance(held, dict) else {}
            code = error.get("code") if isinstance(error, dict) else None
            return code if isinstance(code, str) and _WORD.fullmatch(code) else ""
        return ""

    async def _read(self, answer: httpx.Response) -> str:
        held = bytearray()
        async for piece in answer.aiter_bytes():
            held += piece
            if len(held) > MOST_BYTES:
                raise self._said("sends more than a letter can be", "it was not read to its end", "choose another model")
        return held.decode("utf-8", errors="replace")

    def _json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise self._strange() from None

    def _strange(self) -> ModelError:
        return self._said("answers in another way than such servers do", "no letter could be read from it", "correct the address")

    def _said(self, what: str, means: str, todo: str) -> ModelError:
        return ModelError(f"The server at {self.host} {what} - {means} - {todo}.")

    async def _wait(self, error: _Again, tries: int) -> None:
        seconds = error.seconds if error.seconds is not None else self.limits.pause_seconds * 2 ** (tries - 1)
        if seconds > self.limits.most_wait_seconds:
            raise error.said from None
        await asyncio.sleep(seconds)


def _choice(held: Any, part: str, strange: ModelError) -> tuple[str, str | None]:
    """(new text, why it ended or None) of a chat completion or one chunk of it; a chunk without choices only counts tokens."""
    choices = held.get("choices") if isinstance(held, dict) else None
    if part == "delta" and choices == []:
        return "", None
    try:
        said, reason = choices[0].get(part) or {}, choices[0].get("finish_reason")
        text = said.get("content")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise strange from None
    if not isinstance(text, str | None) or not isinstance(reason, str | None):
        raise strange
    return text or "", reason


def _seconds(text: str) -> float | None:
    """A Retry-After in seconds; None for none, and for a date, which no such server sends."""
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text.strip()) else None
