"""Files of letters: what is read, what is refused with which sentence, and what comes out is what the scores say."""

from __future__ import annotations

import csv
import json

import pytest

from ftapp import cli, metrics, score_files
from ftapp.errors import UserError

JOB = "Data Analyst\nHarbour & Vale Ltd, Bristol\n\nRequirements:\n- SQL and Python\n- Clear reports for people who do not read code\n"
ROWS = [
    {"id": 1, "wrote": "the weekly sales report has ended", "right": "the report quickly ended", "job": JOB},
    {"id": 2, "wrote": "I know SQL, and I know “Python”;\nyes", "right": "I know SQL, and I know “Python”;\nyes", "job": JOB},
    {"id": 3, "wrote": "", "right": "a b", "job": "Cook"},
]


@pytest.fixture
def jsonl(tmp_path):
    path = tmp_path / "letters.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(params=[",", ";", "\t"])
def table(tmp_path, request):
    path = tmp_path / "letters.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        to = csv.DictWriter(file, list(ROWS[0]), delimiter=request.param)
        to.writeheader()
        to.writerows(ROWS)
    return path


def test_requirements_met_in_other_words_count_by_meaning(jsonl):
    def similar(texts, lines):
        return [[0.9] * len(lines) for _ in texts]

    table = score_files.read(jsonl)
    by_words, by_meaning = (score_files.score(table, "wrote", "right", job="job", similar=one).summary for one in (None, similar))
    assert by_meaning["response_relevance"]["mean"] > by_words["response_relevance"]["mean"]
    assert by_meaning["rouge_l_f1"] == by_words["rouge_l_f1"]


def test_csv_and_jsonl_give_the_same_numbers(jsonl, table):
    one, two = (score_files.score(score_files.read(path), "wrote", "right") for path in (jsonl, table))
    assert one.summary == two.summary
    assert one.summary["rows"] == 3
    assert one.summary["rouge_l_f1"] == metrics.summary([metrics.rouge_l_f1(r["wrote"], r["right"]) for r in ROWS])
    assert one.summary["rouge_l_f1"]["mean"] == pytest.approx((0.6 + 1 + 0) / 3)
    assert one.summary["repetition_ratio"] == metrics.summary([metrics.repetition(r["wrote"]) for r in ROWS])


def test_out_holds_every_old_column_and_a_column_a_score(jsonl, table, tmp_path):
    for path in (jsonl, table):
        scored = score_files.score(score_files.read(path), "wrote", "right", job="job")
        for name in ("out.jsonl", "out.csv"):
            score_files.write(scored.table, tmp_path / name)
            again = score_files.read(tmp_path / name)
            assert again.columns == (*ROWS[0], *scored.columns.values())
            assert [row["wrote"] for row in again.rows] == [row["wrote"] for row in ROWS]
            assert float(again.rows[0]["rouge_l_f1"]) == pytest.approx(0.6)
        assert {"response_relevance", "email_structure_quality", "specificity", "words", "characters"} <= set(scored.columns)
    assert not list(tmp_path.glob(".*"))


def test_a_score_without_a_value_is_empty_and_no_part_of_the_mean(jsonl, tmp_path):
    scored = score_files.score(score_files.read(jsonl), "wrote", "right", job="job")
    values = [row["specificity"] for row in scored.table.rows]
    assert values[2] is None and values[0] == 0.0 and values[1] > 0
    known = [value for value in values if value is not None]
    assert scored.summary["specificity"]["mean"] == pytest.approx(sum(known) / len(known))
    score_files.write(scored.table, tmp_path / "out.csv")
    assert score_files.read(tmp_path / "out.csv").rows[2]["specificity"] == ""


def test_a_second_prediction_gets_columns_of_its_own(jsonl):
    first = score_files.score(score_files.read(jsonl), "wrote", "right").table
    second = score_files.score(first, "right", "wrote")
    assert second.columns["rouge_l_f1"] == "right_rouge_l_f1"
    assert second.table.rows[0]["rouge_l_f1"] == first.rows[0]["rouge_l_f1"]
    with pytest.raises(UserError, match="already"):
        score_files.score(second.table, "right", "wrote")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"wrote": "x", "right": "y"}\n{"wrote": "secret', "Line 2 of a.jsonl is not JSON"),
        ("a.jsonl", '{"wrote": "x", "right": "y"}\n["secret"]', "Line 2 of a.jsonl is not a JSON object"),
        ("a.jsonl", '{"wrote": "x", "right": "y"}\n{"wrote": "secret"}', "Line 2 of the file has no text in the column 'right'"),
        ("a.jsonl", '{"wrote": 5, "right": "secret"}', "Line 1 of the file has no text in the column 'wrote'"),
        ("a.jsonl", '{"written": "secret", "right": "y"}', "There is no column 'wrote'"),
        ("a.json", '[{"wrote": "secret", "right": "y"}]', "one JSON list"),
        ("a.csv", "wrote,right\nx,y\nsecret", "Line 3 of a.csv has 1 fields, and the first line names 2"),
        ("a.csv", 'wrote,right\n"x,secret', "a.csv is not CSV"),
        ("a.csv", "wrote,wrote\nx,secret", "names a column twice"),
        ("a.csv", "wrote,right\n", "holds no rows"),
        ("a.csv", "", "holds no rows"),
        ("a.csv", "wrote,right\nx," + "secret " * 6000, "more than 5,000 words"),
        ("a.jsonl", "{" * 100_000, "Line 1 of a.jsonl is not JSON"),
    ],
)
def test_what_cannot_be_scored_is_said_in_a_sentence_that_quotes_nothing(tmp_path, name, content, words):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        score_files.score(score_files.read(tmp_path / name), "wrote", "right")
    assert words in str(refused.value) and "secret" not in str(refused.value) and "nothing was scored" in str(refused.value)


def test_other_encodings_and_missing_files_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("wrote,right\né,y\n".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        score_files.read(tmp_path / "a.csv")
    with pytest.raises(UserError, match="could not be read"):
        score_files.read(tmp_path / "none.csv")
    with pytest.raises(UserError, match="could not be read"):
        score_files.read(tmp_path)


def test_half_a_surrogate_pair_survives(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"wrote": "a \\ud83d b", "right": "a b"}\n', encoding="utf-8")
    scored = score_files.score(score_files.read(tmp_path / "a.jsonl"), "wrote", "right")
    score_files.write(scored.table, tmp_path / "b.jsonl")
    assert score_files.read(tmp_path / "b.jsonl").rows[0]["wrote"] == "a \ud83d b"


def test_a_place_that_cannot_be_written_leaves_nothing(jsonl, tmp_path):
    with pytest.raises(UserError, match="could not be written"):
        score_files.write(score_files.read(jsonl), tmp_path / "none" / "out.csv")


def test_the_command_prints_a_table_and_one_json_line(jsonl, tmp_path, capsys):
    code = cli.main(["score", str(jsonl), "--prediction", "wrote", "--reference", "right", "--out", str(tmp_path / "out.csv"), "--json"])
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])
    assert code == 0 and told["rows"] == 3 and set(told["rouge_l_f1"]) == {"mean", "std", "median"}
    assert any("BERTScore" in note for note in told["notes"]) or "bert_score_f1" in told
    assert lines[1].startswith("rouge_l_f1") and (tmp_path / "out.csv").is_file()


def test_a_wrong_column_ends_the_command_with_2(jsonl, capsys):
    assert cli.main(["score", str(jsonl), "--prediction", "nix", "--reference", "right"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "'nix'" in said.err


@pytest.mark.slow
def test_bertscore_is_its_formula():
    """Against the formula of the paper, written out with loops, on a small random model of the same kind."""
    import torch
    from transformers import RobertaConfig, RobertaModel

    from ftapp import bertscore

    torch.manual_seed(0)
    config = RobertaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16)
    model = RobertaModel(config).eval()

    def tokenizer(text, **_):
        return {"input_ids": torch.tensor([[0, *(5 + ord(c) % 40 for c in text), 2]])}

    def vectors(text):
        return bertscore._vectors(text, tokenizer, model, layer=2)

    p, r = vectors("a small letter"), vectors("another one")
    hidden = model(**tokenizer("a small letter"), output_hidden_states=True).hidden_states[2][0]
    assert torch.allclose(p, hidden / hidden.norm(dim=-1, keepdim=True), atol=1e-6)
    found = [max(float(a @ b) for b in r) for a in p[1:-1]]
    precision = sum(found) / len(found)
    found = [max(float(a @ b) for a in p) for b in r[1:-1]]
    recall = sum(found) / len(found)
    assert bertscore._pair(p, r) == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-5)
    assert bertscore._pair(p, p) == pytest.approx(1.0, abs=1e-5)
    assert bertscore._pair(vectors(""), p) == 0.0
