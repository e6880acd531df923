"""How often the job and the employer that a letter is written for are read out of the letter alone. Needs --data, with letters whose job
is known beside them: cover_letter_dataset.jsonl and cover_letters.jsonl (one object a line).

    python -m benchmarks.briefs --data DIR

Only letters that say the name count. Rows whose id has an even SHA-256 were looked at while the rules were made; the others were not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

from ftapp import briefs

FILES = {  # file -> columns of the letter, the title and the employer
    "cover_letter_dataset.jsonl": ("reference_letter", "job_title", "company"),
    "cover_letters.jsonl": ("text", "role", ""),
}


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def measured(file: Path, columns: tuple[str, str, str]) -> dict[str, Counter[str]]:
    """Counts by half ("seen", "unseen"): how many letters say the title and the employer, and how many were found. A title found in
    more or fewer words than the column has (Data Analyst, Senior Data Analyst) counts; an employer must be the same."""
    halves = {"seen": Counter(), "unseen": Counter()}
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        letter, title, company = (row.get(name) or "" for name in columns)
        half = halves["unseen" if int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 2 else "seen"]
        found = [plain(text) for text in briefs.target(letter)]
        wanted = plain(title)
        if wanted and wanted in plain(letter):
            half["titles"] += 1
            half["titles found"] += bool(found[0]) and (wanted in found[0] or found[0] in wanted)
        if company and plain(company) in plain(letter):
            half["employers"] += 1
            half["employers found"] += found[1] == plain(company)
    return halves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    folder = parser.parse_args().data
    for name, columns in FILES.items():
        for half, counts in measured(folder / name, columns).items():
            for what in ("titles", "employers"):
                if of := counts[what]:
                    print(f"{name}, {half} half: {what} {counts[f'{what} found']} of {of} ({counts[f'{what} found'] / of:.0%})")


if __name__ == "__main__":
    main()
