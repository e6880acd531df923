"""The embedding model is the published one or none at all; nothing is imported, fetched or loaded before it is needed."""

import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ftapp import config, embeddings
from ftapp.errors import ModelError


@pytest.fixture
def settings(home):
    return config.settings(home=home)


@pytest.fixture(scope="module")
def package():
    found = embeddings.packaged()
    assert embeddings.PACKAGE not in sys.modules, "the package's own code must not run"
    return found


@pytest.fixture
def copy(package, tmp_path):
    """The package's folder with its weights linked, free to be changed."""
    folder = tmp_path / "model"
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    (folder / "model.safetensors").symlink_to(package / "model.safetensors")
    return folder


def test_the_package_holds_the_published_files(package):
    assert (package / "model.safetensors").stat().st_size == 90_868_376


@pytest.mark.parametrize("name", ["tokenizer.json", "1_Pooling/config.json", "modules.json", "vocab.txt"])
def test_a_changed_or_missing_file_is_refused(copy, name):
    held = (copy / name).read_bytes()
    for change in (lambda: (copy / name).write_bytes(held + b" "), (copy / name).unlink):
        change()
        with pytest.raises(ModelError, match=f"not the published one .{name}") as said:
            embeddings.published(copy)
        assert "search goes by words" in str(said.value)


@pytest.mark.parametrize("name", ["adapter_config.json", "evil.py", "pytorch_model.bin", "1_Pooling/model.safetensors"])
def test_a_file_that_a_loader_might_read_besides_is_refused(copy, name):
    (copy / name).write_text("{}")
    with pytest.raises(ModelError, match=name):
        embeddings.published(copy)


def test_other_weights_are_refused(copy):
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").write_bytes(b"\0" * 1000)
    with pytest.raises(ModelError, match="model.safetensors"):
        embeddings.published(copy)


def test_without_the_package_a_sentence_says_so(settings, monkeypatch):
    monkeypatch.setattr(embeddings, "PACKAGE", "no_such_package_here")
    encoder = embeddings.load(settings)
    for ask in (lambda: encoder.id, lambda: encoder.encode(["x"])):
        with pytest.raises(ModelError, match="not installed"):
            ask()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "switched off"),
        ("/no/such/folder", "no folder"),
        ("owner/never-fetched", "offline"),
        ("x", "no folder"),
        ("../a/b", "no folder"),
    ],
)
def test_a_model_that_cannot_be_used_is_one_sentence(settings, name, words):
    with pytest.raises(ModelError, match=words) as said:
        _ = embeddings.load(settings.model_copy(update={"offline": True}), name).id
    assert "words" in str(said.value)


def test_a_folder_that_is_no_embedding_model_is_refused(settings, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="modules.json"):
        _ = embeddings.load(settings, str(tmp_path)).id


def test_the_id_follows_the_files_and_needs_no_model(settings, tmp_path):
    for name in ("modules.json", "model.safetensors"):
        (tmp_path / name).write_text(name)
    first = embeddings.load(settings, str(tmp_path))
    assert first.id == embeddings.load(settings, str(tmp_path)).id and not first.loaded
    (tmp_path / "model.safetensors").write_text("other weights")
    assert embeddings.load(settings, str(tmp_path)).id != first.id


@pytest.mark.slow
def test_a_folder_that_cannot_be_loaded_is_a_sentence_each_time(settings, tmp_path):
    for name in ("modules.json", "model.safetensors"):
        (tmp_path / name).write_text(name)
    encoder = embeddings.load(settings, str(tmp_path))
    for _ in range(2):
        with pytest.raises(ModelError, match="cannot be loaded"):
            encoder.encode(["x"])


class Counting:
    """What sentence-transformers offers, as far as an Encoder asks for it."""

    def __init__(self):
        self.seen = []

    def encode_document(self, texts, **how):
        assert how["normalize_embeddings"]
        self.seen += texts
        return np.array([[len(text), 1.0] for text in texts]) / np.array([[np.hypot(len(text), 1.0)] for text in texts])

    encode_query = encode_document

    def get_embedding_dimension(self):
        return 2


def test_threads_load_once_and_a_text_is_encoded_once(monkeypatch):
    loads, model = [], Counting()
    monkeypatch.setattr(embeddings, "_open", lambda folder: loads.append(folder) or model)
    monkeypatch.setattr(embeddings, "_digest", lambda folder: "0")
    encoder = embeddings.Encoder("x", lambda: Path("."))
    got = []
    threads = [threading.Thread(target=lambda: got.append(encoder.encode(["a", "bb", "a"]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(loads) == 1 and sorted(model.seen) == ["a", "bb"] and len(got) == 8
    assert all(one.dtype == np.float32 and one.shape == (3, 2) and (one[0] == one[2]).all() for one in got)
    assert encoder.encode([]).shape == (0, 2) and encoder.similar(["a"], []).shape == (1, 0)
    encoder.encode([str(number) for number in range(embeddings.REMEMBERED + 10)])
    assert len(encoder._known) == embeddings.REMEMBERED


def _counted(monkeypatch, find=lambda: Path(".")) -> tuple[embeddings.Encoder, Counting]:
    model = Counting()
    monkeypatch.setattr(embeddings, "_open", lambda folder: model)
    monkeypatch.setattr(embeddings, "_digest", lambda folder: "0")
    return embeddings.Encoder("x", find), model


def test_a_page_does_not_wait_for_the_model_and_has_meaning_the_next_time(monkeypatch):
    encoder, model = _counted(monkeypatch)
    meaning = embeddings.Meaning(encoder, seconds=20)
    let_go = threading.Event()
    monkeypatch.setattr(embeddings, "_open", lambda folder: let_go.wait(20) and model)
    with pytest.raises(ModelError, match="Still getting ready"):
        meaning(["a"], ["bb", "ccc"])  # returns while the model is still loading
    let_go.set()
    meaning.prepare([]).join(20)
    rows = meaning(["a"], ["bb", "a"])
    assert rows.shape == (1, 2) and rows[0, 1] == pytest.approx(1)
    before = list(model.seen)
    assert (meaning(["a"], ["bb", "a"]) == rows).all() and model.seen == before, "a text is encoded once"


def test_meaning_waits_a_moment_only_and_says_why_it_is_missing(monkeypatch):
    encoder, model = _counted(monkeypatch)
    encoder.encode(["x"])
    let_go, quick = threading.Event(), model.encode_document
    model.encode_document = lambda texts, **how: let_go.wait(20) and quick(texts, **how)
    meaning = embeddings.Meaning(encoder, seconds=0.01)
    with pytest.raises(ModelError, match="Still getting ready"):
        meaning(["a"], ["b"])
    let_go.set()
    with pytest.raises(ModelError, match="too long"):
        meaning([str(number) for number in range(embeddings.REMEMBERED)], ["b"])

    def missing() -> Path:
        raise ModelError("There is none.")

    meaning = embeddings.Meaning(_counted(monkeypatch, missing)[0])
    for _ in range(2):
        meaning.prepare([]).join(20)
        with pytest.raises(ModelError, match="There is none"):
            meaning(["a"], ["b"])


@pytest.mark.slow
def test_the_real_model_knows_what_is_near(settings):
    encoder = embeddings.load(settings)
    assert not encoder.loaded
    ((near, far),) = encoder.similar(["She looks after patients at night."], ["A nurse on the late shift.", "Welding of steel pipes."])
    assert encoder.loaded and near > 0.4 > far + 0.1
    assert encoder.encode(["one", "two"]).shape == (2, 384)
    assert encoder.id.startswith("all-MiniLM-L6-v2@") and embeddings.PACKAGE not in sys.modules
