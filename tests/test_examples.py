"""Own examples: stored once, checked, kept or left out by the person."""

import json

import pytest
from shelf import choice, pair
from sqlmodel import select

from db.engine import session, write
from db.models import Document, Example, Imported
from ftapp import cli, examples, formats, imported, letters, preferences
from ftapp.documents import read_text
from ftapp.errors import ModelError, NotFound, UserError
from ftapp.example_readers import Given, of_row, pasted
from ftapp.examples import Examples
from ftapp.forgetting import forget
from ftapp.profiles import parse_resume

POSTING = "Head Baker\nCompany: Fernhill Bakery\n\nRequirements\n- Two years of experience with sourdough\n- Early hours"
RESUME = "Sam Ode\nBaker\n\nExperience\nBaker, Oakline Rolls, 2019 - present\n- Baked 300 loaves a day\n\nSkills\nsourdough, croissants"
BODY = (
    "I am applying for the Head Baker position at Fernhill Bakery. At Oakline Rolls I have baked 300 loaves a day since 2019, most of them "
    "with a sourdough that I keep myself, and I know what early hours ask of a team and of an oven. The street waits at six, and the "
    "crust has to sing by then. I would be glad to bake a trial batch in your kitchen on any morning that suits you."
)
LETTER = f"Dear Fernhill team,\n\n{BODY}\n\nThank you for reading.\n\nKind regards,\nSam Ode"
GENERIC = "I am a hard worker. I am excited about this opportunity and believe I would be a great fit for your team."
STRUCTURED = {"Job Title": "Head Baker", "Hiring Company": "Fernhill Bakery", "Applicant Name": "Sam Ode", "Skillsets": "sourdough",
              "Current Working Experience": "Baker at Oakline Rolls since 2019, 300 loaves a day",
              "Preferred Qualifications": "early hours"}  # fmt: skip
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which bread keeps longest?"},
        {"role": "assistant", "content": "Rye keeps longest, and a dark rye keeps for a week."},
        {"role": "user", "content": "And how is it stored?"}]  # fmt: skip
ANSWER = "In linen, cut side down, in a wooden box. Never in the fridge, where it stales three times as fast as it does on a shelf."


@pytest.fixture
def own(engine):
    return Examples(engine)


def rows(engine, owner="local", **options):
    with session(engine) as opened:
        return examples.training_rows(opened, owner, **options)


def only(own, owner="local"):
    (row,) = own.listing(owner)
    return row


# ---- in -------------------------------------------------------------------------------------------------------------


def test_a_letter_comes_in_once_and_teaches(engine, own):
    first, again = (own.add("local", pasted(LETTER, POSTING)) for _ in range(2))
    assert (len(first.ids), first.already, again.ids, again.already) == (1, 0, (), 1)
    row = only(own)
    assert row["state"] == "in" and row["name"] == "Head Baker at Fernhill Bakery" and not row["rebuilt"], row["findings"]
    with session(engine) as opened:
        assert examples.letters(opened, "local") == [LETTER] and examples.letters(opened, "visitor_1") == []
        assert opened.exec(select(Document)).one().kind == "posting"


def test_a_posting_whose_fields_were_corrected_keeps_them(engine, own):
    with write(engine) as opened:
        letters.keep_document(opened, "local", "posting", read_text(POSTING), {"title": "Chief Baker", "company": "Fernhill"})
    own.add("local", pasted(LETTER, POSTING))
    assert only(own)["name"] == "Chief Baker at Fernhill"
    assert "title: Chief Baker" in rows(engine)[0]["prompt"][-1]["content"]


def test_without_a_posting_the_brief_is_read_out_of_the_letter_and_marked(engine, own):
    own.add("local", pasted(LETTER))
    row = only(own)
    assert row["rebuilt"] and row["name"] == "Head Baker at Fernhill Bakery"
    shown = own.show("local", row["id"])
    assert shown["fields"]["applicant"] == "Sam Ode" and shown["posting"] == ""
    asked = rows(engine)[0]["prompt"][-1]["content"]
    assert "title: Head Baker\ncompany: Fernhill Bakery" in asked and "name:\nSam Ode" in asked and "300 loaves" in asked


def test_the_resume_of_the_name_under_the_letter_tells_of_the_person(engine, own):
    with write(engine) as opened:
        for text in (RESUME, RESUME.replace("Sam Ode", "Ann Ode")):
            letters.keep_document(opened, "local", "resume", read_text(text), parse_resume(text).model_dump())
    own.add("local", pasted(LETTER))
    asked = rows(engine)[0]["prompt"][-1]["content"]
    assert "croissants" in asked and "name:\nSam Ode" in asked, "as writing would put it"


def test_what_columns_say_stands_before_what_is_read(engine, own):
    own.add("local", [of_row(STRUCTURED | {"Cover Letter": LETTER})])
    asked = rows(engine)[0]["prompt"][-1]["content"]
    assert "- Baker at Oakline Rolls" in asked and "skills: sourdough" in asked and not only(own)["rebuilt"]


def test_bad_text_is_put_away_with_its_reason_until_the_person_keeps_it(engine, own):
    own.add("local", [of_row(STRUCTURED | {"Cover Letter": GENERIC}), *pasted(LETTER, POSTING)])
    report = own.report("local")
    assert (report["total"], report["in"], report["quarantined"]) == (2, 1, 1) and report["enough"]["good"] == 1
    (held,) = report["quarantine"]
    assert held["letter"] == GENERIC and any(one["quarantine"] and one["reason"] for one in held["findings"])
    assert {one["code"] for one in report["findings"]} >= {"no_target"} and all(one["count"] == 1 for one in report["findings"])
    assert len(rows(engine)) == 1
    own.keep("local", [held["id"]])
    own.check("local")
    assert own.report("local")["kept"] == 1 and len(rows(engine)) == 2, "a check does not take back what the person decided"
    own.leave_out("local", [held["id"]])
    own.check("local")
    assert own.report("local")["left_out"] == 1 and len(rows(engine)) == 1 and len(own.listing("local", "left_out")) == 1


def test_what_is_stored_but_not_yet_checked_teaches_nothing(engine, own):
    own.store("local", pasted(LETTER, POSTING))
    assert rows(engine) == [] and own.report("local")["quarantined"] == 1
    own.check("local")
    assert len(rows(engine)) == 1


def test_a_repair_shows_before_and_after(own):
    garbled = LETTER.replace("since 2019,", "since 2019 â€“ yes, 2019 â€“")
    own.add("local", pasted(garbled, POSTING))
    (repair,) = own.report("local")["repaired"]
    assert "â€“" in repair["before"] and "2019 – yes" in repair["after"] and repair["reason"] and repair["field"] == "letter"
    own.check("local")
    assert len(own.report("local")["repaired"]) == 1 and own.show("local", repair["id"])["letter"] == repair["after"]


def test_repairs_of_the_posting_a_field_and_a_conversation_are_shown_too(own):
    own.add("local", [
        Given(LETTER, "cover_letter", POSTING + "\n- Donâ€™t be late", fields={"skills": "rye â€“ wheat"}),
        of_row({"messages": [{"role": "user", "content": "Whatâ€™s rye?"}, {"role": "assistant", "content": ANSWER}]}),
    ])  # fmt: skip
    repairs = {one["field"]: (one["before"], one["after"]) for one in own.report("local")["repaired"]}
    assert set(repairs) == {"posting", "skills", "turns"} and all("â€" in a and "â€" not in b for a, b in repairs.values())


def test_the_twin_of_a_deleted_letter_teaches_again(own):
    own.add("local", [*pasted(LETTER, POSTING), *pasted(LETTER, POSTING + "\n- Patience")])
    states = {row["state"]: row["id"] for row in own.listing("local")}
    assert set(states) == {"in", "quarantined"}
    assert own.delete("local", [states["in"]]) == 1
    assert only(own)["state"] == "in"


HI = ("Hi there, I saw your post about the night bakery and it made me smile. I have kept a rye sourdough alive for nine winters and "
      "would gladly tell you how, over a coffee or a loaf, whenever it suits you.")  # fmt: skip
HELLO = ("Hello there, I read your post about the night bakery and it made me laugh. I have nursed a rye sourdough through nine winters "
         "and would happily show you how, over some tea or a loaf, whenever you like.")  # fmt: skip
TWICE = "Hi all, the harbour tram leaves late tonight because the points are frozen again, so I will bring the flour myself."


def by_meaning(texts, lines):
    """Sentence embeddings to which the two greetings mean the same, and nothing else does."""
    return [[1.0 if a == b else 0.98 if {a, b} == {HI, HELLO} else 0.1 for b in lines] for a in texts]


def without_model(texts, lines):
    raise ModelError("There is no model here.")


@pytest.fixture
def paraphrased(own):
    """Two messages that only meaning finds alike, and a text that came twice: {name: id}, and what is in quarantine."""
    given = [Given(HI, "linkedin_message"), Given(HELLO, "linkedin_message"),
             Given(TWICE, "linkedin_message"), Given(TWICE, "linkedin_message", POSTING)]  # fmt: skip
    own.add("local", given, by_meaning)
    assert own.report("local")["quarantined"] == 2
    return own


def alike(own):
    """The states of the two messages that mean the same."""
    return sorted(own.show("local", row["id"])["state"] for row in own.listing("local")
                  if own.show("local", row["id"])["letter"] in (HI, HELLO))  # fmt: skip


def test_what_meaning_found_outlives_checks_by_words_alone(paraphrased):
    own = paraphrased
    first = next(row["id"] for row in own.listing("local", "in") if own.show("local", row["id"])["letter"] == TWICE)
    own.leave_out("local", [first])
    assert alike(own) == ["in", "quarantined"] and len(own.listing("local", "quarantined")) == 1, "only the twin of what left came back"
    own.add("local", pasted(LETTER, POSTING))
    own.check("local", without_model)
    assert alike(own) == ["in", "quarantined"]
    assert not own.check("local"), "and nothing is found twice"


def test_what_meaning_found_goes_with_its_other_half(paraphrased):
    own = paraphrased
    teaching = next(row["id"] for row in own.listing("local", "in") if own.show("local", row["id"])["letter"] in (HI, HELLO))
    own.leave_out("local", [teaching])
    assert alike(own) == ["in", "left_out"]


def test_of_three_that_mean_the_same_only_one_takes_the_place_of_the_one_that_left(own):
    third = ("Hi again, I found your post about the night bakery and it made me hum. I have carried a rye sourdough across nine winters "
             "and should gladly teach you how, over one beer or a loaf, wherever it suits you.")  # fmt: skip
    own.add("local", [Given(text, "linkedin_message") for text in (HI, HELLO, third)],
            lambda texts, lines: [[1.0 if a == b else 0.98 for b in lines] for a in texts])  # fmt: skip
    (teaching,) = own.listing("local", "in")
    own.delete("local", [teaching["id"]])
    assert len(own.listing("local", "in")) == 1 and len(own.listing("local", "quarantined")) == 1


def test_what_meaning_no_longer_finds_is_forgotten(paraphrased):
    paraphrased.check("local", lambda texts, lines: [[0.1] * len(lines)] * len(texts))
    assert alike(paraphrased) == ["in", "in"]


# ---- talk around a letter -----------------------------------------------------------------------------------------------


def repairable(own):
    return [row["id"] for row in own.listing("local") if row["repairable"]]


TALK = f"Sure! Here is your cover letter:\n\n{LETTER}"


def test_a_check_finds_the_same_again_and_once(engine, own):
    garbled = TALK.replace("since 2019,", "since 2019 â€“ yes, 2019 â€“")
    own.add("local", [Given(garbled, "cover_letter", POSTING, f"{RESUME}\nwellknown for rye, highquality crusts, teamoriented"),
                      of_row({"question": "Which â€“ bread?", "answer": ANSWER})])  # fmt: skip
    before = {row["id"]: own.show("local", row["id"])["findings"] for row in own.listing("local")}
    codes = sorted(one["code"] for found in before.values() for one in found)
    assert [code for code in codes if code in ("talk", "mojibake", "lost_hyphens")] == ["mojibake", "mojibake", "talk"]
    for _ in range(2):
        assert not own.check("local")
    assert {id: own.show("local", id)["findings"] for id in before} == before
    with write(engine) as opened:
        for row in opened.exec(select(Example)):
            row.findings = [*row.findings, *(one for one in row.findings if one["quarantine"])] * 2  # as homes of before may have them
            opened.add(row)
    own.check("local")
    assert "Take the repaired" not in json.dumps(own.report("local")["repaired"]), "what is only offered has not been done"
    found = {id: own.show("local", id)["findings"] for id in before}
    assert all(len([one for one in found[id] if one["code"] == "talk"]) == sum(o["code"] == "talk" for o in before[id]) for id in before)


def test_the_repaired_text_can_be_taken_and_the_original_stays_to_be_seen(engine, own):
    own.add("local", [Given(TALK, "cover_letter", POSTING, RESUME), *pasted(GENERIC)])
    (held,) = repairable(own)
    assert own.show("local", held)["state"] == "quarantined" and own.repair("local", [held]) == 1
    shown = own.show("local", held)
    assert (shown["letter"], shown["before"], shown["state"]) == (LETTER, {"letter": TALK}, "in")
    assert [row["completion"] for row in rows(engine)] == [LETTER]
    (told,) = own.report("local")["repaired"]
    assert (told["before"], told["after"]) == (TALK, LETTER) and told["reason"]
    assert repairable(own) == [] and not own.check("local") and len(own.report("local")["repaired"]) == 1
    with pytest.raises(UserError, match="Nothing has changed"):
        own.repair("local", [held])
    assert own.add("local", [Given(TALK, "cover_letter", POSTING, RESUME)]).already == 1, "it is the same example still"


def test_taking_a_repair_keeps_the_persons_decision_and_an_older_original(own):
    own.add("local", [Given(TALK.replace("2019,", "2019 â€“"), "cover_letter", POSTING, RESUME)])
    id = only(own)["id"]
    own.keep("local", [id])
    own.check("local")
    assert repairable(own) == [id], "kept as it was, it would teach the talk"
    own.repair("local", [id])
    shown = own.show("local", id)
    assert shown["state"] == "kept" and "â€“" in shown["before"]["letter"] and shown["letter"].startswith("Dear Fernhill team")


def test_a_repaired_letter_is_compared_anew(own):
    """What meaning said of the text with its talk says nothing of the text without it."""
    own.add("local", [Given(HI, "linkedin_message"), Given(f"Sure! Here is your message:\n\n{HELLO}", "linkedin_message")],
            lambda texts, lines: [[1.0 if a == b else 0.98 for b in lines] for a in texts])  # fmt: skip
    (held,) = repairable(own)
    assert {one["code"] for one in own.show("local", held)["findings"]} == {"talk", "near_duplicate"}
    own.repair("local", [held])
    assert [one["code"] for one in own.show("local", held)["findings"]] == ["talk"] and alike(own) == ["in", "in"]


def test_another_owner_and_a_wrong_id_find_nothing(own):
    own.add("local", pasted(LETTER))
    for act in (own.keep, own.leave_out, own.delete, own.repair):
        with pytest.raises(NotFound, match="Nothing has changed"):
            act("visitor_1", [only(own)["id"]])
    with pytest.raises(NotFound):
        own.show("visitor_1", only(own)["id"])
    assert own.listing("visitor_1") == [] and own.report("visitor_1")["total"] == 0 and only(own)["state"] == "in"


def test_deleting_everything_takes_examples_too(engine, own, tmp_path):
    for owner in ("local", "visitor_1"):
        own.add(owner, pasted(LETTER, POSTING))
    forget(engine, "local", tmp_path)
    assert own.listing("local") == [] and len(own.listing("visitor_1")) == 1


# ---- offered ----------------------------------------------------------------------------------------------------------


def test_edited_letters_and_imported_examples_are_offered_and_come_in_when_asked(engine, own):
    edited = LETTER.replace("any morning", "any cold morning")
    with write(engine) as opened:
        choice(opened, edited=edited, edited_from="left")
        gone = choice(opened, edited="Never mind this one.", edited_from="left", company="Oak")
        preferences.undo(opened, "local", gone.id)
        choice(opened, company="Elm")
        preferences.record(opened, "local", pair(opened, company="Ash"), "left", "Another person's words.", "left", labeler="lab_1")
        row = formats.Row("example", CHAT, ANSWER)
        imported.add(opened, "local", [("openai-sft", row, row.digest)])
    assert own.offered("local") == 2 and own.offered("visitor_1") == 0 and own.listing("local") == []
    added = own.add("local", own.offers("local"))
    assert len(added.ids) == 2 and own.offered("local") == 0
    assert {row["source"] for row in own.listing("local")} == {"edited", "imported"}
    made = {row["kind"]: row for row in rows(engine) if row["completion"] in (edited.replace("team,", "team,"), ANSWER)}
    with session(engine) as opened:
        assert opened.exec(select(Imported)).one(), "the imported row stays where it was"
        mine = opened.exec(select(Example).where(Example.source == "edited")).one()
        assert mine.messages and mine.job_document_id and mine.split_key == letters.split_key("Fernhill Bakery")
    assert made["answer"]["prompt"] == CHAT
    assert made["cover_letter"]["prompt"] == mine.messages, "exactly what the model had been shown"


def test_an_edit_that_was_undone_does_not_hide_the_next_one(engine, own):
    with write(engine) as opened:
        first = choice(opened, edited=LETTER, edited_from="left")
    own.add("local", own.offers("local"))
    with write(engine) as opened:
        preferences.undo(opened, "local", first.id)
        choice(opened, edited=LETTER.replace("any morning", "any cold morning"), edited_from="left", company="Oak")
    assert own.offered("local") == 1
    own.add("local", own.offers("local"))
    assert own.offered("local") == 0 and len(own.listing("local")) == 2


def test_an_imported_example_that_is_gone_or_too_long_counts_for_nothing(engine, own):
    def brought(text):
        row = formats.Row("example", CHAT, text)
        with write(engine) as opened:
            imported.add(opened, "local", [("openai-sft", row, row.digest)])

    brought(ANSWER)
    own.add("local", own.offers("local"))
    with write(engine) as opened:
        imported.remove(opened, "local")
    brought(ANSWER + " Never.")
    assert own.offered("local") == 1
    brought("Rye. " * 50_000)
    assert own.offered("local") == 1, "what can never come in is not offered"


# ---- the command line -----------------------------------------------------------------------------------------------------


def test_the_command_line_does_it_all(tmp_path, capsys):
    home, file = ["--home", str(tmp_path / "home"), "--json"], tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, [STRUCTURED | {"Cover Letter": LETTER}, STRUCTURED | {"Cover Letter": GENERIC}, {"a": 1}])))

    def run(*args, code=0):
        assert cli.main(["examples", *args, *home]) == code
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    added = run("add", str(file))
    assert len(added["ids"]) == 2 and added["quarantined"] == 1 and added["refused"][0].startswith("mine.jsonl, line 3")
    report = run("report")
    assert report["quarantined"] == 1 and report["findings"][0]["reason"]
    held = report["quarantine"][0]["id"]
    talk = tmp_path / "talk.txt"
    talk.write_text(TALK)
    (id,) = run("add", str(talk))["ids"]
    assert next(row for row in run("list")["examples"] if row["id"] == id)["repairable"]
    assert run("repair", "all")["repaired"] == 1 and run("show", id)["letter"] == LETTER
    assert "Nothing has changed" in run("repair", "all", code=1)["error"] and run("delete", id)["deleted"] == 1
    assert run("keep", "all")["kept"] == 1 and run("list", "--state", "kept")["examples"][0]["id"] == held
    assert run("leave-out", held)["left_out"] == 1 and run("show", held)["letter"] == GENERIC
    assert run("delete", held)["deleted"] == 1 and len(run("list")["examples"]) == 1
    assert "Nothing was deleted" in run("delete", held, code=1)["error"]
    assert "nothing was added" in run("add", code=2)["error"] and "not there" in run("add", "nowhere.txt", code=2)["error"]
    assert run("add", "--offered")["ids"] == []
