"""How well the quality report finds what is wrong with examples: `python -m benchmarks.quality --data DIR [--half report|tune|all]`.

`quality_gold.jsonl` holds marks by hand, made before any rule was written, by row number (no id, no text): 50 reference letters of
`cover_letter_dataset.jsonl` chosen by hash ("counted"), further ones up to 50 that are sound, and 100 rows of
`cover_letter_dataset_train_partial.jsonl`, chosen by hash, with every reason to set them aside. "a|b": either name is right.

A letter was marked by hand when a careful person would not teach from it: it begins or ends in the middle; its commas are lost; it has
fewer than about 40 words; names neither job nor employer, or another one; uses nothing of its fields, or tells of a degree, employer,
title or figure that they do not hold; a field holds another field's label; or it repeats an earlier row but for names, tools and one
clause. A skill, deed or span of years copied from the posting was not marked: these data are full of them. Nor were stock phrases.

One person made the marks. Repeats were marked from a list of each row's nearest ones by difflib, and lost commas by the two blanks in
their place, so both are easy to find. The report half was looked at, as totals, once before the last changes.

A reason counts as found when `check` sets the row aside with it (mojibake is repaired: there the note counts). Tuning used rows with
an even sha256(id); "report" shows the others. Repeats are sought among all rows of a file.

Also: how many collapsed lists are restored. Fields that hold one entry a line are joined with blanks, without their marks and
capitals, and restored; a border counts when it comes back at the same word.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.claims import meaning
from ftapp import quality, quality_lists
from ftapp.metrics import Similar
from ftapp.quality import Finding, Item

GOLD = Path(__file__).with_name("quality_gold.jsonl")
FILES = {"reference": "cover_letter_dataset.jsonl", "partial": "cover_letter_dataset_train_partial.jsonl"}
AUTHORS_ESTIMATE = 10.2  # per cent of low-quality rows, by the data set's user
NOTES_COUNT = ("mojibake",)
REPEATS = ("duplicate", "near_duplicate")


def rows(folder: Path, name: str) -> list[dict]:
    with (folder / FILES[name]).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def half(row_id: str) -> str:
    return "report" if int(hashlib.sha256(row_id.encode()).hexdigest(), 16) % 2 else "tune"


def reference(row: dict) -> Item:
    names = {"title": "job_title", "applicant": "applicant_name", "preferred": "preferred_qualifications", "company": "company",
             "past": "past_experience", "current": "current_experience", "skills": "skills",
             "qualifications": "qualifications"}  # fmt: skip
    return Item(row["id"], "cover_letter", row["reference_letter"], fields={name: row[column] for name, column in names.items()})


def partial(row: dict) -> Item:
    names = {"preferred": "preferred_qualifications", "past": "past_experience", "current": "current_experience"}
    fields = {name: row["fields"].get(names.get(name, name)) or "" for name in ("preferred", "past", "current", "skills", "qualifications")}
    return Item(row["id"], "cover_letter", row["letter_body"], fields=fields)


def marks(name: str) -> list[dict]:
    return [m for m in map(json.loads, GOLD.read_text(encoding="utf-8").splitlines()) if m["set"] == name]


def by_item(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.item_id].append(finding)
    return found


def aside(findings: Sequence[Finding]) -> set[str]:
    """The codes that set a row aside."""
    return {f.code for f in findings if f.quarantine}


def recall(chosen: list[dict], ids: list[str], found: dict[str, list[Finding]], show: bool) -> None:
    hits: dict[str, Counter] = defaultdict(Counter)
    whole = Counter()
    for mark in chosen:
        own = found[ids[mark["row"]]]
        said = aside(own) | {f.code for f in own if f.code in NOTES_COUNT}
        for reason in mark["reasons"]:
            hit = bool(set(reason.split("|")) & said)
            hits[reason].update(of=1, hit=hit)
            if show and not hit:
                print(f"    row {mark['row']}: {reason} not found; said {sorted(said)}")
        extra = {c for c in aside(own) if not any(c in r.split("|") for r in mark["reasons"])}
        if show and extra:
            print(f"    row {mark['row']}: also {sorted(extra)}: {[f.example[:90] for f in own if f.code in extra and f.quarantine]}")
        if mark["reasons"]:
            whole.update(of=1, any=bool(aside(own)), every=all(set(r.split("|")) & said for r in mark["reasons"]))
        whole.update(said=len(aside(own)), right=len(aside(own)) - len(extra))
    for reason, n in sorted(hits.items(), key=lambda pair: -pair[1]["of"]):
        print(f"    {reason:26} {n['hit']:3} of {n['of']}")
    lost = hits.get("lost_marks", Counter())
    of, hit = (sum(n[k] for n in hits.values()) for k in ("of", "hit"))
    rest = Counter(of=of - lost["of"], hit=hit - lost["hit"])
    mean = sum(n["hit"] / n["of"] for n in hits.values()) / max(1, len(hits))
    print(f"    every reason: recall {hit / max(1, of):.3f} ({hit}/{of}); without lost commas {rest['hit'] / max(1, rest['of']):.3f} "
          f"({rest['hit']}/{rest['of']}); mean over reasons {mean:.3f}")  # fmt: skip
    print(f"    rows set aside {whole['any']} of {whole['of']} marked; with every reason {whole['every']}; "
          f"of {whole['said']} reasons given {whole['right']} were marked by hand")  # fmt: skip


def references(folder: Path, part: str, similar: Similar | None, show: bool) -> None:
    items = [reference(r) for r in rows(folder, "reference")]
    begun = time.process_time()
    found = by_item(quality.check(items, similar=similar))
    seconds = time.process_time() - begun
    gold = [m for m in marks("reference") if part == "all" or half(items[m["row"]].id) == part]
    counted, sound = [m for m in gold if m["counted"]], [m for m in gold if not m["reasons"]]
    low = sum(bool(m["reasons"]) for m in counted)
    own = sum(any(r != "|".join(REPEATS) for r in m["reasons"]) for m in counted)
    every = [i for i in items if part == "all" or half(i.id) == part]
    share = sum(bool(aside(found[i.id])) for i in every) / len(every)
    alone = sum(bool(aside(found[i.id]) - set(REPEATS)) for i in every) / len(every)
    print(f"references, {part}: {len(every)} letters, checked in {seconds:.1f} s of one processor (all {len(items)})")
    print(f"  low quality: {100 * share:.1f} % set aside, {100 * alone:.1f} % without repeats; by hand {low} of {len(counted)} "
          f"({100 * low / max(1, len(counted)):.0f} %), {own} without repeats; the author's estimate {AUTHORS_ESTIMATE} %")  # fmt: skip
    flagged = [m for m in sound if aside(found[items[m["row"]].id])]
    noted = [m for m in sound if found[items[m["row"]].id]]
    print(f"  sound by hand: {len(flagged)} of {len(sound)} set aside; {len(noted)} have a note")
    for m in flagged if show else ():
        own_found = [f for f in found[items[m["row"]].id] if f.quarantine]
        print(f"    row {m['row']}: {[(f.code, f.example[:100]) for f in own_found]}")
    print(f"  reasons of the {low} counted as low:")
    recall([m for m in counted if m["reasons"]], [i.id for i in items], found, show)
    if part == "all":
        print("  findings: " + ", ".join(f"{c} {n}" for c, n in Counter(f.code for fs in found.values() for f in fs).most_common()))


def partials(folder: Path, part: str, similar: Similar | None, show: bool) -> None:
    items = [partial(r) for r in rows(folder, "partial")]
    found = by_item(quality.check(items, similar=similar))
    gold = [m for m in marks("partial") if part == "all" or half(items[m["row"]].id) == part]
    print(f"damaged rows, {part}: {len(gold)} marked by hand, {sum(bool(m['reasons']) for m in gold)} with a reason")
    recall(gold, [i.id for i in items], found, show)


def lists(folder: Path, part: str) -> None:
    """Borders of joined lists that come back."""
    texts = []
    for name in FILES:
        for row in rows(folder, name):
            field = row["preferred_qualifications"] if name == "reference" else row["fields"]["preferred_qualifications"]
            entries = [re.sub(r"^\W*(?:\d+[.)]\s+)?|[\s.;,]+$", "", e) for e in (field or "").split("\n")]
            entries = [e for e in entries if len(e.split()) >= 2]
            if len(entries) >= quality_lists.LEAST and (part == "all" or half(row["id"]) == part):
                texts.append(entries)
    unique = [list(e) for e in dict.fromkeys(map(tuple, texts))]
    n = Counter()
    for entries in unique:
        joined = " ".join(entries).lower()
        made = quality_lists.restore(joined).split("\n")
        true, got = borders(entries), borders([re.sub(r"^- ", "", m) for m in made])
        n.update(lists=1, restored=len(made) > 1, true=len(true), got=len(got), right=len(true & got), whole=true == got)
    print(f"collapsed lists, {part}: {n['restored']} of {n['lists']} restored, {n['whole']} exactly; borders: "
          f"precision {n['right'] / max(1, n['got']):.3f}, recall {n['right'] / max(1, n['true']):.3f}")  # fmt: skip


def borders(entries: list[str]) -> set[int]:
    ends, at = set(), 0
    for entry in entries[:-1]:
        at += len(entry.split())
        ends.add(at)
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the two JSONL files")
    parser.add_argument("--half", choices=("tune", "report", "all"), action="append", help="default: report, then all")
    parser.add_argument("--words", action="store_true", help="compare by words only, without the embedding model")
    parser.add_argument("--show", action="store_true", help="print what was missed (tuning half only)")
    arguments = parser.parse_args()
    similar = None if arguments.words else meaning()
    for part in arguments.half or ["report", "all"]:
        show = arguments.show and part == "tune"
        references(arguments.data, part, similar, show)
        partials(arguments.data, part, similar, show)
        lists(arguments.data, part)


if __name__ == "__main__":
    main()
