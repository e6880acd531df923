"""The verbs of page and command line, with a scripted model: streaming, proofs, restarts, owners."""

import time

import pytest
from shelf import SOME_ADAPTER, adapter
from sqlmodel import select

from db.engine import session, write
from db.models import Letter
from ftapp import config, embeddings, portfolio, preferences, projects
from ftapp.backends import hardware
from ftapp.backends.local import LocalBackend, Proof
from ftapp.backends.scripted import ScriptedBackend
from ftapp.errors import ModelError, NotFound, UserError
from ftapp.studio import Studio

POSTING = "Pastry Chef\nCompany: Fernhill Bakery\nRequirements:\n- Experience with sourdough\n"
RESUME = "Sam Ode\nBaker\n\nExperience\nBaker at Corner Oven, 2019 to 2022\n- Baked 300 loaves a day\n"
BASE, TAUGHT = (
    "Dear Fernhill Bakery, I bake. Kind regards, Sam Ode",
    "Dear Fernhill Bakery, I baked 300 loaves a day. Kind regards, Sam Ode",
)


@pytest.fixture
def make(home, monkeypatch, tmp_path):
    """Studios on one home, as after restarts; the first adapter made in it may write."""
    monkeypatch.setattr(config, "STARTER", tmp_path / "no starter")
    made = []

    def studio(pace=0.0, texts=None, proof=None):
        backend = ScriptedBackend(config.model_spec("bundled"), texts or {None: [BASE, "Another " + BASE]}, pace, proof)
        made.append(Studio(config.settings(home=home), backend))
        return made[-1]

    yield studio
    for one in made:
        one.close()


@pytest.fixture
def taught(make):
    """make(...), with an adapter promoted for `local`."""

    def studio(**options):
        one = make(**options)
        with write(one.engine) as opened:
            name = adapter(opened)
        backend = one.backend()
        backend.base_hash = "h" * 64
        backend.texts.setdefault(name, [TAUGHT])
        one.trial.promote("local", name)
        return one, name

    return studio


def _last(steps):
    *_, last = steps
    return last


def test_the_stream_grows_and_ends_with_exactly_the_promised_keys(make):
    steps = list(make().write_pair("local", POSTING, RESUME))
    assert set(steps[-1]) == {"comparison_id", "left", "right", "prompt_tokens", "seconds"}
    assert all(set(step) == {*steps[-1], "done"} and not step["done"] for step in steps[:-1])
    assert len({step["comparison_id"] for step in steps}) == 1
    for side in ("left", "right"):
        assert all(b[side].startswith(a[side]) for a, b in zip(steps, steps[1:], strict=False))
    assert steps[0]["left"] and steps[0]["right"] and len(steps) > 5, "both grow together from the first step"


def test_talk_around_a_letter_is_never_shown_and_what_is_learned_is_what_was_shown(make):
    studio = make(texts={None: [f"Sure! Here is your letter:\n\n{BASE}", f"Another {BASE}\n\nI hope this helps!"]})
    steps = list(studio.write_pair("local", POSTING, RESUME))
    last = steps[-1]
    assert {last["left"], last["right"]} == {BASE, f"Another {BASE}"}
    assert not any("Here is" in step["left"] + step["right"] for step in steps)
    taken = {last[side]: [piece["text"] for piece in pieces] for side, pieces in last["stripped"].items()}
    assert taken == {BASE: ["Sure! Here is your letter:"], f"Another {BASE}": ["I hope this helps!"]}
    shown = studio.current_comparison("local")
    assert (shown["left"], shown["right"], shown["stripped"]) == (last["left"], last["right"], last["stripped"])
    receipt = studio.prefer("local", last["comparison_id"], "left")
    assert studio.chosen("local", receipt["receipt"])[0] == last["left"]
    with session(studio.engine) as opened:
        (pair,) = preferences.pairs(opened, "local")
    assert (pair.chosen, pair.rejected, pair.chosen_ids, pair.rejected_ids) == (last["left"], last["right"], [], [])
    one = _last(studio.write_letter("local", POSTING, RESUME, greedy=True))
    assert one["text"] == BASE and [piece["kind"] for piece in one["stripped"]] == ["preamble"]


def test_a_connection_note_fits_linkedin_while_it_grows_and_as_it_is_stored(make):
    body = "I would like to bake with you. " + "I baked 300 loaves a day for four years. " * 9
    long = f"Hi Fernhill Bakery,\n\n{body}\n\nThanks,\nSam Ode"
    studio = make(texts={None: [long, f"Other {long}"]})
    steps = list(studio.write_pair("local", POSTING, RESUME, kind="linkedin_message", words=40))
    assert all(len(step[side]) <= 300 for step in steps for side in ("left", "right"))
    last, shown = steps[-1], studio.current_comparison("local")
    for side in ("left", "right"):
        assert shown[side] == last[side] and last[side].endswith("Thanks,\nSam Ode") and "I would like to bake" in last[side]
        assert [piece["kind"] for piece in last["stripped"][side]] == ["ending"]
    whole = _last(studio.write_pair("local", POSTING, RESUME, kind="linkedin_message", words=60))
    assert len(whole["left"]) > 300 and "stripped" not in whole


def test_nothing_is_said_of_the_sides_until_the_vote(taught):
    studio, name = taught()
    steps = list(studio.write_pair("local", POSTING, RESUME, seed=4))
    said = str([*steps, studio.current_comparison("local")])
    assert name not in said and "base" not in said and "adapter" not in said
    last = steps[-1]
    receipt = studio.prefer("local", last["comparison_id"], "left")
    assert set(receipt) == {"receipt", "left_model", "right_model", "pairs_added"} and receipt["pairs_added"] == 1
    wrote = {receipt["left_model"]: last["left"], receipt["right_model"]: last["right"]}
    assert wrote == {"base": BASE, name: TAUGHT}


def test_both_sides_get_their_turn_on_the_left(taught):
    studio, _ = taught()
    assert {_last(studio.write_pair("local", POSTING, RESUME, seed=4))["left"] for _ in range(20)} == {BASE, TAUGHT}


def test_without_an_adapter_the_receipt_says_two_samples(make):
    studio = make()
    last = _last(studio.write_pair("local", POSTING, RESUME))
    receipt = studio.prefer("local", last["comparison_id"], "right")
    assert receipt["two_base_samples"] and receipt["left_model"] == receipt["right_model"] == "base"
    assert {last["left"], last["right"]} == {BASE, "Another " + BASE}


def test_restart_and_second_tab_show_the_same_pair_to_its_owner_only(make):
    first = make()
    last = _last(first.write_pair("local", POSTING, RESUME, tone="warm", words=80))
    first.close()
    second = make()
    shown = second.current_comparison("local")
    assert {key: shown[key] for key in ("comparison_id", "left", "right")} == {key: last[key] for key in ("comparison_id", "left", "right")}
    assert (shown["tone"], shown["words"], shown["kind"]) == ("warm", 80, "cover_letter")
    assert "Fernhill Bakery" in shown["job"] and "Sam Ode" in shown["resume"]
    assert second.current_comparison("stranger") is None
    with pytest.raises(NotFound):
        second.prefer("stranger", last["comparison_id"], "left")
    receipt = second.prefer("local", last["comparison_id"], "tie")
    assert second.current_comparison("local") is None
    assert second.undo("local", receipt["receipt"])["comparison_id"] == last["comparison_id"]
    assert second.current_comparison("local")["comparison_id"] == last["comparison_id"]


def test_header_counts_rise_and_fall_with_choices(make):
    studio = make()
    assert studio.header_counts("local") == {"new_choices": 0}
    last = _last(studio.write_pair("local", POSTING, RESUME))
    studio.prefer("local", last["comparison_id"], "left", edited="Dear all, mine.", edited_from="left")
    assert studio.header_counts("local") == {"new_choices": 1} and studio.header_counts("stranger") == {"new_choices": 0}
    studio.undo("local")
    assert studio.header_counts("local") == {"new_choices": 0}


# ---- proofs ---------------------------------------------------------------------------------------------------


def test_sides_that_cannot_be_proved_are_shown_but_not_judged(taught):
    studio, _ = taught()
    studio.backend().proof = Proof(False, "It changes nothing.")
    last = _last(studio.write_pair("local", POSTING, RESUME))
    assert studio.current_comparison("local")["proven"] is False
    with pytest.raises(ModelError, match="could not be proved"):
        studio.prefer("local", last["comparison_id"], "left")


def test_an_adapter_that_cannot_be_proved_is_not_promoted(make):
    studio = make(proof=Proof(False, "It changes nothing."))
    with write(studio.engine) as opened:
        name = adapter(opened)
    studio.backend().base_hash = "h" * 64
    with pytest.raises(ModelError, match="changes nothing"):
        studio.trial.promote("local", name)
    assert [row["state"] for row in studio.adapters("local")] == ["candidate"]


def test_promote_and_roll_back_take_effect_with_the_next_letter(taught):
    studio, name = taught()
    assert {row["id"]: row["state"] for row in studio.adapters("local")} == {name: "live"}
    assert studio.trial.rollback("local") == {"id": "none", "state": "live"}
    last = _last(studio.write_pair("local", POSTING, RESUME))
    assert {last["left"], last["right"]} == {BASE, "Another " + BASE}
    assert studio.trial.promote("local", name) == {"id": name, "state": "live"}
    last = _last(studio.write_pair("local", POSTING, RESUME))
    assert TAUGHT in (last["left"], last["right"])


def test_promoting_in_the_middle_of_a_stream_does_not_disturb_it(taught):
    studio, name = taught()
    steps = studio.write_pair("local", POSTING, RESUME, seed=4)
    next(steps)
    studio.trial.rollback("local")
    last = _last(steps)
    assert {last["left"], last["right"]} == {BASE, TAUGHT}


def test_a_named_adapter_writes_and_a_foreign_one_does_not(taught):
    studio, name = taught()
    letter = _last(studio.write_letter("local", POSTING, RESUME, seed=1, adapter=name))
    assert (letter["text"], letter["model"]) == (TAUGHT, name)
    assert _last(studio.write_letter("local", POSTING, RESUME, adapter="none", seed=0))["text"] == BASE
    assert _last(studio.write_letter("local", POSTING, RESUME))["model"] == name
    for guess in (name, SOME_ADAPTER.id):
        with pytest.raises(NotFound):
            _last(studio.write_letter("stranger", POSTING, RESUME, adapter=guess))
    with session(studio.engine) as opened:
        assert len(opened.exec(select(Letter)).all()) == 3


# ---- the model ------------------------------------------------------------------------------------------------


def test_a_model_that_cannot_be_loaded_is_a_sentence_and_the_present_one_goes_on(make):
    studio = make()
    studio.switch_model("nobody/nothing-here")
    until = time.monotonic() + 120  # importing the libraries takes its time
    while not studio.model_state()["reason"] and time.monotonic() < until:
        time.sleep(0.05)
    state = studio.model_state()
    assert (state["state"], state["name"]) == ("ready", "bundled") and "nobody/nothing-here" in state["reason"]
    assert _last(studio.write_pair("local", POSTING, RESUME))["comparison_id"]


@pytest.mark.parametrize("name", ["!!bad id", "no/such/folder", "~nobody-at-all/model", "m" * 300, "two words", "a\0b"])
def test_what_can_name_no_model_is_said_at_once_and_nothing_is_tried(make, name):
    studio = make()
    studio.switch_model(name)
    state = studio.model_state()
    assert (state["state"], state["asked"]) == ("ready", "")
    assert "no model folder" in state["reason"] and "no Hugging Face id" in state["reason"]
    studio.switch_model("bundled")  # the one that is there
    assert studio.model_state()["reason"] == ""


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        Studio(config.settings(home=tmp_path / "file" / "home"))


def test_doctor_names_journal_mode_and_what_is_missing(make):
    found = make().doctor()
    assert set(found) == {"hardware", "model", "storage", "versions", "files", "missing"}
    assert found["storage"]["journal_mode"] in ("wal", "delete") and found["versions"]["gradio"]
    assert (found["storage"]["journal_mode"] == "wal") == found["storage"]["wal_is_safe"]
    assert any("starter" in sentence for sentence in found["missing"])


def test_a_project_that_fits_reaches_the_letters_and_is_named_with_its_reason(make, monkeypatch):
    studio = make()
    monkeypatch.setattr(studio.portfolio, "_encoder", embeddings.load(studio.settings, "none"))
    studio.portfolio.add("local", portfolio.source(projects.PROJECT, "Rye week", "Baked rye sourdough for a street fair", "https://rye.example"))
    last = _last(studio.write_pair("local", POSTING, RESUME))
    sources = studio.sources("local", last["comparison_id"])
    assert [hit.title for hit in sources.hits] == ["Rye week"] and "sourdough" in sources.hits[0].text
    assert [(one.title, "sourdough" in one.why) for one in studio.used("local", sources)] == [("Rye week", True)]
    assert studio.used("stranger", sources) == []


def test_on_a_gpu_the_model_may_make_room_for_a_training(make, monkeypatch):
    """The setting, a training and a GPU together; afterwards it is loaded again by whoever asks."""
    studio = make()
    loaded = studio.loaded
    monkeypatch.setattr(studio.supervisor, "start", lambda *_: "run_0000000000000000")
    monkeypatch.setattr(studio.supervisor, "status", lambda *_: {"id": "run_0000000000000000"})
    monkeypatch.setattr(studio.supervisor, "active", lambda: True)
    monkeypatch.setattr(hardware, "gpu_memory_bytes", lambda: 0)
    unload = config.app_config().model_copy(update={"while_training": "unload"})
    studio.start_training("local")
    assert studio.backend() is loaded, "share is the default"
    monkeypatch.setattr(config, "app_config", lambda: unload)
    studio.start_training("local")
    assert studio.backend() is loaded, "without a GPU there is nothing to give"
    monkeypatch.setattr(hardware, "gpu_memory_bytes", lambda: 16 * 2**30)
    studio.start_training("local")
    assert studio.loaded is None and "makes room" in studio.model_state()["reason"]
    with pytest.raises(ModelError, match="writes again when the training ends"):
        list(studio.write_pair("local", POSTING, RESUME))
    assert studio.labelling.ahead._full("local", None), "what is written ahead waits, and is not put aside"
    monkeypatch.setattr(studio.supervisor, "active", lambda: False)
    monkeypatch.setattr(LocalBackend, "load", lambda *_: loaded)
    assert studio.backend() is loaded and not studio.model_state()["reason"]
    monkeypatch.setattr(studio.supervisor, "active", lambda: True)
    monkeypatch.setattr(studio.supervisor, "resume", lambda *_: {"id": "run_0000000000000000"})
    assert studio.resume_training("local", "run_0000000000000000")["id"] and studio.loaded is None, "one that goes on needs the room too"
