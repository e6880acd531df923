"""What make does on machines that lack something: a sentence, never a half-made environment."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def bare_path(tmp_path: Path, *programs: str) -> str:
    """A PATH that holds only these programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def make(*arguments: str, **env: str) -> subprocess.CompletedProcess:
    kept = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "PYTHON")}
    return subprocess.run([shutil.which("make"), *arguments], cwd=ROOT, env=kept | env, capture_output=True, text=True, timeout=60)


def test_no_fitting_python_is_a_sentence_and_no_venv(tmp_path):
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")  # a Python that does not fit answers the question with 1
    old.chmod(0o755)
    done = make("venv", f"VENV={tmp_path / 'venv'}", f"PYTHON={old}", PATH=bare_path(tmp_path, "sh", "cat"))
    assert done.returncode != 0
    assert "No Python from 3.11 to 3.13" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_venv_that_fits_is_kept_whoever_made_it():
    done = make("venv")
    assert done.returncode == 0
    assert done.stdout == ""


def test_a_missing_browser_fails_in_ci_and_is_said_aloud_elsewhere(tmp_path):
    """With a browser finder that finds none (a Python without Playwright, no apt-get, no Chromium)."""
    nothing = tmp_path / "python"
    nothing.write_text("#!/bin/sh\n[ \"$2\" = pytest ] && echo \"$*\"\n")
    nothing.chmod(0o755)
    path = bare_path(tmp_path, "sh", "id", "cat", "cmp", "cp", "echo")
    arguments = ("test", f"VENV={tmp_path}", f"PY={nothing}", "--assume-old=dev", "--assume-old=venv")
    failed = make(*arguments, PATH=path, CI="true", FTAPP_CHROMIUM="")
    assert failed.returncode != 0
    assert "CI=true" in failed.stderr
    assert "pytest" not in failed.stdout
    skipped = make(*arguments, PATH=path, CI="", FTAPP_CHROMIUM="")
    assert "SKIPPED" in skipped.stderr
    assert "not browser" in skipped.stdout
