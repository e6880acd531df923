"""The house stays as it was drawn: imports go downward, the page loads no model library, no function holds what it must not."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABS = {"write", "label", "train", "models", "data"}
HEAVY = set("torch transformers peft trl accelerate datasets sentence_transformers bitsandbytes tokenizers safetensors".split())
PURE = 2
# Higher floors may import lower ones and their own. The longest name that fits decides.
FLOORS = {
    "ftapp": 0, "ftapp.errors": 0, "ftapp.config": 1, "ftapp.documents": PURE, "ftapp.profiles": PURE, "ftapp.prompts": PURE,
    "ftapp.claims": PURE, "ftapp.metrics": PURE, "ftapp.quality": PURE,
    "ftapp.backends": 3, "ftapp.retrieval": 3, "ftapp.embeddings": 3,
    "ftapp.letters": 4, "ftapp.preferences": 4, "ftapp.transfer": 4, "ftapp.training": 4, "ftapp.evaluation": 4, "ftapp.trial": 4,
    "ftapp.adapters": 4, "ftapp.trials": 4, "ftapp.bundled": 4, "ftapp.portfolio": 4, "ftapp.templates": 4, "ftapp.gaps": 4,
    "ftapp.imported": 4, "ftapp.gate": 4, "ftapp.gate_measure": 4,
    "ftapp.forgetting": 4, "ftapp.counting": 4, "ftapp.examples": 4, "ftapp.example_rows": 4, "ftapp.probes": 4,
    "ftapp.voice_report": 4, "ftapp.servers": 4, "ftapp.forgetting_rows": 4, "ftapp.forgetting_files": 4, "ftapp.sharing": 4,
    "ftapp.lineage": 4, "ftapp.trends": 4, "ftapp.cli_forget": 7, "ftapp.cli_adapter": 7,
    "ftapp.queue": 4, "ftapp.labelers": 4, "ftapp.verdicts": 4, "ftapp.agreement": 4, "ftapp.strength": 4,
    "ftapp.training.supervise": 5, "ftapp.room": 5, "ftapp.doctor": 5, "ftapp.ladder": 5, "ftapp.backups": 5, "ftapp.streams": 5,
    "ftapp.studio": 6, "ftapp.labelling": 6, "ftapp.ahead": 6, "ftapp.own_voice": 6, "ftapp.promoting": 6,
    "ftapp.ui": 7, "ftapp.cli": 7, "ftapp.cli_portfolio": 7, "ftapp.cli_templates": 7, "ftapp.cli_transfer": 7, "ftapp.cli_label": 7,
    "ftapp.cli_backups": 7, "ftapp.cli_examples": 7, "ftapp.cli_training": 7, "ftapp.cli_voice": 7, "ftapp.cli_server": 7,
    "ftapp.cli_trial": 7,
    "ftapp.__main__": 8, "app": 8,
}  # fmt: skip


def _modules() -> dict[str, Path]:
    files = [ROOT / "app.py", *(ROOT / "ftapp").rglob("*.py"), *(ROOT / "db").rglob("*.py")]
    named = {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}
    return dict(sorted(named.items()))


MODULES = _modules()


def _tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def _imported(tree: ast.AST) -> set[str]:
    """Full names of everything that is imported anywhere in a tree, inside functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in MODULES else node.module for alias in node.names}
    return found


def _floor(name: str) -> int:
    """The floor of the longest name that fits. A module without one is taken for pure: it may import almost nothing."""
    while name not in FLOORS or name == "ftapp":
        if "." not in name:
            return FLOORS[name]
        name = name.rpartition(".")[0]
        if name == "ftapp":
            return PURE
    return FLOORS[name]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("db")])
def test_imports_go_downward(name):
    for other in _imported(_tree(name)):
        if other.split(".")[0] in ("ftapp", "app"):
            assert _floor(other) <= _floor(name), f"{name} must not import {other}"


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("db")])
def test_the_database_knows_nothing_of_the_app(name):
    assert not {other for other in _imported(_tree(name)) if other.split(".")[0] in ("ftapp", "app")}


def test_drivers_reach_data_and_models_through_the_studio_only():
    for name in MODULES:
        if name.startswith(("ftapp.ui", "ftapp.cli")):
            wrong = [o for o in _imported(_tree(name)) if o.startswith(("db", "ftapp.backends")) or o.split(".")[0] in HEAVY]
            assert not wrong, f"{name} imports {wrong}"


def test_tabs_do_not_import_tabs():
    for tab in TABS & {name.rpartition(".")[2] for name in MODULES if name.startswith("ftapp.ui.")}:
        others = {other.rpartition(".")[2] for other in _imported(_tree(f"ftapp.ui.{tab}")) if other.startswith("ftapp.ui.")}
        assert not others & TABS, f"the tab {tab} imports {others & TABS}"


def test_importing_the_app_loads_no_model_library():
    code = (
        "import sys, app, ftapp.studio, ftapp.ui.page, ftapp.cli\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert ran.stdout.strip() == "[]", ran.stdout + ran.stderr


def _functions(tree: ast.AST):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("name", MODULES)
def test_a_function_takes_a_session_or_a_backend_never_both(name):
    for function in _functions(_tree(name)):
        given = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]}
        assert not (given & {"session", "opened"} and "backend" in given), f"{name}.{function.name}"


def _own(node: ast.AST):
    """All nodes below, functions defined inside left out."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own(child)


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("ftapp")])
def test_no_transaction_is_open_across_a_yield(name):
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.With) and any(_opens(item.context_expr) for item in node.items):
            assert not any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own(node)), f"{name}, line {node.lineno}"


def _opens(call: ast.AST) -> bool:
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("session", "write")


@pytest.mark.parametrize("name", MODULES)
def test_files_are_short_say_what_they_are_and_have_a_real_name(name):
    text = MODULES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, "split it"
    assert not set(name.split(".")) & {"utils", "helpers", "core", "manager", "service"}
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{name} does not say what it is"


def test_these_checks_can_fail(tmp_path):
    """Each rule, broken on purpose, is seen."""
    upward = ast.parse("def f():\n    from ftapp.studio import Studio\n")
    assert {_floor(other) for other in _imported(upward)} == {FLOORS["ftapp.studio"]}
    held = ast.parse("def f(engine):\n    with write(engine) as s:\n        for x in s:\n            yield x\n")
    (block,) = [node for node in ast.walk(held) if isinstance(node, ast.With)]
    assert _opens(block.items[0].context_expr) and any(isinstance(inner, ast.Yield) for inner in _own(block))


def _asked_of_python(tree: ast.AST) -> set[str]:
    """Top-level names that are imported, also by `importlib.import_module` from a text that begins with them."""
    found = {name.partition(".")[0] for name in _imported(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            text = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            found.add(str(getattr(text, "value", "")).partition(".")[0])
    return found


def test_the_app_imports_nothing_that_only_its_tests_are_given():
    def listed(name):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return {re.split(r"[=\[<>~ ;]", line)[0].lower().replace("_", "-") for line in lines if line[:1].isalpha()}

    only_tests = listed("requirements-dev.txt") - listed("requirements.txt")
    assert {"pytest", "playwright"} <= only_tests
    given = importlib.metadata.packages_distributions()
    for name in MODULES:
        for top in _asked_of_python(_tree(name)):
            assert not only_tests & {dist.lower().replace("_", "-") for dist in given.get(top, ())}, f"{name} needs {top}"
