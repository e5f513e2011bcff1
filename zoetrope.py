"""The console script: `zoetrope COMMAND` finds the room that does it.

    zoetrope serve | sample | verify | mcp                   -> service
    zoetrope pull | push                                     -> models
    zoetrope benchmark                                       -> models (its last stage encodes as the service does)
    zoetrope fit | finetune | evaluate | compare | simulate
             doctor | export | shrink | profile | trainer    -> training

The one module that may know several rooms, so it imports none before it knows
the command: `zoetrope --help` loads nothing, and where only the extra `cpu` is
installed the commands that need torch say what to install. The packages of this
checkout or installation come before a `models.py` or a `service/` of the
working directory; `ZOETROPE_MODELS` and `ZOETROPE_GRADES` follow that directory.
"""

import argparse
import difflib
import errno
import os
import shlex
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.card import Card
    from service.bulk.shards import Evaluator

HOME = Path(__file__).resolve().parent  # the checkout, or site-packages: the rooms are next to this file
ROOMS = ("models", "service", "training", "load")

COMMANDS = {
    "serve": "serve every model of a folder over HTTP, with its page",
    "sample": "draw pictures into a file or a folder, without a server",
    "verify": "whether a picture is ours, by drawing it again",
    "mcp": "draw for an agent, over stdin and stdout (Model Context Protocol)",
    "pull": "put a model of the Hugging Face Hub into a folder of models",
    "push": "publish a model on the Hugging Face Hub, with a model card",
    "fit": "train a generator on pictures",
    "finetune": "train a model further, towards what people graded well",
    "evaluate": "score a model against held-out pictures, into its card",
    "compare": "models side by side, in one table and one picture",
    "simulate": "a grader who is simulated: what fine-tuning makes of their grades",
    "doctor": "what a run's log says of its health",
    "export": "a checkpoint as a bundle that can be served",
    "shrink": "a model in half the bytes: its weights as float16",
    "trainer": "next to a service, train what people ask for on its page",
    "profile": "the time that each part of a training step takes",
    "benchmark": "the speed of every engine on this machine",
}
# Settings that name a file or a folder, and may be absent.
_FILES = ("ZOETROPE_KEYS_FILE", "ZOETROPE_C2PA_KEY", "ZOETROPE_C2PA_CERTIFICATE", "ZOETROPE_PICTURES", "ZOETROPE_INDEX")
# The first name of an import -> the extra of pyproject.toml that installs it.
EXTRA_OF = {
    **dict.fromkeys(("onnxruntime", "openvino"), "cpu"),
    **dict.fromkeys(("torch", "typer", "safetensors", "sklearn", "onnx", "onnxscript", "tensorboard"), "train"),
    **dict.fromkeys(("mcp", "mcp_types"), "mcp"),
    **dict.fromkeys(("psycopg",), "postgres"),
    **dict.fromkeys(("c2pa", "cryptography"), "c2pa"),
    **dict.fromkeys(("huggingface_hub", "httpx2"), "hub"),
    **dict.fromkeys(("s3fs", "fsspec", "aiobotocore", "botocore"), "s3"),
    **dict.fromkeys(("ray",), "ray"),
    **dict.fromkeys(("torch_fidelity",), "fidelity"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 for what went wrong, 2 for a command that does not exist."""
    first, *rest = [*(sys.argv[1:] if argv is None else argv)] or ["--help"]
    if first in ("-h", "--help"):
        print(_help())
        return 0
    if first not in (*COMMANDS, "--version"):
        print(f"error: {first!r} is not a command of zoetrope.{_close_to(first)}\n\n{_help()}", file=sys.stderr)
        return 2
    sys.path.insert(0, str(HOME))
    try:
        return _RUN.get(first, _train)(first, rest)
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        print(_missing(first, str(error.name), extra), file=sys.stderr)
        return 1


def _help() -> str:
    lines = [f"  {name:<11}{summary}" for name, summary in COMMANDS.items()]
    commands = "\n".join(lines)
    return (
        "Usage: zoetrope COMMAND [OPTIONS]\n\nLearns to draw from your pictures, and serves what it learned.\n\n"
        f"Commands:\n{commands}\n\nOptions:\n  --version  print the version\n  --help     print this; "
        "`zoetrope COMMAND --help` says what a command takes"
    )


def _close_to(word: str) -> str:
    close = difflib.get_close_matches(word, COMMANDS, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _missing(command: str, module: str, extra: str, home: Path = HOME) -> str:
    """What to type where a package is not installed: in a clone the target that installs all of them but `fidelity`.

    Elsewhere pip keeps the installed zoetrope and adds the extra to it.
    """
    is_clone = all((home / name).is_file() for name in ("pyproject.toml", "Makefile"))
    if is_clone and extra != "fidelity":
        lines = [f"cd {shlex.quote(str(home))}", "make env", ". .venv/dev/bin/activate"]
    else:
        lines = [f"{sys.executable} -m pip install 'zoetrope[{extra}]'"]
    typed = "\n".join(f"    {line}" for line in lines)
    return (
        f"error: `zoetrope {command}` needs {module}, which is not installed. "
        f"It comes with the extra {extra}. Type:\n\n{typed}"
    )


def _version(_command: str, _argv: list[str]) -> int:
    from models import __version__

    print(f"zoetrope {__version__}")
    return 0


def _serve(_command: str, argv: list[str]) -> int:
    try:
        arguments = serve_arguments(argv)
        options, _ = _serve_options(argv)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if reason := why_not_listen(options.host, options.port):
        print(f"error: {reason}", file=sys.stderr)
        return 1
    os.environ.update(serve_environment(os.environ, Path.cwd(), options.workers))
    with ExitStack() as stack:
        try:
            os.environ["BENTOML_HOME"] = str(usable_home(os.environ, stack))
        except FileNotFoundError as error:  # of tempfile: it names all folders that it tried
            print(f"error: {error.strerror}. Name a folder that can be written: TMPDIR=FOLDER", file=sys.stderr)
            return 1
        return _bentoml(arguments)


def _bentoml(arguments: list[str]) -> int:
    """Run the command line of BentoML."""
    import click
    from bentoml_cli.cli import cli

    import service  # noqa: F401  # turns BentoML's telemetry off
    from models.command_line import usage_error

    try:
        return int(cli(arguments, prog_name="zoetrope", standalone_mode=False) or 0)
    except click.UsageError as error:
        print(f"error: {usage_error(error.format_message(), 'zoetrope serve')}{_as_setting(error)}", file=sys.stderr)
        return 2
    except click.Abort:
        return 1


def _as_setting(error: Exception) -> str:
    """What to type where an option that does not exist is the name of a setting: `--models` is ZOETROPE_MODELS."""
    from service.settings import PREFIX, Settings

    name = str(getattr(error, "option_name", "")).lstrip("-").replace("-", "_")
    return f", or set {PREFIX}{name.upper()}=... before the command" if name in Settings.model_fields else ""


def serve_arguments(argv: list[str]) -> list[str]:
    """The arguments of `bentoml`, which run the service of this installation whatever the working directory holds."""
    known, further = _serve_options(argv)
    given = [f"--{name}={getattr(known, name)}" for name in ("port", "host")]
    # The worker starts in --working-dir and imports from there first.
    return ["serve", "service.server:Zoetrope", "--working-dir", str(HOME), *given, *further]


def _serve_options(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Port, host and workers, and what goes on to `bentoml serve`."""
    from models.command_line import OneLineParser

    parser = OneLineParser(
        prog="zoetrope serve",
        description="Serve every model in ZOETROPE_MODELS (./models by default) over HTTP, with a page at /.",
        epilog="Further options go to `bentoml serve`; every other setting is an environment variable ZOETROPE_*.",
        allow_abbrev=False,
    )
    port = int(os.environ.get("BENTOML_PORT") or 3000)
    parser.add_argument("-p", "--port", type=int, default=port, help="port to listen on (3000)")
    host = os.environ.get("BENTOML_HOST", "127.0.0.1")
    parser.add_argument(
        "--host", default=host, help="address to listen on (127.0.0.1: this machine alone; 0.0.0.0: all)"
    )
    parser.add_argument(
        "--workers", type=int, help="processes that share the port, each with an engine (1, or ZOETROPE_WORKERS)"
    )
    return parser.parse_known_args(argv)


def why_not_listen(host: str, port: int) -> str | None:
    """Why no server can listen there, and what to do; None where one can. BentoML would fail with a stack trace."""
    other = port + 1 if 0 <= port < 65535 else 3000
    choose = f"zoetrope serve --port {other}, or PORT={other} make serve"
    if not 0 <= port <= 65535:
        return f"found port {port}, expected 0 to 65535. Choose another port: {choose}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was left just now is free
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return (
                f"found port {port} of {host} in use, expected a free one. Stop the program that listens there, or "
                f"choose another port: {choose}"
            )
        return f"cannot listen on port {port} of {host} ({error.strerror}). Choose another --host or port: {choose}"
    return None


def usable_home(environment: Mapping[str, str], stack: ExitStack) -> Path:
    """The folder in which BentoML keeps its files; where it cannot be written another one, with a line that says so.

    Args:
        environment: with BENTOML_HOME or HOME, or neither.
        stack: removes the other one at its end.

    Raises:
        FileNotFoundError: no folder for temporary files can be written either.
    """
    home = bentoml_home(environment)
    reason = "this user has no home" if home.parts[0].startswith("~") else why_not_home(home)
    if reason is None:
        return home.absolute()  # the worker starts in another folder
    other = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bentoml-", ignore_cleanup_errors=True)))
    print(f"{home} cannot be used ({reason}): BentoML keeps its files in {other}", file=sys.stderr)
    return other


def bentoml_home(environment: Mapping[str, str]) -> Path:
    """The folder in which BentoML keeps its files; it begins with ~ for a user who has no home."""
    given = environment.get("BENTOML_HOME") or os.path.join(environment.get("HOME") or "~", "bentoml")
    return Path(os.path.expanduser(os.path.expandvars(given)))


def why_not_home(home: Path) -> str | None:
    """Why nothing can be written there; None where it can. BentoML would fail with a stack trace."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def serve_environment(environment: Mapping[str, str], folder: Path, workers: int | None = None) -> dict[str, str]:
    """The settings that name files, absolute: the service's processes do not start in the user's folder.

    Args:
        environment: of this process.
        folder: the working directory.
        workers: a setting too, where it is given as an option.
    """
    grades = environment.get("ZOETROPE_GRADES", "sqlite:///runs/grades.db")
    sqlite = "sqlite:///"
    if grades.startswith(sqlite) and not grades.startswith(f"{sqlite}:"):
        grades = f"{sqlite}{folder / grades.removeprefix(sqlite)}"
    paths = {name: environment.get(name) for name in _FILES}
    return {
        "ZOETROPE_MODELS": str(folder / environment.get("ZOETROPE_MODELS", "models")),
        "ZOETROPE_GRADES": grades,
        "ZOETROPE_RUNS": str(folder / environment.get("ZOETROPE_RUNS", "runs")),
        **{name: str(folder / path) for name, path in paths.items() if path},
        **({} if workers is None else {"ZOETROPE_WORKERS": str(workers)}),
    }


def _sample(_command: str, argv: list[str]) -> int:
    from service.sample import main

    return main(argv, open_evaluator=_open_evaluator)


def _open_evaluator(card: "Card") -> "Evaluator":
    """What `sample --filter` asks; needs torch."""
    from training.evaluation.evaluator_store import evaluator_of

    return evaluator_of(card)


def _verify(_command: str, argv: list[str]) -> int:
    from service.verify_command import main

    return main(argv)


def _mcp(_command: str, argv: list[str]) -> int:
    from service.mcp_command import main

    return main(argv)


def _hub(command: str, argv: list[str]) -> int:
    from models.hub_command import main

    return main(command, argv)


def _benchmark(_command: str, argv: list[str]) -> int:
    from models.benchmark import main
    from service.sample import encode_answer

    return main(argv, encode=encode_answer)


def _train(command: str, argv: list[str]) -> int:
    from training.cli.app import main

    return main([command, *argv])


_RUN: dict[str, Callable[[str, list[str]], int]] = {
    "--version": _version,
    "serve": _serve,
    "sample": _sample,
    "verify": _verify,
    "mcp": _mcp,
    "pull": _hub,
    "push": _hub,
    "benchmark": _benchmark,
}

if __name__ == "__main__":
    sys.exit(main())
