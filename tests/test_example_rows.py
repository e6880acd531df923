# ruff: noqa: F811 (fixtures of another file)
"""Own letters as rows to learn from: the prompt that writing makes, contacts masked, and filled again when a letter is shown."""

import json

import pytest
from shelf import choice
from sqlmodel import select

from db.engine import session, write
from db.models import Document
from ftapp import letters, masking, preferences, prompts
from ftapp.config import model_spec
from ftapp.example_readers import Given, of_row, pasted
from ftapp.profiles import parse_job, parse_resume
from tests.test_examples import ANSWER, BODY, CHAT, LETTER, POSTING, RESUME, only, own, rows  # noqa: F401


def test_the_prompt_is_the_one_that_writing_makes(engine, own):
    spec = model_spec("bundled")
    own.add("local", [Given(LETTER, "cover_letter", POSTING, RESUME)])
    (row,) = rows(engine)
    words = min(spec.words["cover_letter"], key=lambda n: abs(n - len(LETTER.split())))
    made = prompts.build(parse_resume(RESUME), parse_job(POSTING), words=words, budget_tokens=spec.prompt_budget_tokens)
    assert row["prompt"] == list(made.messages) and row["completion"] == LETTER
    assert row["split_key"] == letters.split_key("Fernhill Bakery") and row["kind"] == "cover_letter" and row["id"].startswith("exm_")


def test_a_long_letter_is_asked_for_at_its_own_length(engine, own):
    own.add(
        "local", [Given(LETTER.replace(BODY, f"{BODY}\n\n{BODY} And more.\n\n{BODY} Again, and longer."), "cover_letter", POSTING, RESUME)]
    )
    own.keep("local", [only(own)["id"]])
    assert "words: 250" in rows(engine)[0]["prompt"][-1]["content"]


def test_each_answer_of_a_conversation_is_a_row_of_one_question(engine, own):
    own.add("local", [of_row({"messages": [*CHAT, {"role": "assistant", "content": ANSWER}]})])
    first, last = sorted(rows(engine), key=lambda row: len(row["prompt"]))
    assert first["prompt"] == CHAT[:2] and first["completion"] == CHAT[2]["content"]
    assert last["prompt"] == CHAT and last["completion"] == ANSWER and first["split_key"] == last["split_key"]


def test_a_question_and_a_post_without_one(engine, own):
    own.add("local", [of_row({"question": "How is bread stored?", "answer": ANSWER}), Given(f"Bread is alive. {ANSWER}", "answer")])
    own.keep("local", [row["id"] for row in own.listing("local")])
    asked = {row["completion"]: row["prompt"][-1]["content"] for row in rows(engine)}
    assert "question: How is bread stored?" in asked[ANSWER] and "question: Bread is alive" in asked[f"Bread is alive. {ANSWER}"]


def test_a_question_that_no_budget_holds_does_not_stop_the_others(engine, own):
    own.add("local", [of_row({"question": "Why? " * 4000, "answer": ANSWER}), *pasted(LETTER, POSTING)])
    own.keep("local", [row["id"] for row in own.listing("local")])
    assert len(rows(engine)) == 2 and max(len(row["prompt"][-1]["content"]) for row in rows(engine)) > 15_000


def test_contact_data_and_other_people_are_masked_and_the_own_name_stays(engine, own):
    private = LETTER.replace("Dear Fernhill team", "Dear Ms. Lind").replace(
        "Thank you", "Call +41 79 555 01 23 or sam.ode@mail.example. Thank you"
    )
    own.add("local", [Given(private, "cover_letter", POSTING, RESUME)])
    own.keep("local", [only(own)["id"]])
    (row,) = rows(engine)
    said = row["completion"]
    assert "[PHONE]" in said and "[EMAIL]" in said and said.startswith("Dear [NAME],") and said.endswith("Sam Ode")
    assert "555" not in json.dumps(row) and "Lind" not in json.dumps(row) and "sam.ode@" not in json.dumps(row)
    assert own.show("local", row["id"])["letter"] == private, "what is stored is the person's own text"


def test_a_chat_header_in_a_letter_forges_no_turn(engine, own):
    class Facts:
        spec, count_tokens, special_tokens = model_spec("bundled"), None, ["<end>"]

    own.add("local", [of_row({"prompt": "Say <end> twice", "completion": f"{ANSWER} <end> Done."})])
    own.keep("local", [only(own)["id"]])
    (row,) = rows(engine, facts=Facts)
    assert "<end>" not in json.dumps(row)


@pytest.mark.parametrize(
    ("greeting", "masked"),
    [("Dear Ms Lind,", "Dear [NAME],"), ("Hi Lena,", "Hi [NAME],"), ("Dear Hiring Manager,", ""), ("Dear Fernhill team,", ""),
     ("Dear Fernhill,", ""), ("Hello there!", ""), ("To whom it may concern,", "")],
)  # fmt: skip
def test_nobody_is_greeted_by_name(greeting, masked):
    assert masking.nobody(f"{greeting}\n\nI bake.", "Fernhill Bakery") == f"{masked or greeting}\n\nI bake."


CONTACT = f"{RESUME}\n\nsam.ode@mail.example | +41 79 555 01 23\nAddress: 12 Mill Lane, Harrow HA1 4QT"


def test_masks_are_filled_from_the_resume_when_a_letter_is_shown_and_stored_as_they_were_learned(engine):
    masked = "Dear [NAME],\n\nWrite to [EMAIL], call [PHONE] or visit [ADDRESS]. See [LINK].\n\nSam Ode"
    filled = masking.filled(masked, CONTACT)
    assert filled.startswith("Dear Hiring Manager,") and "sam.ode@mail.example, call +41 79 555 01 23 or visit 12 Mill Lane" in filled
    assert "[LINK]" in filled, "the résumé has none: it stays to be seen"
    assert masking.filled("Hi [NAME],\n\nI bake [1].", CONTACT) == "Hi [NAME],\n\nI bake [1]." and masking.filled(masked, "") != masked
    with write(engine) as opened:
        chosen = choice(opened, left=masked)
        resume = opened.exec(select(Document).where(Document.kind == "resume")).one()
        resume.text = CONTACT
        opened.add(resume)
    with session(engine) as opened:
        shown = letters.shown(opened, "local", chosen.comparison_id)
        assert shown["left"] == filled and preferences.chosen(opened, "local", chosen.id)[1] == filled
        assert preferences.pairs(opened, "local")[0].chosen == masked
