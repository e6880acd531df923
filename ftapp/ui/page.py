"""The page: a header that always says how much there is to learn, and one tab for each thing a person does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from ftapp.config import Settings, app_config
from ftapp.ui import api, desk, paper, theme
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.data import DataTab
from ftapp.ui.label import LabelTab
from ftapp.ui.models import ModelsTab, base_text
from ftapp.ui.own_letters import LettersPanel
from ftapp.ui.owner import Door, VisitorCookie
from ftapp.ui.train import TeachTab
from ftapp.ui.trial import header_line
from ftapp.ui.write import WriteTab

MODEL = {"ready": "Model ready", "loading": "Model is loading…", "failed": "Model could not be loaded", "idle": "Model is not loaded yet",
         "away": "Model makes room for the training"}  # fmt: skip


def header_text(counts: dict[str, Any]) -> str:
    number = int(counts["new_choices"])
    return f'<p class="counts"><b>{number}</b> new choice{"s" * (number != 1)} since the last training</p>'


def model_text(state: dict[str, Any]) -> str:
    name = state["state"]
    return f'<p class="model {paper.safe(name)}" title="{paper.safe(state["name"])}"><i></i>{paper.safe(MODEL.get(name, name))}</p>'


def build(studio: Any, door: Door) -> gr.Blocks:
    """All tabs and endpoints. Nothing here loads a model or reads the database before a request comes."""

    def look(request: gr.Request) -> tuple[str, str, str]:
        state = studio.model_state()
        owner = door.owner(request)
        return header_text(studio.header_counts(owner)) + header_line(studio.trial.trial(owner)), model_text(state), base_text(state)

    # Uploads and cached files older than an hour are deleted every hour.
    with gr.Blocks(title="ftapp", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True) as page:
        with gr.Row(elem_id="top"):
            gr.HTML('<h1 class="brand">ftapp</h1>')
            model = gr.HTML(elem_id="model-state")
            counts = gr.HTML(elem_id="new-choices")
            retrain = gr.Button("Retrain", size="sm", elem_id="retrain", min_width=96)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Write", id="write") as write_tab:
                writing = WriteTab(studio, door)
            with gr.Tab("Label", id="label") as label_tab:
                labelling = LabelTab(studio, door)
            with gr.Tab("Teach", id="teach") as teach_tab, gr.Tabs(elem_id="teach-halves"):
                with gr.Tab("Train", id="train"):
                    teaching = TeachTab(studio, door)
                with gr.Tab("Your letters", id="own-letters") as own_tab:
                    own = LettersPanel(studio, door)
            with gr.Tab("Models", id="models") as models_tab:
                models = ModelsTab(studio, door)
            with gr.Tab("Data", id="data") as data_tab:
                data = DataTab(studio, door)
        pulse = gr.Timer(2.0)

        # No limit of its own: nothing but writing waits for the model.
        looking = {"fn": calm(look), "inputs": None, "outputs": [counts, model, models.state], "queue": False, **QUIET}
        pulse.tick(**looking)
        page.load(**looking)
        page.load(**models.templates.looking)
        page.load(**models.server.looking)
        page.load(**writing.loading).then(**writing.standing).then(**writing.reading).then(**writing.measuring)
        for event in [*writing.voted, *teaching.changed]:
            event.then(**looking)
        retrain.click(lambda: gr.update(selected="teach"), None, tabs, **QUIET)
        # A training is looked at only while it is seen.
        teach_tab.select(**teaching.planning).then(**teaching.looking).then(lambda: gr.Timer(active=True), None, teaching.timer, **QUIET)
        teach_tab.select(**teaching.trends.looking)
        for seen in (teach_tab, own_tab):  # the outer one tells of it only when it is come back to
            seen.select(**own.looking)
        write_tab.select(**writing.measuring)  # another model may have been loaded meanwhile
        opened = label_tab.select(**labelling.opening)
        for panel in labelling.looking:
            opened = opened.then(**panel)
        for tab in (write_tab, label_tab, models_tab, data_tab):
            tab.select(lambda: gr.Timer(active=False), None, teaching.timer, **QUIET)
        for empty in (teaching, models, data):
            empty.first.click(lambda: gr.update(selected="write"), None, tabs, **QUIET)
        data.forget.again.click(lambda: gr.update(selected="teach"), None, tabs, **QUIET)
        models_tab.select(**models.lineage.looking)
        data_tab.select(**data.forget.looking)
        looked = models_tab.select(**models.looking).then(**models.trial.looking).then(**models.measuring)
        looked.then(**models.server.minding).then(**models.templates.minding)
        data_tab.select(**data.looking).then(**data.portfolio.looking).then(**data.transfer.looking).then(**data.backups.looking)
        api.build(studio, door)
    return page


def launch_options(settings: Settings, door: Door, studio: Any) -> dict[str, Any]:
    """What `launch` is told; the labelling desk is asked beside Gradio.

    Gradio's own defaults keep every input in the browser and publish usage pages: both are off. So is its look at its own page
    (`_frontend`): it gives up, with words about sharing, when a busy machine takes three seconds for the first one."""
    home: Path = settings.home
    # Not the uploads folder: blocking the folder that downloads are served from would forbid them all.
    private = ["ftapp.db", "runs", "adapters", "backups", "supervisor.lock"]
    return {
        "server_name": settings.host, "server_port": settings.port, "theme": theme.theme(), "css": theme.css(), "head": theme.head(),
        "run_history": False, "enable_monitoring": False, "footer_links": [], "show_error": False, "ssr_mode": False, "pwa": False,
        "mcp_server": False, "_frontend": False, "share": False, "inbrowser": False, "quiet": True,
        "max_file_size": f"{app_config().max_upload_mb}mb", "blocked_paths": [str(home / name) for name in private],
        "app_kwargs": {"middleware": [Middleware(VisitorCookie, door=door)], "routes": desk.routes(studio, door),
                       "docs_url": None, "redoc_url": None, "openapi_url": None},
    }  # fmt: skip
