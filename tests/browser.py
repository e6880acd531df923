"""A running page and a real Chromium for the tests of the screens and of the endpoints.

The page is the real one, on a real database; only the model recites (ScriptedBackend), so that every text is known.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ftapp import config
from ftapp.backends.scripted import ScriptedBackend
from ftapp.studio import Studio
from ftapp.ui.owner import Door
from ftapp.ui.page import build, launch_options

LETTER = "Dear team,\n\nI bake bread for two hundred guests every morning and I would like to bake yours.\n\nKind regards,\nSam Ode"
OTHER = "Dear all,\n\nMy sourdough has fed a whole street for six years, and your posting made me hungry.\n\nWarmly,\nSam Ode"
POSTING = "Baker\nCompany: Fernhill Bakery\n\nRequirements\n- Early hours\n- Two years of experience with sourdough"
RESUME = "Sam Ode\nBaker\n\nExperience\nBaker, Oakline Rolls, 2019 - present\n- Baked 300 loaves a day\n\nSkills\nsourdough, croissants"
# Both seeds of a pair fall on different texts, whoever writes; without an adapter both are samples of the base.
TEXTS = {None: (LETTER, OTHER), "starter": (LETTER, OTHER)}
expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def serve(
    home: Path, texts: Mapping[str | None, Sequence[str]] = TEXTS, pace: float = 0.0, host: str = "127.0.0.1", password: str = "",
    model: str = "bundled", door: Door | None = None,
) -> Iterator[tuple[str, Studio]]:  # fmt: skip
    """The page on a free port: (its address, its studio). `pace` is seconds a word; `model` is what a training would teach."""
    made = config.settings(home=home, model=model).model_copy(update={"host": host, "port": free_port(), "offline": True})
    before, os.environ["GRADIO_TEMP_DIR"] = os.environ.get("GRADIO_TEMP_DIR"), str(made.folder("uploads"))
    studio = Studio(made, ScriptedBackend(config.model_spec(model), texts, pace))
    door = door or Door(host, password)
    page = build(studio, door)
    try:
        page.launch(**launch_options(made, door, studio), prevent_thread_lock=True)
        yield f"http://127.0.0.1:{made.port}/", studio
    finally:
        page.close(verbose=False)
        studio.close()
        os.environ.pop("GRADIO_TEMP_DIR")
        if before is not None:
            os.environ["GRADIO_TEMP_DIR"] = before


def chromium() -> str:
    """The path of a Chromium. Without one the test is skipped aloud, or fails where CI=true."""
    names = (os.environ.get("FTAPP_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        missing = "No Chromium was found, so the screens were NOT tested. Install chromium, or name one in FTAPP_CHROMIUM."
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return found


@contextlib.contextmanager
def browser():
    """A headless Chromium that talks to nobody on its own account."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-background-networking"])
        try:
            yield opened
        finally:
            opened.close()


class opened:
    """One browser window on the page, with everything it asks for and complains about written down."""

    def __init__(self, chrome, address, **options):
        self.context = chrome.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.address, self.elsewhere, self.errors = address, [], []

    def __enter__(self):
        page = self.context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda r: self.elsewhere.append(r.url) if not r.url.startswith((self.address, "data:", "blob:")) else None)
        page.on("pageerror", lambda error: self.note(str(error)))
        page.on("console", lambda m: self.note(m.text) if m.type == "error" else None)
        page.goto(self.address)
        expect(page.locator("#write")).to_be_visible()
        return page

    def note(self, error):
        """A reload cuts off what the old page was asking; that is no failure of the page."""
        if not any(cut in error for cut in ("AbortError", "Connection errored out", "net::ERR_ABORTED")):
            self.errors.append(error)

    def __exit__(self, *failure):
        self.context.close()
        if failure[0] is None:
            assert not self.elsewhere, "the page asked another machine"
            assert not self.errors


def write(page, posting=POSTING, resume=RESUME):
    page.locator("#posting textarea").fill(posting)
    page.locator("#resume textarea").fill(resume)
    begin(page)


BEGUN = """() => {
    const begun = () => (window.begun = !!document.querySelector("#letter-left .paper.writing")), all = {subtree: true, childList: true};
    window.begun = false;
    new MutationObserver((_, watch) => begun() && watch.disconnect()).observe(document.body, all);
}"""


def begin(page):
    """Press Write, and wait until empty cards stand there: until then an undecided pair of an earlier test may, or may come."""
    expect(page.locator("#new-choices b")).to_be_visible()
    page.wait_for_timeout(700)
    page.evaluate(BEGUN)
    page.locator("#write").click()
    page.wait_for_function("window.begun")


def finished(page):
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("#letter-left .paper.done")).to_be_visible()
    expect(page.locator("#verdict")).to_be_visible()


def letters(page):
    """The two letters as the page shows them, whichever side each is on."""
    return {page.locator(f"#letter-{side} .letter").inner_text() for side in ("left", "right")}
