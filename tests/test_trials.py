"""A candidate on trial, in the database: which votes count, what they do, and what happens when something else begins to write."""

from datetime import timedelta

import pytest
from shelf import adapter, choice, pair

from db.engine import session, write
from db.models import Adapter, Comparison, RunPair, Trial, now
from ftapp import adapters, preferences, trial, trials

BASE = "some/model"  # has no starter: the base writes first


@pytest.fixture
def tried(engine):
    """An adapter that is on trial against the base."""
    with write(engine) as opened:
        name = adapter(opened, base_id=BASE)
        trials.begin(opened, "local", name)
        return name


def _ref(opened, name):
    return adapters.find(opened, "local", name)


def _vote(engine, name, verdict="right", other=None, **more):
    """A vote on a new pair whose right letter the adapter wrote."""
    with write(engine) as opened:
        writers = {"adapter": _ref(opened, name), "other": other and _ref(opened, other)}
        return choice(opened, verdict=verdict, base_id=BASE, **writers, **more).id


def _standing(engine):
    with session(engine) as opened:
        return trials.standing(opened, trials.newest(opened, "local", BASE))


def _decide(engine):
    with write(engine) as opened:
        ended = trials.decide(opened, "local", BASE)
        return ended and ended.state


def _state(engine, name):
    with session(engine) as opened:
        return opened.get(Adapter, name).state


def _writes(engine):
    with session(engine) as opened:
        return adapters.live_id(opened, "local", BASE)


def test_every_vote_moves_it(engine, tried):
    assert _state(engine, tried) == "trial" and _writes(engine) == "none", "on trial, it does not write yet"
    for verdict in ("right", "left", "tie", "both_bad"):
        _vote(engine, tried, verdict)
    _vote(engine, tried, "left", edited="Dear A, I bake well.", edited_from="left")
    _vote(engine, tried, "right", edited="Dear A, both.", edited_from="both")
    found = _standing(engine)
    assert (found.wins, found.losses, found.ties) == (1, 2, 3)
    assert _decide(engine) is None


def test_enough_wins_let_it_write_and_say_who_did_it(engine, tried):
    for _ in range(10):
        _vote(engine, tried)
        assert _decide(engine) is None and _writes(engine) == "none"
    _vote(engine, tried)
    assert _decide(engine) == "confirmed"
    assert _writes(engine) == tried and _state(engine, tried) == "live"
    with session(engine) as opened:
        row = trials.newest(opened, "local", BASE)
        assert row.votes == {"wins": 11, "losses": 0, "ties": 0} and row.ended_at
        (promotion,) = opened.exec(adapters._standing("local", BASE))
        assert (promotion.by, promotion.reason) == ("trial", None)
    _vote(engine, tried, "left")
    assert _decide(engine) is None and _standing(engine).losses == 0, "an ended trial keeps its votes"


def test_losses_retire_it_and_what_wrote_keeps_writing(engine, tried):
    for _ in range(5):
        _vote(engine, tried, "left")
    assert _decide(engine) == "rolled_back"
    assert _writes(engine) == "none" and _state(engine, tried) == "retired"
    with write(engine) as opened:
        assert adapters.promote(opened, "local", tried, BASE) == tried, "nothing is lost: it can still be taken"


def test_votes_that_do_not_count(engine, tried):
    with write(engine) as opened:
        second = adapter(opened, base_id=BASE)
    old = _vote(engine, tried)
    repeated, learned, taken_back, counted = (_vote(engine, tried) for _ in range(4))
    _vote(engine, second)  # another adapter
    _vote(engine, tried, other=second)  # against something that does not write
    with write(engine) as opened:
        of = {id: opened.get(preferences.Preference, id) for id in (old, repeated, learned)}
        row = opened.get(Comparison, of[old].comparison_id)
        row.created_at = now() - timedelta(days=1)  # before the trial
        opened.get(Comparison, of[repeated].comparison_id).repeat_of = row.id
        opened.add(RunPair(run_id=opened.get(Adapter, tried).run_id, preference_id=learned, owner_id="local"))
        preferences.undo(opened, "local", taken_back)
    assert _standing(engine).votes == 1, counted
    with write(engine) as opened:  # a pair whose sides are not proven
        opened.get(Comparison, opened.get(preferences.Preference, counted).comparison_id).proven = False
    assert _standing(engine).votes == 0


def test_a_pair_is_one_vote_however_many_judge_it(engine, tried):
    with write(engine) as opened:
        shown = pair(opened, base_id=BASE, adapter=_ref(opened, tried))
        for labeler, verdict in (("lab_1", "right"), ("lab_2", "left"), ("lab_3", "left")):
            preferences.record(opened, "local", shown, verdict, labeler=labeler)
    assert (_standing(engine).wins, _standing(engine).losses) == (1, 0)
    with write(engine) as opened:
        preferences.record(opened, "local", shown, "left", labeler=preferences.SETTLED)
    assert (_standing(engine).wins, _standing(engine).losses) == (0, 1)


def test_a_newer_candidate_takes_the_place_and_nothing_is_lost(engine, tried):
    _vote(engine, tried)
    with write(engine) as opened:
        newer = adapter(opened, base_id=BASE)
        assert trials.begin(opened, "local", newer).adapter_id == newer
        assert trials.begin(opened, "local", newer).adapter_id == newer, "asked again it is the same trial"
    assert (_state(engine, tried), _state(engine, newer)) == ("candidate", "trial")
    assert _standing(engine).votes == 0
    with session(engine) as opened:
        assert len(opened.exec(trials.select(Trial)).all()) == 2


def test_by_hand_the_decision_waits(engine, tried):
    with write(engine) as opened:
        trials.running(opened, "local", BASE).automatic = False
    for _ in range(12):
        _vote(engine, tried)
    assert _decide(engine) is None and _writes(engine) == "none"
    assert _standing(engine).state == trial.CONFIRMED
    with write(engine) as opened:
        newer = adapter(opened, base_id=BASE)
        assert not trials.begin(opened, "local", newer).automatic, "the setting stays for the next one"


def test_something_else_begins_to_write(engine, tried):
    with write(engine) as opened:
        other = adapter(opened, base_id=BASE)
    _vote(engine, tried)
    with write(engine) as opened:
        adapters.promote(opened, "local", other, BASE)
        trials.follow_live(opened, "local", BASE)
    with session(engine) as opened:
        row = trials.running(opened, "local", BASE)
        assert (row.adapter_id, row.rival_id) == (tried, other), "it goes on against what writes now"
    assert _standing(engine).votes == 0 and _state(engine, tried) == "trial"
    _vote(engine, tried, other=other)
    assert _standing(engine).wins == 1
    with write(engine) as opened:
        adapters.promote(opened, "local", tried, BASE)
        trials.follow_live(opened, "local", BASE)
    with session(engine) as opened:
        assert trials.running(opened, "local", BASE) is None
        assert trials.newest(opened, "local", BASE).state == "taken"
    assert _state(engine, tried) == "live"


def test_what_writes_cannot_be_tried(engine, tried):
    with write(engine) as opened:
        adapters.promote(opened, "local", tried, BASE)
        trials.follow_live(opened, "local", BASE)
        assert trials.begin(opened, "local", tried) is None


def test_one_owner_s_trial_is_not_another_s(engine, tried):
    with session(engine) as opened:
        assert trials.running(opened, "somebody", BASE) is None and trials.newest(opened, "somebody", BASE) is None


def test_who_leaves_a_trial_and_comes_back_goes_on_with_it(engine, tried):
    """A test that may be begun anew until chance is kind would let a useless adapter through."""
    for _ in range(4):
        _vote(engine, tried, "left")
    with write(engine) as opened:
        first = trials.running(opened, "local", BASE)
        trials.end(opened, first, "ended")
        other = adapter(opened, base_id=BASE)
        second = trials.begin(opened, "local", other)
        assert trials.newest(opened, "local", BASE).id == second.id
        again = trials.begin(opened, "local", tried)
        assert (again.id, again.state, again.ended_at) == (first.id, "running", None) and second.state == "ended"
        assert trials.newest(opened, "local", BASE).id == first.id == trials.running(opened, "local", BASE).id
    assert _standing(engine).losses == 4 and _state(engine, tried) == "trial"
    _vote(engine, tried, "right")
    with write(engine) as opened:
        trials.end(opened, trials.running(opened, "local", BASE), "ended")
    assert (_standing(engine).losses, _standing(engine).wins) == (4, 1), "what ended last is told of"
