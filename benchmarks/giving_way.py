"""Does training give way to writing and voting? `python -m benchmarks.giving_way [--pairs 12] [--votes 200]`

The app's own model writes pairs and stores votes through the real studio, first alone, then while a trainer process teaches on choices
by the app's recipe. The peer is the same without giving way: a trainer at the app's own priority.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ftapp import config
from ftapp.bundled import generator

MOST_SLOWER, MOST_MS = 2.5, 300.0
TAUGHT = 24  # choices to learn from, so often that the training outlasts what is measured


def made_up(count: int, start: int) -> list[tuple[str, str]]:
    """Postings and résumés as text, of the generator's unseen words."""
    found = []
    for n in range(count):
        slots = generator.example(4, start + n, unseen=True, clean=True).prompt.slots
        job, person = slots.job, slots.profile
        posting = f"{job.title} at {job.company}\n\nRequirements:\n" + "\n".join(f"- {line}" for line in job.requirements)
        worked = "\n".join(f"{one.title} | {one.employer} | 2019 to present" for one in person.experience)
        found.append((posting, f"{person.name}\n\nExperience\n{worked}\n\nSkills\n{', '.join(person.skills)}"))
    return found


def write(studio, texts: list[tuple[str, str]], start: int) -> tuple[list[float], list[str]]:
    """Seconds of each pair, and the comparisons' ids."""
    seconds, ids = [], []
    for n, (posting, resume) in enumerate(texts):
        began = time.perf_counter()
        *_, pair = studio.write_pair("local", posting, resume, seed=start + n)
        seconds.append(time.perf_counter() - began)
        ids.append(pair["comparison_id"])
    return seconds, ids


def vote(studio, comparison: str, count: int) -> list[float]:
    """Milliseconds of each of `count` votes on one pair, taken back in between."""
    found = []
    for n in range(count):
        began = time.perf_counter()
        got = studio.prefer("local", comparison, ("left", "right")[n % 2])
        found.append(1000 * (time.perf_counter() - began))
        studio.undo("local", got["receipt"])
        time.sleep(0.01)
    return found


def raise_up(pid: int) -> None:
    """Take back what `processes.give_way` did (needs the right to)."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), 0)
    Path(f"/proc/{pid}/autogroup").write_text("0")


@contextmanager
def teaching(studio, polite: bool) -> Iterator[str]:
    """A training from its first step on, until this is left."""
    run_id = studio.start_training("local", "lasting")["id"]
    while studio.training_status("local", run_id)["step"] < 1:
        studio.supervisor.poll()
        time.sleep(0.1)
    if not polite:
        raise_up(studio.supervisor._processes[run_id].pid)
    try:
        yield run_id
    finally:
        assert studio.training_status("local", run_id)["state"] == "running", "it ended before everything was measured: ask for less"
        studio.stop_training("local", run_id)
        while studio.training_status("local", run_id)["state"] in ("running", "stopping"):
            studio.supervisor.poll()
            time.sleep(0.1)


def lasting(folder: Path) -> Path:
    """A copy of configs/ with the app's recipe, made to last."""
    shutil.copytree(config.CONFIGS, folder)
    recipe = yaml.safe_load((folder / "train" / "dpo_bundled.yaml").read_text(encoding="utf-8"))
    (folder / "train" / "lasting.yaml").write_text(yaml.safe_dump(recipe | {"epochs": 200, "learning_rate": 1e-6}), encoding="utf-8")
    return folder


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--votes", type=int, default=200)
    arguments = parser.parse_args()
    from ftapp.studio import Studio

    texts = made_up(arguments.pairs, 0)
    with tempfile.TemporaryDirectory() as folder:
        config.CONFIGS = lasting(Path(folder) / "configs")
        studio = Studio(config.settings(home=Path(folder) / "home"))
        try:
            for n, (posting, resume) in enumerate(made_up(TAUGHT, 1000)):
                *_, pair = studio.write_pair("local", posting, resume, words=80, seed=n)
                studio.prefer("local", pair["comparison_id"], "left")
            idle, _ = write(studio, texts, 500)
            rows = {"alone": (idle, vote(studio, write(studio, texts[:1], 900)[1][0], arguments.votes))}
            for name, polite in (("while it teaches", True), ("peer: a trainer that does not give way", False)):
                with teaching(studio, polite):
                    seconds, ids = write(studio, texts, 500)
                    rows[name] = seconds, vote(studio, ids[-1], arguments.votes)
        finally:
            studio.close()
    usual = statistics.median(idle)
    for name, (seconds, voted) in rows.items():
        print(f"{name}: a pair {statistics.median(seconds):.2f} s ({statistics.median(seconds) / usual:.2f} times), "
              f"a vote p50 {statistics.median(voted):.1f} ms, p99 {p99(voted):.1f} ms")  # fmt: skip
    seconds, voted = rows["while it teaches"]
    good = statistics.median(seconds) <= MOST_SLOWER * usual and p99(voted) <= MOST_MS
    print(f"a pair at most {MOST_SLOWER} times, a vote within {MOST_MS:.0f} ms: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
