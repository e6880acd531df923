"""What one deletion reaches in the files of a home: run folders, their reports and logs, files made to be taken away, backups.

A file is written anew without what goes; what a disk keeps of a file that is gone is the system's business. Knows no rows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from db import backups
from ftapp.training import lock, run

GONE = "Some of what this training read was deleted since; its letters are not shown any more."
PENDING = "forgetting.json"  # in the home
NOTE = "forgotten.json"  # in a run folder: since when its files are not those that it was trained on
LEDGER = "forgotten.json"  # in the folder of backups: what was deleted when, by ids alone
# Names under which a report holds words of the app; any other text in it may be somebody's.
_OURS = {"recipe", "method", "scope", "parent", "precision", "adapter_sha256", "reference", "curve", "sentence", "notes", "letters_note",
         "reason", "rule", "name", "title", "verdict", "state", "forgotten_on"}  # fmt: skip
_WHOLE = ("letters", "voice", "taste")


@dataclass(frozen=True)
class Held:
    """How many rows of a run's files are meant: those it learned from and those it was checked on; and how many lines nobody can read."""

    learned: int
    checked: int
    unreadable: int = 0


# ---- what is left to do once the rows are gone; a start does it if this process could not ---------------------------


def begin(home: Path, runs: Iterable[str], sources: Iterable[str], folders: Iterable[Path], voiced: Iterable[str] = ()) -> None:
    """Write down which run folders are to lose which ids, which adapters' folders are to go, and which run folders (`voiced`) are to
    lose what they hold of the person's voice."""
    with _alone(home):
        work = run.read_json(home / PENDING)  # of a deletion that was cut off, or goes on beside this one
        more = {"runs": runs, "sources": sources, "folders": map(str, folders), "voiced": voiced}
        run.write_text(home / PENDING, json.dumps({name: sorted({*work.get(name, ()), *ids}) for name, ids in more.items()}))


def finish(home: Path, standing: Callable[[], Collection[str]]) -> bool:
    """Do what `begin` wrote down, if anything; returns whether there was. May be done twice. A folder that is `standing` (a row still
    names it: the deletion did not come to its end, or not yet) stays, and is asked for again."""
    with _alone(home):
        if not (home / PENDING).is_file():
            return False
        work = run.read_json(home / PENDING)
        for name in work.get("runs", []):
            if (home / "runs" / name).is_dir():
                clean(home / "runs" / name, set(work["sources"]))
        for name in work.get("voiced", []):
            unvoice(home / "runs" / name)
        folders = set(work.get("folders", []))
        left = folders & set(standing()) if folders else set()
        for folder in folders - left:
            shutil.rmtree(folder, ignore_errors=True)
        tidy(home)
        if left:
            run.write_text(home / PENDING, json.dumps({"folders": sorted(left)}))
        else:
            (home / PENDING).unlink()
        return True


def _alone(home: Path) -> AbstractContextManager[None]:
    return lock.hold(home / "forgetting.lock", wait_seconds=60.0)


# ---- run folders --------------------------------------------------------------------------------------------------


def held(folder: Path, sources: Collection[str]) -> Held | None:
    """What a run folder holds of these ids; None where its files are gone."""
    if not (folder / "train.jsonl").is_file():
        return None
    learned, checked = (_rows(folder / name) for name in ("train.jsonl", "eval.jsonl"))
    meant = (sum(_meant(row, sources) for row in rows if row) for rows in (learned, checked))
    return Held(*meant, sum(row is None for row in [*learned, *checked]))


def clean(folder: Path, sources: Collection[str]) -> None:
    """Take rows out of a run's files, and with them everything that the run wrote about texts, and what nobody can read: it may hold
    what goes. What is left can be trained on anew."""
    for name in ("train.jsonl", "eval.jsonl"):
        left = [row for row in _rows(folder / name) if row and not _meant(row, sources)]
        run.write_text(folder / name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in left))
    if (folder / "report.json").is_file():
        run.write_text(folder / "report.json", json.dumps(without_texts(_object(folder / "report.json")), indent=1))
    if (folder / "trainer.log").is_file():
        run.write_text(folder / "trainer.log", GONE + "\n")
    for work in ("checkpoints", "repeated"):  # a resumed run would go on from what it learned of it
        shutil.rmtree(folder / work, ignore_errors=True)
    run.write_text(folder / NOTE, json.dumps({"at": _now().isoformat(timespec="seconds")}))


def unvoice(folder: Path) -> None:
    """Take out of a run folder how the person's own letters begin, end and sound; the gate says then that it has none to compare with."""
    if (folder / "base.json").is_file():
        run.write_text(folder / "base.json", json.dumps(_object(folder / "base.json") | {"voice": None}, indent=1))


def without_texts(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report's numbers and the app's own sentences, without letters or anything else that could quote one."""
    told = {name: _plain(name, value) for name, value in report.items() if name not in _WHOLE or isinstance(value, int)}
    told = {name: value for name, value in told.items() if value is not None}
    shown = any(report.get(name) and not isinstance(report[name], int) for name in _WHOLE)
    return told | ({"letters": [], "letters_note": GONE} if shown else {})


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: kept for key, one in value.items() if (kept := _plain(key, one)) is not None}
    if isinstance(value, list):
        return [kept for one in value if (kept := _plain(name, one)) is not None]
    return value if isinstance(value, bool | int | float) or name in _OURS else None


def _rows(path: Path) -> list[dict[str, Any] | None]:
    """The rows of a .jsonl file, None for a line that cannot be read; a missing file has none."""
    if not path.is_file():
        return []
    with path.open("rb") as lines:
        return [_read(line) for line in lines if line.strip()]


def _object(path: Path) -> dict[str, Any]:
    return _read(path.read_bytes()) or {}


def _read(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:  # not JSON, or not UTF-8
        return None
    return found if isinstance(found, dict) else None


def _meant(row: Mapping[str, Any], sources: Collection[str]) -> bool:
    return str(row.get("id", "")).partition(".")[0] in sources


def tidy(home: Path) -> None:
    """Delete copies on their way: exports that wait for their download, and what a killed probe or start left of a run."""
    for pattern in ("uploads/export_*", "uploads/adapter_*", "runs/.probe-*", "runs/.run_*.new"):
        for path in home.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


# ---- backups ------------------------------------------------------------------------------------------------------


def holding(folder: Path, before: datetime | None = None) -> list[Path]:
    """Backups made until then (until now without it), and copies of a damaged database, each a file or a folder."""
    until = before or _now()
    aside = [path for path in folder.glob("damaged-*") if datetime.fromtimestamp(path.stat().st_mtime, UTC) <= until]
    return [path for path in backups.made(folder) if backups.made_at(path) <= until] + aside


def purge(folder: Path, before: datetime | None = None) -> int:
    """Delete them; returns how many."""
    found = holding(folder, before)
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return len(found)


def note(folder: Path, ids: Iterable[str], days: int) -> datetime:
    """Remember that backups made until now are to go; returns when they will."""
    at = _now()
    due = at + timedelta(days=days)
    entry = {"ids": sorted(ids), "at": at.isoformat(timespec="microseconds"), "due": due.isoformat(timespec="seconds")}
    run.write_text(folder / LEDGER, json.dumps([*_ledger(folder), entry], indent=1))
    return due


def expire(folder: Path) -> int:
    """Delete backups whose time has come; returns how many. Called at every start and whenever backups are made or listed."""
    entries, now = _ledger(folder), _now()
    number = sum(purge(folder, datetime.fromisoformat(one["at"])) for one in entries if datetime.fromisoformat(one["due"]) <= now)
    left = [one for one in entries if holding(folder, datetime.fromisoformat(one["at"]))]
    if left != entries:
        run.write_text(folder / LEDGER, json.dumps(left, indent=1))
    return number


def _ledger(folder: Path) -> list[dict[str, Any]]:
    try:
        return json.loads((folder / LEDGER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []


def _now() -> datetime:
    return datetime.now(UTC)
