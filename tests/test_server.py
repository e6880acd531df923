"""Servers as they are: slow, cut off, busy, broken, of another kind. What went wrong is a sentence, and gives nothing away."""

from __future__ import annotations

import logging
import socket
import time
import traceback

import pytest

from ftapp import addresses, config
from ftapp.backends.pair import Row, Sampling, write
from ftapp.backends.server import ServerBackend, apart
from ftapp.backends.wire import KEY, Wire
from ftapp.errors import ModelError, UserError
from tests.fake_server import FakeServer, Says, raw

SECRET = "sk-very-secret-0123456789"
PRIVATE = "Mara Lind of 12 Quiet Lane"
MESSAGES = ({"role": "user", "content": f"name:\n{PRIVATE}"},)
TEXT = "Dear Fernhill Bakery, I bake – and have for years. Kind regards, Sam"


@pytest.fixture
def serve():
    made = []

    def start(**models: Says) -> FakeServer:
        made.append(FakeServer(**models))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def limits():
    """Short ones: nothing here waits long."""
    short = {"connect_seconds": 2, "silence_seconds": 0.4, "letter_seconds": 20, "pause_seconds": 0.01, "most_wait_seconds": 0.5}
    return config.server_config().model_copy(update=short)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv(KEY, SECRET)


def backend(url: str, limits, *names: str) -> ServerBackend:
    names = names or ("one",)
    return ServerBackend(config.model_spec(names[0]), Wire(url, limits), (names[0], names[-1]))


def letter(url: str, limits, *names: str, **how):
    made = backend(url, limits, *names)
    *_, last = write(made, MESSAGES, (Row(None, 0, made.names[0]),), Sampling(**how))
    return last


def refusal(url: str, limits, caplog, *words: str) -> str:
    """The sentence that a letter ends with; nothing that must stay secret stands in it, in its traceback or in the log."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ModelError) as caught:
        letter(url, limits)
    said = str(caught.value)
    everything = said + "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET not in everything and PRIVATE not in everything
    assert all(word in said for word in words), said
    assert said.count(" - ") == 2 and said.endswith(".")
    return said


def test_the_request_is_what_such_servers_read_and_carries_the_key(serve, limits):
    fake = serve(one=Says((TEXT,)))
    last = letter(fake.url, limits, temperature=0.6, top_p=0.9, max_new_tokens=99)
    assert (last.texts, last.finished) == ((TEXT,), (True,))
    ((path, headers, body),) = fake.asked
    assert path == "/v1/chat/completions" and headers["Authorization"] == f"Bearer {SECRET}"
    assert body == {
        "model": "one",
        "messages": list(MESSAGES),
        "max_tokens": 99,
        "temperature": 0.6,
        "top_p": 0.9,
        "stream": True,
        "seed": 0,
    }
    letter(fake.url, limits, greedy=True)
    assert fake.chats()[-1]["temperature"] == 0 and "top_p" not in fake.chats()[-1]


def test_without_a_key_none_is_sent_and_one_that_is_no_key_is_refused(serve, limits, monkeypatch, caplog):
    fake = serve(one=Says((TEXT,)))
    monkeypatch.delenv(KEY)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)  # meant for somebody else
    letter(fake.url, limits)
    assert "Authorization" not in fake.asked[-1][1] and SECRET not in str(fake.asked)
    monkeypatch.setenv(KEY, f"{SECRET}\r\nX-Other: 1")
    refusal(fake.url, limits, caplog, KEY, "no key has")
    assert len(fake.asked) == 1


def test_a_letter_that_the_limit_ended_is_not_finished(serve, limits):
    fake = serve(one=Says((TEXT,), reason="length"))
    assert letter(fake.url, limits).finished == (False,)


def test_a_server_that_cannot_stream_and_one_that_will_not(serve, limits):
    deaf, strict = serve(one=Says((TEXT,), streams=False)), serve(one=Says((TEXT,), refuses=frozenset({"stream"})))
    for fake in (deaf, strict):
        assert letter(fake.url, limits).texts == (TEXT,)
    assert "stream" not in strict.chats()[-1]


def test_fields_that_a_server_does_not_know_are_left_out_and_it_is_remembered(serve, limits):
    fake = serve(one=Says((TEXT,), refuses=frozenset({"seed"})), two=Says((TEXT,), refuses=frozenset({"max_tokens", "temperature"})))
    made = backend(fake.url, limits, "one", "two")
    for _ in range(2):
        *_, last = write(made, MESSAGES, [Row(None, 0, "one"), Row(None, 1, "two")], Sampling())
        assert last.texts == (TEXT, TEXT)
    asked = {name: [sorted(body) for body in fake.chats() if body["model"] == name] for name in ("one", "two")}
    assert len(asked["one"]) == 3 and "seed" not in asked["one"][-1]
    assert len(asked["two"]) == 4 and asked["two"][-1] == ["max_completion_tokens", "messages", "model", "stream"]


# ---- trying again -----------------------------------------------------------------------------------------------


def test_busy_and_failing_servers_are_asked_again(serve, limits):
    waits = [(429, {"Retry-After": "0.2"}, "{}"), (500, {}, "<h1>oops</h1>")]
    fake = serve(one=Says((TEXT,), statuses=waits))
    began = time.monotonic()
    assert letter(fake.url, limits).texts == (TEXT,)
    assert len(fake.chats()) == 3 and time.monotonic() - began >= 0.2


def test_who_asks_to_wait_long_is_not_waited_for(serve, limits, caplog):
    fake = serve(one=Says((TEXT,), statuses=[(429, {"Retry-After": "120"}, "{}")]))
    refusal(fake.url, limits, caplog, "asks to wait 120 seconds (429)")
    assert len(fake.chats()) == 1


def test_a_server_that_keeps_failing_is_given_up(serve, limits, caplog):
    fake = serve(one=Says((TEXT,), statuses=[(500, {}, "no"), (502, {}, "no"), (503, {}, "no"), (500, {}, "no")]))
    refusal(fake.url, limits, caplog, "is busy (503)")
    assert len(fake.chats()) == limits.tries == 3
    refusal(serve(one=Says((TEXT,), statuses=[(500, {}, "no")] * 3)).url, limits, caplog, "failed (500)")


def test_cut_off_before_the_first_word_is_asked_again_and_later_is_told(serve, limits):
    early = serve(one=Says((TEXT,), cut_after=0, cuts=1))
    assert letter(early.url, limits).texts == (TEXT,) and len(early.chats()) == 2
    late = serve(one=Says((TEXT,), cut_after=4))
    steps, seen = write(backend(late.url, limits), MESSAGES, (Row(None, 0, "one"),), Sampling()), []
    with pytest.raises(ModelError, match="broke off"):
        for step in steps:
            seen.append(step.texts[0])
    assert seen[-1] == "Dear Fernhill Bakery, I" and len(late.chats()) == 1, "what came was shown, and nothing was asked twice"


def test_a_stream_that_ends_without_an_end_is_no_letter(serve, limits, caplog):
    held = b'data: {"choices": [{"delta": {"content": "Dear"}}]}\n\n'
    refusal(serve(one=Says((), raw=raw("200 OK", "text/event-stream", held))).url, limits, caplog, "broke off in the middle")
    done = letter(serve(one=Says((), raw=raw("200 OK", "text/event-stream", held + b"data: [DONE]"))).url, limits)
    assert done.texts == ("Dear",) and done.finished == (False,), "without a reason nobody knows whether it is whole"


# ---- giving up --------------------------------------------------------------------------------------------------


def test_a_slow_server_has_time_between_words_and_a_silent_one_is_given_up(serve, limits, caplog):
    assert letter(serve(one=Says((TEXT,), pace=0.1)).url, limits).texts == (TEXT,)  # longer in all than the longest pause
    silent = serve(one=Says((TEXT,), pace=3))
    refusal(silent.url, limits, caplog, "said nothing for 0.4 seconds")
    assert len(silent.chats()) == 1


def test_a_server_that_only_says_that_it_is_still_there_is_ended(serve, limits, caplog):
    def alive(to):
        raw("200 OK", "text/event-stream", b"")(to)
        while True:
            to.wfile.write(b": ping\n\n")
            time.sleep(0.05)

    brief = limits.model_copy(update={"letter_seconds": 0.5})
    refusal(serve(one=Says((), raw=alive)).url, brief, caplog, "did not end")


def test_nobody_there(limits, caplog):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        refusal(f"http://127.0.0.1:{held.getsockname()[1]}/v1", limits, caplog, "cannot be reached")
    refusal("https://127.0.0.1:1/v1", limits, caplog, "cannot be reached")


ODD = {
    "wrong JSON": (raw("200 OK", "application/json", b'{"choices": [{"mess'), "in another way"),
    "another kind of JSON": (raw("200 OK", "application/json", b'["hello"]'), "in another way"),
    "content that is no text": (raw("200 OK", "application/json", b'{"choices":[{"message":{"content":{"a":1}}}]}'), "in another way"),
    "a web page": (raw("200 OK", "text/html", b"<html>hello"), "in another way"),
    "wrong JSON in a stream": (raw("200 OK", "text/event-stream", b"data: {nonsense\n\n"), "in another way"),
    "an error in a stream": (raw("200 OK", "text/event-stream", f'data: {{"error": "about {PRIVATE}"}}\n\n'.encode()), "reported an error"),
    "deep JSON": (raw("200 OK", "application/json", b"[" * 100_000), "in another way"),
    "no HTTP": (lambda to: to.wfile.write(b"220 mail.example ESMTP\r\n"), "broke off"),
    "another place": (
        raw("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/", "text/html", b""),
        "to another address (307)",
    ),
    "a refusal that quotes": (raw("401 Unauthorized", "application/json", f'{{"error": "{SECRET}"}}'.encode()), "refused the key (401)"),
    "no quota": (raw("429 Too Many", "application/json", b'{"error": {"code": "insufficient_quota"}}'), "no quota left"),
    "too long": (raw("400 Bad", "application/json", b'{"error": {"code": "context_length_exceeded"}}'), "reads no prompt of this length"),
    "not taken": (
        raw("422 No", "application/json", f'{{"detail": "{PRIVATE}", "code": "{PRIVATE}"}}'.encode()),
        "the request (422)",
    ),
    "a filter": (
        raw("200 OK", "application/json", b'{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}'),
        "withheld",
    ),
    "without end": (raw("200 OK", "text/event-stream", b"x" * 4_100_000), "more than a letter can be"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_letter_is_a_sentence(name, serve, limits, caplog):
    answer, words = ODD[name]
    refusal(serve(one=Says((), raw=answer)).url, limits, caplog, words)


def test_a_model_that_it_does_not_have(serve, limits, caplog):
    refusal(serve(other=Says((TEXT,))).url, limits, caplog, "has no model 'one'")


def test_a_letter_without_end_is_ended(serve, limits, caplog):
    short = limits.model_copy(update={"most_characters": 500})
    refusal(serve(one=Says(("on and " * 500,))).url, short, caplog, "does not come to an end")


def test_signs_cut_between_two_packets_are_whole(serve, limits):
    held = '{"choices":[{"delta":{"content":"Grüße – naïve 你好"},"finish_reason":"stop"}]}'.encode()

    def send(to):
        raw("200 OK", "text/event-stream", b"")(to)
        for byte in b"data: " + held + b"\r\n\r\ndata: [DONE]\r\n\r\n":
            to.wfile.write(bytes([byte]))
            to.wfile.flush()

    assert letter(serve(one=Says((), raw=send)).url, limits).texts == ("Grüße – naïve 你好",)


# ---- proving ----------------------------------------------------------------------------------------------------


def test_two_names_are_proved_by_what_they_say(serve, limits):
    fake = serve(one=Says(("Dear A, I bake",)), two=Says(("Dear A, I cook",)))
    proof = backend(fake.url, limits, "one", "two").prove()
    assert proof.ok and len(fake.chats()) == 4 and all(body["temperature"] == 0 for body in fake.chats())


def test_one_model_under_two_names_is_not_proved(serve, limits):
    """llama.cpp's server answers to every name with the model it has."""
    fake = serve(one=Says((TEXT,)), two=Says((TEXT,)))
    proof = backend(fake.url, limits, "one", "two").prove()
    assert not proof.ok and "answers the same to both names" in proof.reason


def test_the_same_words_with_other_probabilities_are_two_models_unless_they_waver(serve, limits):
    def proof(one, two):
        return backend(serve(one=one, two=two).url, limits, "one", "two").prove().ok

    assert proof(Says((TEXT,), logprob=-0.5), Says((TEXT,), logprob=-0.9)), "an adapter that has learned little"
    assert not proof(Says((TEXT,), logprob=-0.5), Says((TEXT,), logprob=-0.505)), "what rounding explains"
    assert not proof(Says((TEXT,), logprob=-0.5, wobble=0.2), Says((TEXT,), logprob=-0.9)), "a server that is never twice the same"
    assert not proof(Says((TEXT,), logprob=-0.5, refuses=frozenset({"logprobs"})), Says((TEXT,), logprob=-0.9)), "no numbers, same words"


def test_a_server_that_is_down_proves_nothing(limits):
    assert not backend("http://127.0.0.1:9/v1", limits, "one", "two").prove().ok


def test_answers_are_far_apart_when_their_words_differ():
    assert apart([("a", -1.0)], [("b", -1.0)]) == float("inf")
    assert apart([("a", -1.0), ("b", -2.0)], [("a", -1.5), ("b", -2.1)]) == 0.5
    assert apart([("a", None)], [("a", -1.0)]) == 0.0


# ---- addresses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "meant"), [
    ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"), ("http://localhost:8080/", "http://localhost:8080/v1"),
    ("https://api.example.com/v1/", "https://api.example.com/v1"), ("http://[::1]:8000/v1/chat/completions", "http://[::1]:8000/v1"),
    ("http://10.0.0.7/openai/v1/models", "http://10.0.0.7/openai/v1"), (" nas.local:11434/v1 ", "http://nas.local:11434/v1"),
])  # fmt: skip
def test_an_address_as_it_is_meant(typed, meant):
    assert addresses.server_url(typed) == meant


@pytest.mark.parametrize("typed", [
    "", "ftp://x", "http://", "http://a b", "http://x:99999", "javascript:alert(1)", "file:///etc/passwd",
    "http://x\\@y", "http://x/\nb", "x" * 400,
])  # fmt: skip
def test_no_address_is_refused(typed):
    with pytest.raises(UserError, match="no address of a server"):
        addresses.server_url(typed)


@pytest.mark.parametrize("typed", [f"http://me:{SECRET}@x/v1", f"https://x/v1?key={SECRET}", f"https://x/v1#{SECRET}"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(typed):
    with pytest.raises(UserError, match="would be stored") as caught:
        addresses.server_url(typed)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("url", "here"), [
    ("http://127.0.0.1:1/v1", True), ("http://[::1]/v1", True), ("http://LOCALHOST/v1", True), ("http://127.9.9.9/v1", True),
    ("http://10.0.0.1/v1", False), ("http://localhost.example.com/v1", False), ("http://0.0.0.0/v1", False),
    ("http://127.0.0.1.nip.io/v1", False),
])  # fmt: skip
def test_which_addresses_are_this_machine(url, here):
    assert addresses.is_here(url) is here
