"""Choices: stored once, by their owner, undone, and turned into pairs that teach what was meant."""

import subprocess
import sys
from pathlib import Path

import pytest
from shelf import SOME_ADAPTER, adapter, choice, pair
from sqlmodel import select

from db.engine import session, write
from db.models import Comparison, Preference, RunPair, TrainingRun
from ftapp import letters, preferences
from ftapp.errors import ModelError, NotFound, UserError

ROOT = Path(__file__).resolve().parent.parent


def _made(engine, **options):
    with write(engine) as opened:
        return pair(opened, **options)


def _record(engine, comparison, verdict, owner="local", **more):
    with write(engine) as opened:
        return preferences.record(opened, owner, comparison, verdict, **more)


def _pairs(engine, owner="local", **more):
    with session(engine) as opened:
        return preferences.pairs(opened, owner, **more)


@pytest.mark.parametrize(
    ("verdict", "chosen", "rejected"), [("left", "Dear A, I bake.", "Dear A, I cook."), ("right", "Dear A, I cook.", "Dear A, I bake.")]
)
def test_the_chosen_side_is_the_chosen_text(engine, verdict, chosen, rejected):
    receipt = _record(engine, _made(engine), verdict)
    (made,) = _pairs(engine)
    assert (made.chosen, made.rejected, made.preference_id) == (chosen, rejected, receipt.receipt)
    assert (receipt.left_model, receipt.right_model, receipt.pairs_added) == ("base", SOME_ADAPTER.id, 1)
    assert made.prompt[0]["role"] == "system" and made.prompt[-1]["role"] == "user"
    assert (made.chosen_ids, made.rejected_ids) == (([5, 6], [5, 7]) if verdict == "left" else ([5, 7], [5, 6]))
    assert made.split_key == letters.split_key("Fernhill Bakery")


@pytest.mark.parametrize("verdict", ["tie", "both_bad"])
def test_no_winner_gives_no_pair(engine, verdict):
    assert _record(engine, _made(engine), verdict).pairs_added == 0
    assert _pairs(engine) == []


def test_an_edit_is_chosen_over_both(engine):
    receipt = _record(engine, _made(engine), "left", edited="  Dear A, I bake well.\n", edited_from="left")
    made = _pairs(engine)
    assert receipt.pairs_added == 2
    assert [(p.chosen, p.rejected) for p in made] == [
        ("Dear A, I bake well.", rejected) for rejected in ("Dear A, I bake.", "Dear A, I cook.")
    ]
    assert len({p.id for p in made}) == 2 and {p.preference_id for p in made} == {receipt.receipt}
    assert all(p.chosen_ids == [] and p.edited for p in made)


def test_the_same_verdict_again_gives_the_same_receipt(engine):
    comparison = _made(engine)
    assert _record(engine, comparison, "left") == _record(engine, comparison, "left")
    with session(engine) as opened:
        assert len(opened.exec(select(Preference)).all()) == 1


def test_another_verdict_is_refused_until_the_first_is_undone(engine):
    comparison = _made(engine)
    first = _record(engine, comparison, "left")
    with pytest.raises(UserError, match="already judged as 'left'"):
        _record(engine, comparison, "right")
    with write(engine) as opened:
        assert preferences.undo(opened, "local").id == first.receipt
    assert _pairs(engine) == []
    second = _record(engine, comparison, "right")
    assert second.receipt != first.receipt
    assert [p.chosen for p in _pairs(engine)] == ["Dear A, I cook."]


def test_undo_takes_the_newest_and_a_second_time_the_one_before(engine):
    with write(engine) as opened:
        older, newer = choice(opened).id, choice(opened).id
    with write(engine) as opened:
        assert preferences.undo(opened, "local").id == newer
        assert preferences.undo(opened, "local", newer).id == newer, "taking back twice changes nothing"
        assert preferences.undo(opened, "local").id == older
        with pytest.raises(UserError, match="no choice to take back"):
            preferences.undo(opened, "local")


def test_another_owner_sees_and_changes_nothing(engine):
    comparison = _made(engine)
    receipt = _record(engine, comparison, "left").receipt
    for touch in (
        lambda opened: preferences.record(opened, "stranger", comparison, "right"),
        lambda opened: preferences.undo(opened, "stranger", receipt),
        lambda opened: letters.shown(opened, "stranger", comparison),
    ):
        with pytest.raises(NotFound), write(engine) as opened:
            touch(opened)
    with session(engine) as opened:
        assert preferences.pairs(opened, "stranger") == [] and preferences.new_count(opened, "stranger") == 0
        assert letters.undecided(opened, "stranger") is None and preferences.recent(opened, "stranger") == []
        assert preferences.counts(opened, "stranger")["comparisons"] == 0
        assert opened.get_one(Preference, receipt).undone_at is None


def test_a_missing_and_a_foreign_id_read_the_same(engine):
    foreign = _made(engine, owner="someone")
    said = []
    for guess in (foreign, "cmp_0000000000000000"):
        with pytest.raises(NotFound) as caught:
            _record(engine, guess, "left")
        said.append(str(caught.value).replace(guess, "ID"))
    assert said[0] == said[1]


def test_unproven_sides_cannot_be_judged(engine):
    comparison = _made(engine, proven=False)
    with pytest.raises(ModelError, match="could not be proved"):
        _record(engine, comparison, "left")
    with session(engine) as opened:
        assert opened.exec(select(Preference)).all() == []


@pytest.mark.parametrize(
    ("verdict", "edit"),
    [("up", {}), ("", {}), ("left", {"edited_from": "left"}), ("tie", {"edited": "x"}), ("left", {"edited": " \n"}),
     ("left", {"edited": "x", "edited_from": "middle"}), ("left", {"edited": "x" * 30_000, "edited_from": "left"})],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_sentence(engine, verdict, edit):
    with pytest.raises(UserError):
        _record(engine, _made(engine), verdict, **edit)
    assert _pairs(engine) == []


def test_two_samples_of_the_base_are_said_to_be(engine):
    receipt = _record(engine, _made(engine, adapter=None), "left")
    assert receipt.two_base_samples and receipt.left_model == receipt.right_model == "base"
    assert "no adapter yet" in receipt.note
    assert not _record(engine, _made(engine), "left").two_base_samples


# ---- what trains ----------------------------------------------------------------------------------------------


def _sorted(engine):
    kept, dropped = preferences.sort_out(_pairs(engine))
    return [(p.chosen, p.rejected) for p in kept], sorted(reason for _, reason in dropped)


@pytest.mark.parametrize("finished", [(True, False), (False, True), (False, False)])
def test_unfinished_text_is_kept_but_never_trained(engine, finished):
    receipt = _record(engine, _made(engine, finished=finished), "left")
    assert receipt.pairs_added == 0 and "before its end" in receipt.note
    assert _sorted(engine) == ([], ["unfinished"])
    with session(engine) as opened:
        assert preferences.new_count(opened, "local") == 0


def test_an_edit_counts_as_finished_against_the_finished_letter(engine):
    receipt = _record(engine, _made(engine, finished=(False, True)), "left", edited="Dear A, I bake bread.", edited_from="left")
    assert receipt.pairs_added == 1
    assert _sorted(engine) == ([("Dear A, I bake bread.", "Dear A, I cook.")], ["unfinished"])


def test_identical_texts_and_contradictions_drop_out(engine):
    with write(engine) as opened:
        choice(opened, left="Same.", right="Same. ")
        choice(opened, verdict="left", company="Other")
        choice(opened, verdict="right", company="Other")
        choice(opened, verdict="left")
    assert _sorted(engine) == ([("Dear A, I bake.", "Dear A, I cook.")], ["contradictory", "contradictory", "identical"])


def test_the_same_texts_for_another_posting_do_not_contradict(engine):
    with write(engine) as opened:
        choice(opened, verdict="left", company="One")
        choice(opened, verdict="right", company="Two")
    assert _sorted(engine)[1] == []


def test_new_choices_are_those_in_no_succeeded_run(engine):
    with write(engine) as opened:
        trained, fresh = choice(opened), choice(opened, company="Other", verdict="left", edited="Mine.", edited_from="left")
        runs = {state: TrainingRun(owner_id="local", recipe="r", method="dpo", scope="letter", state=state, base_id="b", base_hash="h")
                for state in ("succeeded", "failed")}  # fmt: skip
        opened.add_all(runs.values())
        opened.flush()
        opened.add(RunPair(run_id=runs["succeeded"].id, preference_id=trained.id, owner_id="local"))
        opened.add(RunPair(run_id=runs["failed"].id, preference_id=fresh.id, owner_id="local"))
    with session(engine) as opened:
        assert preferences.new_count(opened, "local") == 1, "the edit is one choice with two pairs; its run failed"
    with write(engine) as opened:
        preferences.undo(opened, "local", fresh.id)
    with session(engine) as opened:
        assert preferences.new_count(opened, "local") == 0


def test_pairs_of_another_base_model_stay_apart(engine):
    with write(engine) as opened:
        choice(opened, base_id="bundled")
        choice(opened, base_id="some/model", company="Other")
        adapter(opened)
    assert len(_pairs(engine)) == 2
    assert [p.base_id for p in _pairs(engine, base_id="some/model")] == ["some/model"]
    with session(engine) as opened:
        assert preferences.new_count(opened, "local", "bundled") == 1


def test_counts_say_what_is_stored(engine):
    with write(engine) as opened:
        pair(opened)
        choice(opened, verdict="tie")
        choice(opened, verdict="both_bad")
        choice(opened, verdict="right", edited="Mine.", edited_from="right")
    with session(engine) as opened:
        counted = preferences.counts(opened, "local")
    assert counted == {"comparisons": 4, "choices": 3, "edits": 1, "ties": 1, "neither": 1, "pairs": 2}


# ---- durability -----------------------------------------------------------------------------------------------

VOTE = """
import os, signal, sys
from db.engine import open_engine, write
from ftapp import preferences
engine = open_engine(sys.argv[1])
with write(engine) as session:
    receipt = preferences.record(session, "local", sys.argv[2], "left")
print(receipt.receipt, flush=True)
if sys.argv[3] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _vote(home, comparison, then=""):
    command = [sys.executable, "-c", VOTE, str(home / "ftapp.db"), comparison, then]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_an_acknowledged_vote_survives_kill_9(engine, home):
    receipt = _vote(home, _made(engine), "kill").communicate(timeout=60)[0].strip()
    with session(engine) as opened:
        assert opened.get_one(Preference, receipt).verdict == "left"


def test_processes_that_vote_at_once_get_one_receipt(engine, home):
    comparison = _made(engine)
    receipts = {process.communicate(timeout=60)[0].strip() for process in [_vote(home, comparison) for _ in range(3)]}
    with session(engine) as opened:
        assert receipts == {p.id for p in opened.exec(select(Preference))} and len(receipts) == 1


def test_the_index_decides_when_the_look_before_was_too_early(engine, monkeypatch):
    """On a server two transactions may both see no choice: the unique index lets one through, the other finds its receipt."""
    comparison = _made(engine)
    first = _record(engine, comparison, "left")
    real, looks = preferences.standing, []

    def late(*given):
        looks.append(1)
        return None if len(looks) == 1 else real(*given)

    monkeypatch.setattr(preferences, "standing", late)
    assert _record(engine, comparison, "left").receipt == first.receipt
    assert len(looks) == 2
    with session(engine) as opened:
        assert len(opened.exec(select(Preference)).all()) == 1 and opened.get_one(Comparison, comparison)
