"""`python -m service.encoders`: the table has a line for everything that is sent."""

import re
from pathlib import Path

import pytest

import service.encoders.__main__ as measuring
from service.formats import Format


def test_every_format_has_a_line_and_pixels_are_as_many_as_the_card_says(
    bundles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(measuring, "ROUNDS", 1)
    monkeypatch.setattr("sys.argv", ["encoders", str(bundles / "grey"), str(bundles / "colour"), "--n", "5"])
    measuring.main()
    tables = capsys.readouterr().out.strip().split("\n\n")

    for table, pixels in zip(tables, (8 * 8, 12 * 20 * 3), strict=True):
        bytes_of = dict(re.findall(r"^  (.+?) +[\d.]+ us +(\d+) B$", table, re.M))
        assert {*Format, "png, a sheet", "jpeg, a sheet", "png by Pillow", "jpeg by Pillow"} < bytes_of.keys()
        assert int(bytes_of["drawn"]) == pixels
