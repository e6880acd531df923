"""Where a base model's files are, and the hash that names them. Knows folders and the Hub's cache, no model.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftapp.errors import ModelError

Progress = Callable[[int, int], None]
WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model", "*.txt"]


def find(source: str, offline: bool = False, revision: str | None = None, progress: Progress | None = None) -> Path:
    """The folder of a model: the folder itself, the Hub's local copy, or a fresh download. Raises ModelError.

    `revision` is a commit of the Hub. `progress` is told (bytes here, bytes in all) while something is fetched.
    """
    if reason := no_model(source):
        raise ModelError(reason)
    folder = Path(os.path.expanduser(source))
    if os.path.isdir(folder):
        if missing := _missing(folder):
            raise ModelError(
                f"The folder {folder.name!r} holds no complete model ({missing} is missing) - ftapp reads config.json, a tokenizer and "
                "safetensors weights - choose the folder that holds them."
            )
        return folder
    return _from_hub(source, offline, revision, progress)


def no_model(source: str) -> str:
    """Why a text can name no model, before anything is tried: it is neither a folder that exists nor a Hub id. Else empty."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    if os.path.isdir(os.path.expanduser(source)):  # unlike Path.is_dir it takes any text
        return ""
    try:
        validate_repo_id(source)
    except HFValidationError:
        return (
            f"There is no model folder {source[:120]!r}, and it is no Hugging Face id either - nothing was loaded - check the path, or "
            "give an id such as owner/name (letters, digits, '-', '_' and '.')."
        )
    return ""


def _from_hub(source: str, offline: bool, revision: str | None, progress: Progress | None) -> Path:
    """A Hub model that is already here is used as it is, so that a start needs no network and `base_hash` stays."""
    from huggingface_hub import constants, errors, snapshot_download

    which = {"allow_patterns": WANTED, "ignore_patterns": ["*/*"]}
    try:
        folder = Path(snapshot_download(source, revision=revision, local_files_only=True, **which))
        if not _missing(folder):
            return folder
    except (OSError, ValueError, errors.HfHubHTTPError):
        pass
    if offline or constants.HF_HUB_OFFLINE:
        raise ModelError(f"The model {source!r} is not on this machine - ftapp is offline - go online or name a folder.")
    try:
        bar = _bar(progress) if progress else None
        folder = Path(snapshot_download(source, revision=revision, etag_timeout=5, tqdm_class=bar, **which))
    except errors.GatedRepoError as error:
        raise ModelError(f"The model {source!r} is gated - its owner asks for consent - accept its terms on the Hub and log in.") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(f"The Hub has no model {source!r} that you may see - nothing was loaded - check the id.") from error
    except Exception as error:  # DNS, proxies, time-outs, full disks: many classes, one meaning
        raise ModelError(
            f"The model {source!r} could not be fetched ({type(error).__name__}) - the Hugging Face Hub is out of reach and this machine "
            "has no copy - check the connection, or name a local folder."
        ) from error
    if missing := _missing(folder):
        raise ModelError(f"The Hub's model {source!r} has no {missing} - ftapp reads safetensors weights only - choose another model.")
    return folder


def _bar(progress: Progress) -> type:
    """A progress bar class for the Hub's library that draws nothing and tells `progress`."""
    from tqdm import tqdm

    class Told(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"disable": False, "file": io.StringIO()})

        def display(self, *_: Any, **__: Any) -> bool:
            if self.unit == "B" and self.total:  # its other bar counts files
                progress(int(self.n), int(self.total))
            return True

    return Told


def _missing(folder: Path) -> str:
    """The first file without which a model folder cannot be loaded; empty when all are there."""
    if not (folder / "config.json").is_file():
        return "config.json"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        return next((name for name in shards if not (folder / name).is_file()), "")
    return "" if any(folder.glob("*.safetensors")) else "model.safetensors"


def file_hash(path: Path) -> str:
    """SHA-256 of one file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_hash(folder: Path) -> str:
    """SHA-256 over the names and SHA-256s of config.json and every safetensors file of a model folder.

    A folder with a `bundle.json` says which weights it shipped with; ModelError when they are others.
    """
    files = [Path(folder) / "config.json", *sorted(Path(folder).glob("*.safetensors"))]
    hashes = {file.name: file_hash(file) for file in files}
    if (Path(folder) / "bundle.json").is_file():
        shipped = json.loads((Path(folder) / "bundle.json").read_text(encoding="utf-8"))["sha256"]
        if changed := [name for name in hashes if name.endswith(".safetensors") and shipped.get(name) != hashes[name]]:
            raise ModelError(
                f"The shipped model's file {changed[0]!r} is not the one that was released - its letters could not be credited to it - "
                "install the app again."
            )
    return hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in hashes.items()).encode()).hexdigest()
