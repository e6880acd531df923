"""The server that writes one or both letters: kept with the home, asked whether it is there, offered adapters.

Its address and its models' names are settings of the owner; its key is read from the environment and kept nowhere. Who may change the
settings is decided by whoever calls. Knows settings and backends; what travels over the wire is the business of `backends.wire`.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from db.engine import session
from ftapp import adapters, addresses, config
from ftapp.backends.local import PROBE, AdapterRef
from ftapp.backends.pair import Row, Sampling, write
from ftapp.backends.server import PROBE_TOKENS, Beside, ServerBackend
from ftapp.backends.wire import Wire, key
from ftapp.errors import ModelError, NotAllowed, UserError

FILE = "server.json"
RANKS = (16, 32, 64, 128, 256, 320, 512)  # of adapters that vLLM can make room for; it takes up to the first by itself
LOADING = "/v1/load_lora_adapter"
MOST_LISTED = 50
ALIKE = "It wrote the same words twice: it leaves nothing to chance, so two letters by one of its models are the same."
NONE_SET = (
    "No server is set. The model on this machine writes. Set one: python -m ftapp server set --address URL --name NAME, or under Models."
)


class Server(BaseModel):
    """What is kept: where it is, which of its models writes, and which side. `other` writes the second letter, if it is another one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str
    model: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    side: Literal["one", "both"] = "one"
    other: str = Field("", max_length=200, pattern=r"^[\x21-\x7e]*$")

    @property
    def here(self) -> bool:
        return addresses.is_here(self.url)

    def leaving(self) -> str:
        """What a person must know before their texts go there; nothing when they stay on this machine."""
        if self.here:
            return ""
        plain = " The way there is not encrypted (http): whoever is on it can read along." if self.url.startswith("http://") else ""
        return (
            f"A server writes at {addresses.host_of(self.url)}: what a letter needs of posting, résumé and portfolio leaves this machine "
            f"for it.{plain}"
        )


class Servers:
    """The server of one home. `local` gives the model on this machine, and loads it if it must."""

    def __init__(self, settings: config.Settings, engine: Any, local: Callable[[], Any]) -> None:
        self._settings, self._engine, self._local = settings, engine, local
        self._made: tuple[Server, ServerBackend] | None = None

    # ---- the setting --------------------------------------------------------------------------------------------

    def chosen(self) -> Server | None:
        """The server that is set, as it stands now: another process may have changed it."""
        try:
            return Server.model_validate_json((self._settings.home / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none, or a file that is damaged: then nothing leaves this machine
            return None

    def set(self, address: str, model: str, side: str = "one", other: str = "") -> dict[str, Any]:
        """Let a server write from the next letter on; returns `show`. Raises UserError."""
        url = addresses.server_url(address)
        try:
            server = Server(url=url, model=model.strip(), side=side.strip() or "one", other=other.strip() if side == "both" else "")
        except ValidationError as error:
            what = "side" if error.errors()[0]["loc"] == ("side",) else "name of the model"
            raise UserError(
                f"The {what} cannot be meant. Nothing was changed. Give the name as the server lists it, and the side as one or both."
            ) from None
        self._refuse_offline(server)
        key()  # says now what would be said at each letter
        self._settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._settings.home / f".{FILE}.new"
        fresh.write_text(server.model_dump_json(), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(self._settings.home / FILE)
        return self.show()

    def off(self) -> dict[str, Any]:
        """The model on this machine writes again."""
        (self._settings.home / FILE).unlink(missing_ok=True)
        return self.show()

    def show(self) -> dict[str, Any]:
        """{set, address, model, other, side, here, leaving, key: whether one is in the environment, never which}."""
        server = self.chosen()
        if server is None:
            return {"set": False, "said": NONE_SET}
        told = server.model_dump() | {"here": server.here, "leaving": server.leaving()}
        try:
            has_key = bool(key())
        except ModelError:
            has_key = False
        return {"set": True, "address": told.pop("url"), **told, "key": has_key}

    def leaving(self) -> str:
        """A sentence for everybody whose texts would leave this machine, else nothing."""
        server = self.chosen()
        return server.leaving() if server else ""

    # ---- writing ------------------------------------------------------------------------------------------------

    def writer(self) -> Any:
        """What writes the next letters: the model here, the server, or both beside each other. Raises ModelError."""
        server = self.chosen()
        if server is None:
            return self._local()
        self._refuse_offline(server)
        return self._backend(server) if server.side == "both" else Beside(self._local(), self._backend(server))

    def alone(self) -> ServerBackend | None:
        """The server, if it writes both letters: then the model on this machine is not needed. Asks nobody."""
        server = self.chosen()
        return self._backend(server) if server is not None and server.side == "both" else None

    def _backend(self, server: Server) -> ServerBackend:
        """One backend as long as the setting stays: it remembers what the server takes, and its proof."""
        if self._made is None or self._made[0] != server:
            names = server.model, server.other or server.model
            spec = config.model_spec(server.model)
            self._made = server, ServerBackend(spec, Wire(server.url, config.server_config()), names)
        return self._made[1]

    def _set(self) -> tuple[Server, ServerBackend]:
        """The server that is set and may be asked. Raises UserError."""
        server = self.chosen()
        if server is None:
            raise UserError(NONE_SET)
        self._refuse_offline(server)
        return server, self._backend(server)

    def _refuse_offline(self, server: Server) -> None:
        if self._settings.offline and not server.here:
            raise NotAllowed(
                f"ftapp is set to work offline, and the server at {addresses.host_of(server.url)} is not this machine. Nothing was sent. "
                "Take a server on 127.0.0.1, let the model here write (server off), or unset FTAPP_OFFLINE."
            )

    # ---- is it there? -------------------------------------------------------------------------------------------

    def check(self) -> dict[str, Any]:
        """Ask it: {address, models: what it lists, missing: names it does not list, wrote, first_seconds, seconds, alike, proven, reason}.

        A few words are written twice and thrown away; `alike` is a sentence when they are the same and both letters would be. Raises
        UserError, and ModelError when it cannot write.
        """
        server, backend = self._set()
        names = self._listed()
        began, first, step = time.monotonic(), None, None
        for step in write(backend, PROBE, [Row(None, seed, server.model) for seed in (1, 2)], Sampling(max_new_tokens=PROBE_TOKENS)):
            if first is None and any(step.texts):
                first = round(time.monotonic() - began, 2)
        took, proof = round(time.monotonic() - began, 2), backend.prove()
        one, two = step.texts
        samples = server.side == "both" and backend.names[0] == backend.names[1]
        return {
            "address": server.url, "models": names[:MOST_LISTED],
            "missing": [name for name in dict.fromkeys(backend.names) if names and name not in names],
            "wrote": bool(one or two), "first_seconds": first, "seconds": took, "alike": ALIKE if samples and one and one == two else "",
            "proven": proof.ok, "reason": proof.reason,
        }  # fmt: skip

    def _listed(self) -> list[str]:
        """The models that the server says it has; none where it does not say."""
        held = self._ask("GET", "/models", optional=True)
        rows = held.get("data") if isinstance(held, dict) else None
        return [str(row.get("id")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _ask(self, method: str, path: str, body: Any = None, optional: bool = False) -> Any:
        """One call to the server that is set. Raises ModelError, but for an `optional` one."""
        _, backend = self._set()

        async def asked() -> Any:
            async with backend.wire.client() as client:
                return await backend.wire.call(client, method, path, body)

        try:
            return asyncio.run(asked())
        except ModelError:
            if optional:
                return None
            raise

    # ---- adapters -----------------------------------------------------------------------------------------------

    def offer(self, owner: str, adapter_id: str) -> dict[str, Any]:
        """How a vLLM server would write with an adapter: {name, path, base, command}.

        Raises NotFound for one that is not the owner's, UserError for one that a server cannot write with.
        """
        with session(self._engine) as opened:
            adapter = adapters.find(opened, owner, adapter_id)
            bases = {row["id"]: row["base_id"] for row in adapters.listing(opened, owner)}
        if adapter is None:
            raise UserError("That is the base model alone. A server has it without an adapter. Name an adapter.")
        if adapter.scope != "all":
            raise UserError(
                f"The adapter {adapter.id} acts on the letter only (scope 'letter'). A server applies an adapter to the prompt too, so "
                "it would not write as it learned. Teach one with a recipe of scope 'all', such as dpo_bundled_all."
            )
        spec, rank = config.model_spec(bases[adapter.id]), _rank(adapter)
        room = next((most for most in RANKS if most >= rank), rank)
        words = ["vllm", "serve", spec.source, *(["--revision", spec.revision] if spec.revision else [])]
        words += ["--enable-lora", "--lora-modules", f"{adapter.id}={adapter.path}"]
        words += ["--max-lora-rank", str(room)] if room > RANKS[0] else []
        return {"name": adapter.id, "path": str(adapter.path), "base": spec.source, "command": shlex.join(words)}

    def load(self, owner: str, adapter_id: str) -> dict[str, Any]:
        """Have the server that is set load an adapter while it runs, where it allows that: {name, path, base, command, loaded}.

        The path is sent as it is here; a server on another machine must see the same folder. Raises UserError, ModelError.
        """
        offered = self.offer(owner, adapter_id)
        try:
            self._ask("POST", LOADING, {"lora_name": offered["name"], "lora_path": offered["path"]})
        except ModelError as error:
            if offered["name"] not in self._listed():
                raise ModelError(
                    f"{error} An adapter is loaded by vLLM while it runs, if it was started with --enable-lora and "
                    f"VLLM_ALLOW_RUNTIME_LORA_UPDATING=True. Or start it so: {offered['command']}"
                ) from None
        return offered | {"loaded": True}


def _rank(adapter: AdapterRef) -> int:
    try:
        return int(json.loads((adapter.path / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError):
        said = f"The adapter {adapter.id} has no readable adapter_config.json. It cannot be served. Choose another one."
        raise ModelError(said) from None
