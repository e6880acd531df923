"""What one deletion reaches in the files of a home: run folders, their reports and logs, files made to be taken away, backups.

A file is written anew without what goes; what a disk keeps of a file that is gone is the system's business. Knows no rows.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from db import backups
from ftapp.errors import UserError
from ftapp.training import lock, run

GONE = "Some of what this training read was deleted since; its letters are not shown any more."
BUSY = "Another deletion goes on and has not ended for a minute. Nothing was deleted. Wait for it, then delete."
MEANWHILE = "Something of yours was deleted while this was made, and it may hold that: it is not stored. Nothing else is lost. Begin again."
WAIT_SECONDS = 60.0  # for another deletion
PENDING = "forgetting.json"  # in the home: what is left to do
LAST = "deletions.json"  # in the home: when an owner last deleted something, for as long as something begun before may go on
KEPT = timedelta(days=1)
NOTE = "forgotten.json"  # in a run folder: since when its files are not those that it was trained on
LEDGER = "forgotten.json"  # in the folder of backups: what was deleted when, by ids alone
# Names under which a report holds words of the app; any other text in it may be somebody's.
_OURS = {"recipe", "method", "scope", "parent", "precision", "adapter_sha256", "reference", "curve", "sentence", "notes", "letters_note",
         "reason", "rule", "name", "title", "verdict", "state", "forgotten_on"}  # fmt: skip
_WHOLE = ("letters", "voice", "taste")
ROWS = ("train.jsonl", "eval.jsonl")  # of a run folder


@dataclass(frozen=True)
class Held:
    """How many rows of a run's files are meant: those it learned from and those it was checked on; and how many lines nobody can read."""

    learned: int
    checked: int
    unreadable: int = 0


# ---- what is left to do once the rows are gone; a start does it if this process could not ---------------------------


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """One deletion at a time, from before its transaction until its files are gone: `begin` and `finish` are called in here. Raises
    UserError when another one takes too long."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock.hold(home / "forgetting.lock", wait_seconds=WAIT_SECONDS))
        except lock.Busy:
            raise UserError(BUSY) from None
        yield


def begin(
    home: Path, owner: str, ids: Iterable[str], days: int, *, runs: Iterable[str] = (), sources: Iterable[str] = (),
    folders: Iterable[Path] = (), voiced: Iterable[str] = (),
) -> None:  # fmt: skip
    """Write down, before rows go, what is to be done once they are gone: backups that may hold `ids` go in so many days, run folders
    (`runs`) lose the rows of `sources`, some (`voiced`) what they hold of the person's voice, and the adapters' `folders` go."""
    work = run.read_json(home / PENDING)  # of a deletion that was cut off
    more = {"owners": [owner], "ids": ids, "runs": runs, "sources": sources, "folders": map(str, folders), "voiced": voiced}
    left = {name: sorted({*work.get(name, ()), *some}) for name, some in more.items()}
    run.write_text(home / PENDING, json.dumps(left | {"days": min(days, work.get("days", days))}))
    lately = {who: at for who, at in run.read_json(home / LAST).items() if _now() - datetime.fromisoformat(at) < KEPT}
    run.write_text(home / LAST, json.dumps(lately | {owner: _now().isoformat()}))


def deleted_since(home: Path, owner: str, begun: datetime) -> bool:
    """Whether the owner deleted something since `begun`: what was begun then may hold it. Asked in the transaction that would store it, so
    that a deletion sees the rows or is seen."""
    at = run.read_json(home / LAST).get(owner)
    return bool(at) and begun <= datetime.fromisoformat(at) <= _now()  # a clock that was set back refuses nothing


def refuse_older(home: Path, owner: str, begun: datetime) -> None:
    """Raises UserError where `deleted_since`."""
    if deleted_since(home, owner, begun):
        raise UserError(MEANWHILE)


def still(home: Path, owner: str) -> Callable[[], None]:
    """A check for later: `refuse_older` for what is read from now on."""
    begun = _now()
    return lambda: refuse_older(home, owner, begun)


def finish(home: Path, standing: Callable[[], Collection[str]]) -> bool:
    """Do what `begin` wrote down, if anything; returns whether there was. May be done twice. A folder that is `standing` (a row still
    names it: the deletion did not come to its end) stays, and is asked for again."""
    if not (home / PENDING).is_file():
        return False
    work = run.read_json(home / PENDING)
    runs, folders = [home / "runs" / name for name in work.get("runs", [])], set(work.get("folders", []))
    named = set(standing()) if runs or folders else set()
    if work.get("ids") and holding(home / "backups"):
        note(home / "backups", work["ids"], work["days"])
    for folder in filter(Path.is_dir, runs):
        clean(folder, set(work["sources"]))
        if str(folder / "adapter") not in named:  # its training was cut off between publishing and the end
            folders |= {str(folder / "adapter"), str(folder / ".adapter.new")}
    for name in work.get("voiced", []):
        unvoice(home / "runs" / name)
    left = folders & named
    for path in folders - left:
        shutil.rmtree(path, ignore_errors=True)
    if any(not owner.startswith("visitor_") for owner in work.get("owners", [])):
        tidy(home)
    if left:
        run.write_text(home / PENDING, json.dumps({"folders": sorted(left)}))
    else:
        (home / PENDING).unlink()
    return True


# ---- run folders --------------------------------------------------------------------------------------------------


def held(folder: Path, sources: Collection[str]) -> Held | None:
    """What a run folder holds of these ids, a missing file as a line that nobody can read; None where there is no folder."""
    if not folder.is_dir():
        return None
    learned, checked = (_rows(folder / name) if (folder / name).is_file() else [None] for name in ROWS)
    meant = (sum(_meant(row, sources) for row in rows if row) for rows in (learned, checked))
    return Held(*meant, sum(row is None for row in [*learned, *checked]))


def clean(folder: Path, sources: Collection[str]) -> None:
    """Take rows out of a run's files, and with them everything that the run wrote about texts, and what nobody can read: it may hold
    what goes. What is left can be trained on anew."""
    for path in filter(Path.is_file, (folder / name for name in ROWS)):
        left = [row for row in _rows(path) if row and not _meant(row, sources)]
        run.write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in left))
    if (folder / "report.json").is_file():
        run.write_text(folder / "report.json", json.dumps(without_texts(_object(folder / "report.json")), indent=1))
    if (folder / "trainer.log").is_file():
        run.write_text(folder / "trainer.log", GONE + "\n")
    for work in ("checkpoints", "repeated"):  # a resumed run would go on from what it learned of it
        shutil.rmtree(folder / work, ignore_errors=True)
    for path in folder.glob(".*.tmp"):  # a file that was being written when somebody pulled the plug
        path.unlink(missing_ok=True)
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
    """The rows of a .jsonl file, None for a line that cannot be read."""
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
    """Backups made until then (until now without it), copies of a damaged database, and what a killed backup or restore left, each a
    file or a folder."""
    until = before or _now()
    aside = [path for pattern in ("damaged-*", ".*.db.tmp", ".restore-*") for path in folder.glob(pattern)]
    aside = [path for path in aside if datetime.fromtimestamp(path.stat().st_mtime, UTC) <= until]
    return [path for path in backups.made(folder) if backups.made_at(path) <= until] + aside


def purge(folder: Path, before: datetime | None = None) -> int:
    """Delete them; returns how many."""
    found = holding(folder, before)
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return len(found)


def note(folder: Path, ids: Iterable[str], days: int) -> None:
    """Remember that backups made until now are to go in so many days."""
    at = _now()
    goes = (at + timedelta(days=days)).isoformat(timespec="seconds")
    entry = {"ids": sorted(ids), "at": at.isoformat(timespec="microseconds"), "due": goes}
    run.write_text(folder / LEDGER, json.dumps([*_ledger(folder), entry], indent=1))


def due(folder: Path, ids: Collection[str]) -> str | None:
    """The day on which the backups that hold these ids go; None where none does."""
    return max((one["due"][:10] for one in _ledger(folder) if set(ids) <= set(one["ids"])), default=None)


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
