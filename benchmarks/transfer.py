"""100,000 pairs in, a next pair with them stored, 100,000 pairs out: `python -m benchmarks.transfer [--pairs 100000]`.

The pairs are made up, of the size of real ones (a prompt of about 1,200 characters, letters of about 800). First it is checked that all
went in, that a second import adds nothing, and that export, import into an empty home and export again give the same bytes. The next
pair is what the page asks the home for between two pairs: the header's count, the pair to show and the last ten choices.

Printed: wall seconds, processor seconds (the same on a busy machine) and the most memory that the process had. Peer: reading and
writing the same rows with `json` alone, which is the least that any tool must do.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ftapp import config

LIMITS = {"import": 60, "export": 30, "memory": 600, "next pair": 150}
WORDS = "bread oven dough rye wheat early morning team guest order shift recipe market street kitchen butter flour crust table plan".split()


def pairs(path: Path, count: int) -> None:
    """Made-up pairs as TRL writes them; every twentieth signed, so that there is something to mask."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            prompt, chosen, rejected = (" ".join(rng.choices(WORDS, k=size)) for size in (210, 140, 140))
            signed = f"\n\nKind regards,\nSam Ode\nsam{number}@mail.example" if number % 20 == 0 else ""
            row = {"prompt": [{"role": "system", "content": "Write a letter."}, {"role": "user", "content": f"{number} {prompt}"}],
                   "chosen": [{"role": "assistant", "content": chosen + signed}],
                   "rejected": [{"role": "assistant", "content": rejected}]}  # fmt: skip
            file.write(json.dumps(row) + "\n")


def alone(step: str, home: Path, file: Path) -> dict[str, float]:
    """One step in a process of its own, so that its memory is its own."""
    ran = subprocess.run([sys.executable, "-m", "benchmarks.transfer", "--step", step, "--home", str(home), "--file", str(file)],
                         check=True, capture_output=True, text=True)  # fmt: skip
    return json.loads(ran.stdout.splitlines()[-1])


def work(step: str, home: Path, file: Path) -> dict[str, float]:
    from db.engine import write
    from db.models import Document
    from ftapp.studio import Studio

    if step == "peer":
        return measured(lambda: [json.dumps(json.loads(line)) and None for line in file.open(encoding="utf-8")])
    studio = Studio(config.settings(home=home).model_copy(update={"offline": True}))
    with write(studio.engine) as opened:  # somebody to mask
        opened.add(Document(owner_id="local", kind="resume", text="Sam Ode\n+41 79 555 01 23", text_hash="h", fields={"name": "Sam Ode"}))
    try:
        if step == "import":
            with file.open("rb") as source:
                return measured(lambda: vars(studio.transfer.bring("local", source, use=True)))
        if step == "export":
            return measured(lambda: {"rows": studio.transfer.take("local", "trl", file).rows})
        return next_pair(studio)
    finally:
        studio.close()


def measured(act) -> dict[str, float]:
    began, worked = time.perf_counter(), time.process_time()
    done = act()
    told = {name: done[name] for name in ("added", "duplicates", "rows") if name in done} if isinstance(done, dict) else {}
    return told | {"seconds": time.perf_counter() - began, "cpu": time.process_time() - worked,
                   "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}  # fmt: skip


def next_pair(studio) -> dict[str, float]:
    """Milliseconds of wall and of processor, median and 95th percentile of 40."""
    walls, works = [], []
    for _ in range(40):
        began, worked = time.perf_counter(), time.process_time()
        studio.header_counts("local")
        studio.current_comparison("local")
        studio.recent("local")
        walls.append(1000 * (time.perf_counter() - began))
        works.append(1000 * (time.process_time() - worked))
    return {"median": statistics.median(walls), "p95": sorted(walls)[37], "cpu": statistics.median(works)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(work(given.step, given.home, given.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "one", Path(folder) / "two"
        source, out, again = (Path(folder) / f"{name}.jsonl" for name in ("source", "out", "again"))
        pairs(source, given.pairs)
        print(f"{given.pairs:,} pairs, {source.stat().st_size / 1e6:.0f} MB")
        steps = {"peer": alone("peer", one, source), "import": alone("import", one, source)}
        second = alone("import", one, source)
        steps |= {"next pair": alone("next", one, source), "export": alone("export", one, out)}
        back = alone("import", two, out)
        alone("export", two, again)
        assert steps["import"]["added"] == given.pairs == second["duplicates"] and second["added"] == 0, "all once"
        assert steps["export"]["rows"] == given.pairs == back["added"] and out.read_bytes() == again.read_bytes(), "the same bytes"
        for name in ("peer", "import", "export"):
            told = steps[name]
            limit = f"  (at most {LIMITS[name]} s, {LIMITS['memory']} MB)" if name in LIMITS else "  (json alone)"
            ratio = f", {told['cpu'] / steps['peer']['cpu']:.1f} times the peer" if name != "peer" else ""
            print(f"{name:<10} {told['seconds']:6.1f} s wall, {told['cpu']:5.1f} s processor{ratio}, {told['memory']:4.0f} MB{limit}")
        told = steps["next pair"]
        print(f"next pair  {told['median']:6.1f} ms median, {told['p95']:.1f} ms p95, {told['cpu']:.1f} ms processor  "
              f"(at most {LIMITS['next pair']} ms)")  # fmt: skip


if __name__ == "__main__":
    main()
