"""The Label screen: blind, by keys, one label a decision whatever the connection does, and only for the owner and the labelers."""

from __future__ import annotations

import json
import re

import pytest
from sqlmodel import select

from db.engine import session, write
from db.models import Letter
from ftapp import config, preferences, queue
from ftapp.backends.scripted import ScriptedBackend
from ftapp.studio import Studio
from ftapp.ui.label import stage
from ftapp.ui.owner import Door
from ftapp.ui.queue import guidelines_html
from tests.browser import LETTER, TEXTS, serve
from tests.desk import filled, post, stored

pytestmark = [pytest.mark.timeout(600)]
HOSTILE = 'Dear <b>team</b>,\n\n<img src=x onerror="window.forged=1"> </article><script>window.forged=1</script>\n\nSam'


@pytest.fixture
def studio(tmp_path):
    """What stands behind the page, without one."""
    made = Studio(config.settings(home=tmp_path / "home"), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    yield made
    made.close()


@pytest.fixture
def shared(tmp_path):
    """A page on an address that others can reach, with a password."""
    door = Door("0.0.0.0", "kneading")
    with serve(tmp_path / "home", host="0.0.0.0", door=door) as (address, studio):
        yield address, studio, door


# ---- the desk -------------------------------------------------------------------------------------------------


def test_nothing_in_an_answer_tells_the_sides_apart(app):
    address, studio = app
    filled(studio, 8)
    _, told, _ = post(address, "state")
    assert len(told["pairs"]) == 4
    with session(studio.engine) as rows:
        letters = {letter.text: letter for letter in rows.exec(select(Letter)).all()}
        secrets = {str(value) for letter in letters.values() for value in (letter.id, letter.base_hash, letter.adapter_sha256, letter.seed)}
    said = json.dumps(told["pairs"], ensure_ascii=False)
    assert not [secret for secret in secrets if secret and secret in said]
    assert not re.search(r"adapter|starter|base|seed|sampling|seconds", said)
    assert all(set(pair) == {"id", "about", "html", "left", "right", "parts"} for pair in told["pairs"])


def test_a_retry_gives_the_same_receipt_and_one_label(app):
    address, studio = app
    filled(studio)
    (pair, *_) = post(address, "state")[1]["pairs"]
    given = {"id": pair["id"], "verdict": "left", "reasons": ["generic"], "seconds": 4.5}
    first, again = post(address, "vote", given)[1], post(address, "vote", given)[1]
    assert first["receipt"]["receipt"] == again["receipt"]["receipt"]
    (row,) = stored(studio)
    assert (row.verdict, row.reasons, row.seconds, row.labeler) == ("left", ["generic"], 4.5, "local")
    assert set(first["receipt"]) >= {"receipt", "left_model", "right_model", "pairs_added"}, "names after the vote"
    status, told, _ = post(address, "vote", {**given, "verdict": "right"})
    assert status == 400 and "already judged" in told["error"]


def test_changing_a_decision_is_one_label_however_often_it_is_sent(app):
    address, studio = app
    filled(studio)
    (pair, *_) = post(address, "state")[1]["pairs"]
    receipt = post(address, "vote", {"id": pair["id"], "verdict": "left"})[1]["receipt"]["receipt"]
    changed = {"id": pair["id"], "verdict": "both_bad", "replaces": receipt}
    one, other = post(address, "vote", changed)[1], post(address, "vote", changed)[1]
    assert one["receipt"]["receipt"] == other["receipt"]["receipt"] != receipt
    assert [row.verdict for row in stored(studio)] == ["both_bad"]


def test_edit_and_mix_are_two_pairs_each_and_a_mended_claim_is_named_by_itself(app):
    address, studio = app
    filled(studio)
    first, second, *_ = post(address, "state")[1]["pairs"]
    side = "left" if first["left"] == LETTER else "right"
    shorter = post(address, "shorter", {"id": first["id"], "side": side, "number": 1})[1]["text"]
    assert "two hundred" in first[side] and "two hundred" not in shorter
    told = post(address, "vote", {"id": first["id"], "verdict": side, "edited": shorter, "edited_from": side})[1]
    assert told["receipt"]["pairs_added"] == 2
    mixed = "\n\n".join([second["parts"]["left"][0], second["parts"]["right"][1]])
    told = post(address, "vote", {"id": second["id"], "verdict": "tie", "edited": mixed, "edited_from": "both"})[1]
    assert told["receipt"]["pairs_added"] == 2
    edit, mix = stored(studio)
    assert edit.reasons == ["invented_claim"] and mix.edited_from == "both" and mix.reasons == []
    with session(studio.engine) as rows:
        pairs = preferences.pairs(rows, "local")
    assert [(p.chosen, p.preference_id) for p in pairs] == [(shorter, edit.id)] * 2 + [(mixed, mix.id)] * 2
    assert {p.rejected for p in pairs[2:]} == {second["left"], second["right"]}


def test_everything_is_known_of_a_decision(app):
    address, studio = app
    filled(studio)
    (pair, *_) = post(address, "state")[1]["pairs"]
    receipt = post(address, "vote", {"id": pair["id"], "verdict": "right", "seconds": 7})[1]["receipt"]["receipt"]
    known = studio.labelling.story("local", receipt)
    assert (known["labeler"], known["verdict"], known["seconds"], known["kind"]) == ("local", "right", 7.0, "cover_letter")
    assert known["prompt"][0]["role"] == "system" and len(known["template_hash"]) == 64 and known["at"]
    assert {known[side]["adapter_id"] for side in ("left", "right")} == {None, "starter"}
    adapted = next(known[side] for side in ("left", "right") if known[side]["adapter_id"])
    assert len(adapted["adapter_sha256"]) == 64 and adapted["sampling"]["temperature"] > 0 and isinstance(adapted["seed"], int)
    assert (known["left"]["text"], known["right"]["text"]) == (pair["left"], pair["right"])


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Origin": "https://elsewhere.example"}])
def test_another_sites_page_cannot_vote(app, headers):
    address, studio = app
    filled(studio, 1)
    (pair,) = post(address, "state")[1]["pairs"]
    status, told, _ = post(address, "vote", {"id": pair["id"], "verdict": "left"}, **headers)
    assert status in (400, 403) and "Nothing was stored" in told["error"] and not stored(studio)


@pytest.mark.parametrize("given", [{"id": "cmp_none", "verdict": "left"}, {"verdict": "left"}, {"id": 3, "verdict": ["x"]}, {"id": None}])
def test_what_cannot_be_meant_is_a_sentence(app, given):
    address, studio = app
    status, told, _ = post(address, "vote", given)
    assert status == 400 and told["error"].count(". ") >= 1 and not stored(studio)


def test_a_visitor_reaches_nothing_of_the_owners_queue(shared):
    address, studio, _ = shared
    filled(studio)
    with write(studio.engine) as rows:
        (pair, *_) = queue.take(rows, "local", "local")
    _, told, cookie = post(address, "state")
    assert told["pairs"] == [] and told["progress"]["pairs"] == 0
    for verb, given in (("vote", {"verdict": "left"}), ("vote", {"verdict": "left", "settle": True}), ("pair", {}), ("skip", {}),
                        ("shorter", {"side": "left", "number": 1})):  # fmt: skip
        status, told, _ = post(address, verb, {"id": pair, **given}, cookie)
        assert status in (400, 403), verb
    assert not stored(studio)


# ---- several labelers -----------------------------------------------------------------------------------------


def test_an_invited_labeler_labels_the_owners_queue_and_nothing_else(shared):
    address, studio, page_door = shared
    filled(studio)
    anna = studio.labelling.invite("local", "Anna", "password", "sourdough!")
    _, _, cookie = post(address, "state")

    class Asked:
        headers = {"host": "somewhere:7860", "cookie": cookie}

    page_door.label_as(Asked, studio.labelling.known("local", "password", "anna", "sourdough!")["id"])
    assert page_door.labeler(Asked, studio.labelling.still) == ("local", anna["id"])
    told = post(address, "state", cookie=cookie)[1]
    assert len(told["pairs"]) == 4
    told = post(address, "vote", {"id": told["pairs"][0]["id"], "verdict": "left"}, cookie)[1]
    assert told["receipt"]["pairs_added"] == 1 and stored(studio)[0].labeler == anna["id"]
    status, told, _ = post(address, "vote", {"id": stored(studio)[0].comparison_id, "verdict": "right", "settle": True}, cookie)
    assert status == 403 and "belong to the owner" in told["error"], "only the owner settles"
    assert page_door.owner(Asked).startswith("visitor_"), "for everything else a visitor"
    assert post(address, "begin", cookie=cookie)[0] == 403
    studio.labelling.dismiss("local", anna["id"])
    assert post(address, "state", cookie=cookie)[1]["pairs"] == [], "who was dismissed is a visitor again"
    assert len(stored(studio)) == 1, "what they chose stays"


@pytest.mark.parametrize(("name", "password"), [("Anna", "wrong password"), ("Berta", "sourdough!"), ("Anna", ""), ("", "")])
def test_a_wrong_name_or_password_reads_the_same(studio, name, password):
    studio.labelling.invite("local", "Anna", "password", "sourdough!")
    studio.labelling.invite("local", "Carl", "hf")
    with pytest.raises(Exception, match="^That name and password do not belong together"):
        studio.labelling.known("local", "password", name, password)
    assert studio.labelling.known("local", "hf", "carl")["name"] == "Carl"
    with pytest.raises(Exception, match="do not belong together"):
        studio.labelling.known("local", "password", "Carl", "")


def test_passwords_are_not_kept(studio):
    studio.labelling.invite("local", "Anna", "password", "sourdough!")
    assert b"sourdough!" not in studio.settings.database.read_bytes()


@pytest.mark.parametrize(("name", "way", "password"), [("", "local", ""), ("x" * 41, "local", ""), ("Anna", "magic", ""),
                                                       ("Anna", "password", "short"), ("ANNA", "local", "")])  # fmt: skip
def test_labelers_who_cannot_be_are_refused(studio, name, way, password):
    if name == "ANNA":
        studio.labelling.invite("local", "Anna")
    with pytest.raises(Exception, match="Nobody was added"):
        studio.labelling.invite("local", name, way, password)


def test_a_settlement_alone_gives_pairs(studio):
    filled(studio, 1)
    studio.labelling.set_rules("local", labels_needed=2)
    (pair,) = studio.labelling.next("local", "local")
    other = studio.labelling.invite("local", "Anna")["id"]
    studio.labelling.vote("local", "local", pair["id"], "left")
    studio.labelling.vote("local", other, pair["id"], "right")
    assert studio.header_counts("local")["new_choices"] == 0, "opposite choices teach nothing"
    (open_one,) = studio.labelling.statistics("local")["disagreements"]
    assert open_one["said"] == {"You": "left", "Anna": "right"}
    studio.labelling.vote("local", preferences.SETTLED, pair["id"], "right")
    assert studio.header_counts("local")["new_choices"] == 1 and not studio.labelling.statistics("local")["disagreements"]


# ---- markup ---------------------------------------------------------------------------------------------------


def test_guidelines_are_markdown_and_nothing_else():
    hostile = "<script>x</script> <img src=y>\n\n![seen](https://elsewhere.example/p.png)\n\n[a](javascript:alert(1))"
    made = guidelines_html(f"**Be** kind.\n\n{hostile}")
    assert "<strong>Be</strong>" in made and "&lt;script&gt;" in made
    assert not re.search(r"<script|<img|href=\"javascript", made)


def test_every_verb_has_its_key_on_its_button():
    keys = {"left": "1", "right": "2", "tie": "3", "both_bad": "4", "edit": "e", "skip": "s", "undo": "u", "help": "?"}
    for verb, key in keys.items():
        assert re.search(rf'data-do="{verb}"[^>]*aria-keyshortcuts="{re.escape(key)}"><kbd>{re.escape(key)}</kbd>', stage())


def test_the_configured_share_of_repeats_is_five_percent():
    assert config.app_config().repeat_share == 0.05
