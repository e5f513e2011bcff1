"""A bundle goes to the Hub and comes back as it was; what is not a whole one leaves nothing. The Hub is one of ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from support.hub import TOKEN, Hub, serving_hub

from models import open_model
from models.bundle import find_bundle, open_bundle, read_card
from models.errors import BundleMissing, HubError
from models.hub import HubAddress, cached, pull, push
from models.hub_command import main
from models.model_card import model_card

ROOT = Path(__file__).parent.parent
ADDRESS = HubAddress("ann/grey")

pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # of its uploads by LFS


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Named by the environment, as huggingface_hub's users do; files go by plain HTTP, because ours speaks no Xet."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with serving_hub() as hub:
        for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        yield hub


@pytest.fixture
def there(hub: Hub, grey: Path) -> Hub:
    """With `grey` at ann/grey, as others put it there."""
    hub.commit("ann/grey", contents(grey))
    return hub


@pytest.fixture
def pushed(hub: Hub, grey: Path) -> Hub:
    """With `grey` at ann/grey."""
    push(grey, ADDRESS, licence="cc-by-4.0")
    return hub


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_that_is_pushed_and_pulled_is_the_same_to_the_byte(pushed: Hub, grey: Path, tmp_path: Path):
    found = pull(ADDRESS, tmp_path / "models")

    assert found.path == tmp_path / "models" / "grey"
    assert contents(found.path) == contents(grey)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["grey"]
    assert ("PUT" in {method for method, _ in pushed.asked}) is True  # a graph goes by LFS, as on the real Hub


def test_the_hub_gets_a_model_card_with_both_licences_in_the_header_that_it_reads(pushed: Hub, grey: Path):
    text = pushed.files("ann/grey")["README.md"].decode()
    header = yaml.safe_load(text.split("---\n")[1])
    card = read_card(grey)

    assert text == model_card(card, "hf://ann/grey", "cc-by-4.0")
    assert header["license"] == "cc-by-4.0"
    assert header["library_name"] == "zoetrope"
    assert header["pipeline_tag"] == "unconditional-image-generation"
    assert {"synthetic", "onnx"} <= set(header["tags"])
    assert "Of the model: cc-by-4.0." in text
    assert "Of the training pictures: not told in the card of the model." in text
    assert 'open_model("hf://ann/grey").generate(seed=7, n=64)  # uint8 (64, 8, 8, 1)' in text


def test_the_model_card_of_a_shipped_model_tells_its_scores_and_what_it_is_worth():
    card = read_card(ROOT / "models" / "mnist")
    text = model_card(card, "hf://ann/mnist", "for this course alone")
    header = yaml.safe_load(text.split("---\n")[1])

    assert (header["license"], header["license_name"]) == ("other", "for this course alone")
    assert yaml.safe_load(model_card(card, "hf://ann/mnist").split("---\n")[1])["license"] == "unknown"
    assert "FD ratio 1.77" in text
    assert card.scores.usefulness.sentence in text
    assert card.scores.leaks.sentence in text
    assert "| classes | 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 |" in text


def test_a_notebook_opens_a_model_of_the_hub_once_and_then_from_this_machine(there: Hub, grey: Path, tmp_path: Path):
    drawn = open_model("hf://ann/grey", threads=1).generate(seed=7, n=9)
    reads = [path for _, path in there.asked if "/resolve/" in path]
    (commit,) = there.repositories["ann/grey"]
    open_model("hf://ann/grey", threads=1)
    again = [path for _, path in there.asked if "/resolve/" in path]
    there.asked.clear()
    open_model(f"hf://ann/grey@{commit}", threads=1)

    assert np.array_equal(drawn, open_model(grey, threads=1).generate(seed=7, n=9))
    assert len(reads) == len(contents(grey))
    assert again[len(reads) :] == [f"/ann/grey/resolve/{commit}/card.json"]  # and what is there is not read again
    assert there.asked == []  # a whole commit never changes
    assert (tmp_path / "home" / "zoetrope" / "ann--grey" / commit / "grey" / "card.json").is_file()


def altered(name: str, data: Callable[[bytes], bytes]) -> Callable[[Hub], None]:
    return lambda hub: hub.files("ann/grey").update({name: data(hub.files("ann/grey")[name])}) or None


def lying(name: str, size: int) -> Callable[[Hub], None]:
    return lambda hub: hub.listed_sizes.update({name: size}) or None


def renamed(name: str) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), "name": name}).encode()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (
            altered("generator.onnx", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
            r"hf://ann/grey: generator\.onnx: found \d+ bytes with SHA-256 .*, expected SHA-256 .*\. Nothing was kept",
        ),
        (altered("card.json", renamed("../grey")), r"card\.json: found name: .*, expected a card of format"),
        (altered("card.json", lambda data: data[:-9]), r"card\.json: found invalid JSON"),
        (lambda hub: hub.files("ann/grey").pop("card.json") and None, r"found no card\.json, expected a bundle"),
        (lambda hub: hub.files("ann/grey").pop("samples.png") and None, r"found no samples\.png, expected every file"),
        (lying("card.json", (1 << 20) + 1), r"found card\.json of 1,048,577 bytes, expected a bundle .* up to 1 MiB"),
        (lying("generator.onnx", 1 << 30), r"found 1,0\d\d,\d{3},\d{3} bytes, expected at most 1,073,741,824"),
        (lying("generator.onnx", 100), r"found more bytes of generator\.onnx, expected 100, as the Hub said"),
        (lying("generator.onnx", 9_999_999), r"found [\d,]+ bytes of generator\.onnx, expected 9,999,999"),
    ],
)
def test_what_is_not_a_whole_bundle_is_refused_and_leaves_nothing(
    there: Hub, tmp_path: Path, harm: Callable[[Hub], None], words: str
):
    harm(there)
    with pytest.raises(HubError, match=words):
        pull(ADDRESS, tmp_path / "models")
    with pytest.raises(HubError, match=words):
        cached(ADDRESS)

    folder = tmp_path / "models"
    assert not folder.exists() or [*folder.iterdir()] == []
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_a_model_of_the_same_name_is_replaced_only_if_that_is_asked_for(there: Hub, bundles: Path, tmp_path: Path):
    mine = read_card(shutil.copytree(bundles / "grey", tmp_path / "models" / "grey"))
    with pytest.raises(HubError, match=rf"and .*grey has {mine.version}\. With --replace it becomes the current one"):
        pull(ADDRESS, tmp_path / "models")
    assert read_card(tmp_path / "models" / "grey") == mine
    pulled = pull(ADDRESS, tmp_path / "models", replace=True).card
    there.asked.clear()
    pull(ADDRESS, tmp_path / "models")

    assert read_card(tmp_path / "models" / f"grey@{mine.version}") == mine
    assert read_card(tmp_path / "models" / "grey") == pulled != mine
    assert [path for _, path in there.asked if "generator" in path] == []  # it is there already


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://grey", r"found 'hf://grey', expected hf://OWNER/NAME"),
        ("hf://ann/../grey", r"found 'hf://ann/\.\./grey', expected"),
        ("hf://ann/white", r"hf://ann/white: the Hub answered 404\. There is no such repository, revision or file"),
        ("hf://ann/grey@v9", r"hf://ann/grey@v9: the Hub answered 404\. There is no such repository, revision or file"),
    ],
)
def test_what_is_not_there_is_named(there: Hub, address: str, words: str):
    assert there.url
    with pytest.raises(HubError, match=words):
        open_model(address)


def test_without_a_token_nothing_is_pushed(hub: Hub, grey: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"the Hub answered 401\. Is the name right\? .* hf auth login, or HF_TOKEN"):
        push(grey, ADDRESS)

    assert hub.repositories == {}


def test_a_broken_bundle_is_not_pushed(hub: Hub, grey: Path, capsys: pytest.CaptureFixture[str]):
    (grey / "samples.png").write_bytes(b"no picture")

    assert main("push", [str(grey), "hf://ann/grey"]) == 1
    assert "samples.png: found 10 bytes" in capsys.readouterr().err
    assert hub.asked == []


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    assert main("pull", ["hf://ann/grey"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: hf://ann/grey: the Hub cannot be reached (")
    assert line.endswith("HF_ENDPOINT names another one")


def test_a_path_of_the_hub_where_a_folder_is_wanted_says_to_pull_it():

    with pytest.raises(BundleMissing, match="Pull it from the Hub first: zoetrope pull hf://ann/grey"):
        find_bundle("hf://ann/grey")


def test_the_commands_push_and_pull(hub: Hub, grey: Path, tmp_path: Path):
    """As a person types them, in processes that say nothing of this machine to the Hub."""
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("HF_HUB_DISABLE_TELEMETRY", None)

    def zoetrope(*argv: str | Path) -> str:
        command = [sys.executable, "-m", "zoetrope", *argv]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    sent = zoetrope("push", grey, "hf://ann/grey", "--licence", "mit")
    read = zoetrope("pull", "hf://ann/grey", "--models", "here")
    (commit,) = hub.repositories["ann/grey"]

    assert sent.splitlines()[-1] == f"{hub.url}/ann/grey/commit/{commit}"
    assert read.splitlines()[-1].endswith("is in here/grey: every file has the digest in its card")
    assert open_bundle(tmp_path / "here" / "grey").card == read_card(grey)
    assert not [agent for agent in hub.agents if "torch" in agent]
    assert "/api/agent-harnesses" not in {path for _, path in hub.asked}  # asked where telemetry is on
