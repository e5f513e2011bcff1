"""`zoetrope pull` and `zoetrope push`: bundles from and to the Hugging Face Hub.

    zoetrope pull hf://owner/name
    zoetrope push mnist hf://owner/name --licence cc-by-4.0

    command line -> [hub_command] -> hub -> a folder of models, or the Hub

Needs the extra `hub`. What is wrong is one line on stderr, and exit status 1. Knows no
HTTP.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from models.bundle import find_bundle
from models.command_line import OneLineParser
from models.errors import ModelError
from models.hub import SHAPE, HubAddress, pull, push


def main(command: str, argv: Sequence[str]) -> int:
    """Run `pull` or `push` and return the exit status."""
    parse, run = _COMMANDS[command]
    try:
        run(parse(argv))
    except (ModelError, OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def _pull(options: argparse.Namespace) -> None:
    found = pull(HubAddress.parse(options.address), options.models, options.replace, report=_say)
    print(f"{found.card.name} {found.card.version} is in {found.path}: every file has the digest in its card")


def _say(line: str) -> None:
    print(line, flush=True)


def _push(options: argparse.Namespace) -> None:
    address, path = HubAddress.parse(options.address), find_bundle(options.model)
    _say(f"{path} goes to {address}")
    print(push(path, address, options.licence, options.private))


def _parse_pull(argv: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="zoetrope pull", description="Put a model of the Hugging Face Hub into a folder of models."
    )
    parser.add_argument("address", help=SHAPE)
    folder = Path(os.environ.get("ZOETROPE_MODELS") or "models")
    parser.add_argument("--models", type=Path, default=folder, help="the folder (ZOETROPE_MODELS, else models)")
    parser.add_argument(
        "--replace", action="store_true", help="make it the current version where another one has its name"
    )
    return parser.parse_args(argv)


def _parse_push(argv: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="zoetrope push",
        description="Publish a model on the Hugging Face Hub, with a model card made of its card.",
        epilog="It needs a token that may write: `hf auth login`, or HF_TOKEN. HF_ENDPOINT names another Hub.",
    )
    parser.add_argument("model", help="a bundle's folder, or its name in ZOETROPE_MODELS")
    parser.add_argument("address", help=f"{SHAPE}; the revision is a branch")
    parser.add_argument("--licence", help="of the model, as the Hub writes it: apache-2.0, cc-by-4.0, ...")
    parser.add_argument("--private", action="store_true", help="make the repository private, where it is not there yet")
    return parser.parse_args(argv)


_COMMANDS: dict[str, tuple[Callable[[Sequence[str]], argparse.Namespace], Callable[[argparse.Namespace], None]]] = {
    "pull": (_parse_pull, _pull),
    "push": (_parse_push, _push),
}
