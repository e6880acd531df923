"""How real files come in: `python -m benchmarks.files --data DIR [--show]`.

Reads `resume_files`, `job_description_files`, `adversarial_files`, `json_resume` and `json_resume_conformance.jsonl` of DIR, each
file through `files.read` as the app would, one after the other. Prints figures with their denominators; `--show` prints what each
file gave. Layouts that show one person are compared with each other, so no labels are needed: `*_*Theme_*` files of one
prefix, `single*column` with `two*column`, and PDF with DOCX of one stem.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from ftapp import files, json_resume
from ftapp.errors import UserError
from ftapp.profiles import ResumeProfile, parse_job, parse_resume


@dataclass(frozen=True)
class Came:
    """How one file came in: its text and fields, or the sentence; wall-clock seconds."""

    path: Path
    found: files.FileText | None
    sentence: str
    seconds: float

    @property
    def resume(self) -> ResumeProfile:
        return ResumeProfile() if self.found is None else self.found.profile or parse_resume(self.found.text)


def come(path: Path) -> Came:
    began = time.monotonic()
    try:
        found, sentence = files.read(path), ""
    except UserError as error:
        found, sentence = None, str(error)
    return Came(path, found, sentence, time.monotonic() - began)


def share(hits: list[bool]) -> str:
    return f"{sum(hits)} of {len(hits)} ({100 * sum(hits) / len(hits):.0f} %)" if hits else "0 of 0"


def identity(resume: ResumeProfile) -> dict[str, object]:
    """What layouts of one person must agree on."""
    return {
        "name": resume.name,
        "employers": [e.employer for e in resume.experience],
        "dates": [(e.start, e.end) for e in resume.experience],
    }


def layouts(names: list[str]) -> dict[str, list[str]]:
    """File names by the person they must agree on; groups of one are left out."""
    groups: dict[str, list[str]] = {}
    for name in names:
        theme = re.match(r"(.+?)_[^_]+Theme", name)
        column = re.search(r"(?i)column", name)
        groups.setdefault(theme[1] + ", themes" if theme else "columns" if column else Path(name).stem, []).append(name)
    return {group: sorted(found) for group, found in groups.items() if len(found) > 1}


def agreement(came: list[Came]) -> dict[str, str]:
    by_name = {c.path.name: identity(c.resume) for c in came}
    told = {}
    for group, names in layouts(list(by_name)).items():
        first, *others = (by_name[name] for name in names)
        same = [field for field in first if all(other[field] == first[field] for other in others)]
        empty = [field for field in same if not any(first[field] if isinstance(first[field], list) else [first[field]])]
        told[f"agree ({group}: {len(names)} files)"] = (", ".join(same) or "nothing") + (f"; but {', '.join(empty)} empty" if empty else "")
    return told


def resumes(came: list[Came]) -> dict[str, str]:
    return {
        "read": share([c.found is not None for c in came]),
        "a name": share([bool(c.resume.name) for c in came]),
        "a position": share([bool(c.resume.experience) for c in came]),
        "a position with employer and start": share([any(e.employer and e.start for e in c.resume.experience) for c in came]),
        "skills": share([bool(c.resume.skills) for c in came]),
    } | agreement(came)


def postings(came: list[Came]) -> dict[str, str]:
    parsed = [parse_job(c.found.text) for c in came if c.found]
    return {
        "read": share([c.found is not None for c in came]),
        "a title": share([bool(p.title) for p in parsed]),
        "three requirements or duties": share([len(p.requirements) + len(p.duties) >= 3 for p in parsed]),
    }


def adversarial(came: list[Came]) -> dict[str, str]:
    return {c.path.name: c.sentence.split(" - ")[0] if c.sentence else f"{len(c.found.text)} characters" for c in came}


def json_resumes(came: list[Came]) -> dict[str, str]:
    back = [(c.resume, json_resume.document(c.resume)) for c in came if c.found and c.found.profile]
    return {
        "read": share([c.found is not None for c in came]),
        "refused with a sentence": str(sum(bool(c.sentence) for c in came)),
        "a name and a position with employer": share([bool(p.name and any(e.employer for e in p.experience)) for p, _ in back]),
        "written again: valid": share([not json_resume.problems(d) for _, d in back]),
        "written again: reads back the same": share([json_resume.profile(d)[0] == p for p, d in back]),
    }


def conformance(path: Path) -> dict[str, str]:
    """Cases of the schema's own test suite. A case whose document is a bare string tests the definition of a date."""
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    right = []
    for case in cases:
        document = case["document"]
        if isinstance(document, str):
            document = {"work": [{"startDate": document}]}
        right.append((not json_resume.problems(document)) == case["expect_valid"])
    return {"cases decided as expected": share(right)}


PARTS = {"resume_files": resumes, "job_description_files": postings, "adversarial_files": adversarial, "json_resume": json_resumes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the parts named above; missing ones are left out")
    parser.add_argument("--show", action="store_true", help="what each file gave")
    arguments = parser.parse_args()
    for part, measure in PARTS.items():
        came = [come(path) for path in sorted((arguments.data / part).glob("*.*"))]
        if not came:
            continue
        seconds = [c.seconds for c in came]
        print(f"{part}: {len(came)} files, median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")
        for name, value in measure(came).items():
            print(f"  {name:42} {value}")
        for c in came if arguments.show else ():
            print(f"  {c.path.name} ({c.seconds:.1f} s): {c.sentence or c.resume.model_dump()}")
    if (cases := arguments.data / "json_resume_conformance.jsonl").is_file():
        print("json_resume_conformance")
        for name, value in conformance(cases).items():
            print(f"  {name:42} {value}")


if __name__ == "__main__":
    main()
