"""The labelling queue: filled, written ahead behind people's letters, handed out once, and asked again to learn how steady a labeler is."""

from __future__ import annotations

import threading
import time

import pytest
from shelf import adapter, pair
from sqlmodel import select

from db.engine import session, write
from db.models import Comparison, Document, Letter, Preference, QueueItem, Turn, now
from ftapp import adapters, config, likeness, preferences, queue, sets
from ftapp.backends.scripted import ScriptedBackend
from ftapp.errors import NotFound, UserError
from ftapp.studio import Studio
from tests.browser import LETTER, OTHER, POSTING, RESUME

LONG = {None: ["Dear all, " + "base " * 80 + "end", "Dear all, " + "other " * 80 + "end"]}


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Studios on one home whose model recites; there is no adapter."""
    monkeypatch.setattr(config, "STARTER", tmp_path / "no starter")
    opened = []

    def made(texts=None, pace=0.0):
        backend = ScriptedBackend(config.model_spec("bundled"), texts or {None: (LETTER, OTHER)}, pace)
        opened.append(Studio(config.settings(home=tmp_path / "home"), backend))
        return opened[-1]

    yield made
    for studio in opened:
        studio.close()


def until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def ready(studio, owner="local"):
    return studio.labelling.progress(owner, owner)["ready"]


def items(engine, count=3, owner="local", **options):
    """`count` ready items, each with a stored pair; returns their comparisons."""
    made = []
    with write(engine) as opened:
        for number in range(1, count + 1):
            comparison = pair(opened, owner=owner, left=f"Dear A{number}, I bake.", right=f"Dear B{number}, I cook.", **options)
            document = Document(owner_id=owner, kind="posting", text=str(number), text_hash=str(number))
            opened.add(document)
            opened.flush()
            opened.add(QueueItem(owner_id=owner, kind="cover_letter", tone="plain", words=120, job_document_id=document.id,
                                 position=number, state="ready", comparison_id=comparison))  # fmt: skip
            made.append(comparison)
    return made


def take(engine, labeler="local", most=2, owner="local"):
    with write(engine) as opened:
        return queue.take(opened, owner, labeler, most)


def judge(engine, comparison, labeler="local", verdict="left", owner="local"):
    with write(engine) as opened:
        receipt = preferences.record(opened, owner, comparison, verdict, labeler=labeler)
        queue.let_go(opened, owner, labeler, comparison)
        return receipt.receipt


# ---- filling --------------------------------------------------------------------------------------------------


def test_the_built_in_set_is_forty_different_pairs():
    pairs = sets.fictional()
    assert len(pairs) == len({posting for posting, _ in pairs}) == 40 and len({resume for _, resume in pairs}) == 20
    assert all(one[1] != other[1] for one, other in zip(pairs, pairs[1:], strict=False))


def test_filling_twice_adds_nothing_and_clearing_forgets_only_what_waits(make, monkeypatch):
    studio = make()
    monkeypatch.setattr(studio.labelling.ahead, "wake", lambda *who: None)
    assert studio.labelling.fill_fictional("local")["added"] == 40
    assert studio.labelling.fill_fictional("local")["added"] == 0
    assert studio.labelling.fill_fictional("local", words=80)["added"] == 40, "another length is another pair"
    assert studio.labelling.ahead.write_one("local")
    assert studio.labelling.clear("local") == 79 and ready(studio) == 1
    assert studio.labelling.progress("stranger", "stranger")["pairs"] == 0


def test_postings_without_a_resume_take_the_newest_one_and_are_refused_without_any(make):
    studio = make()
    with pytest.raises(UserError, match="résumé"):
        studio.labelling.fill("local", [(POSTING, "")])
    list(studio.write_pair("local", POSTING, RESUME))
    assert studio.labelling.fill("local", [("Cook\nCompany: Millrace Inn", ""), ("  ", "")])["added"] == 1
    assert studio.labelling.fill_pasted("local")["added"] == 1
    until(lambda: ready(studio) == 2)
    assert {p["resume"] for p in studio.labelling.next("local", "local")} == {RESUME}


def test_too_many_are_refused_as_a_whole(engine, monkeypatch):
    rules = config.app_config().model_copy(update={"queue_most_waiting": 2})
    monkeypatch.setattr(config, "app_config", lambda: rules)
    with write(engine) as opened:
        for number in range(3):
            opened.add(Document(id=f"doc_{number}", owner_id="local", kind="posting", text="", text_hash=str(number)))
    with pytest.raises(UserError, match="No more than 2"), write(engine) as opened:
        queue.add(opened, "local", [(f"doc_{n}", None) for n in range(3)], "cover_letter", "plain", 120)
    with session(engine) as opened:
        assert opened.exec(select(QueueItem)).all() == []


def test_files_of_postings(tmp_path):
    folder = tmp_path / "postings"
    folder.mkdir()
    (folder / "a.txt").write_text("Cook\nCompany: Millrace Inn")
    (folder / "b.jsonl").write_text('{"Job_Description": "Baker", "resume": "Sam"}\n"Waiter"\n{"no": 1}\n\nnot json\n')
    (folder / ".hidden").write_text("x")
    found, refused = sets.from_files([folder])
    assert found == [("Cook\nCompany: Millrace Inn", ""), ("Baker", "Sam"), ("Waiter", "")]
    assert [line.partition(":")[0] for line in refused] == ["b.jsonl, line 3", "b.jsonl, line 5"]
    found, refused = sets.from_files([tmp_path / "nowhere.txt"])
    assert not found and len(refused) == 1


# ---- writing ahead --------------------------------------------------------------------------------------------


def test_enough_is_written_ahead_and_no_more_and_it_outlives_the_app(make):
    studio, enough = make(), config.app_config().queue_ready
    studio.labelling.fill_fictional("local")
    until(lambda: ready(studio) == enough and studio.labelling.ahead._thread is None)
    first = [p["id"] for p in studio.labelling.next("local", "local")]
    assert len(first) == 4
    studio.close()
    again = make()
    assert [p["id"] for p in again.labelling.next("local", "local")] == first, "the same pairs, held for the same person"
    again.labelling.vote("local", "local", first[0], "left")
    until(lambda: ready(again) == enough and again.labelling.ahead._thread is None)
    assert again.labelling.progress("local", "local")["waiting"] == 40 - enough - 1


def test_a_person_who_writes_is_served_at_once_and_the_pair_is_written_afterwards(make):
    studio = make(LONG, pace=0.02)
    studio.labelling.fill("local", [(POSTING, RESUME)])
    until(lambda: studio.backend().turn.locked())
    began = time.monotonic()
    steps = studio.write_pair("local", POSTING, RESUME)
    next(steps)
    assert time.monotonic() - began < 1.0, "the model was free at once"
    assert ready(studio) == 0
    steps.close()
    until(lambda: ready(studio) == 1)
    (made,) = studio.labelling.next("local", "local")
    assert made["left"].endswith("end") and made["right"].endswith("end"), "what was interrupted was thrown away"


def test_pairs_that_are_nearly_alike_are_never_asked(make):
    studio = make({None: (LETTER, LETTER + " ")})
    studio.labelling.fill("local", [(POSTING, RESUME)])
    until(lambda: studio.labelling.progress("local", "local")["alike"] == 1)
    assert ready(studio) == 0 and studio.labelling.next("local", "local") == []


def test_letters_without_an_end_are_put_aside_with_a_sentence(make):
    studio = make({None: ("Dear all, one\x00", "Dear you, two\x00")})
    studio.labelling.fill("local", [(POSTING, RESUME)])
    until(lambda: studio.labelling.progress("local", "local")["failed"] == 1)
    assert "end" in studio.labelling.progress("local", "local")["reasons"][0]


def test_the_adapters_letter_stands_on_both_sides_and_the_queue_hides_which(make):
    studio = make({None: (LETTER, LETTER)})
    with write(studio.engine) as opened:
        name = adapter(opened)
        adapters.promote(opened, "local", name, "bundled")
    studio.backend().texts[name], studio.backend().base_hash = (OTHER, OTHER), "h" * 64
    studio.labelling.fill_fictional("local")
    until(lambda: ready(studio) == config.app_config().queue_ready)
    seen = [studio.labelling.pair("local", row) for row in take(studio.engine, most=8)]
    assert name not in str(seen) and "base" not in str(seen).lower().replace("database", "")
    assert {tuple(sorted(p)) for p in seen} == {("company", "id", "job", "kind", "left", "left_finished", "resume", "right",
                                                 "right_finished", "title", "words")}  # fmt: skip
    with session(studio.engine) as opened:
        rows = opened.exec(select(Comparison)).all()
        left = {opened.get_one(Letter, row.left_letter_id).adapter_id for row in rows}
    assert all(row.proven for row in rows) and left <= {None, name}


def test_a_queued_pair_does_not_come_up_on_the_write_tab(make):
    studio = make()
    studio.labelling.fill("local", [(POSTING, RESUME)])
    until(lambda: ready(studio) == 1)
    assert studio.current_comparison("local") is None


# ---- turns ----------------------------------------------------------------------------------------------------


def test_two_people_do_not_get_one_pair_and_none_gets_stuck(engine):
    first, second, third = items(engine)
    assert take(engine, "local", 2) == [first, second]
    assert take(engine, "lab_b", 2) == [third], "the other two are held"
    assert take(engine, "local", 2) == [first, second], "asked again: the same"
    with write(engine) as opened:
        for turn in opened.exec(select(Turn).where(Turn.labeler == "local")).all():
            turn.until = now()
    assert take(engine, "lab_b", 3) == [third, first, second], "what nobody came back for is free again"


def test_two_people_at_the_same_moment_get_different_pairs(engine):
    made, got, go = items(engine, 6), {}, threading.Barrier(3)

    def ask(who):
        go.wait()
        got[who] = take(engine, who, 2)

    threads = [threading.Thread(target=ask, args=(who,)) for who in "abc"]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    assert sorted(sum(got.values(), [])) == sorted(made)


def test_as_many_labels_as_are_needed_each_by_somebody_else(engine):
    (only,) = items(engine, 1)
    with write(engine) as opened:
        queue.set_rules(opened, "local", labels_needed=2)
    assert take(engine, "a") == take(engine, "b") == [only] and take(engine, "c") == []
    judge(engine, only, "a")
    assert take(engine, "a") == [] and take(engine, "c") == [] and take(engine, "b") == [only]
    receipt = judge(engine, only, "b")
    assert take(engine, "c") == []
    with write(engine) as opened:
        preferences.undo(opened, "local", receipt, "b")
    assert take(engine, "c") == [only], "a label that was taken back is needed again"


def test_a_skipped_pair_is_asked_of_others(engine):
    first, second = items(engine, 2)
    assert take(engine, "a") == [first, second]
    with write(engine) as opened:
        queue.let_go(opened, "local", "a", first, skipped=True)
    assert take(engine, "a") == [second] and take(engine, "b") == [first]
    with pytest.raises(NotFound), write(engine) as opened:
        queue.let_go(opened, "stranger", "stranger", first, skipped=True)


def test_another_owners_queue_is_out_of_reach(engine):
    items(engine)
    assert take(engine, "stranger", owner="stranger") == []


def test_rules_are_the_owners_and_have_limits(engine):
    with write(engine) as opened:
        assert "Which letter" in queue.rules(opened, "local").guidelines
        queue.set_rules(opened, "local", "Be kind.", 3)
        queue.set_rules(opened, "local", labels_needed=2)
        assert (queue.rules(opened, "local").guidelines, queue.rules(opened, "local").labels_needed) == ("Be kind.", 2)
        assert queue.rules(opened, "stranger").labels_needed == 1
        for wrong in ({"labels_needed": 0}, {"labels_needed": 10}, {"guidelines": "x" * 20_001}):
            with pytest.raises(UserError):
                queue.set_rules(opened, "local", **wrong)


# ---- asked again ----------------------------------------------------------------------------------------------


def repeated(engine, labeler="local", share=1.0):
    with write(engine) as opened:
        return queue.repeat(opened, "local", labeler, share)


def test_a_repeat_swaps_the_sides_is_asked_of_the_same_person_and_teaches_nothing(engine):
    made = items(engine, 12)
    for comparison in made:
        judge(engine, comparison)
    again = repeated(engine)
    with session(engine) as opened:
        new = opened.get_one(Comparison, again)
        old = opened.get_one(Comparison, new.repeat_of)
        taught = len(preferences.pairs(opened, "local"))
    assert (new.left_letter_id, new.right_letter_id) == (old.right_letter_id, old.left_letter_id)
    assert old.id in made[: 12 - config.app_config().repeat_after], "not one of the last ones"
    assert take(engine, "lab_b") == [] and take(engine) == [again]
    judge(engine, again)
    with session(engine) as opened:
        assert len(preferences.pairs(opened, "local")) == taught == 12
    assert {repeated(engine) for _ in range(3)} - {None} and repeated(engine) is None, "each one once"


def test_repeats_come_by_chance_and_only_after_some_labels(engine):
    made = items(engine, 4)
    for comparison in made:
        judge(engine, comparison)
    assert repeated(engine) is None and repeated(engine, share=0.0) is None


def test_the_share_of_repeats_is_as_configured(engine, monkeypatch):
    drawn = iter(range(0, 10_000, 100))
    monkeypatch.setattr(queue.secrets, "randbelow", lambda most: next(drawn))
    hits = 0
    for _ in range(100):
        with write(engine) as opened:
            monkeypatch.setattr(opened, "exec", lambda *_: (_ for _ in ()).throw(LookupError))
            try:
                queue.repeat(opened, "local", "local")
            except LookupError:
                hits += 1
    assert hits == 5


# ---- likeness -------------------------------------------------------------------------------------------------


def test_same_sentences_and_different_words_are_found():
    left = "Dear team,\n\nI bake bread for two hundred guests. I like rye.\n\nKind regards,\nSam"
    right = "Dear Team\n\nI bake bread for 300 guests. Cycling is fun.\n\nKind regards,\nSam"
    one, other = likeness.compare(left, right)
    assert [left[a:b] for a, b in one.same] == ["Dear team,", "Kind regards,", "Sam"]
    assert [left[a:b] for a, b in one.differs] == ["two hundred"] and [right[a:b] for a, b in other.differs] == ["300"]


@pytest.mark.parametrize(("left", "right", "least", "most"), [("", "", 1, 1), ("a b c", "A, b c!", 1, 1), ("a b", "c d", 0, 0),
                                                              ("a b c d", "a b c e", 0.74, 0.76)])  # fmt: skip
def test_alike(left, right, least, most):
    assert least <= likeness.alike(left, right) <= most


def test_preferences_of_labelers_are_kept_apart(engine):
    (only,) = items(engine, 1)
    one, other = judge(engine, only, "a"), judge(engine, only, "b", "right")
    assert judge(engine, only, "a") == one != other, "again: the same receipt"
    with session(engine) as opened:
        assert len(opened.exec(select(Preference)).all()) == 2
    with pytest.raises(NotFound), write(engine) as opened:
        preferences.undo(opened, "local", one, "b")
