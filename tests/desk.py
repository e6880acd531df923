"""The Label desk for tests: what its page sends, a filled queue, and what was stored."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from sqlmodel import select

from db.engine import session
from db.models import Preference


def post(address, verb, given=None, cookie="", **headers):
    """(status, answer, the cookie that was set)."""
    sent = {"Content-Type": "application/json", **({"Cookie": cookie} if cookie else {}), **headers}
    asked = urllib.request.Request(f"{address}label/{verb}", json.dumps(given or {}).encode(), sent)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer), (answer.headers.get("set-cookie") or "").partition(";")[0]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), ""


def filled(studio, count=4):
    """Fill the queue and write `count` pairs now."""
    studio.labelling.ahead.wake = lambda *who: None
    studio.labelling.fill_fictional("local")
    for _ in range(count):
        assert studio.labelling.ahead.write_one("local")


def stored(studio):
    with session(studio.engine) as rows:
        return rows.exec(select(Preference).where(Preference.undone_at.is_(None)).order_by(Preference.created_at)).all()
