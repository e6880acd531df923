"""Whether a stranger's zip may be an adapter, judged before any of it is used: names, sizes, the configuration, the weights' header.

Nothing is unpacked by name and nothing is unpickled; the weights are read only as far as their header says what follows. Knows zip,
safetensors and LoRA's shapes; no model, no database. Source of the format: github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ftapp.errors import UserError

CONFIG, WEIGHTS, CARD, FACTS, MANIFEST = "adapter_config.json", "adapter_model.safetensors", "README.md", "ftapp.json", "manifest.json"
NEEDED, ALLOWED = {CONFIG, WEIGHTS}, {CONFIG, WEIGHTS, CARD, FACTS, MANIFEST}
MOST_SMALL, MOST_WEIGHTS, MOST_HEADER = 256 * 1024, 4 * 2**30, 4 * 2**20
MOST_RANK, MOST_TENSORS = 512, 20_000
SIZES = {"F32": 4, "F16": 2, "BF16": 2}
_TENSOR = re.compile(r"base_model\.model\.([\w.]{1,300})\.lora_(A|B)\.weight")
# What a plain LoRA's configuration may say beside ranks and targets: nothing. Each of these must be off.
_OFF = ("use_dora", "use_qalora", "use_bdlora", "arrow_config", "kasa_config", "velora_config", "monteclora_config", "lora_ga_config",
        "eva_config", "corda_config", "loftq_config", "modules_to_save", "trainable_token_indices", "target_parameters",
        "layer_replication", "auto_mapping", "megatron_config", "rank_pattern", "alpha_pattern", "use_rslora", "lora_bias",
        "layers_to_transform", "exclude_modules")  # fmt: skip
# RuntimeError: a password, or a packing that zipfile does not know
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, RuntimeError, ValueError, OSError, OverflowError)
OTHER_BASE = "Load the base model that it was made for first, under Models."
Shapes = Mapping[str, tuple[int, int]]  # the base's linear layers by name: (out, in)


class Refused(UserError):
    """An archive that is not taken; nothing of it was used."""

    def __init__(self, what: str, do: str = "Get the archive again from where it came.") -> None:
        super().__init__(f"This archive {what}. Nothing of it was used. {do}")


@contextmanager
def opened(source: Path | BinaryIO) -> Any:
    """The archive, once its table of contents is found harmless. Raises Refused, also for damage met while it is read."""
    try:
        with zipfile.ZipFile(source) as held:
            _contents(held)
            yield held
    except _DAMAGE as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise
        raise Refused(f"is no zip file, or it is damaged ({type(error).__name__})") from None
    except zlib.error:
        raise Refused("is damaged: a file in it cannot be unpacked") from None


def _contents(held: zipfile.ZipFile) -> None:
    found = held.infolist()
    names = [one.filename for one in found]
    if len(found) > len(ALLOWED):
        raise Refused(f"holds {len(found)} files; an adapter has at most {len(ALLOWED)}")
    for one in found:
        if one.filename not in ALLOWED or one.orig_filename != one.filename:
            raise Refused(f"holds {one.filename[:60]!r}, which belongs to no adapter", "Ask for one with safetensors weights and no code.")
        kind = stat.S_IFMT(one.external_attr >> 16)
        if one.is_dir() or kind not in (0, stat.S_IFREG):
            raise Refused("holds a link or a folder where a file should be")
        if one.flag_bits & 0x41:
            raise Refused("is encrypted", "Ask for one without a password.")
        if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused("is packed in an unusual way", "Pack it again as an ordinary zip.")
        if one.file_size > (MOST_WEIGHTS if one.filename == WEIGHTS else MOST_SMALL):
            raise Refused(f"says that {one.filename} has {one.file_size:,} bytes, which is too much")
    if len(set(names)) != len(names):
        raise Refused("holds two files of the same name")
    if missing := sorted(NEEDED - set(names)):
        raise Refused(f"has no {missing[0]}")
    whole = sum(one.compress_size + 30 + len(one.orig_filename) for one in found)
    starts = sorted((one.header_offset, one.compress_size) for one in found)
    overlaps = any(start + size > after for (start, size), (after, _) in zip(starts, starts[1:], strict=False))
    if starts[0][0] or overlaps or whole > held.start_dir:
        raise Refused("has files that overlap, or something before its beginning")


def small(held: zipfile.ZipFile, name: str) -> bytes:
    """One of the short files; never more of it than it may have. Raises Refused."""
    with held.open(name) as file:
        data = file.read(MOST_SMALL + 1)
    if len(data) != held.getinfo(name).file_size:
        raise Refused(f"says another size of {name} than it has")
    return data


def as_object(data: bytes, name: str) -> dict[str, Any]:
    """JSON with each key once. Raises Refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise Refused(f"has a {name} that is no JSON object, or names something twice") from None
    if not isinstance(found, dict):
        raise Refused(f"has a {name} that is no JSON object")
    return found


# ---- what it says it is --------------------------------------------------------------------------------------------


def config(held: zipfile.ZipFile) -> dict[str, Any]:
    """{r, lora_alpha, target_modules, alora_invocation_tokens, base_model_name_or_path}: a plain LoRA's, and nothing else of it.

    Raises Refused for any other kind of adapter.
    """
    found = as_object(small(held, CONFIG), CONFIG)
    if found.get("peft_type") != "LORA" or found.get("bias", "none") != "none" or any(found.get(name) for name in _OFF):
        raise Refused("holds an adapter that is no plain LoRA", "Ask for a LoRA on linear layers, without extras.")
    rank, alpha, targets, tokens = (found.get(name) for name in ("r", "lora_alpha", "target_modules", "alora_invocation_tokens"))
    plain = (
        _whole(rank, 1, MOST_RANK) and _number(alpha) and (tokens is None or _list(tokens, lambda one: _whole(one, 0, 2**31), 64))
        and (targets == "all-linear" or _list(targets, lambda one: isinstance(one, str) and re.fullmatch(r"[\w.]{1,120}", one), 200))
    )  # fmt: skip
    if not plain:
        raise Refused("has a configuration with a rank, scale, target or token that cannot be meant")
    base = found.get("base_model_name_or_path")
    return {"r": rank, "lora_alpha": alpha, "target_modules": targets, "alora_invocation_tokens": tokens,
            "base_model_name_or_path": base if isinstance(base, str) else ""}  # fmt: skip


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 < value <= 4096


def _list(value: Any, good: Any, most: int) -> bool:
    return isinstance(value, list) and 0 < len(value) <= most and all(good(one) for one in value)


# ---- the weights, from their header alone ----------------------------------------------------------------------------


def header(held: zipfile.ZipFile) -> dict[str, Any]:
    """The header of the weights: {tensor: {dtype, shape, data_offsets}}, no byte of data read. Raises Refused."""
    size = held.getinfo(WEIGHTS).file_size
    with held.open(WEIGHTS) as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MOST_HEADER, size - 8):
            raise Refused(f"has weights whose header says {length:,} bytes, which cannot be")
        found = as_object(file.read(length), "header of the weights")
    found.pop("__metadata__", None)
    if not 2 <= len(found) <= MOST_TENSORS:
        raise Refused(f"has {len(found)} tensors, which cannot be an adapter")
    _offsets(found, size - 8 - length)
    return found


def _offsets(found: Mapping[str, Any], data: int) -> None:
    """Each tensor has the bytes that its shape needs, one after another, and nothing is left over."""
    at = 0
    try:
        for entry in sorted(found.values(), key=lambda one: one["data_offsets"]):
            (start, end), shape = entry["data_offsets"], entry["shape"]
            if entry["dtype"] not in SIZES:
                raise Refused(f"has weights of type {str(entry['dtype'])[:12]!r}, which an adapter has not")
            if len(shape) != 2 or not all(_whole(one, 1, 2**24) for one in shape) or set(entry) != {"dtype", "shape", "data_offsets"}:
                raise ValueError
            if start != at or end - start != shape[0] * shape[1] * SIZES[entry["dtype"]]:
                raise ValueError
            at = end
    except (KeyError, TypeError, ValueError):
        raise Refused("has weights whose header contradicts itself") from None
    if at != data:
        raise Refused("has weights of another length than their header says")


def fits(found: Mapping[str, Any], rank: int, base: Shapes) -> None:
    """Raises Refused unless every tensor is one of a pair for a linear layer of the base, of this rank and that layer's size."""
    halves: dict[str, dict[str, list[int]]] = {}
    for name, entry in found.items():
        if not (match := _TENSOR.fullmatch(name)):
            raise Refused(f"has weights called {name[:80]!r}, which belong to no LoRA")
        halves.setdefault(match[1], {})[match[2]] = entry["shape"]
    for layer, pair in halves.items():
        if layer not in base:
            raise Refused(f"changes the layer {layer[:80]!r}, which the base model lacks", OTHER_BASE)
        out, into = reversed(base[layer]) if layer.rpartition(".")[2].startswith("c_") else base[layer]  # GPT-2 keeps its layers turned
        if pair != {"A": [rank, into], "B": [out, rank]}:
            raise Refused(f"has weights for {layer[:80]!r} of other shapes than the base model's", OTHER_BASE)


def base_shapes(folder: Path) -> dict[str, tuple[int, int]]:
    """The two-dimensional weights of a model folder by their layers' names, from the headers of its safetensors."""
    found: dict[str, tuple[int, int]] = {}
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            entries = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        found |= {name.removesuffix(".weight"): tuple(entry["shape"]) for name, entry in entries.items()
                  if name.endswith(".weight") and len(entry["shape"]) == 2}  # fmt: skip
    return found


# ---- the bytes -----------------------------------------------------------------------------------------------------


def copy(held: zipfile.ZipFile, to: Path) -> str:
    """The weights into a file of our own name, no longer than was said; returns their SHA-256. Raises Refused."""
    said, copied, digest = held.getinfo(WEIGHTS).file_size, 0, hashlib.sha256()
    with held.open(WEIGHTS) as file, to.open("xb") as out:
        while part := file.read(2**20):
            copied += len(part)
            if copied > said:
                raise Refused(f"says another size of {WEIGHTS} than it has")
            digest.update(part)
            out.write(part)
    if copied != said:
        raise Refused(f"is cut off: {WEIGHTS} ends early")
    return digest.hexdigest()
