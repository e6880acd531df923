"""Which model fits which machine, what is said where one does not, and how one is fetched."""

import pytest

from ftapp import config, ladder
from ftapp.backends import folders
from ftapp.errors import ModelError

GB = 10**9


def recommended(memory, gpu=0):
    rungs = ladder.rungs("bundled", memory * GB, gpu * GB)
    assert sum(rung["recommended"] for rung in rungs) <= 1 and [rung["id"] for rung in rungs] == config.model_ids()
    return next((rung["id"] for rung in rungs if rung["recommended"]), None)


@pytest.mark.parametrize(
    ("memory", "gpu", "model"),
    [(1, 0, None), (4, 0, "bundled"), (6, 0, "HuggingFaceTB/SmolLM2-360M-Instruct"), (16, 0, "Qwen/Qwen2.5-1.5B-Instruct"),
     (512, 0, "Qwen/Qwen2.5-1.5B-Instruct"), (16, 12, "meta-llama/Llama-2-7b-chat-hf"), (16, 16, "meta-llama/Llama-3.1-8B-Instruct")],
)  # fmt: skip
def test_the_largest_that_can_be_taught_is_recommended(memory, gpu, model):
    assert recommended(memory, gpu) == model


def test_every_model_that_does_not_fit_says_why():
    rungs = {rung["id"]: rung for rung in ladder.rungs("bundled", 4 * GB, 0)}
    assert rungs["bundled"]["fits"] == "teach" and rungs["bundled"]["here"] and rungs["bundled"]["current"]
    assert rungs["HuggingFaceTB/SmolLM2-360M-Instruct"]["fits"] == "write"
    assert "graphics card" in rungs["meta-llama/Llama-3.1-8B-Instruct"]["why"]
    assert all(bool(rung["why"]) == (rung["fits"] != "teach") for rung in rungs.values())
    assert not any(rung["here"] for rung in rungs.values() if rung["id"] != "bundled")


def test_offline_a_model_that_is_not_here_is_a_sentence():
    with pytest.raises(ModelError, match="ftapp is offline"):
        ladder.fetch("Qwen/Qwen3-0.6B", offline=True)


def test_a_download_asks_for_the_pinned_commit_and_tells_its_bytes(tmp_path, monkeypatch):
    import huggingface_hub

    asked, told = [], []

    def fake(source, revision=None, local_files_only=False, tqdm_class=None, **_):
        asked.append((source, revision))
        if local_files_only:
            raise OSError("not here")
        with tqdm_class(desc="Fetching 3 files", total=3) as files, tqdm_class(unit="B", total=0, mininterval=0) as bar:
            bar.total = 1000
            for _ in range(4):
                bar.update(250)
                bar.refresh()
            files.update(3)
        (tmp_path / "config.json").write_text("{}")
        (tmp_path / "model.safetensors").write_bytes(b"")
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    spec = config.model_spec("Qwen/Qwen3-0.6B")
    assert ladder.fetch(spec.id, False, lambda *bytes: told.append(bytes)) == tmp_path
    assert set(asked) == {(spec.id, spec.revision)}
    assert (250, 1000) in told and told[-1] == (1000, 1000) and all(here <= total for here, total in told)


def test_without_a_listener_nothing_changes(monkeypatch):
    import huggingface_hub

    seen = []

    def fake(source, **options):
        seen.append(options)
        raise OSError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ModelError, match="could not be fetched"):
        folders.find("someone/some-model")
    assert [options.get("tqdm_class") for options in seen] == [None, None]
