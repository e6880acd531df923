"""A labeler comes in by Hugging Face login on a Space. A stand-in for Hugging Face's sign-in answers on this machine: it speaks
OpenID Connect with signed tokens, so everything on our side of it is the real thing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from tests.browser import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parent.parent


def provider(who):
    """A server that signs everybody in as `who`."""
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    asked = {}  # code -> nonce

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/oauth/authorize":
                asked["code"] = given.get("nonce")
                back = f"{given['redirect_uri']}&{urlencode({'code': 'code', 'state': given['state']})}"
                self.send_response(302)
                self.send_header("Location", back)
                return self.end_headers()
            self.say({"keys": [key.as_dict(private=False)]} if parts.path == "/jwks" else {
                "issuer": here, "authorization_endpoint": f"{here}/oauth/authorize", "token_endpoint": f"{here}/oauth/token",
                "jwks_uri": f"{here}/jwks", "id_token_signing_alg_values_supported": ["RS256"]})  # fmt: skip

        def do_POST(self):
            now = int(time.time())
            told = {"iss": here, "aud": "app", "sub": "1", "iat": now, "exp": now + 600, "nonce": asked["code"], "name": who,
                    "preferred_username": who, "profile": f"{here}/{who}", "picture": ""}  # fmt: skip
            self.say({"access_token": "given", "token_type": "Bearer", "expires_in": 600,
                      "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, told, key)})  # fmt: skip

        def say(self, answer):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    here = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, here


@contextmanager
def space(home, signs_in):
    """The app as a Space starts it: its address."""
    port = free_port()
    as_space = {"SYSTEM": "spaces", "SPACE_ID": "anna/letters", "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": str(port)}
    oauth = {"OAUTH_CLIENT_ID": "app", "OAUTH_CLIENT_SECRET": "flour", "OAUTH_SCOPES": "openid profile", "OPENID_PROVIDER_URL": signs_in}
    env = {**os.environ, **as_space, **oauth, "FTAPP_HOME": str(home)}
    with (home.parent / "space.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}/"
        for _ in range(240):
            try:
                urlopen(address, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (home.parent / "space.log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def people(page):
    expect(page.locator("#write")).to_be_visible()
    page.get_by_role("tab", name="Label").click()
    page.get_by_role("button", name="People: who labels").click()


@pytest.mark.parametrize(("who", "comes_in"), [("berta", True), ("stranger", False)])
def test_an_invited_labeler_signs_in_with_hugging_face_and_a_stranger_does_not(chrome, tmp_path, who, comes_in):
    home, (server, signs_in) = tmp_path / "home", provider(who)
    invite = [sys.executable, "-m", "ftapp", "labelers", "add", "berta", "--way", "hf", "--home", str(home)]
    subprocess.run(invite, cwd=ROOT, check=True, capture_output=True)
    with space(home, signs_in) as address:
        context = chrome.new_context()
        page = context.new_page()
        page.goto(address)
        people(page)
        page.get_by_role("button", name="Label under my Hugging Face name").click()
        expect(page.locator("#people-said")).to_contain_text("Sign in with Hugging Face first")
        with page.expect_response(lambda answer: "/login/callback" in answer.url):
            page.get_by_role("button", name="Sign in with Hugging Face").click()
        page.goto(address)
        people(page)
        expect(page.get_by_role("button", name=f"Logout ({who})")).to_be_visible()
        page.get_by_role("button", name="Label under my Hugging Face name").click()
        if comes_in:
            expect(page.locator("#people-who")).to_contain_text("berta labels here now")
        else:
            expect(page.locator(".toast-wrap")).to_be_visible()
            expect(page.locator("#people-who")).not_to_contain_text("labels here now")
        context.close()
    server.shutdown()
