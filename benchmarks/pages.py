"""How much of real job pages reaches the fields: `python -m benchmarks.pages --data DIR [--half report]`.

Reads `job_posting_html.jsonl` and the pages it names from DIR. Rows are split by the parity of sha256(id), so that rules are
tuned on one half ("tune") and believed on the other ("report"). A title or company is *exact* when it equals the label
once entities, case, punctuation and spaces are made alike, *found* as in `benchmarks.profiles`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.profiles import exact, found, rows, share
from ftapp import fetching, pages
from ftapp.errors import UserError
from ftapp.profiles import JobPosting


def read(page: Path) -> tuple[list[JobPosting], float]:
    """The postings of a saved page, read as the app reads one (none when it is refused), and the seconds it took."""
    start = time.perf_counter()
    try:
        return [one.fields for one in pages.read_page(fetching.Page("", page.read_bytes()))], time.perf_counter() - start
    except UserError:
        return [], time.perf_counter() - start


def figures(given: list[dict], folder: Path) -> dict[str, str]:
    """Every figure with its denominator; a page with more or fewer than one posting counts as missed."""
    done = [(row, *read(folder / row["file"])) for row in given]
    single = [(row, jobs[0] if len(jobs) == 1 else JobPosting()) for row, jobs, _ in done]
    return {
        "title exact": share([exact(job.title, row["expected_title"]) for row, job in single]),
        "title found": share([found(job.title, row["expected_title"]) for row, job in single]),
        "company exact": share([exact(job.company, row["expected_company"]) for row, job in single]),
        "company found": share([found(job.company, row["expected_company"]) for row, job in single]),
        "company wrong (not empty, not found)": share([bool(j.company) and not found(j.company, r["expected_company"]) for r, j in single]),
        "a requirement or a duty": share([bool(job.requirements or job.duties) for _, job in single]),
        "refused, or not one posting": share([len(jobs) != 1 for _, jobs, _ in done]),
        "slowest page": f"{max((seconds for *_, seconds in done), default=0):.2f} s",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with job_posting_html.jsonl")
    parser.add_argument("--half", choices=("tune", "report", "both"), default="report")
    parser.add_argument("--misses", action="store_true", help="print what was read instead of a label (of the tuning half only)")
    arguments = parser.parse_args()
    given = rows(arguments.data, "job_posting_html.jsonl", arguments.half)
    for kind, wanted in (("valid JSON-LD", True), ("broken or no JSON-LD", False)):
        chosen = [row for row in given if (row["jsonld"] == "valid") is wanted]
        print(f"{len(chosen)} pages with {kind}, half: {arguments.half}")
        for name, value in figures(chosen, arguments.data).items():
            print(f"  {name:40} {value}")
    if arguments.misses:
        for row in rows(arguments.data, "job_posting_html.jsonl", "tune"):
            for job in read(arguments.data / row["file"])[0]:
                if not (exact(job.title, row["expected_title"]) and exact(job.company, row["expected_company"])):
                    print(f"{row['id']}: {job.title!r} for {row['expected_title']!r}, {job.company!r} for {row['expected_company']!r}")


if __name__ == "__main__":
    main()
