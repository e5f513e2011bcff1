"""The console script: a command finds its room, and loads nothing before it is known."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.serving import ROOT, VERSION

import zoetrope


def run(*argv: str, missing: tuple[str, ...] = (), report: str = "") -> subprocess.CompletedProcess[str]:
    """`zoetrope ARGV` in a process of its own without some packages; prints which modules of `report` it loaded."""
    program = f"""
import sys
for name in {missing!r}:
    sys.modules[name] = None
import zoetrope
try:
    status = zoetrope.main({list(argv)!r})
except SystemExit as end:
    status = end.code
print("LOADED", *(name for name in {report.split()!r} if sys.modules.get(name)))
sys.exit(status)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["draw"], ["serve", "--help"]])
def test_no_room_is_loaded_before_the_command_is_known(argv: list[str]):
    rooms = "service training load" if argv[:1] == ["serve"] else "models service training load"
    done = run(*argv, report=f"{rooms} torch bentoml numpy typer")

    assert done.stdout.splitlines()[-1] == "LOADED"


def test_help_names_every_command():
    done = run("--help")

    assert done.returncode == 0
    asked_for = [
        "serve",
        "sample",
        "mcp",
        "pull",
        "push",
        "fit",
        "finetune",
        "evaluate",
        "compare",
        "simulate",
        "doctor",
        "export",
        "shrink",
        "benchmark",
    ]
    for command in asked_for:
        assert f"\n  {command} " in done.stdout


def test_an_unknown_command_is_named_with_those_that_exist():
    done = run("draw")

    assert done.returncode == 2
    assert "error: 'draw' is not a command of zoetrope." in done.stderr
    assert "\n  sample " in done.stderr


def test_a_command_that_is_nearly_typed_is_proposed():
    assert "error: 'serv' is not a command of zoetrope. Did you mean 'serve'?" in run("serv").stderr


def test_an_option_that_is_a_setting_is_named_as_one():
    (line,) = run("serve", "--models", "elsewhere").stderr.splitlines()

    assert line == (
        "error: No such option '--models'; see `zoetrope serve --help`, or set ZOETROPE_MODELS=... before the command"
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sample"], "the following arguments are required: MODEL, --out"),
        (["sample", "mnist", "--n", "x", "--out", "a.png"], "argument --n: invalid int value: 'x'"),
        (["benchmark", "--nope"], "the following arguments are required: model"),
        (["fit"], "Missing argument 'pictures'"),
        (["fit", "digits", "--nope"], "No such option: --nope"),
        (["fit", "digits", "--kimg", "x"], "Invalid value for '--kimg'"),
        (["doctor"], "Missing argument 'run'"),
        (["serve", "--port", "x"], "argument -p/--port: invalid int value: 'x'"),
        (["serve", "--nope"], "No such option '--nope'"),
        (["serve", "--workers", "x"], "argument --workers: invalid int value: 'x'"),
        (["mcp", "--nope"], "unrecognized arguments: --nope"),
        (["pull"], "the following arguments are required: address"),
        (["push", "mnist"], "the following arguments are required: address"),
    ],
)
def test_every_command_says_a_usage_error_in_one_line(argv: list[str], message: str):
    """Before: in three styles, one with a box around it and one below a page of usage."""
    done = run(*argv)

    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {message}"), line
    assert line.endswith(f"; see `zoetrope {argv[0]} --help`"), line


def test_the_version_is_that_of_pyproject():
    done = run("--version", report="torch bentoml onnxruntime")

    assert done.stdout.splitlines() == [f"zoetrope {VERSION}", "LOADED"]


def test_a_training_command_runs_as_python_m_training_does():
    done = run("fit", "--help", report="service bentoml")

    assert done.returncode == 0
    assert "Usage: zoetrope fit" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED"


@pytest.mark.parametrize("missing", [("torch",), ("typer", "torch", "safetensors")])
def test_without_torch_a_training_command_says_what_to_type(missing: tuple[str, ...]):
    done = run("fit", "digits", missing=missing)

    assert done.returncode == 1
    assert "`zoetrope fit` needs t" in done.stderr
    assert f"\n    cd {shlex.quote(str(ROOT))}\n    make env\n    . .venv/dev/bin/activate" in done.stderr


def test_without_its_package_mcp_says_what_to_type():
    done = run("mcp", missing=("mcp",))

    assert done.returncode == 1
    assert "`zoetrope mcp` needs mcp" in done.stderr
    assert "the extra mcp. Type:" in done.stderr


def test_without_its_package_pull_says_what_to_type():
    done = run("pull", "hf://ann/grey", missing=("huggingface_hub",))

    assert done.returncode == 1
    assert "`zoetrope pull` needs huggingface_hub" in done.stderr
    assert "the extra hub. Type:" in done.stderr


def test_without_its_package_a_data_set_in_a_bucket_says_what_to_type():
    done = run("sample", "mnist", "--out", "s3://bucket/digits", missing=("s3fs",))

    assert done.returncode == 1
    assert "`zoetrope sample` needs s3fs" in done.stderr
    assert "the extra s3. Type:" in done.stderr


def test_without_its_package_sample_on_a_cluster_says_what_to_type(tmp_path: Path):
    done = run("sample", "mnist", "--ray", "--out", str(tmp_path / "data"), missing=("ray",))

    assert done.returncode == 1
    assert "`zoetrope sample` needs ray" in done.stderr
    assert "the extra ray. Type:" in done.stderr
    assert not (tmp_path / "data").exists()


def test_outside_of_a_clone_pip_adds_the_extra(tmp_path: Path):
    said = zoetrope._missing("fit", "torch", "train", tmp_path)

    assert said.endswith(f"\n    {sys.executable} -m pip install 'zoetrope[train]'")
    assert "zoetrope[fidelity]" in zoetrope._missing("evaluate", "torch_fidelity", "fidelity", ROOT), "not in make env"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_in_use_is_one_line_that_says_what_to_do_and_exit_code_1(host: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--host", host, "--port", str(port), report="service bentoml")

    assert done.returncode == 1
    assert done.stderr == (
        f"error: found port {port} of {host} in use, expected a free one. Stop the program that listens there, or "
        f"choose another port: zoetrope serve --port {port + 1}, or PORT={port + 1} make serve\n"
    )
    assert done.stdout.splitlines() == ["LOADED"]
    assert zoetrope.why_not_listen(host, port) is None, "it is free again"


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", 70_000, "found port 70000"),
        ("192.0.2.1", 0, "cannot listen"),
        ("no-such-host.invalid", 0, "cannot"),
    ],
)
def test_an_address_that_is_not_here_is_said(host: str, port: int, said: str):
    assert said in zoetrope.why_not_listen(host, port)


def test_serve_listens_on_this_machine_alone_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BENTOML_HOST", raising=False)
    assert "--host=127.0.0.1" in zoetrope.serve_arguments([])
    assert "--host=0.0.0.0" in zoetrope.serve_arguments(["--host", "0.0.0.0"])

    monkeypatch.setenv("BENTOML_HOST", "::1")
    assert "--host=::1" in zoetrope.serve_arguments([])


def test_workers_are_a_setting_and_no_option_of_bentoml(tmp_path: Path):
    assert "--workers" not in " ".join(zoetrope.serve_arguments(["--workers", "2"]))
    assert zoetrope.serve_environment({}, tmp_path, 2)["ZOETROPE_WORKERS"] == "2"
    assert "ZOETROPE_WORKERS" not in zoetrope.serve_environment({"ZOETROPE_WORKERS": "3"}, tmp_path), "it stays"


@pytest.mark.parametrize(("given", "listens"), [({}, "127.0.0.1"), ({"LISTEN": "0.0.0.0"}, "0.0.0.0")])
def test_make_serve_listens_there_too(given: dict, listens: str):
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    made = subprocess.run(
        ["make", "--dry-run", "serve"], cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=True
    )

    assert f"bin/zoetrope serve --host {listens} --port 3000" in made.stdout


def test_serve_runs_the_service_of_this_installation_with_bentomls_options():
    arguments = zoetrope.serve_arguments(["--port", "80", "--host", "::1", "--backlog", "64"])

    assert arguments[:4] == ["serve", "service.server:Zoetrope", "--working-dir", str(ROOT)]
    assert arguments[4:] == ["--port=80", "--host=::1", "--backlog", "64"]


@pytest.mark.parametrize(
    ("given", "models", "grades"),
    [
        ({}, "/home/me/models", "sqlite:////home/me/runs/grades.db"),
        ({"ZOETROPE_MODELS": "bundles"}, "/home/me/bundles", "sqlite:////home/me/runs/grades.db"),
        ({"ZOETROPE_MODELS": "/srv/m"}, "/srv/m", "sqlite:////home/me/runs/grades.db"),
        ({"ZOETROPE_GRADES": "sqlite:///g.db"}, "/home/me/models", "sqlite:////home/me/g.db"),
        ({"ZOETROPE_GRADES": "sqlite:////var/g.db"}, "/home/me/models", "sqlite:////var/g.db"),
        ({"ZOETROPE_GRADES": "postgresql+psycopg://a@b/c"}, "/home/me/models", "postgresql+psycopg://a@b/c"),
    ],
)
def test_files_that_settings_name_are_those_of_the_users_folder(given: dict, models: str, grades: str):
    settings = zoetrope.serve_environment(given, Path("/home/me"))

    assert settings == {"ZOETROPE_MODELS": models, "ZOETROPE_GRADES": grades, "ZOETROPE_RUNS": "/home/me/runs"}


def test_a_file_of_keys_is_that_of_the_users_folder_and_none_is_none():
    """The service's processes start elsewhere, and a file that is not there would stop them."""
    given = {"ZOETROPE_KEYS_FILE": "keys", "ZOETROPE_INDEX": "digits.index"}
    named = zoetrope.serve_environment(given, Path("/home/me"))

    assert named["ZOETROPE_KEYS_FILE"] == "/home/me/keys"
    assert named["ZOETROPE_INDEX"] == "/home/me/digits.index"
    assert "ZOETROPE_KEYS_FILE" not in zoetrope.serve_environment({}, Path("/home/me"))


def test_a_home_that_cannot_be_written_is_told_in_words(tmp_path: Path):
    """Before: a stack trace of BentoML's. /proc cannot be written, not even by root."""
    (tmp_path / "file").write_text("")

    assert zoetrope.why_not_home(tmp_path / "home" / "bentoml") is None
    assert zoetrope.why_not_home(tmp_path / "file" / "bentoml") == "Not a directory"
    assert zoetrope.why_not_home(Path("/proc/bentoml")) == "No such file or directory"
    assert zoetrope.bentoml_home({"HOME": "/a"}) == Path("/a/bentoml")
    assert zoetrope.bentoml_home({"HOME": "/a", "BENTOML_HOME": "/b"}) == Path("/b")


def test_where_the_home_cannot_be_written_another_folder_is_taken_and_removed_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The worker starts in another folder than the user's, so all of them are absolute."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        assert zoetrope.usable_home({"BENTOML_HOME": "mine"}, stack) == tmp_path / "mine"
        assert capsys.readouterr().err == ""
        other = zoetrope.usable_home({"HOME": "/proc"}, stack)
        assert other.is_dir()
    assert not other.exists()

    assert capsys.readouterr().err == (
        f"/proc/bentoml cannot be used (No such file or directory): BentoML keeps its files in {other}\n"
    )


def test_a_user_without_a_home_gets_another_folder_and_not_one_that_is_called_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """BentoML itself would make a folder ~ in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user that this machine does not know
    with ExitStack() as stack:
        zoetrope.usable_home({}, stack)

    assert list(tmp_path.iterdir()) == []
    assert "~/bentoml cannot be used (this user has no home)" in capsys.readouterr().err


def test_where_nothing_at_all_can_be_written_it_is_one_line():
    """No folder for temporary files: as in a container that is read-only everywhere."""
    done = subprocess.run(
        [sys.executable, "-c", "import os, zoetrope; os.chdir('/proc'); zoetrope.tempfile._candidate_tempdir_list = "
         "lambda: ['/proc']; raise SystemExit(zoetrope.main(['serve', '--port', '0']))"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/proc"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == (
        "error: No usable temporary directory found in ['/proc']. Name a folder that can be written: TMPDIR=FOLDER\n"
    )
