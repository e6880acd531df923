"""The app as programs see it: named endpoints, owners who see nothing of each other, refusals, and a start on a hosted Space."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from ftapp.errors import NotAllowed, UserError
from ftapp.ui import asking, owner, paper
from ftapp.ui.owner import COOKIE, LOCAL, Door
from ftapp.ui.train import DRAWINGS, TeachTab
from tests.browser import LETTER, OTHER, POSTING, RESUME, free_port, serve

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.timeout(600)
ASKED = (POSTING, RESUME, "cover_letter", "plain", 120, "", 7)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("app") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    """Bound beyond loopback: everybody is a visitor."""
    with serve(tmp_path_factory.mktemp("hosted") / "home", host="0.0.0.0") as running:
        yield running


def client(address: str) -> Client:
    return Client(address, verbose=False)


def refused(ask, *given, **options) -> str:
    """The sentence with which a call is refused."""
    with pytest.raises(Exception) as caught:  # gradio_client has its own error class for each failure
        ask(*given, **options)
    return str(caught.value)


# --- endpoints ----------------------------------------------------------------------------------------------------------


def test_the_loop_by_endpoints(app):
    c = client(app[0])
    steps = list(c.submit(*ASKED, api_name="/write_pair"))
    last = steps[-1]
    assert set(last) == {"comparison_id", "left", "right", "prompt_tokens", "seconds"}
    assert {last["left"], last["right"]} == {LETTER, OTHER}
    assert len(steps) > 3 and all(LETTER.startswith(s["left"]) or OTHER.startswith(s["left"]) for s in steps)
    told = c.predict(last["comparison_id"], "left", api_name="/prefer")
    assert set(told) >= {"receipt", "left_model", "right_model", "pairs_added"} and told["pairs_added"] == 1
    assert c.predict(last["comparison_id"], "left", api_name="/prefer")["receipt"] == told["receipt"]
    assert "already judged" in refused(c.predict, last["comparison_id"], "right", api_name="/prefer")
    assert c.predict(told["receipt"], api_name="/undo")["comparison_id"] == last["comparison_id"]
    edited = c.predict(last["comparison_id"], "right", "Dear team, I bake. Sam", "right", api_name="/prefer")
    assert edited["pairs_added"] == 2 and edited["receipt"] != told["receipt"]
    assert isinstance(c.predict(api_name="/adapters"), list)


def test_mistakes_get_one_sentence(app):
    c = client(app[0])
    assert "Paste the posting" in refused(c.predict, "", RESUME, api_name="/write_pair")
    assert "17 words" in refused(c.predict, POSTING, RESUME, "cover_letter", "plain", 17, api_name="/write_pair")
    assert "verdict" in refused(c.predict, "cmp_0000000000000000", "best", api_name="/prefer")
    for verb, given in (("prefer", ("cmp_0000000000000000", "left")), ("undo", ("prf_0000000000000000",)),
                        ("training_status", ("run_0000000000000000",)), ("stop_training", ("run_0000000000000000",)),
                        ("promote", ("adp_0000000000000000",))):  # fmt: skip
        said = refused(c.predict, *given, api_name=f"/{verb}")
        assert said.startswith("There is no ") and "Traceback" not in said, verb


def test_only_the_named_endpoints_are_listed(app):
    named = client(app[0]).view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {f"/{verb}" for verb in (
        "write_pair", "prefer", "undo", "start_training", "training_status", "stop_training", "adapters", "promote", "trial", "rollback",
        "import_preferences", "export_preferences")}  # fmt: skip


# --- who is asking ------------------------------------------------------------------------------------------------------


def test_two_owners_see_nothing_of_each_other(hosted):
    one, two = client(hosted[0]), client(hosted[0])
    assert one.cookies[COOKIE] != two.cookies[COOKIE]
    pair = one.predict(*ASKED, api_name="/write_pair")
    said = refused(two.predict, pair["comparison_id"], "left", api_name="/prefer")
    assert said == refused(two.predict, "cmp_" + "0" * 16, "left", api_name="/prefer").replace("cmp_" + "0" * 16, pair["comparison_id"])
    receipt = one.predict(pair["comparison_id"], "left", api_name="/prefer")["receipt"]
    assert "There is no choice" in refused(two.predict, receipt, api_name="/undo")
    assert one.predict(receipt, api_name="/undo")["receipt"] == receipt


def test_visitors_may_write_and_choose_only(hosted):
    c = client(hosted[0])
    for verb, given in (("start_training", ()), ("stop_training", ("run_1",)), ("promote", ("none",)), ("rollback", ()),
                        ("import_preferences", ("{}",)), ("export_preferences", ("trl",))):  # fmt: skip
        assert "You are a visitor here" in refused(c.predict, *given, api_name=f"/{verb}"), verb


def ask_by_number(address: str, number: int, data: list) -> str:
    """Call a handler by its index, as a script that reads the page's own configuration would; returns what came back."""
    with httpx.Client(base_url=address, timeout=60) as http:
        http.get("/")
        http.post("/gradio_api/queue/join", json={"data": data, "fn_index": number, "session_hash": "abc123"}).raise_for_status()
        with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": "abc123"}) as stream:
            for line in stream.iter_lines():
                if "process_completed" in line:
                    return line
    return ""


@pytest.mark.slow
def test_handlers_refuse_visitors_who_call_them_by_number(hosted):
    with httpx.Client(base_url=hosted[0], timeout=60) as http:
        dependencies = http.get("/config").json()["dependencies"]
    inputs = {d["id"]: len(d["inputs"]) for d in dependencies}
    said = {number: ask_by_number(hosted[0], number, [None] * count) for number, count in inputs.items() if count <= 1}
    assert sum("You are a visitor here" in line for line in said.values()) >= 8, "training, stopping, resuming, promoting, switching"
    assert not hosted[1].runs(LOCAL) and not any("adp_" in line for line in said.values())


def request(cookie: str = "", **headers: str):
    return SimpleNamespace(headers={"host": "localhost:7860", "cookie": cookie, **{k.replace("_", "-"): v for k, v in headers.items()}})


def test_local_is_only_who_sits_at_this_machine():
    door, token = Door("127.0.0.1"), "a" * 43
    assert door.owner(request()) == LOCAL
    stranger = door.owner(request(f"{COOKIE}={token}", x_forwarded_for="203.0.113.9"))
    assert stranger.startswith("visitor_") and token not in stranger
    assert door.owner(request(f"{COOKIE}={token}", host="evil.example:7860")) == stranger
    with pytest.raises(NotAllowed, match="no visitor cookie"):
        door.owner(request(f"{COOKIE}=local", host="evil.example"))
    everywhere = Door("0.0.0.0")
    assert everywhere.owner(request(f"{COOKIE}={token}")) == stranger != everywhere.owner(request(f"{COOKIE}={'b' * 43}"))
    with pytest.raises(NotAllowed, match="You are a visitor here"):
        everywhere.manager(request(f"{COOKIE}={token}"))


def test_the_owners_password_opens_training_from_elsewhere(monkeypatch):
    monkeypatch.setattr(owner.time, "sleep", lambda seconds: None)
    door, mine = Door("0.0.0.0", "open sesame"), request(f"{COOKIE}={'a' * 43}")
    for wrong in ("", "open", "open sesame "):
        with pytest.raises(NotAllowed, match="not the owner's password"):
            door.sign_in(mine, wrong)
    door.sign_in(mine, "open sesame")
    assert door.manager(mine) == LOCAL
    assert door.owner(request(f"{COOKIE}={'b' * 43}")) != LOCAL
    with pytest.raises(NotAllowed):
        Door("0.0.0.0").sign_in(mine, "")


def test_the_cookie_is_random_and_closed_to_scripts(hosted):
    first, second = (httpx.get(hosted[0]).headers["set-cookie"] for _ in range(2))
    assert first.split(";")[0] != second.split(";")[0]
    assert "HttpOnly" in first and "SameSite=Lax" in first
    known = first.split(";")[0]
    assert "set-cookie" not in httpx.get(hosted[0], headers={"cookie": known}).headers


# --- what must not leave ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ftapp.db", "runs", "adapters", "backups", "../app.py"])
def test_files_of_the_home_are_not_served(app, name):
    path = app[1].settings.home / name
    for url in (f"gradio_api/file={path}", f"file={path}"):
        assert httpx.get(app[0] + url).status_code in (403, 404)


@pytest.mark.parametrize("url", ["monitoring", "monitoring/summary", "gradio_api/monitoring", "gradio_api/runs", "docs", "openapi.json"])
def test_no_page_tells_about_usage(app, url):
    answer = httpx.get(app[0] + url, follow_redirects=True)
    assert answer.status_code in (403, 404, 405) or "ftapp" in answer.text and "summary" not in answer.text


def test_a_bug_is_logged_by_its_place_and_never_quotes_a_letter(caplog):
    def bug():
        raise ValueError("".join(("Dear team, my sal", "ary is high")))  # in two parts, as a traceback quotes the line

    assert asking.sentence(pytest.raises(ValueError, bug).value) == asking.BUG
    assert "ValueError" in caplog.text and "test_app.py" in caplog.text and "salary" not in caplog.text
    shown = pytest.raises(gr.Error, asking.calm(lambda: (_ for _ in ()).throw(UserError("<img src=x> - odd")))).value
    assert shown.message == "&lt;img src=x&gt; - odd", "toasts render HTML"


def test_everything_shown_is_escaped():
    bad = "<script>x</script>"
    for made in (paper.letter(bad, note=bad), paper.tag("left", bad), paper.note(bad), paper.facts({bad: bad}), paper.bullets([bad]),
                 paper.table([bad], [[bad]]), paper.progress(0.5, bad)):  # fmt: skip
        assert "<script" not in made and "&lt;script" in made


# --- starting -----------------------------------------------------------------------------------------------------------


def checkout(folder: Path) -> dict[str, str]:
    """A copy of the code without weights, closed to writing: {file: hash}."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "app.py", "ftapp", "db", "configs"],
                           cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.endswith((".safetensors", ".xz", ".gz")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    for path in [*folder.rglob("*"), folder]:
        path.chmod(path.stat().st_mode & ~0o222)
    return contents(folder)


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_it_starts_on_a_space_with_a_checkout_that_it_cannot_write(tmp_path):
    folder = tmp_path / "space"
    folder.mkdir()
    before, port = checkout(folder), free_port()
    env = {**os.environ, "SPACE_ID": "someone/ftapp", "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": str(port),
           "FTAPP_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path)}  # fmt: skip
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            said = wait_for(lambda: (tmp_path / "log").read_text(), lambda text: "ftapp is at" in text or process.poll() is not None)
            assert "ftapp is at" in said, said
            page = httpx.get(f"http://127.0.0.1:{port}/")
            assert page.status_code == 200 and "SameSite=None; Secure; Partitioned" in page.headers["set-cookie"]
            cookie = page.headers["set-cookie"].split(";")[0]
            c = Client(f"http://127.0.0.1:{port}/", verbose=False, headers={"cookie": cookie})
            assert "You are a visitor here" in refused(c.predict, api_name="/start_training")
        finally:
            process.terminate()
            process.wait(timeout=60)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(path.stat().st_mode | 0o200)
    assert contents(folder) == before, "the app wrote into its checkout"


def wait_for(read, enough, seconds: float = 240):
    until = time.monotonic() + seconds
    while not enough(value := read()) and time.monotonic() < until:
        time.sleep(0.2)
    return value


def test_a_taken_port_and_a_wrong_option_are_one_sentence(app, tmp_path):
    port = httpx.URL(app[0]).port
    env = {**os.environ, "FTAPP_HOME": str(tmp_path / "home")}
    taken = subprocess.run([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    assert taken.returncode == 1 and "Traceback" not in taken.stderr and str(port) in taken.stderr
    wrong = subprocess.run([sys.executable, "app.py", "--port", "many"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr


# --- the whole loop with a real model -----------------------------------------------------------------------------------


def started(c):
    """A training's id, or "" while too many of the random letters do not end or are too long to learn from."""
    try:
        return c.predict(api_name="/start_training")["id"]
    except AppError as refusal:
        assert "choose between more letters first" in str(refusal)
        return ""


@pytest.mark.slow
def test_write_choose_teach_use_and_roll_back_with_a_real_model(tmp_path):
    """A tiny random model through the endpoints of a started app: what it learns is nothing, how it goes is everything."""
    from tests.tiny import tiny_llama

    port, env = free_port(), {**os.environ, "FTAPP_HOME": str(tmp_path / "home"), "FTAPP_MODEL": str(tiny_llama(tmp_path / "model"))}
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: (tmp_path / "log").read_text(), lambda text: "ftapp is at" in text or process.poll() is not None)
            c = Client(f"http://127.0.0.1:{port}/", verbose=False)
            learned, run = 0, ""
            for number in range(60):
                posting = POSTING.replace("Fernhill", f"Fernhill{number}")
                pair = c.predict(posting, RESUME, "linkedin_message", "plain", None, "", number, api_name="/write_pair")
                edited = (f"Dear team {number}, I bake. Sam", "left") if number % 2 else ()
                told = c.predict(pair["comparison_id"], "left", *edited, api_name="/prefer")
                assert told["left_model"] == told["right_model"] == "base"
                learned += told["pairs_added"]
                if learned >= 12 and (run := started(c)):
                    break
            ended = ("succeeded", "failed", "stopped", "interrupted")
            status = wait_for(lambda: c.predict(run, api_name="/training_status"), lambda s: s["state"] in ended, 400)
            assert status["state"] == "succeeded" and status["step"] == status["steps"] > 0, status
            assert set(status) == {"id", "state", "step", "steps", "seconds_left", "metrics", "reason"}
            (made,) = c.predict(api_name="/adapters")
            assert made["state"] in ("candidate", "trial")
            assert c.predict(made["id"], "a toy that the gate may refuse", api_name="/promote")["id"] == made["id"]
            pair = c.predict(*ASKED[:4], None, "", 1, api_name="/write_pair")
            told = c.predict(pair["comparison_id"], "tie", api_name="/prefer")
            assert {told["left_model"], told["right_model"]} == {"base", made["id"]}
            assert c.predict(api_name="/rollback")["id"] == "none"
        finally:
            process.terminate()
            process.wait(timeout=60)
    assert json.dumps(POSTING)[1:20] not in (tmp_path / "log").read_text(), "a posting in the log"


def test_curves_are_drawn_some_fifty_times_a_run(studio, monkeypatch):
    at = {"id": "run_1", "state": "running", "step": 0, "steps": 1000, "metrics": {}, "reason": ""}
    with gr.Blocks():
        tab = TeachTab(studio, Door("127.0.0.1"))
    monkeypatch.setattr(studio, "runs", lambda owner: [at])
    rows = [{"step": n, "metrics": {"loss": 1 / (n + 1)}} for n in range(1000)]
    monkeypatch.setattr(studio, "training_rows", lambda owner, run_id: rows[: at["step"]])
    seen, drawn, told = ("", ""), 0, 0
    for at["step"] in range(1000):
        news = tab.look(seen, request())
        seen, drawn, told = news[tab.seen], drawn + any(plot in news for plot in tab.plots.values()), told + (tab.status in news)
    assert (drawn, told) == (DRAWINGS, 1000)
    assert set(tab.look(seen, request())) == {tab.seen}
    at["state"] = "stopped"
    assert set(tab.plots.values()) <= set(tab.look(seen, request())), "what came last is drawn"
