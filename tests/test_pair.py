"""Two letters from one prompt: the same tokens as two separate runs, PEFT's own numbers, stops, ends, turns."""

import threading
import time
import traceback

import pytest
import torch

from ftapp.backends.decoding import begin, choose, new_cache
from ftapp.backends.pair import Control, Row, Sampling, Stopped, write
from ftapp.errors import ModelError
from tests.tiny import Tinies


@pytest.fixture(scope="module")
def tiny_backend(tmp_path_factory):
    return Tinies(tmp_path_factory.mktemp("tiny"))


MESSAGES = (
    {"role": "system", "content": "You write the letter that a person would send."},
    {"role": "user", "content": "kind: cover letter\ntitle: Data Analyst\ncompany: Northwind\nname:\nMara Lind\nskills: SQL"},
)
GREEDY = Sampling(greedy=True, max_new_tokens=48)


def last(iterator):
    *_, final = iterator
    return final


def peft_logits(folder, adapter, ids):
    """PEFT's own logits for all positions: no cache, no batch, nothing of ours."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, adapter.path) if adapter else model
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).logits[0]


@pytest.mark.parametrize("scope", ["letter", "all"])
@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2"])
def test_every_cached_step_has_pefts_uncached_logits(tiny_backend, name, scope):
    backend, adapter = tiny_backend(name), tiny_backend.adapter(name, scope)
    prompt = backend.encode(MESSAGES)
    letter = backend.tokenizer("Dear hiring team, I have worked as a nurse.", add_special_tokens=False)["input_ids"]
    rows = [None, backend.weights(adapter)]
    cache, logits = begin(backend, prompt, rows)
    ours = [logits]
    for token in letter:
        ours.append(backend.forward(torch.tensor([[token], [token]]), cache, rows))
    ours = torch.stack(ours, dim=1)
    for row, ref in ((0, None), (1, adapter)):
        theirs = peft_logits(tiny_backend.folder(name), ref, prompt + letter)[len(prompt) - 1 :]
        assert (ours[row] - theirs).abs().max() < 5e-6 * theirs.abs().max()  # what float32 rounds
    assert (ours[0] - ours[1]).abs().max() > 0.1  # or equality above would say nothing


def test_a_letter_adapter_leaves_the_prompt_to_the_base(tiny_backend):
    """PEFT itself says so: before the assistant header the logits are the base's, from the header on they are not."""
    backend, adapter = tiny_backend("qwen2"), tiny_backend.adapter("qwen2", "letter")
    prompt = backend.encode(MESSAGES)
    base = peft_logits(tiny_backend.folder("qwen2"), None, prompt)
    acting = peft_logits(tiny_backend.folder("qwen2"), adapter, prompt)
    header = len(prompt) - len(backend.invocation_tokens)
    assert torch.equal(base[:header], acting[:header])
    assert (base[header:] - acting[header:]).abs().amax(dim=1).min() > 0.01


def test_an_adapter_that_nothing_wakes_is_refused(tiny_backend):
    """Without its header in the prompt PEFT runs an aLoRA silently switched off; both letters would be the base's."""
    backend = tiny_backend("llama")
    rows = [None, backend.weights(tiny_backend.adapter("llama", "letter"))]
    with pytest.raises(ModelError, match="does not end with the assistant header"):
        begin(backend, backend.encode(MESSAGES)[:-1], rows)


@pytest.mark.parametrize("scope", ["letter", "all"])
@pytest.mark.parametrize("name", ["llama", "qwen2"])
def test_a_greedy_pair_equals_two_separate_greedy_runs(tiny_backend, name, scope):
    """Token for token in fp32, against transformers' own `generate` on PEFT's own model."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    backend, adapter = tiny_backend(name), tiny_backend.adapter(name, scope)
    final = last(write(backend, MESSAGES, [Row(None, 1), Row(adapter, 2)], GREEDY))
    prompt = torch.tensor([backend.encode(MESSAGES)])
    for row, ref in ((0, None), (1, adapter)):
        model = AutoModelForCausalLM.from_pretrained(tiny_backend.folder(name), dtype=torch.float32)
        # with a cache: without one, PEFT's `generate` keeps an aLoRA's offset from the end while the text grows
        model = PeftModel.from_pretrained(model, ref.path) if ref else model
        out = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=48,
            suppress_tokens=list(backend.forbidden_tokens),
        )  # fmt: skip
        alone = [i for i in out[0, prompt.shape[1] :].tolist() if i not in backend.end_tokens]
        assert list(final.ids[row]) == alone
        assert final.texts[row] == backend.decode(alone)
        assert len(set(alone)) > 15  # a text that repeats one token would be equal too easily
    assert final.ids[0] != final.ids[1]


def test_sides_change_places_and_the_letters_stay(tiny_backend):
    backend, adapter = tiny_backend("llama"), tiny_backend.adapter("llama", "letter")
    one = last(write(backend, MESSAGES, [Row(None, 7), Row(adapter, 8)], Sampling(max_new_tokens=40)))
    two = last(write(backend, MESSAGES, [Row(adapter, 8), Row(None, 7)], Sampling(max_new_tokens=40)))
    alone = last(write(backend, MESSAGES, [Row(adapter, 8)], Sampling(max_new_tokens=40)))
    assert one.texts == two.texts[::-1]
    assert alone.ids[0] == one.ids[1]


def test_a_seed_repeats_a_letter_and_another_seed_does_not(tiny_backend):
    backend = tiny_backend("llama")
    sampling = Sampling(temperature=1.0, max_new_tokens=30)
    first, again, other = (last(write(backend, MESSAGES, [Row(None, seed)], sampling)).texts[0] for seed in (3, 3, 4))
    assert first == again != other


def test_the_prompt_is_read_once_for_a_letter_adapter_and_per_writer_otherwise(tiny_backend, monkeypatch):
    backend = tiny_backend("llama")
    prompt = backend.encode(MESSAGES)
    seen = []
    forward = backend.forward
    monkeypatch.setattr(backend, "forward", lambda ids, *more: seen.append(tuple(ids.shape)) or forward(ids, *more))
    for scope, shapes in (("letter", [(1, len(prompt) - 1), (2, 1)]), ("all", [(2, len(prompt) - 1), (2, 1)])):
        seen.clear()
        begin(backend, prompt, [None, backend.weights(tiny_backend.adapter("llama", scope))])
        assert seen == shapes


def test_rows_that_end_leave_and_the_others_go_on(tiny_backend):
    """An end token of its own makes a row finished; a stop and a full length do not."""
    backend = tiny_backend("llama")
    rows = [Row(None, seed) for seed in range(16)]
    final = last(write(backend, MESSAGES, rows, Sampling(temperature=4.0, top_p=1.0, max_new_tokens=150)))
    assert set(final.finished) == {True, False}  # with this heat the end token comes up for some rows and not for others
    for finished, tokens in zip(final.finished, final.tokens, strict=True):
        assert finished or tokens == 150
    alone = [last(write(backend, MESSAGES, [row], Sampling(temperature=4.0, top_p=1.0, max_new_tokens=150))) for row in rows]
    assert [a.ids[0] for a in alone] == list(final.ids)
    assert [a.finished[0] for a in alone] == list(final.finished)


def test_one_row_stops_and_the_other_is_written_to_its_end(tiny_backend):
    backend, control = tiny_backend("llama"), Control()
    whole = last(write(backend, MESSAGES, [Row(None, 1), Row(None, 2)], GREEDY))
    for progress in write(backend, MESSAGES, [Row(None, 1), Row(None, 2)], GREEDY, control):
        if progress.tokens[0] == 5:
            control.stop_row(0)
    assert progress.tokens[0] == 5 and not progress.finished[0]
    assert progress.ids[1] == whole.ids[1]


def test_both_rows_stream_at_the_same_pace(tiny_backend):
    backend, adapter = tiny_backend("llama"), tiny_backend.adapter("llama", "letter")
    steps = list(write(backend, MESSAGES, [Row(None, 1), Row(adapter, 2)], GREEDY))
    assert [s.tokens for s in steps[:10]] == [(n, n) for n in range(1, 11)]
    for before, after in zip(steps, steps[1:], strict=False):
        assert all(b.startswith(a) for a, b in zip(before.texts, after.texts, strict=True))


def test_stop_and_close_free_the_model_at_once(tiny_backend):
    backend, control = tiny_backend("llama"), Control()
    rows = [Row(None, 1), Row(None, 2)]
    stream = write(backend, MESSAGES, rows, GREEDY, control)
    next(stream)
    assert backend.turn.locked()
    control.stop()
    assert len(list(stream)) == 1 and not backend.turn.locked()
    stream = write(backend, MESSAGES, rows, GREEDY)
    next(stream)
    stream.close()  # what a closed tab does
    assert not backend.turn.locked()
    with pytest.raises(ModelError):
        list(write(backend, MESSAGES * 200, rows, GREEDY))
    assert not backend.turn.locked()


def test_a_stop_is_heard_while_the_prompt_is_read(tiny_backend):
    backend = tiny_backend("llama")
    asked = iter([False, True])  # at the first layer, at the second
    with pytest.raises(Stopped):
        begin(backend, backend.encode(MESSAGES), [None, None], lambda: next(asked))

    class Soon(Control):
        """Stops once it has been asked from inside the model."""

        def stopped(self, row=None):
            return super().stopped(row) or (row is None and self.stop_soon())

        def stop_soon(self):
            inside = any(frame.name == "_look" for frame in traceback.extract_stack())
            return inside and (self.stop() or True)

    assert [p.tokens for p in write(backend, MESSAGES, [Row(None, 1), Row(None, 2)], GREEDY, Soon())] == [(0, 0)]
    assert not backend.turn.locked()


def test_a_second_generation_waits_for_its_turn_and_can_give_up(tiny_backend):
    backend = tiny_backend("llama")
    first = write(backend, MESSAGES, [Row(None, 1)], GREEDY)
    next(first)
    control, got = Control(), []
    waiting = threading.Thread(target=lambda: got.extend(write(backend, MESSAGES, [Row(None, 1)], GREEDY, control)))
    waiting.start()
    time.sleep(0.1)
    assert not got
    control.stop()
    waiting.join(60)
    assert [p.tokens for p in got] == [(0,)] and backend.turn.locked()  # the lock is still the first one's
    second = threading.Thread(target=lambda: got.extend(write(backend, MESSAGES, [Row(None, 1)], GREEDY)))
    second.start()
    assert last(first).tokens == (48,)
    second.join(100)
    assert got[-1].tokens == (48,)


def test_a_prompt_that_fills_the_context_is_refused_in_words(tiny_backend):
    backend = tiny_backend("llama")
    long = [{"role": "user", "content": "nurse teacher " * 600}]
    with pytest.raises(ModelError, match="no room is left"):
        next(write(backend, long, [Row(None, 1)], GREEDY))


def test_text_never_shows_half_a_character(tiny_backend):
    """Random weights spit out lone bytes all the time; a step's text must not end in a replacement sign."""
    backend = tiny_backend("llama")
    steps = list(write(backend, MESSAGES, [Row(None, seed) for seed in range(4)], Sampling(temperature=3.0, top_p=1.0, max_new_tokens=60)))
    held = 0
    for step in steps[:-1]:
        for text, ids in zip(step.texts, step.ids, strict=True):
            assert not text.endswith("\ufffd")
            held += backend.decode(ids) != text
    assert held  # something was held back at all
    assert steps[-1].texts == tuple(backend.decode(ids) for ids in steps[-1].ids)


def test_no_control_token_is_ever_written(tiny_backend):
    backend = tiny_backend("qwen2")
    sampling = Sampling(temperature=50.0, top_p=1.0, max_new_tokens=200)  # close to uniform over the vocabulary
    final = last(write(backend, MESSAGES, [Row(None, seed) for seed in range(4)], sampling))
    written = {i for ids in final.ids for i in ids}
    assert len(written) > 100 and not written & set(backend.forbidden_tokens)


def test_characters_are_spelled_in_bytes_only_where_the_prompt_does(tiny_backend):
    from ftapp.backends.local import LocalBackend

    spec = tiny_backend.spec(tiny_backend.folder("qwen2"))
    hot = Sampling(temperature=50.0, top_p=1.0, max_new_tokens=200)
    rows = [Row(None, seed) for seed in range(8)]
    assert "\ufffd" in "".join(last(write(LocalBackend.load(spec), MESSAGES, rows, hot)).texts)
    backend = LocalBackend.load(spec.model_copy(update={"whole_characters": True}))
    assert "\ufffd" not in "".join(last(write(backend, MESSAGES, rows, hot)).texts)
    asked = [*MESSAGES[:-1], {"role": "user", "content": MESSAGES[-1]["content"] + " 🥐"}]
    spelled = backend.part_tokens & set(backend.encode(asked))
    assert spelled & {i for ids in last(write(backend, asked, rows, hot)).ids for i in ids}


def test_roomy_cache_holds_what_transformers_own_holds(tiny_backend):
    from transformers import DynamicCache

    config = tiny_backend("llama").model.config
    roomy, plain = new_cache(config), DynamicCache(config=config)
    generator = torch.Generator().manual_seed(0)

    def same(length, rows):
        keys, values = (torch.randn(rows, 2, length, 16, generator=generator) for _ in range(2))
        for ours, theirs in zip(roomy.update(keys, values, 0), plain.update(keys, values, 0), strict=True):
            assert torch.equal(ours, theirs)
        assert roomy.get_seq_length() == plain.get_seq_length()

    same(300, 1)
    for cache in (roomy, plain):
        cache.batch_repeat_interleave(3)
    for length in (4, 1, 1, 400, 1):
        same(length, 3)
    for cache in (roomy, plain):
        cache.batch_select_indices(torch.tensor([0, 2]))
    same(1, 2)
    for cache in (roomy, plain):
        cache.batch_select_indices(torch.tensor([1]))
    same(2, 1)


def test_choice_follows_temperature_and_nucleus():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    generator = torch.Generator().manual_seed(0)

    def shares(**sampling):
        picks = torch.tensor([choose(logits, Sampling(**sampling), generator) for _ in range(4000)])
        return torch.bincount(picks, minlength=4) / 4000

    torch.testing.assert_close(shares(temperature=1.0, top_p=1.0), logits.exp(), atol=0.03, rtol=0)
    torch.testing.assert_close(shares(temperature=1.0, top_p=0.7), torch.tensor([0.625, 0.375, 0, 0]), atol=0.03, rtol=0)
    assert choose(logits, Sampling(greedy=True), generator) == 0
    flat = torch.zeros(3000)  # the nucleus is wider than what is looked at first
    wide = torch.tensor([choose(flat, Sampling(temperature=1.0, top_p=0.9), generator) for _ in range(800)])
    assert len(wide.unique()) > 500
    with pytest.raises(ModelError, match="not numbers"):
        choose(torch.tensor([0.0, float("nan")]), Sampling(), generator)
