"""training -> models <- service; load imports nothing of ours; zoetrope.py alone knows several rooms."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"training", "models", "service", "load"}
PEERS = ROOT / "load" / "bench" / "peers"  # servers in other frameworks, one of which is written with torch
BANNED = {
    "models": {"torch", "bentoml", "training", "service", "load"},
    "service": {"torch", "training", "load"},
    "training": {"bentoml", "service", "load"},
    "load": {"torch", "training", "models", "service"},
}
MODULES = {
    "models": "models.runtime models.sheet",
    "service": "service.server service.routes service.sample",
    "training": "training.cli.app",
    "load": "load",
}


def broken_by(statement: str, banned: set[str]) -> set[str]:
    """What of the banned is loaded by a statement, in a process of its own."""
    report = f"{statement}\nimport sys\nprint(*(sys.modules.keys() & {banned!r}))"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def imported_rooms(source: str) -> set[str]:
    """The first names of all imports of a source text, also of those inside of functions."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("room", BANNED)
def test_loading_a_room_loads_nothing_that_is_banned_there(room: str):
    statement = "\n".join(f"import {module}" for module in MODULES[room].split())

    assert broken_by(statement, BANNED[room]) == set()


def test_the_test_above_can_fail():
    assert broken_by("import training.methods.losses", BANNED["service"]) == {"torch", "training"}


@pytest.mark.parametrize("room", BANNED)
def test_no_file_of_a_room_names_what_is_banned_there(room: str):
    for path in sorted((ROOT / room).rglob("*.py")):
        allowed = {"torch"} if path.is_relative_to(PEERS) else set()
        assert not imported_rooms(path.read_text()) & (BANNED[room] - allowed), path


def test_the_test_above_finds_imports_that_hide_in_functions():
    assert imported_rooms("def f():\n    from training.train import train") == {"training"}


def test_the_console_script_is_the_one_module_outside_the_rooms_and_imports_none_at_its_top():
    (script,) = ROOT.glob("*.py")
    top = [node for node in ast.parse(script.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]

    assert script.name == "zoetrope.py"
    assert not imported_rooms("\n".join(map(ast.unparse, top))) & ROOMS
    helped = (
        "import contextlib, io, zoetrope\nwith contextlib.redirect_stdout(io.StringIO()): zoetrope.main(['--help'])"
    )
    assert broken_by(helped, ROOMS) == set()


@pytest.mark.parametrize("room", BANNED)
def test_the_linter_holds_the_same_law(room: str):
    """A file that breaks it is refused by ruff with the room's own configuration."""
    for banned in BANNED[room]:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                "check",
                "--stdin-filename",
                f"{room}/x.py",
                "--output-format",
                "concise",
                "-",
            ],
            cwd=ROOT,
            input=f'"""A module."""\n\nimport {banned}\n\nprint({banned})\n',
            capture_output=True,
            text=True,
            check=False,
        )
        assert "TID251" in done.stdout, (room, banned, done.stdout)
