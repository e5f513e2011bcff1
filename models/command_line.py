"""Usage errors of a command, in one line: what is wrong, and where help is.

    [command_line] -> benchmark, hub_command; service.sample

A file of its own because the commands of two rooms share it. `training` has typer for this, with the same words.
"""

import argparse
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """A parser that raises what argparse would print below the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse.

        Raises:
            ValueError: always; says what is wrong, and which `--help` to read.
        """
        raise ValueError(usage_error(message, self.prog))


def usage_error(message: str, command: str) -> str:
    """What every command says of arguments that it does not take."""
    return f"{message.rstrip('.')}; see `{command} --help`"
