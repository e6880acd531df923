"""The README must not rot: its front matter starts the Space, its tree names what is there."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pin(package: str) -> str:
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(rf"{re.escape(package)}==(\S+)", line):
            return found[1]
    raise AssertionError(f"requirements.txt pins no {package}")


@pytest.fixture(scope="module")
def front() -> dict:
    return yaml.safe_load(README.split("---")[1])


def test_the_space_runs_the_pinned_gradio(front):
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == pin("gradio")


def test_the_space_has_a_python_that_the_pins_support(front):
    assert front["python_version"] == "3.12"  # a string: a bare 3.10 would be read as the number 3.1


def test_the_space_finds_its_entry(front):
    assert (ROOT / front["app_file"]).is_file()
    assert front["license"] == "apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_torch_is_pinned_in_every_pip_line():
    assert pin("torch") == "2.13.0"
    assert set(re.findall(r"torch==(\S+)", README)) == {pin("torch")}


def tree() -> list[str]:
    """The paths of the captioned tree; two spaces of indent are one folder."""
    block = README.split("## What is where")[1].split("```")[1]
    paths, above = [], []
    for line in block.strip().splitlines():
        name = line.split()[0]
        above = above[: (len(line) - len(line.lstrip())) // 2] + [name.rstrip("/")]
        paths.append("/".join(above))
    return paths


def test_the_tree_was_read():
    assert {"app.py", "db/engine.py", "ftapp/cli.py", "configs/train"} <= set(tree())


@pytest.mark.parametrize("path", tree())
def test_what_the_tree_names_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("folder", ["ftapp", "db"])
def test_every_module_of_the_house_is_in_the_tree(folder):
    named = {path for path in tree() if path.startswith(folder + "/")}
    there = {f"{folder}/{p.name}" for p in (ROOT / folder).iterdir() if not p.name.startswith(("_", "."))}
    assert there <= named


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:|#)([^)]+)\)", README) + re.findall(r'<img src="([^"]+)"', README))
def test_pictures_and_links_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_the_table_names_every_verb_of_the_command_line():
    from ftapp.arguments import parser

    verbs = next(a for a in parser()._actions if a.dest == "verb").choices
    table = README.split("## Command line")[1].split("\n## ")[0]
    assert [verb for verb in verbs if not re.search(rf"^\| `{verb}\b", table, re.M)] == []
