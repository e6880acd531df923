"""What this machine and this home look like: hardware, model, storage, versions, and what is missing. Changes nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from importlib import metadata
from typing import Any

from sqlalchemy import Engine

from db.engine import journal_mode, wal_is_safe
from ftapp import adapters, files, ladder
from ftapp.backends import folders, hardware
from ftapp.config import BUNDLED, ModelSpec, Settings
from ftapp.errors import ModelError

LIBRARIES = ("torch", "transformers", "peft", "trl", "gradio", "sqlmodel", "alembic", "bitsandbytes", "sentence-transformers")


def examine(settings: Settings, spec: ModelSpec, engine: Engine) -> dict[str, Any]:
    """{hardware, model, storage, versions, files, missing}: plain values, `missing` a list of sentences (empty when all is well)."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}
    missing = [
        f"{name} is not installed - some of ftapp cannot run - pip install -r requirements.txt" for name, v in versions.items() if not v
    ]
    model: dict[str, Any] = {"id": spec.id, "starter": adapters.starter() is not None, "offline": settings.offline}
    try:
        folder = folders.find(spec.source, True, spec.revision)
        model |= {"here": True, "bytes": sum(f.stat().st_size for f in folder.glob("*.safetensors"))}
    except ModelError as error:
        model |= {"here": False}
        missing.append(str(error))
    model["recommended"] = next((rung["id"] for rung in ladder.rungs(spec.id) if rung["recommended"]), "none: it has too little memory")
    if spec.id == BUNDLED and not model["starter"]:
        missing.append("The starter adapter is not in this checkout - both letters come from the base model - train one of your own.")
    free = shutil.disk_usage(settings.home).free
    if free < 2**30:
        missing.append(f"Only {free / 2**20:.0f} MB of disk are free - a training may fail - make room for at least 1 GB.")
    return {
        "hardware": _hardware(versions),
        "model": model,
        "storage": _storage(settings, engine, free),
        "versions": versions,
        "files": files.limits(),  # what a stranger's file is read under, tried out just now
        "missing": missing,
    }


def _storage(settings: Settings, engine: Engine, free: int) -> dict[str, Any]:
    mode = journal_mode(engine)
    backups = settings.home / "backups"
    return {
        "home": str(settings.home), "database": engine.dialect.name, "journal_mode": mode, "sqlite": sqlite3.sqlite_version,
        "wal_is_safe": wal_is_safe(), "database_bytes": settings.database.stat().st_size if settings.database.exists() else 0,
        "backups": len(list(backups.glob("*.db"))) if backups.is_dir() else 0, "free_disk_bytes": free,
    }  # fmt: skip


def _hardware(versions: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"system": platform.platform(terse=True), "cores": os.cpu_count() or 1, "memory_bytes": hardware.memory_bytes()}
    if versions["torch"]:
        import torch

        gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
        found["gpus"] = gpus or ["none"]
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
