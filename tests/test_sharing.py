"""An adapter leaves as a zip that says what it is and nothing of this machine, and comes back as a candidate; what is hostile does not."""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
from sqlmodel import select

from db.engine import session
from db.models import Adapter
from ftapp import archives, cli, config, finite, gate_measure, sharing
from ftapp.archives import CARD, CONFIG, FACTS, MANIFEST, WEIGHTS, Refused
from ftapp.backends.scripted import ScriptedBackend
from ftapp.errors import UserError
from ftapp.lineage import Lineage
from ftapp.sharing import Sharing
from ftapp.studio import Studio
from ftapp.training import run
from ftapp.ui import lineage as screen
from tests.browser import TEXTS
from tests.tiny import tiny_adapter, tiny_gpt2

ME = "local"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """One home for everything that must leave nothing in it."""
    made = Studio(config.settings(home=tmp_path_factory.mktemp("home")), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    yield made
    made.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The files of the starter's archive, by name."""
    folder = tmp_path_factory.mktemp("home")
    made = Studio(config.settings(home=folder), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    try:
        Sharing(made).take(ME, "starter", folder / "a.zip")
    finally:
        made.close()
    with zipfile.ZipFile(folder / "a.zip") as held:
        return {name: held.read(name) for name in held.namelist()}


def zipped(files, **options):
    """Files as a zip in memory; a manifest that is there is made true."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", options.get("how", zipfile.ZIP_DEFLATED)) as held:
        warnings.simplefilter("ignore")
        for name, data in files.items() if isinstance(files, dict) else files:
            held.writestr(name, data)
    return out.getvalue()


def header(data):
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def weights(entries, data=b"", raw=None):
    text = raw if raw is not None else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def adapters_of(studio):
    with session(studio.engine) as opened:
        return opened.exec(select(Adapter)).all()


# ---- out, and in again -------------------------------------------------------------------------------------------------


def test_what_leaves_comes_back_as_a_candidate_with_the_same_weights(studio, tmp_path, good):
    out = tmp_path / "starter.zip"
    Sharing(studio).take(ME, "starter", out)
    assert zipfile.ZipFile(out).namelist() == [CONFIG, WEIGHTS, CARD, FACTS, MANIFEST]
    done = Sharing(studio).bring(ME, out)
    (row,) = adapters_of(studio)
    assert (done["state"], done["scope"], row.state, row.run_id) == ("candidate", "letter", "candidate", None)
    assert row.sha256 == run.sha256_file(config.STARTER / WEIGHTS) and run.sealed(Path(row.path))
    assert gate_measure.files(Path(row.path), row.sha256) == "", "the gate takes its files, with what the archive said of itself"
    assert Sharing(studio).bring(ME, out) == done | {"already": True} and len(adapters_of(studio)) == 1
    again = tmp_path / "again.zip"
    Sharing(studio).take(ME, row.id, again)
    with zipfile.ZipFile(again) as held:
        assert held.read(WEIGHTS) == good[WEIGHTS] and str(tmp_path).encode() not in b"".join(held.read(name) for name in held.namelist())
    studio.backend().base_hash = row.base_hash
    with pytest.raises(UserError, match="nobody has measured it yet"):
        studio.trial.promote(ME, row.id)
    with pytest.raises(UserError, match="nobody has measured it yet"):
        studio.trial.begin(ME, row.id)
    studio.trial.promote(ME, row.id, "I know who taught it.")
    assert [one["state"] for one in studio.adapters(ME)] == ["live", "retired"]


def test_the_card_names_the_base_counts_and_checks_and_no_place(good):
    base = config.model_spec("bundled").source
    assert base.encode() not in b"".join(good.values())
    told = {"base_id": "Qwen/Qwen2.5-0.5B-Instruct", "base_hash": "h" * 64, "scope": "all", "sha256": "a", "parents": ["none"],
            "method": "dpo", "recipe": "dpo_lora", "learned": 41, "checked": 9, "held_out": "Right for 7 of 9.",
            "settings": {"learning_rate": 0.001},
            "gate": {"passed": True, "rules": [{"title": "Relevance", "sentence": "57% before."}, {"sentence": "Whole."}]}}  # fmt: skip
    card = sharing.card(sharing.facts(told))
    assert "base_model: Qwen/Qwen2.5-0.5B-Instruct" in card and "41 choices" in card and "- Relevance: 57% before.\n- Whole." in card
    assert sharing.hub_id("/somewhere/private/model") == sharing.hub_id("bundled") == ""


# ---- what is hostile ---------------------------------------------------------------------------------------------------


class Bomb:
    def __reduce__(self):
        return (sys.exit, ("it ran",))


def changed(data, **changes):
    return json.dumps(json.loads(data) | changes).encode()


def tensor(files, name=None, **changes):
    """The files with one tensor's header changed."""
    entries, data = header(files[WEIGHTS])
    name = name or next(key for key in entries if key != "__metadata__")
    entries[name] = entries[name] | changes
    return files | {WEIGHTS: weights(entries, data)}


def number(files, bits):
    """The files with one of the first tensor's numbers replaced."""
    entries, data = header(files[WEIGHTS])
    return files | {WEIGHTS: weights(entries, data[:400] + struct.pack("<I", bits) + data[404:])}


def renamed(files, old, new):
    return [(new if name == old else name, data) for name, data in files.items()]


def entry(name, kind):
    made = zipfile.ZipInfo(name)
    made.external_attr = kind << 16
    return made


def with_bits(data, bits):
    """A zip whose entries carry these flags, in both of their headers."""
    data = bytearray(data)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + at] |= bits
            place = data.find(mark, place + 4)
    return bytes(data)


def said_size(data, name, size):
    """A zip whose table of contents says another size of a file."""
    data, place = bytearray(data), data.rfind(name.encode())
    data[place - 46 + 24 : place - 46 + 28] = struct.pack("<I", size)
    return bytes(data)


def overlapping(files):
    """Two entries of the table of contents that point at the same bytes."""
    data = bytearray(zipped(files))
    places, at = [], data.find(b"PK\x01\x02")
    while at >= 0:
        places.append(at)
        at = data.find(b"PK\x01\x02", at + 4)
    data[places[1] + 42 : places[1] + 46] = data[places[0] + 42 : places[0] + 46]
    return bytes(data)


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as held:
        for name, data in files.items():
            one = tarfile.TarInfo(name)
            one.size = len(data)
            held.addfile(one, io.BytesIO(data))
    return out.getvalue()


def flipped(files):
    """One byte of the packed weights is another one."""
    data = bytearray(zipped(files, how=zipfile.ZIP_STORED))
    data[data.find(files[WEIGHTS][-64:])] ^= 0xFF
    return bytes(data)


def less(files, *names):
    return {name: data for name, data in files.items() if name not in names}


def bare(files, **changes):
    """As another program would pack it: PEFT's two files alone."""
    return {CONFIG: changed(files[CONFIG], **changes), WEIGHTS: files[WEIGHTS]}


def without_one(files):
    entries, data = header(files[WEIGHTS])
    name, one = max(((k, v) for k, v in entries.items() if k != "__metadata__"), key=lambda item: item[1]["data_offsets"])
    del entries[name]
    return files | {WEIGHTS: weights(entries, data[: one["data_offsets"][0]])}


def other_layer(files):
    entries, data = header(files[WEIGHTS])
    return files | {WEIGHTS: weights({name.replace("layers.0.", "layers.99."): one for name, one in entries.items()}, data)}


def twice_named(files):
    entries, data = header(files[WEIGHTS])
    text = json.dumps(entries)
    name = next(key for key in entries if key != "__metadata__")
    return files | {WEIGHTS: weights({}, data, (text[:-1] + f", {json.dumps(name)}: {json.dumps(entries[name])}}}").encode())}


HOSTILE = {
    "a pickle beside the weights": lambda f: zipped(f | {"training_args.bin": pickle.dumps(Bomb())}),
    "a pickle in the place of the weights": lambda f: zipped(less(f, WEIGHTS) | {"adapter_model.bin": pickle.dumps(Bomb())}),
    "a pickle under the weights' name": lambda f: zipped(less(f, MANIFEST) | {WEIGHTS: pickle.dumps(Bomb())}),
    "a pickle under the configuration's name": lambda f: zipped(less(f, MANIFEST) | {CONFIG: pickle.dumps(Bomb())}),
    "a way up": lambda f: zipped(renamed(f, CARD, "../README.md")),
    "a way up in the middle": lambda f: zipped(renamed(f, WEIGHTS, f"x/../../{WEIGHTS}")),
    "an absolute name": lambda f: zipped(renamed(f, CARD, "/tmp/README.md")),
    "a name with a drive": lambda f: zipped(renamed(f, CARD, "C:\\README.md")),
    "a way up with backslashes": lambda f: zipped(renamed(f, CARD, "..\\README.md")),
    "a name cut by a null": lambda f: zipped(f).replace(b"README.md", b"README\x00md"),
    "a symbolic link": lambda f: zipped([(entry(CONFIG, 0o120777), "/etc/passwd"), *less(f, CONFIG).items()]),
    "a device": lambda f: zipped([(entry(CARD, 0o020666), b""), *less(f, CARD).items()]),
    "a folder": lambda f: zipped(f | {"runs/": b""}),
    "the same name twice": lambda f: zipped([*less(f, CARD).items(), (CONFIG, f[CONFIG])]),
    "the same name in other letters": lambda f: zipped(less(f, CARD) | {CONFIG.upper(): f[CONFIG]}),
    "a file too many": lambda f: zipped(f | {"x.py": b"print()"}),
    "code beside it": lambda f: zipped(less(f, CARD) | {"modeling.py": b"print()"}),
    "a thousand files": lambda f: zipped(f | {f"{n}.txt": b"" for n in range(1000)}),
    "a bomb of zeros": lambda f: zipped(f | {CARD: bytes(80 * 2**20)}),
    "a small file that says it is smaller": lambda f: said_size(zipped(f | {CARD: bytes(2**20)}), CARD, 100),
    "weights that say they are huge": lambda f: said_size(zipped(f), WEIGHTS, 0xFFFFFFF0),
    "weights that say they are small": lambda f: said_size(zipped(f), WEIGHTS, 20_000),
    "files that overlap": overlapping,
    "a password": lambda f: with_bits(zipped(f), 0x1),
    "an unusual packing": lambda f: zipped(f, how=zipfile.ZIP_LZMA),
    "something before it": lambda f: b"#!/bin/sh\nexit\n" + zipped(f),
    "cut off": lambda f: zipped(f)[:-200],
    "cut in the middle": lambda f: zipped(f)[: len(zipped(f)) // 2],
    "a flipped byte": flipped,
    "no zip": lambda f: tarred(f),
    "nothing": lambda f: b"",
    "no weights": lambda f: zipped(less(f, WEIGHTS)),
    "another base by its hash": lambda f: zipped(f | {FACTS: changed(f[FACTS], base={"hash": "0" * 64})}),
    "another base by its name": lambda f: zipped(bare(f, base_model_name_or_path="someone/else")),
    "another header to act from": lambda f: zipped(less(f, MANIFEST) | {CONFIG: changed(f[CONFIG], alora_invocation_tokens=[7, 7])}),
    "another rank": lambda f: zipped(less(f, MANIFEST) | {CONFIG: changed(f[CONFIG], r=8)}),
    "a rank that is no number": lambda f: zipped(less(f, MANIFEST) | {CONFIG: changed(f[CONFIG], r="16")}),
    "an endless scale": lambda f: zipped(less(f, MANIFEST) | {CONFIG: f[CONFIG].replace(b'"lora_alpha": 32', b'"lora_alpha": Infinity')}),
    "whole modules saved": lambda f: zipped(less(f, MANIFEST) | {CONFIG: changed(f[CONFIG], modules_to_save=["lm_head"])}),
    "a class of its own": lambda f: zipped(less(f, MANIFEST) | {CONFIG: changed(f[CONFIG], auto_mapping={"parent_library": "os"})}),
    "another kind of adapter": lambda f: zipped(less(f, MANIFEST) | {CONFIG: changed(f[CONFIG], peft_type="PROMPT_TUNING")}),
    "a configuration without end": lambda f: zipped(less(f, MANIFEST) | {CONFIG: b"[" * 200_000}),
    "a header of four exabytes": lambda f: zipped(less(f, MANIFEST) | {WEIGHTS: struct.pack("<Q", 2**62) + f[WEIGHTS][8:]}),
    "a header of eight megabytes": lambda f: zipped(less(f, MANIFEST) | {WEIGHTS: weights({}, b"", b"{" + b" " * 8 * 2**20 + b"}")}),
    "a header that names a tensor twice": lambda f: zipped(less(twice_named(f), MANIFEST)),
    "tensors that overlap": lambda f: zipped(less(tensor(f, data_offsets=[0, 4]), MANIFEST)),
    "a tensor beyond the end": lambda f: zipped(less(tensor(f, data_offsets=[2**40, 2**40 + 61440]), MANIFEST)),
    "a shape of another layer": lambda f: zipped(less(tensor(f, shape=[32, 480]), MANIFEST)),
    "a negative shape": lambda f: zipped(less(tensor(f, shape=[-16, -960]), MANIFEST)),
    "numbers of another type": lambda f: zipped(less(tensor(f, dtype="I32"), MANIFEST)),
    "half of a pair": lambda f: zipped(less(without_one(f), MANIFEST)),
    "a layer that the base lacks": lambda f: zipped(less(other_layer(f), MANIFEST)),
    "more bytes than tensors": lambda f: zipped(less(f, MANIFEST) | {WEIGHTS: f[WEIGHTS] + b"more"}),
    "a manifest that names other files": lambda f: zipped(f | {MANIFEST: json.dumps({WEIGHTS: "0" * 64}).encode()}),
    "not a number": lambda f: zipped(less(number(f, 0x7FC00000), MANIFEST)),
    "infinity": lambda f: zipped(less(number(f, 0xFF800000), MANIFEST)),
}  # fmt: skip


def test_the_good_ones_are_taken(studio, good):
    """Without this, refusing everything would pass all that follows."""
    assert Sharing(studio).bring(ME, io.BytesIO(zipped(good)))["state"] == "candidate"
    assert Sharing(studio).bring(ME, io.BytesIO(zipped(bare(good, base_model_name_or_path="bundled"))))["already"]
    assert Sharing(studio).bring(ME, io.BytesIO(zipped(bare(good))))["already"], "the two files alone, as they leave"
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("value", [10**400, -(10**400), "a\ud800z", ["\ud800"], {"\udfff": 1}])
def test_what_an_archive_says_of_itself_cannot_break_the_page(studio, good, value):
    told = json.loads(good[FACTS]) | {"learned": value, "settings": {"r": value}, "held_out": value}
    Sharing(studio).bring(ME, io.BytesIO(zipped(less(good, MANIFEST) | {FACTS: json.dumps(told).encode()})))
    rows = Lineage(studio).listing(ME)
    screen.stories(rows).encode()
    Sharing(studio).take(ME, rows[0]["id"], studio.settings.home / "again.zip")


def test_an_adapter_for_layers_that_are_stored_the_other_way_is_plain(tmp_path):
    """PEFT says so of GPT-2's; it puts right by itself what does not fit the layer."""
    folder = tiny_adapter(tiny_gpt2(tmp_path / "gpt2"), tmp_path / "adapter")
    assert json.loads((folder / CONFIG).read_text())["fan_in_fan_out"]
    with archives.opened(io.BytesIO(zipped({name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}))) as held:
        assert archives.config(held)["r"] > 0


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused_and_leave_nothing(untouched, good, kind, monkeypatch):
    studio = untouched
    monkeypatch.setattr(ScriptedBackend, "prove", lambda *_: pytest.fail("it came as far as the model"))
    data = HOSTILE[kind](good)
    assert data != zipped(good)
    checked = []
    monkeypatch.setattr(sharing.finite, "broken", lambda path, real=finite.broken: checked.append(path) or real(path))
    with pytest.raises(Refused, match="Nothing of it was used"):
        Sharing(studio).bring(ME, io.BytesIO(data))
    assert not adapters_of(studio) and not list(studio.settings.folder("adapters").iterdir())
    assert bool(checked) == (kind in ("not a number", "infinity")), "everything else is seen before the numbers are looked at"


def test_a_huge_header_is_not_read(good):
    """Judged by its first eight bytes."""
    with archives.opened(io.BytesIO(HOSTILE["a header of four exabytes"](good))) as held, pytest.raises(Refused, match="cannot be"):
        archives.header(held)


NUMBERS = [("F16", 0x7C00, False), ("F16", 0x7BFF, True), ("BF16", 0xFF80, False), ("BF16", 0x7F7F, True), ("F32", 0x7F7FFFFF, True),
           ("F32", 0x7F800001, False)]  # fmt: skip


@pytest.mark.parametrize(("dtype", "number", "ok"), NUMBERS)
def test_every_type_s_infinities_are_known(tmp_path, dtype, number, ok):
    size = archives.SIZES[dtype]
    path = tmp_path / "a.safetensors"
    entries = {"x": {"dtype": dtype, "shape": [1, 4], "data_offsets": [0, 4 * size]}}
    path.write_bytes(weights(entries, bytes(3 * size) + number.to_bytes(size, "little")))
    assert finite.broken(path) == (None if ok else "x")


def test_the_command_line(tmp_path, capsys, good):
    home = ["--home", str(tmp_path / "home"), "--json"]
    out = str(tmp_path / "a.zip")
    assert cli.main(["adapter", "export", "starter", "--out", out, *home]) == 0
    assert cli.main(["adapter", "import", out, *home]) == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert cli.main(["adapter", "show", *home]) == 0
    (row,) = json.loads(capsys.readouterr().out.splitlines()[-1])["adapters"]
    assert row["id"] == made["id"] and row["imported"] and row["bytes"] > 2e6
    (tmp_path / "b.zip").write_bytes(HOSTILE["code beside it"](good))
    assert cli.main(["adapter", "import", str(tmp_path / "b.zip"), *home]) == 1
    assert cli.main(["adapter", "import", str(tmp_path / "none.zip"), *home]) == 1
    assert cli.main(["adapter", "export", "none", "--out", out, *home]) == 1
