"""Whether our ROUGE-L and repetition equal published ones: `python -m benchmarks.scores --data DIR`.

Reads `cover_letter_dataset.jsonl` from DIR: a reference letter and two written ones a row (`base_output`,
`finetuned_output`), each with the values that were published for it. Nothing is tuned here, so every row is reported.

Where two letters of a side begin alike, the published values of one can stand beside both: they were joined by the
beginning of the text. Such a letter is counted apart, and only when both values equal ours for the letter that begins
like it. The rest is "unexplained", and the command fails when there is any.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from ftapp import metrics

SIDES = {"base": "base_output", "finetuned": "finetuned_output"}
WITHIN = 0.001
ALIKE = 200  # characters that two letters share at their beginning


def near(ours: tuple[float, float], published: tuple[float, float]) -> bool:
    return all(abs(a - b) <= WITHIN for a, b in zip(ours, published, strict=True))


def compare(rows: list[dict], side: str) -> dict[str, int]:
    """Of one side's letters: how many values equal the published ones, and whose the others are."""
    letters = [row[SIDES[side]] for row in rows]
    ours = [(metrics.rouge_l_f1(row[SIDES[side]], row["reference_letter"]), metrics.repetition(row[SIDES[side]])) for row in rows]
    published = [(row[f"metrics_{side}"]["rougeL_f"], row[f"metrics_{side}"]["repetition_ratio"]) for row in rows]
    beside = [near(*pair) for pair in zip(ours, published, strict=True)]
    another = [
        not beside[at] and any(near(ours[i], published[at]) for i, other in enumerate(letters) if other[:ALIKE] == letter[:ALIKE])
        for at, letter in enumerate(letters)
    ]
    for name, column in zip(("ROUGE-L F1", "repetition"), zip(*ours, strict=True), strict=True):
        print(f"{side}: mean {name} {statistics.fmean(column):.4f}")
    return {
        "letters": len(letters),
        "both values equal those beside them": sum(beside),
        "both equal those of a letter that begins alike": sum(another),
        "unexplained": len(letters) - sum(beside) - sum(another),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with cover_letter_dataset.jsonl")
    arguments = parser.parse_args()
    with (arguments.data / "cover_letter_dataset.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    told = [compare(rows, side) for side in SIDES]
    for name in told[0]:
        print(f"{name:48}{sum(counts[name] for counts in told):6}")
    if any(counts["unexplained"] for counts in told):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
