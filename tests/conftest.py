"""What every test may use: a home of its own, its database, an owner."""

from __future__ import annotations

import os

import pytest

from tests.web import web  # noqa: F401 - a fixture of the tests of fetching

# A tiny model with random weights never ends a letter, and two are too few to refuse. Set here: trainings of module fixtures read it.
os.environ["FTAPP_CHECK_LETTERS"] = "2"


@pytest.fixture(autouse=True)
def _no_home_of_a_person(tmp_path, monkeypatch):
    """No test reads or writes the data folder of whoever runs it, and none asks the network."""
    monkeypatch.setenv("FTAPP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("FTAPP_MODEL", "FTAPP_OWNER_PASSWORD", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path):
    """An empty data folder."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def engine(home):
    """A real SQLite file with this code's tables."""
    from db.engine import open_engine
    from db.migrate import upgrade

    opened = open_engine(home / "ftapp.db")
    upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def owner():
    return "local"


@pytest.fixture
def studio(home):
    """Everything a driver can ask for, on an empty home; its model recites."""
    from ftapp import config
    from ftapp.backends.scripted import ScriptedBackend
    from ftapp.studio import Studio
    from tests.browser import TEXTS

    made = Studio(config.settings(home=home), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    yield made
    made.close()


@pytest.fixture(scope="module")
def chrome():
    """Chromium without a window, for the tests of one file."""
    from tests.browser import browser

    with browser() as started:
        yield started


@pytest.fixture
def app(tmp_path):
    """(address, studio) of a running page with an empty home, for one test."""
    from tests.browser import serve

    with serve(tmp_path / "home") as running:
        yield running


@pytest.fixture
def page(chrome, app):
    """A fresh browser on the page of `app`; afterwards: nothing was fetched from elsewhere, nothing failed in the page."""
    from tests.browser import opened

    with opened(chrome, app[0]) as made:
        yield made
