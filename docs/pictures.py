"""Takes the pictures of the README from the real app: `python -m docs.pictures`. A few minutes; overwrites docs/*.png.

The story of one adapter: pairs for the examples that ship, chosen by a plain rule (the letter that says "I" less often), a training with
the default recipe, the gate, the trial by more such choices, and the adapter that writes. Needs requirements-dev.txt and a Chromium.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAIRS, VOTES = 40, 60  # to learn from, and at most for the trial
SIZES = {"light": ((1280, 900), "light"), "phone": ((390, 844), "dark")}


@contextlib.contextmanager
def running(home: Path) -> Iterator[tuple[str, Any]]:
    """The app with its bundled model: (address, studio)."""
    from ftapp.config import settings
    from ftapp.studio import Studio
    from ftapp.ui.owner import Door
    from ftapp.ui.page import build, launch_options
    from tests.browser import free_port

    chosen = settings(home=home).model_copy(update={"port": free_port()})
    os.environ["GRADIO_TEMP_DIR"] = str(chosen.folder("uploads"))
    studio, door = Studio(chosen), Door(chosen.host)
    page = build(studio, door)
    page.launch(**launch_options(chosen, door, studio), prevent_thread_lock=True)
    studio.load_model_in_background()
    try:
        yield f"http://127.0.0.1:{chosen.port}/", studio
    finally:
        page.close(verbose=False)
        studio.close()


def choose(studio: Any, number: int) -> None:
    """One pair for an example under a made-up employer, so that some postings are held out."""
    from ftapp.ui.examples import EXAMPLES

    starts, ends = ("Ash", "Birch", "Cedar", "Elm", "Fern", "Hazel", "Linden", "Maple"), ("field", "ford", "wood")
    job, resume = list(EXAMPLES.values())[number % len(EXAMPLES)]
    at = number // len(EXAMPLES)
    for name in ("Fernhill", "St. Alban", "Brightwell"):
        job = job.replace(name, starts[at % len(starts)] + ends[at // len(starts) % len(ends)])
    *_, pair = studio.write_pair("local", job, resume, seed=number)
    fewer = min(("left", "right"), key=lambda side: pair[side].split().count("I"))
    studio.prefer("local", pair["comparison_id"], fewer)


def judge(studio: Any, page: Any) -> None:
    """Votes until the trial is decided, photographed half way."""
    page.get_by_role("tab", name="Models").click()
    for number in range(VOTES):
        choose(studio, PAIRS + number)
        if number == 12:
            page.reload()
            page.get_by_role("tab", name="Models").click()
            page.locator("#trial").wait_for()
            page.wait_for_timeout(3000)
            photograph(page, "trial", whole=False)
        if not any(one["state"] == "trial" for one in studio.adapters("local")):
            return


def photograph(page: Any, name: str, whole: bool = True) -> None:
    """A screenshot of few colours, to keep the repository small."""
    from PIL import Image

    page.add_style_tag(content="#verdict { position: static !important; }")  # what sticks to the window would stand amid a whole page
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    picture.quantize(96, dither=Image.Dither.NONE).save(DOCS / f"{name}.png", optimize=True)


def write(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Try: Data analyst").click()
    expect(page.locator("#understood")).to_be_visible()
    page.locator("#write").click()
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("#letter-left .paper.done")).to_be_visible()


def main() -> None:
    from playwright.sync_api import expect

    from tests.browser import browser

    expect.set_options(timeout=300_000)
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as (address, studio), browser() as chrome:
        for name, ((width, height), scheme) in SIZES.items():
            page = chrome.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(address)
            expect(page.locator("#model-state")).to_contain_text("Model ready")
            write(page)
            photograph(page, "write" if name == "light" else "phone")
            page.close()
        for number in range(PAIRS):
            choose(studio, number)
        page = chrome.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.locator("#retrain").click()
        page.locator("#start-training").click()
        expect(page.locator("#run-status")).to_contain_text("Finished")
        expect(page.locator("#plot-loss canvas, #plot-loss svg").first).to_be_visible()
        page.wait_for_timeout(2000)
        photograph(page, "teach")
        judge(studio, page)
        page.reload()
        page.get_by_role("tab", name="Models").click()
        page.wait_for_timeout(4000)
        photograph(page, "live", whole=False)
        page.get_by_role("tab", name="Label").click()
        page.wait_for_timeout(1000)
        page.locator("#label-begin").click()
        page.locator("#label-vote").wait_for()
        page.wait_for_timeout(20_000)
        photograph(page, "label", whole=False)


if __name__ == "__main__":
    main()
