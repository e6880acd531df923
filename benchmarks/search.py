"""Searching a large portfolio: `python -m benchmarks.search [--passages 10000]`, and how well with real postings: `--data DIR`.

Speed: one owner's passages of made-up words with random vectors of length 1, searched for a posting of eight lines, against the
plainest peer in the same run (scikit-learn's cosine_similarity over the same matrix, sorted). First both must agree on the order.

Quality: half of each posting of `job_descriptions.jsonl` is stored, and searched for with a line of its other half; printed is how
often its own posting comes first and among the first three, by words, by meaning and by both. `--half tune` shows the other rows.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

import numpy as np

from benchmarks.profiles import rows, share
from ftapp import config, embeddings, passages, retrieval
from ftapp.retrieval import Entry, Index

LINES, WIDTH, VOCABULARY = 8, 384, 5000


def index_of(texts: list[str], matrix: np.ndarray | None) -> Index:
    entries = [Entry(str(number), f"Source {number}", text, "", text) for number, text in enumerate(texts)]
    return Index((), tuple(entries), matrix, 0, *retrieval._weigh(entries))


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    made = rng.standard_normal((count, WIDTH), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def speed(count: int, rounds: int) -> dict[str, float]:
    """Milliseconds of one search, median of interleaved rounds."""
    from sklearn.metrics.pairwise import cosine_similarity

    rng = np.random.default_rng(1)
    words = [f"word{number}x" for number in range(VOCABULARY)]
    texts = [" ".join(rng.choice(words, 40)) for _ in range(count)]
    matrix, vectors = unit(rng, count), unit(rng, LINES)
    index, queries = index_of(texts, matrix), [" ".join(rng.choice(words, 8)) for _ in range(LINES)]
    alone = dataclasses.replace(index, words=None)
    ours = [int(found.document_id) for found in retrieval.search(alone, queries, vectors, 10, least=0)]
    theirs = np.argsort(-cosine_similarity(matrix, vectors).max(axis=1), kind="stable")[:10].tolist()
    assert ours == theirs, "the search must find what an exact one finds"
    taken: dict[str, list[float]] = {"search": [], "cosine_similarity": []}
    for _ in range(rounds):
        began = time.perf_counter()
        retrieval.search(index, queries, vectors, 3)
        middle = time.perf_counter()
        np.argsort(-cosine_similarity(matrix, vectors).max(axis=1))
        taken["search"].append(1000 * (middle - began))
        taken["cosine_similarity"].append(1000 * (time.perf_counter() - middle))
    return {name: statistics.median(times) for name, times in taken.items()}


def quality(folder: Path, half: str, most: int) -> dict[str, str]:
    """Own posting first, and among the first three."""
    stored, asked = [], []
    for row in rows(folder, "job_descriptions.jsonl", half)[:most]:
        lines = [line for line in row["text"].split("\n") if len(line.split()) > 5]
        if len(lines) >= 4:
            stored.append(passages.split("\n".join(lines[::2]), config.app_config().passage_words)[0])
            asked.append(lines[1])
    encoder = embeddings.load(config.settings())
    index, vectors = index_of(stored, encoder.encode(stored)), encoder.encode(asked, query=True)
    ways = {"words": (index, None), "meaning": (dataclasses.replace(index, words=None), vectors), "both": (index, vectors)}
    printed = {}
    for name, (searched, given) in ways.items():
        places = []
        for number, line in enumerate(asked):
            found = retrieval.search(searched, [line], None if given is None else given[number : number + 1], 3, least=0)
            places.append([one.document_id for one in found].index(str(number)) if str(number) in {f.document_id for f in found} else 9)
        printed[name] = f"first {share([place == 0 for place in places])}, first three {share([place < 3 for place in places])}"
    return printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data", type=Path, help="folder with job_descriptions.jsonl")
    parser.add_argument("--half", choices=("tune", "report", "both"), default="report")
    parser.add_argument("--most", type=int, default=1000, help="postings at most")
    arguments = parser.parse_args()
    if arguments.data:
        print(json.dumps(quality(arguments.data, arguments.half, arguments.most), indent=2))
        return
    taken = speed(arguments.passages, arguments.rounds)
    for name, milliseconds in taken.items():
        print(f"{name:20} {milliseconds:7.1f} ms")
    print(f"ratio                {taken['search'] / taken['cosine_similarity']:7.2f}")


if __name__ == "__main__":
    main()
