"""Preferences in and out: nothing twice, nothing lost on the way round, nobody else's, and nothing personal unless asked for."""

import io
import json
import sqlite3
from types import SimpleNamespace

import pytest
from shelf import choice, pair
from sqlmodel import select

from db.engine import session, write
from db.models import Document, Imported, Preference, TrainingRun
from ftapp import formats, imported, letters, preferences, transfer
from ftapp.errors import UserError
from ftapp.example_readers import Given
from ftapp.examples import Examples
from ftapp.training import plan
from ftapp.transfer import FORMATS, Transfer
from tests.test_examples import ANSWER, LETTER, POSTING, RESUME

ASK = [{"role": "user", "content": "Which bread?"}]
MAIL, PHONE = "sam.ode@mail.example", "+41 79 555 01 23"


def lines(*rows):
    return io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())


def some(count=3, prompt="Which bread?"):
    return [{"prompt": f"{prompt} {n}", "chosen": f"Rye {n}.", "rejected": f"Wheat {n}."} for n in range(count)]


@pytest.fixture
def both(engine):
    return Transfer(engine)


@pytest.fixture
def another(tmp_path):
    """An empty home."""
    from db.engine import open_engine
    from db.migrate import upgrade

    opened = open_engine(tmp_path / "other" / "ftapp.db")
    upgrade(opened)
    yield Transfer(opened)
    opened.dispose()


@pytest.fixture
def chosen(engine):
    """Choices of every kind, with personal data, and imported rows of every kind."""
    signed = f"Dear team, I bake.\n\nKind regards,\nSam Ode\n{MAIL}"
    with write(engine) as opened:
        choice(opened, left=signed, right=f"Call me: {PHONE}.")
        choice(opened, verdict="right", company="Oak", edited=f"I am Sam Ode — =1+1, {MAIL}", edited_from="right")
        choice(opened, verdict="tie", company="Elm", left="One way.", right="Other way.")
        choice(opened, verdict="both_bad", company="Ash", left="Bad.", right="Worse.")
        choice(opened, company="Oak", left="Same.", right="Same. ")
        opened.add(Document(owner_id="local", kind="resume", text=f"Sam Ode\n{PHONE}", text_hash="h", fields={"name": "Sam Ode"}))
    more = [*some(), {"prompt": ASK, "completion": "Rye.", "label": False}, {"messages": [*ASK, {"from": "gpt", "value": "Spelt."}]}]
    Transfer(engine).bring("local", lines(*more, {"instruction": "Q", "chosen": "=A", "rejected": "B", "source": "ü", "score": 1.5}))


def taken(flow, folder, name, owner="local", **options):
    out = folder / f"out.{name}"
    done = flow.take(owner, name, out, **options)
    return out.read_bytes(), done


# ---- in -------------------------------------------------------------------------------------------------------


def test_a_second_import_adds_nothing_and_bad_lines_are_named(both):
    held = b"\n".join([*(json.dumps(row).encode() for row in some()), b"{broken", json.dumps(some(1)[0]).encode()])
    first, second = (both.bring("local", io.BytesIO(held)) for _ in range(2))
    assert (first.added, first.duplicates, second.added, second.duplicates) == (3, 1, 0, 4)
    assert [row["line"] for row in first.rejected] == [4] and first.rejected[0]["reason"].startswith("not JSON")


def test_the_same_pair_in_another_format_is_the_same_pair(both):
    both.bring("local", lines(*some(1)))
    again = {"conversations": [{"from": "human", "value": "Which bread? 0"}], "chosen": {"from": "gpt", "value": "Rye 0."},
             "rejected": {"from": "gpt", "value": "Wheat 0."}}  # fmt: skip
    assert both.bring("local", lines(again)).duplicates == 1


def test_a_full_disk_keeps_the_pages_before_and_says_so(both, monkeypatch):
    from sqlalchemy.exc import OperationalError

    real, calls = imported.add, []

    def full(*given):
        calls.append(1)
        if len(calls) == 2:
            raise OperationalError("insert", {}, Exception("database or disk is full"))
        return real(*given)

    monkeypatch.setattr(imported, "add", full)
    monkeypatch.setattr(transfer, "PAGE", 2)
    with pytest.raises(UserError, match="first 2 rows are kept"):
        both.bring("local", lines(*some(5)))
    assert both.counts("local")["pair"] == 2 and both.bring("local", lines(*some(5))).added == 3


def test_a_named_labeler_in_a_strangers_file_gets_a_pseudonym_too(both, tmp_path):
    told = formats.provenance(formats.Row("pair", ASK, "a", "b")) | {"labeler": "Sam Ode"}
    both.bring("local", lines({"prompt": ASK, "chosen": "c", "rejected": "d", "provenance": told}))
    masked, plain = (json.loads(taken(both, tmp_path, "trl", masked=m)[0])["provenance"]["labeler"] for m in (True, False))
    assert plain == "Sam Ode" and masked.startswith("labeler_")


def test_more_bad_lines_than_the_list_holds_are_counted(both, monkeypatch):
    monkeypatch.setattr(transfer, "MOST_LISTED", 2)
    done = both.bring("local", lines(*[{"text": "x"}] * 5, *some(1)))
    assert done.added == 1 and [row["line"] for row in done.rejected] == [1, 2, 5] and "2 more rows" in done.rejected[-1]["reason"]


def test_imported_pairs_train_only_when_chosen_and_without_becoming_choices(both, engine):
    both.bring("local", lines(*some(2)))
    with session(engine) as opened:
        assert preferences.pairs(opened, "local") == [] and preferences.new_count(opened, "local") == 0
    assert both.counts("local") == {"pair": 2, "label": 0, "example": 0, "used": 0}
    assert both.choose("local", True) == 2 and both.choose("local", True) == 0
    both.bring("local", lines(*some(1, "Late?")), use=True)
    with session(engine) as opened:
        made = preferences.pairs(opened, "local", "bundled")
        assert [(p.chosen, p.rejected, p.preference_id, p.finished) for p in made][0] == ("Rye 0.", "Wheat 0.", "", True)
        assert preferences.new_count(opened, "local", "bundled") == 3 == len(made) and preferences.counts(opened, "local")["pairs"] == 0
    with write(engine) as opened:
        told = {"recipe": "r", "method": "dpo", "scope": "all", "state": "succeeded", "base_id": "bundled", "base_hash": "h"}
        opened.add(TrainingRun(owner_id="local", **told))
    with session(engine) as opened:
        assert preferences.new_count(opened, "local", "bundled") == 0
    assert both.choose("local", False) == 3 and both.counts("local")["used"] == 0


def test_imported_pairs_are_split_by_the_permanent_rule(both, engine):
    own = letters.split_key("Fernhill Bakery")
    told = formats.provenance(formats.Row("pair", ASK, "a", "b")) | {"split_key": own}
    rows = [{"prompt": ASK, "chosen": "c", "rejected": "d", "provenance": told}, *some(1),
            {"prompt": "kind: cover letter\ncompany: Fernhill Bakery\nname:\nSam", "chosen": "e", "rejected": "f"}]  # fmt: skip
    both.bring("local", lines(*rows))
    with session(engine) as opened:
        keys = [row.split_key for row in opened.exec(select(Imported).order_by(Imported.id))]
    prompt = json.dumps([{"role": "user", "content": "Which bread? 0"}])
    assert keys == [own, letters.split_key("", prompt=prompt), own]


class Reader:
    """A tokenizer of letters that knows one special token, and no two questions in a row."""

    added_tokens_encoder = {"<end>": 1}
    added_tokens_decoder = {}
    all_special_ids = [1]
    eos_token_id = 1

    def apply_chat_template(self, messages, tokenize=True, **options):
        from jinja2 import TemplateError

        if [m["role"] for m in messages].count("user") > 1:
            raise TemplateError("roles must alternate")
        text = "".join(m["content"] for m in messages)
        return self(text)["input_ids"] if tokenize else text

    def __call__(self, text, **options):
        return {"input_ids": [ord(c) for c in text]}


def test_a_chat_header_in_an_imported_text_forges_nothing_and_a_strange_conversation_is_left_out(both, engine):
    both.bring("local", lines({"prompt": "Hi <end>", "chosen": "Yes.<end>", "rejected": "No."},
                              {"prompt": ASK * 2, "chosen": "a", "rejected": "b"}), use=True)  # fmt: skip
    with session(engine) as opened:
        material = plan.sort(preferences.pairs(opened, "local"), SimpleNamespace(max_length=100), Reader())
    (row,) = material.train + material.held_out
    assert row["prompt"][0]["content"] == "Hi < end>" and row["chosen"] == "Yes.< end>"
    assert material.dropped == {"unreadable": 1} and material.preferences == []


# ---- out ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_the_way_round_changes_no_byte(chosen, both, another, tmp_path, name, masked):
    first, done = taken(both, tmp_path, name, masked=masked)
    brought = another.bring("local", io.BytesIO(first))
    assert (brought.added, brought.duplicates, brought.rejected) == (done.rows, 0, []) and done.rows > 3
    second, _ = taken(another, tmp_path, name, masked=masked)
    assert second == first


def test_what_was_exported_here_is_known_when_it_comes_back(chosen, both, tmp_path):
    both.remove("local")
    for name in FORMATS:
        held, done = taken(both, tmp_path, name, masked=False)
        again = both.bring("local", io.BytesIO(held))
        assert (again.added, again.duplicates) == (0, done.rows), name
    held, done = taken(both, tmp_path, "trl")
    assert both.bring("local", io.BytesIO(held)).added == 0, "masked, it is known by its receipt"


def own_letters(engine):
    """Two letters that teach, one of them with a posting, and one in quarantine."""
    body = LETTER.replace("Dear Fernhill team", "Dear Ms. Lind").replace("Thank you", f"Write to {MAIL}, says Sam. Thank you")
    own = Examples(engine)
    own.add("local", [Given(body, "cover_letter", POSTING, RESUME), Given(ANSWER, "answer", "How is bread kept?"),
                      Given("Too short.", "cover_letter")])  # fmt: skip
    own.keep("local", [row["id"] for row in own.listing("local", "quarantined") if row["words"] > 2])  # contact data sets aside
    return body


def test_own_letters_that_teach_leave_as_examples_with_the_prompt_of_writing(both, engine, tmp_path):
    body = own_letters(engine)
    held, done = taken(both, tmp_path, "openai-sft", masked=False)
    found = {row["messages"][-1]["content"]: row["messages"][:-1] for row in map(json.loads, held.splitlines())}
    assert done.rows == 2 and set(found) == {body, ANSWER}, "what is in quarantine stays here"
    assert "title: Head Baker" in found[body][-1]["content"] and "name:\nSam Ode" in found[body][-1]["content"]
    assert "question: How is bread kept?" in found[ANSWER][-1]["content"]
    assert both.check("local", "openai-sft")["rows"] == 2 and taken(both, tmp_path, "trl")[1].rows == 0
    assert taken(both, tmp_path, "openai-sft", owner="visitor_1")[1].rows == 0
    again = both.bring("local", io.BytesIO(held))
    assert (again.added, again.duplicates) == (0, 2), "they are known when they come back"


def test_own_letters_leave_masked_also_without_a_resume_that_names_their_writer(both, engine, tmp_path):
    own_letters(engine)
    with write(engine) as opened:
        for one in opened.exec(select(Document).where(Document.kind == "resume")):
            one.owner_id = "visitor_1"  # of the owner's own résumés none names the writer
            opened.add(one)
    held = taken(both, tmp_path, "openai-sft")[0].decode()
    assert MAIL not in held and "Lind" not in held and "Sam" not in held and "[EMAIL]" in held and "Fernhill" in held


def test_pages_of_own_letters_come_one_after_the_other_and_an_edited_letter_only_once(both, engine, tmp_path, monkeypatch):
    own_letters(engine)
    with write(engine) as opened:
        choice(opened, edited=LETTER, edited_from="left")
    own = Examples(engine)
    own.add("local", own.offers("local"))
    own.keep("local", [row["id"] for row in own.listing("local") if row["source"] == "edited"])
    monkeypatch.setattr(transfer, "PAGE", 2)
    held, done = taken(both, tmp_path, "openai-sft", masked=False)
    answers = [json.loads(row)["messages"][-1]["content"] for row in held.splitlines()]
    assert done.rows == len(set(answers)) == 3
    assert done.left_out == {"the same again": 2}, "the edit is better than either letter, and an example"


def test_every_own_pair_says_where_it_is_from(chosen, both, engine, tmp_path):
    held, done = taken(both, tmp_path, "trl", masked=False)
    first, edited, *_ = (json.loads(line) for line in held.decode().splitlines())
    with session(engine) as opened:
        stored = opened.exec(select(Preference).order_by(Preference.created_at)).first()
    told = first["provenance"]
    assert told["id"] == stored.id and told["at"] == stored.created_at.isoformat() and told["labeler"] == "local"
    assert (told["verdict"], told["side"], told["base"]) == ("left", "left", "bundled")
    assert told["split_key"] == letters.split_key("Fernhill Bakery")
    assert first["prompt"][0]["role"] == "system" and first["chosen"][0]["content"].endswith(MAIL)
    assert told["chosen_by"]["model"] == "base" and told["chosen_by"]["seed"] == 1 and json.loads(told["chosen_by"]["sampling"])
    assert told["rejected_by"]["adapter_sha256"] == "a" * 64 and told["template_hash"] and told["prompt_hash"]
    assert edited["provenance"]["edited"] and edited["provenance"]["chosen_by"]["model"] == "person"
    assert done.left_out == {"both answers are the same": 1}


def test_ties_and_neither_are_thumbs_in_kto_and_nowhere_else(chosen, both, tmp_path):
    held, _ = taken(both, tmp_path, "kto")
    thumbs = {row["completion"][0]["content"]: row["label"] for row in map(json.loads, held.decode().splitlines())}
    assert thumbs["One way."] is thumbs["Other way."] is True and thumbs["Bad."] is thumbs["Worse."] is False
    assert thumbs["Rye 0."] is True and thumbs["Wheat 0."] is thumbs["Rye."] is False
    for name in set(FORMATS) - {"kto"}:
        assert "Worse." not in taken(both, tmp_path, name)[0].decode()


@pytest.mark.parametrize("name", FORMATS)
def test_personal_data_is_masked_unless_asked_for(chosen, both, tmp_path, name):
    plain, masked = (taken(both, tmp_path, name, masked=m)[0].decode() for m in (False, True))
    assert "Sam Ode" in plain and MAIL in plain and "[NAME]" not in plain
    assert not any(personal in masked for personal in ("Sam Ode", "Ode", MAIL, PHONE, '"local"'))
    assert "[NAME]" in masked and "[EMAIL]" in masked


def test_a_masked_letter_does_not_train_by_itself(chosen, both, another, tmp_path):
    another.bring("local", io.BytesIO(taken(both, tmp_path, "trl")[0]))
    assert another.counts("local")["used"] == 0
    another.remove("local")
    another.bring("local", io.BytesIO(taken(both, tmp_path, "trl", masked=False)[0]))
    assert another.counts("local")["used"] == 3, "those of a posting do"


def test_a_spreadsheet_computes_no_cell(chosen, both, tmp_path):
    import csv

    cells = [cell for row in csv.reader(io.StringIO(taken(both, tmp_path, "csv")[0].decode(), newline="")) for cell in row]
    assert "'=A" in cells and not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_an_export_that_fails_leaves_the_old_file_and_no_other(chosen, both, tmp_path, monkeypatch):
    out = tmp_path / "mine.jsonl"
    out.write_text("old")
    monkeypatch.setattr(transfer.os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UserError, match="no space left"):
        both.take("local", "trl", out)
    assert out.read_text() == "old" and [path.name for path in tmp_path.glob("*mine*")] == ["mine.jsonl"]
    with pytest.raises(UserError, match="no format"):
        both.take("local", "parquet", out)


def test_undone_choices_and_repeats_stay_here(both, engine, tmp_path):
    with write(engine) as opened:
        undone, kept = choice(opened, company="One"), choice(opened, company="Two")
        preferences.undo(opened, "local", undone.id)
        again = pair(opened, company="Two", left="Dear A, I cook.", right="Dear A, I bake.")
        opened.get_one(letters.Comparison, again).repeat_of = kept.comparison_id
        preferences.record(opened, "local", again, "left")
    held, done = taken(both, tmp_path, "trl")
    assert done.rows == 1 and json.loads(held)["provenance"]["id"] == kept.id


def test_where_a_disagreement_was_settled_only_the_settlement_leaves(both, engine, tmp_path):
    with write(engine) as opened:
        mine = choice(opened, company="One")
        preferences.record(opened, "local", mine.comparison_id, "right", labeler="anna")
        settled = preferences.record(opened, "local", mine.comparison_id, "right", labeler=preferences.SETTLED).receipt
    held, done = taken(both, tmp_path, "trl")
    assert done.rows == 1 and json.loads(held)["provenance"]["id"] == settled


def test_pages_come_one_after_the_other_and_none_twice(chosen, both, tmp_path, monkeypatch):
    whole, _ = taken(both, tmp_path, "trl")
    monkeypatch.setattr(transfer, "PAGE", 1)
    assert taken(both, tmp_path, "trl")[0] == whole


def test_an_owner_brings_takes_and_deletes_his_own_only(chosen, both, tmp_path):
    assert taken(both, tmp_path, "trl", owner="visitor_1")[0] == b""
    assert taken(both, tmp_path, "llamafactory-alpaca", owner="visitor_1")[0] == b"[]\n"
    assert both.bring("visitor_1", lines(*some())).added == 3, "the same pairs of another owner are no duplicates"
    before = both.counts("local")
    assert both.choose("visitor_1", True) == 3 and both.remove("visitor_1") == 3 and both.remove("visitor_1") == 0
    assert both.counts("local") == before


def test_counting_reads_no_text_of_what_was_imported(both, engine):
    """The header is asked every two seconds: with many rows only an index may be read."""
    both.bring("local", lines(*some()), use=True)
    with session(engine) as opened:
        query = "SELECT count(*) FROM imported WHERE owner_id = 'local' AND kind = 'pair' AND used_at IS NOT NULL AND base_id IN ('', 'b')"
        (step,) = opened.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
        assert "COVERING INDEX ix_imported_used" in step[3]
        assert imported.new_count(opened, "local", "b") == 3


def test_the_header_reads_the_letters_again_only_after_a_change(engine, monkeypatch):
    read = []
    real = preferences.pairs
    monkeypatch.setattr(preferences, "pairs", lambda *given, **more: read.append(1) or real(*given, **more))

    def count():
        with session(engine) as opened:
            return preferences.new_count(opened, "local", "bundled"), len(read)

    with write(engine) as opened:
        choice(opened)
    assert [count(), count(), count()] == [(1, 1)] * 3
    with write(engine) as opened:
        again = choice(opened, company="Oak")
    assert [count(), count()] == [(2, 2)] * 2
    with write(engine) as opened:
        preferences.undo(opened, "local", again.id)
        opened.add(TrainingRun(owner_id="local", recipe="r", method="dpo", scope="all", state="running", base_id="b", base_hash="h"))
    assert [count(), count()] == [(1, 3)] * 2
    with session(engine) as opened:
        assert preferences.new_count(opened, "visitor_1", "bundled") == 0 and preferences.new_count(opened, "local", "other") == 0


def test_memory_does_not_hold_the_digests():
    seen = transfer._Seen()
    assert [seen.add(digest * 64) for digest in "aba"] == [True, True, False]
    seen.close()
    with pytest.raises(sqlite3.ProgrammingError):
        seen.add("a" * 64)
