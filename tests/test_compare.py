"""Several ways to learn on the same pictures, as people type it: trained once, evaluated alike, one row each."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.commandline import typed
from support.labelled import put_digits_evaluator

from models.bundle import open_all, open_bundle
from models.bundle_writer import write_scores
from models.scores import Estimate, Leaks, Scores
from training import progress
from training.comparison.recipes import RECIPES
from training.data.splits import STACKS
from training.evaluation import evaluator_store
from training.run import Run

SMALL = ["--set", "width=8", "--set", "discriminator_width=8", "--threads", "1", "--device", "cpu"]
SHORT = ["--kimg", "4", *SMALL]
NAMES = ["untrained", "autoencoder", "gan"]


def runs_of(out: Path) -> dict[str, tuple[bytes, int]]:
    """Each run's log, and when its checkpoint was written."""
    return {
        path.name: (path.joinpath("log.jsonl").read_bytes(), (path / "checkpoint.safetensors").stat().st_mtime_ns)
        for path in (out / "runs").iterdir()
        if (path / "log.jsonl").exists() and (path / "checkpoint.safetensors").exists()
    }


@pytest.fixture(autouse=True, scope="module")
def no_evaluators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder without evaluators of earlier runs: wavelets evaluate all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recipes on digits, the last one interrupted after some steps and resumed."""
    out = tmp_path_factory.mktemp("compared")
    interrupted = pytest.MonkeyPatch()
    show = progress.ProgressBar.update

    def interrupt(self, state):
        show(self, state)
        if state.method.averaged_network == "generator" and state.images_shown >= 2000:
            os.kill(os.getpid(), signal.SIGINT)

    interrupted.setattr(progress.ProgressBar, "update", interrupt)
    code, said = typed("compare", "digits", *NAMES, "--out", out, *SHORT)
    interrupted.undo()
    assert code == 130, said
    assert not (out / "report.html").exists()
    before = runs_of(out)
    code, said = typed("compare", "digits", *NAMES, "--out", out, *SHORT)
    assert code == 0, said
    assert "autoencoder was trained before, and is taken as it is." in said
    assert runs_of(out)["autoencoder"] == before["autoencoder"]
    assert runs_of(out)["gan"][0].startswith(before["gan"][0])
    return out


def table(out: Path) -> list[dict]:
    return json.loads((out / "table.json").read_text())["rows"]


def test_the_table_has_a_row_for_each_name_in_the_order_given(digits: Path):
    assert [row["name"] for row in table(digits)] == NAMES
    assert [line.split("|")[1].strip() for line in (digits / "table.md").read_text().splitlines()[2:5]] == NAMES


def test_the_untrained_generator_has_the_highest_fd_ratio(digits: Path):
    untrained, *trained = (row["fd_ratio"] for row in table(digits))

    assert untrained > max(trained)


def test_the_untrained_generator_was_shown_no_image(digits: Path):
    assert open_bundle(digits / "models" / "untrained").card.training.images_shown == 0
    assert [row["images_shown"] >= 4000 for row in table(digits)] == [False, True, True]


def test_the_scores_are_in_the_cards(digits: Path):
    for row in table(digits):
        scores = open_bundle(digits / "models" / row["name"]).card.scores
        assert scores.fd_ratio == row["fd_ratio"]
        assert (scores.pca_psnr_db is None) == (row["name"] != "autoencoder")


def test_the_pictures_lie_beside_the_page(digits: Path):
    with Image.open(digits / "rows.png") as rows, Image.open(digits / "reconstructions.png") as back:
        assert rows.width > 12 * 80
        assert rows.height > 3 * 80
        assert back.height > 2 * 80
    assert (digits / "report.html").read_text().count("data:image/webp;base64,") == 2


def test_every_row_is_served_from_one_folder(digits: Path):
    assert {bundle.card.name for bundle in open_all(digits / "models")} == set(NAMES)


def test_resuming_trains_nothing_again_and_an_existing_bundle_keeps_its_version(digits: Path):
    """The same line once more, with a bundle from elsewhere in it, whose scores are written."""
    taken, before, files = digits / "models" / "autoencoder", runs_of(digits), (digits / "table.json").read_bytes()
    card = open_bundle(taken).card
    leaks = Leaks(
        features="wavelets",
        members=2,
        non_members=2,
        drawn=2,
        auc=Estimate(value=0.5, low=0.4, high=0.6),
        auc_control=0.5,
        seen=False,
        sentence="It leaks nothing.",
    )
    write_scores(taken, card.scores.model_copy(update={"leaks": leaks}))
    code, said = typed("compare", "digits", "untrained", "gan", taken, "--out", digits, *SHORT)
    rows = table(digits)
    (digits / "table.json").write_bytes(files)

    assert code == 0, said
    assert runs_of(digits) == before
    assert [row["name"] for row in rows] == ["untrained", "gan", str(taken)]
    assert rows[2]["version"] == card.version == open_bundle(taken).card.version
    assert f"{taken} is evaluated: its scores are in {taken}/card.json, and its version stays." in said
    assert not np.isnan(rows[2]["fd_ratio"])
    assert open_bundle(taken).card.scores != Scores()
    assert open_bundle(taken).card.scores.leaks == leaks, "what is not measured again stays"


def test_where_nothing_is_trained_no_folder_is_named_that_would_serve_it(digits: Path, tmp_path: Path):
    code, said = typed("compare", "digits", digits / "models" / "autoencoder", "--out", tmp_path / "c", *SHORT)

    assert code == 0, said
    assert "zoetrope serve" not in said


def test_a_recipe_with_other_settings_is_not_taken_for_the_one_that_is_there(digits: Path):
    code, said = typed("compare", "digits", "gan", "--out", digits, *SHORT, "--seed", 1)

    assert code == 1
    assert "holds another run. Choose another folder with --run (of compare: --out)" in said
    assert "Found: seed was 0, now 1." in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["gna"],
            f"'gna' is not a recipe and not a model. Expected one of {', '.join(RECIPES)}, which are trained here",
        ),
        (["gan", "gan"], "gan is named more than once"),
        (["gan", "--preset", "huge"], "preset is 'huge'; it must be one of tiny, small, "),
        (["gan", "--kimg", "0.001"], "images_shown (--kimg, in thousands) is 1, less than one batch of 128"),
        (["gan", "--set", "warmth=3"], "found 'warmth=3', expected NAME=VALUE with one of preset, images_shown, batch"),
        (["gan", "--set", "update_clip=-1"], "update_clip is -1; it must be 0 or more"),
        (["gan", "--device", "cuda:99"], "device is 'cuda:99', but torch"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words_before_anything_is_trained(
    words: list[str], message: str, tmp_path: Path
):
    code, said = typed("compare", "digits", *words, "--out", tmp_path / "out")

    assert code == 1
    assert message in said
    assert not (tmp_path / "out").exists()


def test_a_bundle_of_another_shape_is_refused_in_words(bundles: Path, tmp_path: Path):
    code, said = typed("compare", "digits", "gan", bundles / "colour", "--out", tmp_path / "out")

    assert code == 1
    assert "found a bundle that draws 12 x 20 x 3, expected 8 x 8 x 1, the shape of digits" in said
    assert Run(tmp_path / "out" / "runs" / "gan").lines() == []


def test_a_recipe_learns_once_for_each_number_of_minutes_and_each_seed(tmp_path: Path):
    """The pace is given, as it is found after an interruption: 1,000 images a second after the first six."""
    (tmp_path / "pace-gan.json").write_text(json.dumps({"first_seconds": 6.0, "images_per_s": 1000.0}))
    lengths = ["--minutes", "0.105", "--minutes", "0.11", "--seed", "3", "--seed", "4"]
    code, said = typed("compare", "digits", "untrained", "gan", "--out", tmp_path, *lengths, *SMALL)
    rows = {row["name"]: row for row in table(tmp_path)}

    assert code == 0, said
    assert list(rows) == [
        *("untrained-seed3", "untrained-seed4"),
        *("gan-0_105min-seed3", "gan-0_105min-seed4", "gan-0_11min-seed3", "gan-0_11min-seed4"),
    ]
    assert [row["images_shown"] for row in rows.values()] == [0, 0, 256, 256, 512, 512]
    assert len({row["version"] for row in rows.values()}) == 6


def test_stacks_are_evaluated_by_the_modes_that_an_evaluator_of_digits_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    put_digits_evaluator(tmp_path)
    monkeypatch.setitem(STACKS, "test", 2_600)  # a tenth of the protocol's, which tests/test_stacked.py holds
    code, said = typed(
        "compare", "stacked:digits", "untrained", "--fit", "--out", tmp_path, "--threads", "1", "--device", "cpu"
    )
    modes = open_bundle(tmp_path / "models" / "untrained").card.scores.stacked

    assert code == 0, said
    assert re.search(r"\bmethod FD ratio .*\bmodes\b", said)
    assert "KL above its floor" in said
    assert modes.images == 2_600
    assert modes.modes < 0.9 * modes.modes_real
    assert modes.kl > 5 * modes.kl_real


def test_an_evaluator_is_trained_once_and_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two steps are too few: it does not order pictures of known quality, and nothing is compared by it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluator_store, "ROUND_STEPS", 2)
    monkeypatch.setattr(evaluator_store, "ROUNDS", 1)
    code, said = typed("compare", "digits", "untrained", "--fit", "--out", tmp_path, "--device", "cpu")
    again = typed("compare", "digits", "untrained", "--fit", "--out", tmp_path, "--device", "cpu")

    assert "training the evaluator: 2 steps of at most 2, loss" in said
    assert "training the evaluator" not in again[1]
    assert code == again[0] == 1
    assert re.search(r"evaluator \w+ does not order these pictures rightly, and says nothing about the model", said)
    assert not (tmp_path / "models").exists(), "no model was trained before the evaluator was believed"


def test_a_length_is_given_in_one_way(tmp_path: Path):
    code, said = typed("compare", "digits", "gan", "--out", tmp_path, "--minutes", "1", "--kimg", "1")

    assert code != 0
    assert "--kimg and --minutes both say how long to learn" in said
