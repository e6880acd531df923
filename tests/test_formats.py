"""Rows in every format, and the files that hold them: what goes in comes out, what cannot is named by its line and reason."""

import gzip
import io
import json

import pytest

from ftapp import format_readers, formats, rowfiles
from ftapp.errors import UserError
from ftapp.formats import BadRow, Row

ASK = [{"role": "user", "content": "Which bread?"}]
TALK = [{"role": "system", "content": "Be brief."}, *ASK, {"role": "assistant", "content": "Rye."}, {"role": "user", "content": "Why?"}]


def said(text):
    return [{"role": "assistant", "content": text}]


def gpt(text):
    return {"from": "gpt", "value": text}


def parts(text, role="assistant"):
    return {"role": role, "content": [{"type": "text", "value": text}], "loss_weight": 1.0}


HUMAN = [{"from": "human", "value": "Which bread?"}]
WANTED = Row("pair", ASK, "Sourdough.", "None.")
PAIRS = {
    "trl": {"prompt": ASK, "chosen": said("Sourdough."), "rejected": said("None.")},
    "trl, texts": {"prompt": "Which bread?", "chosen": "Sourdough.", "rejected": "None."},
    "trl, answers as texts": {"prompt": ASK, "chosen": "Sourdough.", "rejected": "None."},
    "trl, prompt twice": {"prompt": "Which bread?", "chosen": ASK + said("Sourdough."), "rejected": ASK + said("None.")},
    "trl-implicit": {"chosen": ASK + said("Sourdough."), "rejected": ASK + said("None.")},
    "openai-dpo": {"input": {"messages": ASK}, "preferred_output": said("Sourdough."), "non_preferred_output": said("None.")},
    "openai-dpo, Azure": {"input": {"messages": ASK}, "preferred_completion": said("Sourdough."),
                          "non_preferred_completion": said("None.")},
    "ultrafeedback": {"prompt": "Which bread?", "prompt_id": "7", "chosen": ASK + said("Sourdough."), "rejected": ASK + said("None."),
                      "score_chosen": 8.0, "score_rejected": 2.5},
    "llamafactory-alpaca": {"instruction": "Which bread?", "input": "", "chosen": "Sourdough.", "rejected": "None."},
    "llamafactory-alpaca, list": {"instruction": "Which bread?", "output": ["Sourdough.", "None."]},
    "llamafactory-sharegpt": {"conversations": HUMAN, "chosen": gpt("Sourdough."), "rejected": gpt("None.")},
    "llamafactory-v1": {"chosen_messages": [parts("Which bread?", "user"), parts("Sourdough.")],
                        "rejected_messages": [parts("Which bread?", "user"), parts("None.")]},
    "anthropic-hh": {"chosen": "\n\nHuman: Which bread?\n\nAssistant: Sourdough.",
                     "rejected": "\n\nHuman: Which bread?\n\nAssistant: None."},
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_is_recognised_by_its_content(name):
    found, row = format_readers.read(PAIRS[name])
    assert found == name.partition(",")[0] and row.digest == WANTED.digest and row.kind == "pair"


ONES = {
    "kto": ({"prompt": ASK, "completion": said("Rye."), "label": False}, "label"),
    "llamafactory-kto": ({"messages": ASK + said("Rye."), "label": False}, "label"),
    "llamafactory-kto, alpaca": ({"instruction": "Which bread?", "output": "Rye.", "kto_tag": False}, "label"),
    "openai-sft": ({"messages": ASK + said("Rye.")}, "example"),
    "trl-completion": ({"prompt": "Which bread?", "completion": "Rye."}, "example"),
    "llamafactory-sharegpt": ({"conversations": [*HUMAN, gpt("Rye.")]}, "example"),
}


@pytest.mark.parametrize("name", ONES)
def test_single_answers_are_labels_or_examples(name):
    raw, kind = ONES[name]
    found, row = format_readers.read(raw)
    assert (found, row.kind, row.prompt, row.chosen, row.rejected) == (name.partition(",")[0], kind, ASK, "Rye.", None)
    assert row.label is (False if kind == "label" else None)


def test_texts_with_a_common_beginning_are_cut_as_trl_cuts_them():
    raw = {"chosen": "The bread is rye.", "rejected": "The bread is wheat."}
    _, row = format_readers.read(raw)
    assert (row.prompt[0]["content"], row.chosen, row.rejected) == ("The bread is", " rye.", " wheat.")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({"text": "hello"}, "no format"), ({}, "no format"),
        ({"prompt": "a", "chosen": "", "rejected": "b"}, "empty"), ({"prompt": "a", "chosen": "b", "rejected": " b"}, "the same"),
        ({"prompt": "", "chosen": "xa", "rejected": "ya"}, "no prompt"),
        ({"prompt": 5, "chosen": "a", "rejected": "b"}, "neither text nor"),
        ({"prompt": "a", "chosen": "b", "rejected": 7}, "both be"), ({"prompt": "a", "chosen": None, "rejected": None}, "both be"),
        ({"prompt": [{"role": "tool", "content": "a"}], "chosen": "b", "rejected": "c"}, "another role"),
        ({"prompt": [{"role": "user", "content": [{"type": "image"}]}], "chosen": "b", "rejected": "c"}, "other than text"),
        ({"prompt": ["a"], "chosen": "b", "rejected": "c"}, "not an object"),
        ({"prompt": "a", "completion": "b", "label": "maybe"}, "label"),
        ({"chosen": ASK + said("a") + ASK + said("b"), "rejected": ASK + said("c") + ASK + said("d")}, "part before"),
        ({"messages": ASK}, "does not end"), ({"input": {"messages": ASK}, "preferred_output": 3}, "missing|neither|both"),
        ({"conversations": 7, "chosen": gpt("a"), "rejected": gpt("b")}, "neither text nor"),
        ({"instruction": ["a"], "chosen": "b", "rejected": "c"}, "texts"), ({"prompt": "a\0", "chosen": "b", "rejected": "c"}, "NUL"),
        ({"instruction": "a", "history": [["x"]], "chosen": "b", "rejected": "c"}, "history"),
    ],
)  # fmt: skip
def test_a_bad_row_is_a_reason_without_its_text(raw, why):
    with pytest.raises(BadRow, match=why):
        format_readers.read(raw)


def test_half_a_character_is_refused():
    _, row = format_readers.read({"prompt": "a", "chosen": "\ud800", "rejected": "b"})
    with pytest.raises(BadRow, match="surrogate"):
        _ = row.digest


# ---- writing --------------------------------------------------------------------------------------------------

FULL = Row("pair", TALK, "Because = good.", "=1+1", None, {
    "id": "prf_1", "kind": "answer", "seconds": 2.5, "chosen_by": formats.WRITER | {"model": "person"},
    "more": {"source": "Müller", "score_chosen": 9.0, "nested": [1, {"a": None}]}})  # fmt: skip


@pytest.mark.parametrize("name", formats.WRITERS)
def test_what_is_written_is_read_and_written_the_same(name):
    _, kind, _, writer = formats.WRITERS[name]
    for row in formats.as_kind(FULL, kind):
        once = json.dumps(writer(row), ensure_ascii=False)
        found, read = format_readers.read(json.loads(once))
        assert read.digest == row.digest and json.dumps(writer(read), ensure_ascii=False) == once
        assert found == name or name == "csv"
        if "provenance" in writer(row):
            assert read.provenance["id"] == "prf_1" and read.provenance["more"]["nested"] == [1, {"a": None}]


def test_a_pair_is_a_thumb_up_and_a_thumb_down_and_one_example():
    up, down = formats.as_kind(FULL, "label")
    assert (up.chosen, up.label, down.chosen, down.label) == (FULL.chosen, True, FULL.rejected, False)
    assert up.provenance["written_by"]["model"] == "person" and "written_by" not in down.provenance
    assert [row.chosen for row in formats.as_kind(FULL, "example")] == [FULL.chosen]
    assert formats.as_kind(up, "pair") == [] and formats.as_kind(up, "example") == []


def test_every_row_of_a_format_has_the_same_columns_of_the_same_types():
    """Readers infer the types from the first rows: a null there would refuse a text later."""

    def shape(value):
        return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value)

    for row in (Row("pair", ASK, "a", "b"), FULL):
        assert shape(formats.provenance(row)) == shape(formats.BLANK)
        assert all(value is not None for value in formats.provenance(row).values())


def test_openais_rows_have_no_column_that_it_does_not_name():
    row = formats.WRITERS["openai-dpo"][3](FULL)
    assert set(row) == {"input", "preferred_output", "non_preferred_output"}
    assert set(row["input"]) == {"messages", "tools", "parallel_tool_calls"}
    assert set(formats.WRITERS["openai-sft"][3](FULL)) == {"messages"}


def test_alpaca_has_no_place_for_two_questions_in_a_row():
    assert formats.WRITERS["llamafactory-alpaca"][3](Row("pair", [*ASK, *ASK], "a", "b")) is None


@pytest.mark.parametrize("broken", [{"id": 5}, {"seconds": "2"}, {"more": "{"}, {"chosen_by": {}}, {"extra": 1}])
def test_a_provenance_of_another_shape_is_kept_as_a_strangers_column(broken):
    told = formats.provenance(FULL) | broken
    _, row = format_readers.read({"prompt": "a", "chosen": "b", "rejected": "c", "provenance": told})
    assert row.provenance == {"more": {"provenance": told}}


# ---- files ----------------------------------------------------------------------------------------------------


def rows(data):
    return list(rowfiles.read(io.BytesIO(data)))


GOOD = {"prompt": "Straße?", "chosen": "a", "rejected": "b"}
LINE = json.dumps(GOOD, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "data",
    [LINE, b"\n\n" + LINE + b"\r\n", b"\xef\xbb\xbf" + LINE, LINE.decode().encode("utf-16"), b"[" + LINE + b"]",
     gzip.compress(LINE, mtime=0), json.dumps([GOOD], indent=2).encode(), json.dumps(GOOD, indent=2).encode(),
     "prompt;chosen;rejected\nStraße?;a;b\n".encode(),
     'Prompt,CHOSEN,"rejected"\r\n"Straße?",a,b'.encode()],
)  # fmt: skip
def test_one_row_in_every_kind_of_file(data):
    assert [row for _, row in rows(data)] == [GOOD]


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "empty"), (b" \n\n", "empty"), (b"\xef\xbb\xbf", "empty"),
     (b"%PDF-1.7 x", "a PDF"), (b"PK\x03\x04", "ZIP"), (b"PAR1", "Parquet"),
     (b"\x00\x01\x02", "no text"), (b"Dear team,\nI bake.", "holds no rows"), (b"a,b\n1,2", "holds no rows"),
     (b"chosen,a\rb\n1,2", "holds no rows"), (b"\x1f\x8bxx", "damaged")],
)  # fmt: skip
def test_a_file_without_rows_is_a_sentence(data, why):
    with pytest.raises(UserError, match=why):
        rows(data)


def test_bad_lines_have_their_number_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(rowfiles, "MOST_ROW", 300)
    bad = [b"{", b'{"a": ', b"7", b'"text"', b'{"a": NaN}', b'{"a": "\xff\xfe"}', b'{"a": "' + b"x" * 900 + b'"}', b"[" * 200 + b"]",
           b'{"n": 1' + b"0" * 280 + b"}", b"nonsense, really"]  # fmt: skip
    found = rows(LINE + b"\n" + b"\n".join(bad) + b"\n" + LINE)
    assert [line for line, row in found if row == GOOD] == [1, len(bad) + 2]
    told = {line: why for line, why in found if isinstance(why, str)}
    assert "cut off" in told[2] and "cut off" in told[3] and "not a JSON object" in told[4] and "not a JSON object" in told[5]
    assert "number" in told[6] and told[7] == rowfiles.NOT_TEXT and "longer than" in told[8] and told[11].startswith("not JSON")


def test_deep_nesting_is_a_reason_not_a_crash():
    ((line, why),) = rows(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert line == 1 and isinstance(why, str)


def test_an_array_goes_on_after_a_broken_element_and_keeps_what_came_before_a_cut():
    text = b"[\n " + LINE + b",\n {broken},\n " + LINE + b",\n 5,\n " + LINE[:-9]
    found = rows(text)
    assert [row for _, row in found if isinstance(row, dict)] == [GOOD, GOOD]
    assert [(line, why[:10]) for line, why in found if isinstance(why, str)] == [(3, "not JSON, "), (5, "not a JSON"), (6, "not JSON, ")]


def test_an_array_larger_than_a_chunk_is_read_whole(monkeypatch):
    monkeypatch.setattr(rowfiles, "_CHUNK", 7)
    for text in (json.dumps([GOOD] * 5, indent=3), json.dumps([GOOD] * 5)):
        assert [row for _, row in rows(text.encode())] == [GOOD] * 5


def test_a_gzipped_file_that_breaks_off_keeps_its_beginning():
    import random

    lines = b"\n".join(json.dumps(GOOD | {"n": random.Random(i).random()}).encode() for i in range(4000))
    found = rows(gzip.compress(lines)[:-2000])
    assert isinstance(found[-1][1], str) and "breaks off" in found[-1][1] and isinstance(found[0][1], dict) and len(found) > 100


def test_bad_rows_of_a_table():
    found = rows(b'prompt,chosen,rejected\na,b\n"a\nb",c,d\n\na,\xff,c\n1,2,3\n"never closed,a,b\n')
    assert [(line, type(row)) for line, row in found] == [(2, str), (3, dict), (6, str), (7, dict), (8, str)]
    assert found[1][1]["prompt"] == "a\nb"


DANGEROUS = ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "\n=1", " =1", "'=1", "''@a", "＝1", "'\t"]


@pytest.mark.parametrize("cell", [*DANGEROUS, "a=1", "", "'quoted'", "x"])
def test_a_cell_is_harmless_and_comes_back(cell):
    safe = rowfiles.harmless(cell)
    assert rowfiles.restored(safe) == cell and safe[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert safe == (f"'{cell}" if cell in DANGEROUS else cell)
