"""An adapter as one zip to take away, with a model card, and back in: as a candidate, after everything hostile was refused.

The archive holds what PEFT reads (adapter_config.json, adapter_model.safetensors), README.md, the facts of the card as ftapp.json and
a manifest; no path of this machine and no text of a person. What comes in is judged by archives.py and finite.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from db.engine import session, write
from db.models import Adapter, new_id
from ftapp import adapters, archives, config, finite, lineage
from ftapp.archives import CARD, CONFIG, FACTS, MANIFEST, WEIGHTS, Refused
from ftapp.backends import folders
from ftapp.errors import UserError
from ftapp.training import bases, run

LATER = (1980, 1, 1, 0, 0, 0)  # the same adapter gives the same archive
OWN = "ftapp's own small model"  # the bundled model's name in archives
_KEPT = ("method", "recipe", "learned", "checked", "held_out", "settings", "gate")
_TYPES = {"method": str, "recipe": str, "held_out": str, "learned": int, "checked": int, "settings": dict, "gate": dict}
_MOST_WORDS = 300


class Sharing:
    """Adapters out and in of one home. `studio` has the database and the settings; the owner always first."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio

    # ---- out ----------------------------------------------------------------------------------------------------

    def take(self, owner: str, adapter_id: str, out: Path) -> dict[str, Any]:
        """Write the adapter's archive over the file `out`, whole or not at all: {id, file, bytes}. Raises NotFound, UserError."""
        with session(self._studio.engine) as opened:
            ref = adapters.find(opened, owner, adapter_id)
            if ref is None:
                raise UserError("The base model alone is no adapter. There is nothing to take away. Choose an adapter.")
            told = lineage.story(opened, owner, adapter_id) if adapter_id != adapters.STARTER_ID else _starter(ref)
        if not run.sealed(ref.path):
            raise UserError(f"The files of {adapter_id} are not the recorded ones. Nothing was written. Choose another adapter.")
        files = _files(ref.path, facts(told))
        fresh = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
        try:
            with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as held:
                for name, data in files.items():
                    held.writestr(zipfile.ZipInfo(name, LATER), data, zipfile.ZIP_DEFLATED)
            fresh.replace(out)
        except OSError as error:
            why = (error.strerror or "unwritable").lower()
            raise UserError(f"The file could not be written ({why}). Nothing is there. Name another place.") from None
        finally:
            fresh.unlink(missing_ok=True)
        return {"id": adapter_id, "file": str(out), "bytes": out.stat().st_size}

    # ---- in -----------------------------------------------------------------------------------------------------

    def bring(self, owner: str, source: Path | BinaryIO) -> dict[str, Any]:
        """Store an archive's adapter for the present base model as a candidate: {id, state, scope, already}. Raises Refused."""
        spec = self._studio.spec
        base = bases.describe_base(spec.id, self._studio.settings.offline)
        shapes = archives.base_shapes(folders.find(spec.source, self._studio.settings.offline, spec.revision))
        id, home = new_id("adp"), self._studio.settings.folder("adapters")
        aside = home / f".{id}.in"
        aside.mkdir(mode=0o700)
        try:
            with archives.opened(source) as held:
                said = _facts(held)
                described = archives.config(held)
                _same_base(said, described, base, spec)
                archives.fits(archives.header(held), described["r"], shapes)
                digest = archives.copy(held, aside / WEIGHTS)
                _same_files(held, digest)
            if (name := finite.broken(aside / WEIGHTS)) is not None:
                raise Refused(f"has weights that are not all numbers ({name[:80]})" if name else "has weights that could not be checked")
            run.write_text(aside / CONFIG, json.dumps(_plain(described, base), indent=1))
            return self._keep(owner, id, aside, home / id, base, said, digest)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _keep(
        self, owner: str, id: str, aside: Path, place: Path, base: dict[str, Any], said: dict[str, Any], digest: str
    ) -> dict[str, Any]:
        scope = "letter" if run.read_json(aside / CONFIG).get("alora_invocation_tokens") else "all"
        with session(self._studio.engine) as opened:
            mine = [row for row in adapters.listing(opened, owner, base["id"]) if row["id"] != adapters.STARTER_ID]
            same = next((row for row in mine if (ref := adapters.find(opened, owner, row["id"])) and ref.sha256 == digest), None)
        if same:
            return {"id": same["id"], "state": same["state"], "scope": same["scope"], "already": True}
        run.publish(aside, place)
        run.write_text(place / run.FACTS, json.dumps(said, indent=1))
        with write(self._studio.engine) as opened:
            opened.add(Adapter(id=id, owner_id=owner, base_id=base["id"], base_hash=base["hash"], scope=scope, sha256=digest,
                               path=str(place)))  # fmt: skip
        return {"id": id, "state": "candidate", "scope": scope, "already": False}


# ---- what an archive says of itself -------------------------------------------------------------------------------


def facts(told: dict[str, Any]) -> dict[str, Any]:
    """What of an adapter's story may leave this machine: the base by its Hub id or its weights' hash, counts, figures, settings."""
    hub = hub_id(told["base_id"])
    return {
        "format": 1, "base": {"hub": hub, "name": hub or (OWN if told["base_id"] == config.BUNDLED else ""),
                              "hash": told["base_hash"]},
        "scope": told["scope"], "sha256": told["sha256"], "steps_up": len(told["parents"]) - 1,
        **{name: told[name] for name in _KEPT if told.get(name) not in (None, "", {})},
    }  # fmt: skip


def hub_id(base_id: str) -> str:
    """The Hub's id of a base model; empty for the shipped one and for a folder, whose path is nobody's business."""
    source = config.model_spec(base_id).source
    here = base_id == config.BUNDLED or os.path.isdir(os.path.expanduser(source)) or folders.no_model(source)
    return "" if here or source.count("/") != 1 else source


def _starter(ref: Any) -> dict[str, Any]:
    base = bases.describe_base(config.BUNDLED)
    return {"base_id": config.BUNDLED, "base_hash": base["hash"], "scope": ref.scope, "sha256": ref.sha256, "parents": ["none"]}


def _files(folder: Path, told: dict[str, Any]) -> dict[str, bytes]:
    described = run.read_json(folder / CONFIG) | {"base_model_name_or_path": told["base"]["hub"] or told["base"]["name"] or None}
    files = {
        CONFIG: json.dumps(described, indent=1, sort_keys=True).encode(), WEIGHTS: (folder / WEIGHTS).read_bytes(),
        CARD: card(told).encode(), FACTS: json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False).encode(),
    }  # fmt: skip
    return files | {MANIFEST: json.dumps({name: _sha256(data) for name, data in files.items()}, indent=1).encode()}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def card(told: dict[str, Any]) -> str:
    """README.md as the Hub shows it."""
    base, learned = told["base"], told.get("learned")
    front = {"library_name": "peft", "pipeline_tag": "text-generation", "tags": ["lora", "ftapp", *filter(None, [told.get("method")])]}
    front = ({"base_model": base["hub"]} if base["hub"] else {}) | front
    kind = {"dpo": "choices between two letters", "sft": "letters of one person"}.get(told.get("method", ""), "")
    lines = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---", "# A LoRA adapter for letters, taught with ftapp",
        f"Base model: {base['hub'] or base['name'] or 'a local model'}, whose weights have the SHA-256 `{base['hash']}`.",
    ]  # fmt: skip
    if kind and learned:
        checked = f"{told.get('checked') or 0} more were held out to check it. {told.get('held_out', '')}"
        lines.append(f"Taught from {learned} {kind}; {checked}".strip())
    if told["scope"] == "letter":
        lines.append("It acts from the assistant's header on, never on the prompt (PEFT: aLoRA). A server of plain LoRA cannot serve it.")
    if settings := told.get("settings"):
        lines.append("## How it was taught\n\n" + "\n".join(f"- {name}: {value}" for name, value in settings.items()))
    if gate := told.get("gate"):
        rules = [lineage.rule_line(rule) for rule in gate.get("rules") or [] if isinstance(rule, dict) and rule.get("sentence")]
        verdict = "It passed these checks" if gate.get("passed") else "It did not pass all checks"
        lines.append(f"## Checks before it wrote\n\n{verdict}:\n\n" + "\n".join(f"- {rule}" for rule in rules))
    lines.append("## Before you share it\n\nAn adapter is made from personal texts, and its weights can hold traces of them.")
    return "\n\n".join(lines) + "\n"


# ---- judging --------------------------------------------------------------------------------------------------------


def _facts(held: zipfile.ZipFile) -> dict[str, Any]:
    """What the archive says of itself, cut down to what we would have said: words short, everything else numbers."""
    if CARD in held.namelist():
        archives.small(held, CARD)  # its size must be true; nobody reads it
    if FACTS not in held.namelist():
        return {}
    found = archives.as_object(archives.small(held, FACTS), FACTS)
    base = found.get("base") if isinstance(found.get("base"), dict) else {}
    kept = {name: _short(found[name]) for name in _KEPT if isinstance(found.get(name), _TYPES[name])}
    if "gate" in kept:
        rules = kept["gate"].get("rules")
        rules = rules if isinstance(rules, list) else []
        sound = [rule for rule in rules if isinstance(rule, dict) and isinstance(rule.get("sentence"), str)]
        kept["gate"] = {"passed": kept["gate"].get("passed") is True, "rules": sound}
    return kept | {"base": _short(base), "sha256": str(found.get("sha256", ""))[:64]}


def _short(value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict) and depth < 4:
        return {_word(key, 60): _short(one, depth + 1) for key, one in list(value.items())[:40]}
    if isinstance(value, list) and depth < 4:
        return [_short(one, depth + 1) for one in value[:40]]
    if isinstance(value, bool | int | float):
        return value if abs(value) < 2**53 else None  # no infinity, and no number that nobody can divide
    return None if value is None else _word(value, _MOST_WORDS)


def _word(value: Any, most: int) -> str:
    return str(value).encode(errors="replace").decode()[:most]  # half of a surrogate pair is no text: no page could show it


def _same_base(said: dict[str, Any], described: dict[str, Any], base: dict[str, Any], spec: config.ModelSpec) -> None:
    """By the hash of the weights; an archive of another program is known by the base's name alone. Raises Refused."""
    if said:
        same = said["base"].get("hash") == base["hash"]
    else:
        same = described["base_model_name_or_path"] in (spec.id, spec.source, OWN if spec.id == config.BUNDLED else None)
    if not same:
        name = str(said.get("base", {}).get("name") or described["base_model_name_or_path"] or "another model")[:80]
        raise Refused(f"was made for {name!r}, which is not what writes here", archives.OTHER_BASE)
    tokens = described["alora_invocation_tokens"]
    if tokens is not None and tokens != list(base["invocation_tokens"]):
        raise Refused("begins to act at another place than this model's letters do", archives.OTHER_BASE)


def _same_files(held: zipfile.ZipFile, digest: str) -> None:
    """What its manifest and facts say of its files is true. Raises Refused."""
    said = archives.as_object(archives.small(held, MANIFEST), MANIFEST) if MANIFEST in held.namelist() else {}
    found = {name: _sha256(archives.small(held, name)) for name in held.namelist() if name not in (WEIGHTS, MANIFEST)} | {WEIGHTS: digest}
    if any(found.get(name) != value for name, value in said.items()):
        raise Refused("holds a file that is not the one its manifest names")


def _plain(described: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """The configuration as we would have written it: nothing of the archive's but its ranks, scale, targets and header."""
    return described | {"peft_type": "LORA", "task_type": "CAUSAL_LM", "bias": "none", "inference_mode": True,
                        "base_model_name_or_path": base["id"]}  # fmt: skip
