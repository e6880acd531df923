"""How soon the next pair is painted after a key press: `python -m benchmarks.label [--labels 50]`.

Drives the real page in a real Chromium; the model recites, so that the queue is always full and only the page is measured. A label
counts from the key's own time stamp to the end of the first frame that shows the next pair. Then the labels in the database are
counted: one that was fast and not stored would be worth nothing. The peer is a vote through Gradio's own event on the Write tab, from
the key press until the page shows that it was stored: what a screen takes that waits for its server.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from sqlmodel import select

from db.engine import session
from db.models import Preference

MOST_MS = 150.0
MEASURE = """() => {
  window.painted = [];
  let pressed = null, before = null;
  addEventListener("keydown", (event) => {
    if (!"1234".includes(event.key)) return;
    pressed = event.timeStamp; before = document.getElementById("label-stage").dataset.shown;
    const look = () => {
      const stage = document.getElementById("label-stage"), shown = stage.dataset.shown;
      const there = [...document.querySelectorAll("#label-pairs > .labelled")].some((pair) => pair.offsetParent);
      if (shown === before || !there) return requestAnimationFrame(look);
      requestAnimationFrame(() => setTimeout(() => window.painted.push(performance.now() - pressed)));
    };
    requestAnimationFrame(look);
  }, true);
}"""
PEER = """() => {
  window.voted = [];
  addEventListener("keydown", (event) => {
    if (!"12".includes(event.key) || !document.getElementById("verdict")?.offsetParent) return;
    const pressed = event.timeStamp;
    const look = () => {
      const after = document.getElementById("after");
      after && after.offsetParent ? window.voted.push(performance.now() - pressed) : requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""


def letters(count: int) -> tuple[str, ...]:
    """Letters of ordinary length that differ, with claims in them."""
    lines = ["I looked after {n} guests a day at Oakline Rolls and baked 300 loaves before seven.", "My dough fed {n} houses.",
             "Your posting asks for early hours, which I have kept since 2019.", "I taught {n} apprentices to shape a loaf.",
             "In {n} weeks I cut waste by 12 percent, and the bakery kept it that way."]  # fmt: skip
    body = ["\n\n".join(" ".join(line.format(n=n + k) for line in lines) for k in range(2)) for n in range(count)]
    return tuple(f"Dear team,\n\n{text}\n\nKind regards,\nSam Ode" for text in body)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=50)
    parser.add_argument("--peers", type=int, default=10)
    labels, peers = (getattr(parser.parse_args(), name) for name in ("labels", "peers"))
    from tests.browser import POSTING, RESUME, browser, finished, opened, serve

    texts = letters(40)
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "home", {None: texts, "starter": texts[::-1]}) as (address, studio):
        studio.labelling.fill_fictional("local")
        studio.labelling.fill_fictional("local", words=80)
        with browser() as chrome, opened(chrome, address) as page:
            page.get_by_role("tab", name="Label").click()
            page.locator("#label-vote").wait_for()
            page.evaluate(MEASURE)
            for n in range(labels):
                page.wait_for_function("document.querySelectorAll('#label-pairs > .labelled').length > 1")
                page.wait_for_timeout(500)
                page.keyboard.press("1234"[n % 4])
                page.wait_for_function(f"window.painted.length === {n + 1}")
            page.wait_for_function("!document.querySelector('#label-recent .pending')")
            painted = page.evaluate("window.painted")
            page.get_by_role("tab", name="Write").click()
            waited: list[float] = []
            for n in range(peers):
                list(studio.write_pair("local", POSTING, RESUME, seed=n * 2))
                page.reload()
                finished(page)
                page.evaluate(PEER)
                page.wait_for_timeout(500)
                page.keyboard.press("1")
                page.wait_for_function("window.voted.length === 1")
                waited += page.evaluate("window.voted")
        with session(studio.engine) as opened_db:
            stored = len(opened_db.exec(select(Preference.id).where(Preference.undone_at.is_(None))).all())
    print(f"{labels} labels by key, {stored - peers} of them stored once each")
    middle = statistics.median(painted)
    print(f"key press to the next pair painted: p50 {middle:.0f} ms, p95 {p95(painted):.0f} ms, most {max(painted):.0f} ms")
    print(f"a vote on Write, until the page shows it: p50 {statistics.median(waited):.0f} ms, most {max(waited):.0f} ms "
          f"({statistics.median(waited) / middle:.1f} times as long)")  # fmt: skip
    good = stored == labels + peers and p95(painted) <= MOST_MS
    print(f"within {MOST_MS:.0f} ms and nothing lost: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
