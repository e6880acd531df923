"""Who labels: say who you are on this machine, invite others, or come in as one who was invited. Part of the Label tab."""

from __future__ import annotations

import os
import time
from typing import Any

import gradio as gr

from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import LOCAL, Door

MYSELF = "myself"
WAYS = {"local": "on this machine", "password": "with a password", "hf": "Hugging Face login"}
ROLES = "Labelers judge your queue and nothing else: only you train, choose models, export and delete."


class PeoplePanel:
    """Components and handlers. `changed` are the events after which somebody else labels."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        self.hosted = bool(os.environ.get("SPACE_ID") and os.environ.get("OAUTH_CLIENT_ID"))
        with gr.Accordion("People: who labels", open=False, elem_id="label-people"):
            self.who = gr.HTML(elem_id="people-who")
            self.list = gr.HTML(elem_id="people-list")
            with gr.Row(elem_classes="chips fields", visible=door.bound_to_loopback):
                self.me = gr.Dropdown([MYSELF], value=MYSELF, label="Who labels now", elem_id="people-me", min_width=200)
            with gr.Row(elem_classes="chips fields", visible=not door.bound_to_loopback):
                self.name = gr.Textbox(label="Your name", max_lines=1, elem_id="people-name", min_width=160)
                self.password = gr.Textbox(label="Your password", type="password", max_lines=1, elem_id="people-password", min_width=160)
                self.enter = gr.Button("Label as invited", elem_id="people-enter")
            if self.hosted:
                self.login = gr.LoginButton("Sign in with Hugging Face", size="sm")
                self.as_login = gr.Button("Label under my Hugging Face name", size="sm")
            with gr.Row(elem_classes="chips fields"):
                self.new_name = gr.Textbox(label="Invite: name", max_lines=1, elem_id="people-new", min_width=160)
                self.way = gr.Dropdown([(said, way) for way, said in WAYS.items()], value="local", label="Known", elem_id="people-way",
                                       min_width=180)  # fmt: skip
                secret = {"type": "password", "max_lines": 1, "elem_id": "people-secret", "min_width": 160}
                self.new_password = gr.Textbox(label="Password, if with one", **secret)
                self.invite = gr.Button("Invite", elem_id="people-invite", min_width=96)
            with gr.Row(elem_classes="chips fields"):
                self.pick = gr.Dropdown([], label="Labeler", elem_id="people-pick", min_width=200)
                self.gone = gr.Button("Dismiss", elem_id="people-dismiss", min_width=96)
            self.said = gr.HTML(elem_id="people-said")
        self._wire()

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        """Names of others are for the owner; a labeler sees only who they are themselves."""
        owner, labeler = self.door.labeler(request, self.studio.labelling.still)
        rows = self.studio.labelling.people(owner) if self.door.owner(request) == owner else []
        names = {row["id"]: row["name"] for row in self.studio.labelling.people(owner)}
        table = paper.table(["Labeler", "Known", "Since"], [[row["name"], WAYS[row["way"]], row["since"]] for row in rows]) if rows else ""
        choices = [(row["name"], row["id"]) for row in rows]
        local = [(row["name"], row["id"]) for row in rows if row["way"] == "local"]
        now = f"{names.get(labeler, 'You')} labels here now." if labeler != owner else "You label here yourself."
        me = gr.update(choices=[MYSELF, *local], value=labeler if labeler != owner else MYSELF)
        return paper.note(now), table or paper.note(ROLES), me, gr.update(choices=choices, value=None)

    def be(self, labeler: str, request: gr.Request) -> None:
        """On this machine everybody may say who they are; what they may do does not change."""
        owner = self.door.manager(request)
        if labeler != MYSELF and all(row["id"] != labeler or row["way"] != "local" for row in self.studio.labelling.people(owner)):
            raise gr.Error("There is no such name. Nothing has changed. Choose one of the list.", title="Not done", print_exception=False)
        self.door.label_as(request, "" if labeler == MYSELF else labeler)

    def come_in(self, name: str, password: str, request: gr.Request) -> tuple[str, str]:
        self.door.owner(request)
        with self.door.guessing():
            time.sleep(1)
            found = self.studio.labelling.known(LOCAL, "password", name, password)
        self.door.label_as(request, found["id"])
        return "", paper.note("You label the owner's queue now, in this browser.")

    def come_in_hosted(self, profile: gr.OAuthProfile | None, request: gr.Request) -> str:
        if profile is None:
            return paper.note("Sign in with Hugging Face first.", "warning")
        self.door.label_as(request, self.studio.labelling.known(LOCAL, "hf", profile.username)["id"])
        return paper.note("You label the owner's queue now, in this browser.")

    def add(self, name: str, way: str, password: str, request: gr.Request) -> tuple[str, str, str]:
        row = self.studio.labelling.invite(self.door.manager(request), name, way, password)
        return "", "", paper.note(f"{row['name']} may label now.")

    def dismiss(self, labeler: str | None, request: gr.Request) -> str:
        owner = self.door.manager(request)
        if not labeler:
            return paper.note("Choose a labeler first.")
        self.studio.labelling.dismiss(owner, labeler)
        return paper.note("Dismissed. What they chose stays.")

    def _wire(self) -> None:
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": [self.who, self.list, self.me, self.pick], **QUIET}
        self.changed = [
            self.me.input(calm(self.be), self.me, None, **QUIET).then(**self.looking),
            self.enter.click(calm(self.come_in), [self.name, self.password], [self.password, self.said], **QUIET).then(**self.looking),
        ]
        if self.hosted:
            self.changed.append(self.as_login.click(calm(self.come_in_hosted), None, self.said, **QUIET).then(**self.looking))
        form = [self.new_name, self.way, self.new_password]
        self.invite.click(calm(self.add), form, [self.new_name, self.new_password, self.said], **QUIET).then(**self.looking)
        self.gone.click(calm(self.dismiss), self.pick, self.said, **QUIET).then(**self.looking)
