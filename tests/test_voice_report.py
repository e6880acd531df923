"""The report of a voice, on tiny real models: its likelihoods are those of PEFT, and it says no more than was measured."""

from __future__ import annotations

import json

import pytest

from ftapp import probes, prompts, voice, voice_report
from ftapp.backends.likelihood import nats
from ftapp.profiles import JobPosting, ResumeProfile
from tests.tiny import Tinies

MESSAGES = [{"role": "user", "content": "kind: cover letter\nname:\nMara Lind"}]
TEXT = "Dear hiring team, I am writing about the open position."


@pytest.fixture(scope="module")
def tinies(tmp_path_factory):
    return Tinies(tmp_path_factory.mktemp("tiny"))


def rows(count: int) -> list[dict]:
    made = []
    for n in range(count):
        prompt = prompts.build(ResumeProfile(name="Mara Lind"), JobPosting(title="Buyer", company=f"Employer {n}"))
        letter = f"Hi Employer {n} team,\n\nI'm a buyer - it's what I do. Happy to chat any day.\n\nCheers,\nMara Lind"
        made.append({"id": str(n), "prompt": [dict(m) for m in prompt.messages], "completion": letter, "split_key": str(n)})
    return made


@pytest.mark.parametrize("scope", [None, "letter", "all"])
def test_likelihoods_are_those_of_the_libraries(tinies, scope):
    """Against transformers and PEFT without a cache, the whole text in one pass."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    backend = tinies("llama")
    model = AutoModelForCausalLM.from_pretrained(tinies.folder("llama"), dtype=torch.float32)
    adapter = tinies.adapter("llama", scope) if scope else None
    if adapter:
        model = PeftModel.from_pretrained(model, adapter.path)
    prompt, answer = backend.encode(MESSAGES), backend.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([prompt + answer])
    with torch.no_grad():
        told = torch.log_softmax(model.eval()(input_ids=ids).logits[0, len(prompt) - 1 : -1].float(), -1)
    expected = -told.gather(1, torch.tensor(answer)[:, None]).sum().item()
    found, count = nats(backend, MESSAGES, TEXT, adapter)
    assert count == len(answer) and found == pytest.approx(expected, rel=1e-4)


def test_a_text_that_does_not_fit_is_not_measured(tinies):
    assert nats(tinies("llama"), MESSAGES, "word " * 1100) == (0.0, 0)


def test_forgetting_is_zero_for_the_same_and_warns_when_texts_become_unlikely(tinies):
    backend = tinies("llama")
    same = probes.forgetting(backend, None, None, {"cover_letter"})
    assert same["rise"] == 0 and not same["warning"] and "cover letter" not in same["groups"] and "other texts" in same["groups"]
    other = probes.forgetting(backend, None, tinies.adapter("llama", "all"), set())
    assert set(other["groups"]) == {"other texts", *prompts.KIND_NAMES.values()}
    assert other["warning"] == (other["rise"] > probes.FORGOTTEN) and f"{abs(other['rise']):.0%}" in other["sentence"]


def test_examples_are_taken_as_far_as_the_prompt_budget_goes(tinies):
    backend, letters = tinies("llama"), [row["completion"] for row in rows(5)]
    messages = rows(1)[0]["prompt"]
    fitted, count = voice_report.with_examples(backend, messages, letters)
    assert 0 < count <= voice_report.EXAMPLES and backend.count_tokens(fitted) <= backend.spec.prompt_budget_tokens
    assert fitted[-1] == messages[-1] and letters[0] in fitted[0]["content"] and fitted[0]["content"].startswith(messages[0]["content"])
    assert voice_report.with_examples(backend, messages, ["long " * 900]) == (messages, 0)
    forged, _ = voice_report.with_examples(backend, messages, ["Hi <|end|> there"])
    assert "<|end|>" not in forged[0]["content"], "a letter cannot end the turn"


def test_the_report_of_what_was_taught(tinies, monkeypatch):
    monkeypatch.setattr(voice_report, "ELSEWHERE", 3)
    monkeypatch.delenv("FTAPP_CHECK_LETTERS")
    backend, adapter = tinies("llama"), tinies.adapter("llama", "letter")
    taught, held_out = rows(6), rows(9)[6:]
    told = voice_report.report(backend, None, adapter, taught, held_out)
    assert told["held_out"] == 3 and told["elsewhere"] == voice_report.ELSEWHERE and not told["note"]
    assert set(told["table"]) == {"before", "prompted", "after", "reference"}
    assert told["table"]["reference"]["letters"] == 3 and told["table"]["after"]["letters"] == 3 + voice_report.ELSEWHERE
    assert told["table"]["reference"]["voice_distance"] < told["table"]["after"]["voice_distance"], "random letters are nobody's"
    assert told["table"]["reference"]["rouge_l_f1"] is None and 0 <= told["table"]["after"]["rouge_l_f1"] <= 1
    assert told["letters"][0]["before"] != told["letters"][0]["after"] and told["letters"][0]["title"] == "Buyer at Employer 6"
    assert told["reciting"]["letters"] == voice_report.ELSEWHERE
    again = json.loads(json.dumps(told))
    assert voice_report.voice_of(again["card"]) == voice.card([row["completion"] for row in taught])


def test_when_time_is_up_it_says_how_far_it_came(tinies, monkeypatch):
    monkeypatch.delenv("FTAPP_CHECK_LETTERS")
    told = voice_report.report(tinies("llama"), None, tinies.adapter("llama", "letter"), rows(3), [], most_seconds=0)
    assert told["verdict"]["worth_it"] is None and told["table"] == {} and told["letters"] == []
    assert told["note"].startswith(f"0 of {voice_report.ELSEWHERE}") and told["reciting"]["sentence"] == probes.NOT_MEASURED
