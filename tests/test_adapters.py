"""What writes: candidates, promotion, roll back to the starter and below it, always by owner and base model."""

import json

import pytest
from shelf import adapter

from db.engine import session, write
from db.models import Adapter
from ftapp import adapters, config
from ftapp.errors import NotFound, UserError


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A starter adapter's files, as a checkout has them."""
    folder = tmp_path / "starter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"alora_invocation_tokens": [3]}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "manifest.json").write_text(json.dumps({"adapter_model.safetensors": "5" * 64}))
    monkeypatch.setattr(config, "STARTER", folder)
    return folder


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A checkout without a starter."""
    monkeypatch.setattr(config, "STARTER", tmp_path / "none")


def _live(engine, owner="local", base="bundled"):
    with session(engine) as opened:
        found = adapters.live(opened, owner, base)
        states = [row["id"] for row in adapters.listing(opened, owner, base) if row["state"] == "live"]
        assert states == ([found.id] if found else []), "the list and what writes agree"
        return found.id if found else None


def _promote(engine, adapter_id, owner="local", base="bundled"):
    with write(engine) as opened:
        return adapters.promote(opened, owner, adapter_id, base)


def _rollback(engine, owner="local", base="bundled"):
    with write(engine) as opened:
        return adapters.rollback(opened, owner, base)


def _made(engine, count=1, **options):
    with write(engine) as opened:
        return [adapter(opened, **options) for _ in range(count)]


def test_the_starter_writes_first_and_only_with_the_bundled_model(engine, shipped):
    assert _live(engine) == "starter"
    assert _live(engine, base="some/model") is None
    with session(engine) as opened:
        found = adapters.find(opened, "local", "starter")
    assert (found.path, found.sha256, found.scope) == (shipped, "5" * 64, "letter")
    (shipped / "adapter_config.json").write_text("{}")
    assert adapters.starter().scope == "all", "a rebuilt starter is read again"


def test_without_a_starter_the_base_writes(engine, bare):
    assert _live(engine) is None
    with session(engine) as opened, pytest.raises(NotFound):
        adapters.find(opened, "local", "starter")


def test_up_and_down_again(engine, shipped):
    first, second = _made(engine, 2)
    assert _live(engine) == "starter", "a new adapter is a candidate: it does not write by itself"
    assert _promote(engine, first) == first and _live(engine) == first
    assert _promote(engine, second) == second and _live(engine) == second
    assert _rollback(engine) == first == _live(engine)
    assert _rollback(engine) == "starter" == _live(engine)
    assert _rollback(engine) == "none" and _live(engine) is None
    with pytest.raises(UserError, match="already writes alone"):
        _rollback(engine)
    assert _promote(engine, second) == second and _live(engine) == second
    assert _rollback(engine) == "none"
    assert _promote(engine, "starter") == "starter" == _live(engine)


def test_promoting_what_writes_changes_nothing(engine, shipped):
    (first,) = _made(engine)
    _promote(engine, first)
    _promote(engine, first)
    assert _rollback(engine) == "starter", "the second promotion left no step to roll back"


def test_the_base_can_be_promoted_too(engine, shipped):
    assert _promote(engine, "none") == "none" and _live(engine) is None


def test_states_follow(engine, shipped):
    first, second = _made(engine, 2)
    _promote(engine, first)
    _promote(engine, second)
    with session(engine) as opened:
        assert [opened.get_one(Adapter, one).state for one in (first, second)] == ["retired", "live"]
        assert opened.get_one(Adapter, second).promoted_at is not None


def test_owners_do_not_see_or_move_each_others_adapters(engine, shipped):
    (mine,), (theirs,) = _made(engine), _made(engine, owner="stranger")
    _promote(engine, mine)
    assert _live(engine, "stranger") == "starter"
    for touch in (adapters.find, lambda opened, owner, guess: adapters.promote(opened, owner, guess, "bundled")):
        with write(engine) as opened, pytest.raises(NotFound):
            touch(opened, "stranger", mine)
    with session(engine) as opened:
        assert {row["id"] for row in adapters.listing(opened, "stranger")} == {theirs, "starter"}


def test_an_adapter_of_another_model_cannot_write(engine, shipped):
    (other,) = _made(engine, base_id="some/model")
    with pytest.raises(UserError, match="some/model"):
        _promote(engine, other)
    with pytest.raises(UserError, match="bundled"):
        _promote(engine, "starter", base="some/model")
    assert _promote(engine, other, base="some/model") == other
    assert _live(engine) == "starter" and _live(engine, base="some/model") == other


def test_an_adapter_of_older_weights_of_the_same_name_does_not_write(engine, shipped):
    (first,) = _made(engine)
    _promote(engine, first)
    with session(engine) as opened:
        assert adapters.live(opened, "local", "bundled", "h" * 64).id == first
        assert adapters.live(opened, "local", "bundled", "other weights").id == "starter"


def test_a_retrain_starts_from_the_recorded_parent(engine, shipped):
    (voice,) = _made(engine)
    (taught,) = _made(engine, parent=voice)
    (rootless,) = _made(engine)
    with session(engine) as opened:
        ask = lambda i: adapters.parent(opened, "local", adapters.find(opened, "local", i))  # noqa: E731
        assert ask(taught).id == voice
        assert ask("starter").id == "starter"
        assert ask(rootless) is None


def test_a_run_registers_one_adapter_however_often(engine, tmp_path, bare):
    from db.models import TrainingRun

    with write(engine) as opened:
        run = TrainingRun(owner_id="local", recipe="r", method="dpo", scope="letter", state="succeeded", base_id="bundled", base_hash="h",
                          parent_adapter_id="starter")  # fmt: skip
        opened.add(run)
        opened.flush()
        first, again = (adapters.register(opened, run, tmp_path / "adapter", "a" * 64) for _ in range(2))
        assert first.id == again.id and first.state == "candidate"
        assert (first.scope, first.parent_id, first.base_hash, first.path) == ("letter", "starter", "h", str(tmp_path / "adapter"))


def test_a_home_that_was_moved_finds_its_adapters_again(engine, tmp_path, bare):
    before = tmp_path / "before" / "runs"
    with write(engine) as opened:
        made = opened.get(Adapter, adapter(opened, folder=before / "x" / "adapter"))
        lost, run_id = made.id, made.run_id
    here = tmp_path / "after" / "runs" / run_id / "adapter"
    here.mkdir(parents=True)
    adapters.rehome(engine, tmp_path / "after" / "runs")
    with session(engine) as opened:
        assert adapters.find(opened, "local", lost).path == here


def test_an_adapter_whose_files_are_where_they_were_stays(engine, tmp_path, bare):
    folder = tmp_path / "elsewhere" / "adapter"
    folder.mkdir(parents=True)
    with write(engine) as opened:
        kept = adapter(opened, folder=folder)
    adapters.rehome(engine, tmp_path / "runs")
    with session(engine) as opened:
        assert adapters.find(opened, "local", kept).path == folder
