"""Write with a server: where it is, which of its models writes, and what leaves this machine then. Part of the Models tab.

Only the owner of this machine may change it, and only the owner is shown its address: visitors' texts would go wherever it says.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import LOCAL, Door

SIDES = [("One letter, the model here writes the other", "one"), ("Both letters", "both")]
ABOUT = (
    "Any server that speaks OpenAI's chat completions: vLLM, transformers serve, llama.cpp, or a hosted fine-tuned model by its id. A key "
    "is read from the environment variable FTAPP_SERVER_KEY; it is never stored and never shown."
)
VISITOR = "Which server writes is set by the owner of this machine."


def state_text(found: dict[str, Any]) -> str:
    """The server that is set, in sentences."""
    if not found["set"]:
        return paper.note("No server is set: the model on this machine writes.")
    models = found["model"] + (f" and {found['other']}" if found["other"] else "")
    side = "both letters" if found["side"] == "both" else "one letter of each pair, the model here the other one"
    key = "with the key from FTAPP_SERVER_KEY" if found["key"] else "without a key"
    said = paper.note(f"{found['address']} writes {side}: {models}, {key}.")
    return said + (paper.note(found["leaving"], "warning") or paper.note("It is on this machine: nothing leaves it."))


def check_text(found: dict[str, Any]) -> str:
    """What a check gave, in sentences."""
    said = ""
    if found["wrote"]:
        said += paper.note(f"It answers and writes: first words after {found['first_seconds']:g} s, a few more in {found['seconds']:g} s.")
    else:
        said += paper.note("It answers, but wrote nothing.", "warning")
    if found["missing"]:
        said += paper.note(f"It does not list {', '.join(found['missing'])}. It has {', '.join(found['models'])}.", "warning")
    said += paper.note(found["alike"], "warning")
    if not found["proven"]:
        said += paper.note(f"Pairs can be read, but not judged: {found['reason']}", "warning")
    return said


class ServerPanel:
    """Components and handlers; `looking` shows what is set, `minding` all but the fields: they may be half filled in."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        with gr.Accordion("Write with a server", open=False, elem_id="server"):
            gr.HTML(f'<p class="lead">{paper.safe(ABOUT)}</p>')
            self.state = gr.HTML(elem_id="server-state")
            with gr.Row(elem_classes="settings"):
                self.address = gr.Textbox(
                    label="Address", placeholder="http://127.0.0.1:8000/v1", max_lines=1, elem_id="server-address", min_width=260
                )
                self.model = gr.Textbox(label="Model's name there", max_lines=1, elem_id="server-model", min_width=240)
                self.side = gr.Dropdown(SIDES, value="one", label="It writes", elem_id="server-side", min_width=260)
                self.other = gr.Textbox(label="Second model (optional)", visible=False, max_lines=1, elem_id="server-other", min_width=240)
            with gr.Row(elem_classes="chips"):
                self.use = gr.Button("Write with it", variant="primary", size="sm", elem_id="server-set", min_width=96)
                self.ask = gr.Button("Check it", size="sm", elem_id="server-check", min_width=96)
                self.stop = gr.Button("Stop using it", size="sm", elem_id="server-off", min_width=96)
            self.said = gr.HTML(elem_id="server-said")
            gr.HTML('<p class="lead">vLLM can write with an adapter of yours, if it acts on the whole text (scope all).</p>')
            with gr.Row(elem_classes="chips fields"):
                self.adapter = gr.Dropdown([], label="Adapter", elem_id="server-adapter", min_width=320)
                self.show = gr.Button("Show the command", size="sm", elem_id="server-command", min_width=96)
                self.load = gr.Button("Load it on the server", size="sm", elem_id="server-load", min_width=96)
            self.offered = gr.HTML(elem_id="server-offered")
        self._wire()

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.owner(request)
        found = self.studio.servers.show() if owner == LOCAL else {}
        side = found.get("side", "one")
        other = gr.update(value=found.get("other", ""), visible=side == "both")
        return *self.mind(request), found.get("address", ""), found.get("model", ""), side, other

    def mind(self, request: gr.Request) -> tuple[str, Any]:
        """The state in sentences, and the adapters to choose from."""
        owner = self.door.owner(request)
        if owner != LOCAL:
            return paper.note(VISITOR) + paper.note(self.studio.servers.leaving(), "warning"), gr.update(choices=[])
        adapters = [(f"{row['id']} (scope {row['scope']})", row["id"]) for row in self.studio.adapters(owner)]
        return state_text(self.studio.servers.show()), gr.update(choices=adapters)

    def put(self, address: str, model: str, side: str, other: str, request: gr.Request) -> tuple[str, str]:
        self.door.manager(request)
        found = self.studio.servers.set(address or "", model or "", side or "one", other or "")
        return state_text(found), paper.note("It writes from the next letter on.")

    def off(self, request: gr.Request) -> tuple[str, str]:
        self.door.manager(request)
        return state_text(self.studio.servers.off()), paper.note("The model on this machine writes again.")

    def check(self, request: gr.Request) -> str:
        self.door.manager(request)
        return check_text(self.studio.servers.check())

    def command(self, adapter: str | None, request: gr.Request) -> str:
        owner = self.door.manager(request)
        if not adapter:
            return paper.note("Pick an adapter first.", "warning")
        offered = self.studio.servers.offer(owner, adapter)
        told = paper.note(f"Start vLLM so; then its models are {offered['base']} and {offered['name']}:")
        return f'{told}<pre class="command" tabindex="0"><code>{paper.safe(offered["command"])}</code></pre>'

    def load_it(self, adapter: str | None, request: gr.Request) -> str:
        owner = self.door.manager(request)
        if not adapter:
            return paper.note("Pick an adapter first.", "warning")
        name = self.studio.servers.load(owner, adapter)["name"]
        return paper.note(f"Loaded. The server has it under the name {name}: give that as a model's name above.")

    def _wire(self) -> None:
        slow = QUIET | {"show_progress": "minimal"}
        shown, asked = [self.state, self.adapter], [self.address, self.model, self.side, self.other]
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": [*shown, *asked], **QUIET}
        self.minding = {"fn": calm(self.mind), "inputs": None, "outputs": shown, **QUIET}
        self.use.click(calm(self.put), asked, [self.state, self.said], **QUIET)
        self.stop.click(calm(self.off), None, [self.state, self.said], **QUIET)
        self.ask.click(calm(self.check), None, self.said, **slow)
        self.side.input(lambda side: gr.update(visible=side == "both"), self.side, self.other, **QUIET)
        self.show.click(calm(self.command), self.adapter, self.offered, **QUIET)
        self.load.click(calm(self.load_it), self.adapter, self.offered, **slow)
