"""`zoetrope sample` in this process, as people type it, for the tests of data sets here and in .ci/data_sets."""

from dataclasses import dataclass

import pytest

from service.sample import main


@dataclass
class Said:
    """What a command printed."""

    code: int
    out: str
    err: str


def sampled(capsys: pytest.CaptureFixture[str], *argv: object, **options: object) -> Said:
    """Run it with these words; `options` are those of `main`."""
    code = main([str(one) for one in argv], **options)
    said = capsys.readouterr()
    return Said(code, said.out, said.err)
