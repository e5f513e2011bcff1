"""The command line, as people type it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from support.commandline import typed
from support.forked import begin, fit
from support.pretrained import write_pretrained
from typer.testing import CliRunner

from models.bundle import open_bundle
from models.runtime import Runtime
from training.cli.app import RENAMED, app
from training.config import FINETUNING_SETTINGS, preset_named

ROOT = Path(__file__).parent.parent
FEW = ["--kimg", "0.5", "--batch", "50", "--threads", "1", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a fit by these options, made once: its bundle `d` and its run `r`. Not to be changed."""

    @cache
    def fit(*options: str) -> Path:
        folder = tmp_path_factory.mktemp("fitted")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("training.run_logger.SHEETS_A_RUN", 2)  # a mixture is fitted for each
            code, said = typed("fit", "digits", "--out", folder / "d", "--run", folder / "r", *FEW, *options)
        assert code == 0, said
        return folder

    return fit


def test_a_dry_run_says_what_would_run_and_writes_nothing(tmp_path: Path):
    code, said = typed(
        "fit", "digits", "--dry-run", "--out", tmp_path / "d", "--run", tmp_path / "r", *FEW[2:], "--kimg", 7
    )

    assert code == 0
    assert "1,611 pictures of 8 x 8 x 1 from digits, in 10 classes: 0 1" in said
    assert "They train a GAN with preset tiny on cpu: 7,000 images to show." in said
    assert f"Look at {tmp_path / 'r' / 'report.html'} meanwhile; it loads itself again." in said
    assert f"The model will be {tmp_path / 'd'}." in said
    assert re.search(r"7,000 images to show: about [\d.]+ (seconds|minutes) of", said)
    assert not list(tmp_path.iterdir())


def test_the_plan_is_told_in_a_few_lines_and_with_every_setting_by_verbose(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # short paths: one line a row
    words = ["fit", "digits", "--dry-run", "--out", "d", "--run", "r", "--kimg", "2", "--threads", "1"]
    (_, short), (_, long) = typed(*words), typed(*words, "--verbose")
    settings = {name for name in asdict(preset_named("tiny")) if name not in FINETUNING_SETTINGS}

    assert "│" not in short
    assert "The model will be d. --verbose shows every setting." in short
    assert "generator parameters" in long
    assert {name for name in settings if f" {name} │" not in f" {long}"} == set()
    busy = "warning: other programs are busy here"  # as they may be while tests run
    assert "warning" not in (short + long).replace(busy, "")


def test_very_few_pictures_are_warned_about_with_their_number(messy: Path, tmp_path: Path):
    _, said = typed("fit", messy, "--dry-run", "--out", tmp_path / "m", "--run", tmp_path / "r", "--size", "16")

    assert "warning: 7 pictures are very few, expected 100 or more" in said
    assert "the model will repeat these pictures" in said


def test_minutes_are_a_length_that_this_machine_shows_and_the_same_line_resumes_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("training.throughput._TRIED_SECONDS", 0.2)
    for minutes in (0.05, 0.4, 3.0):  # on a busy machine the first steps alone take longer than three seconds
        words = ["fit", "digits", "--out", tmp_path / "d", "--run", tmp_path / "r", "--minutes", str(minutes), *FEW[2:]]
        code, said = typed(*words)
        if "minutes are too few" not in said:
            break
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    monkeypatch.setattr("training.throughput.measure_throughput", None)
    again, _ = typed(*words)

    assert code == 0, said
    assert again == 0
    assert config["minutes"] == minutes
    assert open_bundle(tmp_path / "d").card.training.images_shown == config["settings"]["images_shown"] >= 50


def test_another_gamma_within_a_run_is_told_and_goes_into_the_card(tmp_path: Path, fitted: Callable[..., Path]):
    shutil.copytree(fitted(), tmp_path, dirs_exist_ok=True)
    where = ["fit", "digits", "--out", tmp_path / "d", "--run", tmp_path / "r", *FEW]
    code, said = typed(*where, "--kimg", "1", "--gamma", "3")
    record = open_bundle(tmp_path / "d").card.training
    line = json.loads((tmp_path / "r" / "log.jsonl").read_text().splitlines()[-1])

    assert code == 0, said
    assert "the run goes on from image 500 with images_shown 1,000 (was 500), gamma 3 to 0.3 (was 0.5 to 0.05)" in said
    assert record.changes == (
        {
            "images_shown": 500,
            "changed": {"images_shown": [500, 1000], "gamma": [[0.5, 0.05], [3.0, 0.3]]},
            "after_healings": 0,
        },
    )
    assert line["gamma"] == pytest.approx(0.3)


def test_fit_makes_a_bundle_that_draws_and_whose_card_says_how_it_was_trained(tmp_path: Path):
    how = ["--mirror", "--augment", "off", "--set", "width_max=24", "--set", "half_life_shares=[0.1,0.02]"]
    code, said = typed("fit", "digits", "--out", tmp_path / "d", "--run", tmp_path / "r", *FEW, *how)
    options = open_bundle(tmp_path / "d").card.training.options

    assert code == 0, said
    assert (options["mirror"], options["augment"], options["hold_out_from"]) == (True, "off", 50)
    assert (options["width_max"], options["half_life_shares"]) == (24, [0.1, 0.02])
    assert Runtime(open_bundle(tmp_path / "d")).generate(0, 0, 3).shape == (3, 8, 8, 1)


def test_a_run_that_has_ended_resumes_with_a_larger_kimg_and_its_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of such a length that the last line of the log is before its end."""
    monkeypatch.setattr("training.run_logger.LOGS_A_RUN", 20)  # a line after 5 images and not after every step
    few = ["fit", "digits", "--out", tmp_path / "d", "--run", tmp_path / "r", *FEW, "--batch", "2"]
    typed(*few, "--kimg", "0.102")
    log = (tmp_path / "r" / "log.jsonl").read_text().splitlines()
    code, said = typed(*few, "--kimg", "0.13")
    record = open_bundle(tmp_path / "d").card.training

    assert json.loads(log[-1])["images_shown"] < 102
    assert code == 0, said
    assert (record.images_shown, record.lengthened) == (130, (102,))


def test_a_finished_fit_that_is_repeated_has_nothing_to_do_and_says_how_to_go_on(fitted: Callable[..., Path]):
    """Before: it wrote the same model again, without a word."""
    folder = fitted()
    written = (folder / "d" / "card.json").stat()
    code, said = typed("fit", "digits", "--out", folder / "d", "--run", folder / "r", *FEW)

    assert code == 0, said
    assert f"nothing to do: {folder / 'r'} has shown all of its 500 images, and {folder / 'd'} is its model." in said
    assert "wrote" not in said
    assert (folder / "d" / "card.json").stat() == written


def test_a_licence_that_is_given_to_a_finished_fit_goes_into_its_card(fitted: Callable[..., Path], tmp_path: Path):
    shutil.copytree(fitted(), tmp_path, dirs_exist_ok=True)
    code, said = typed("fit", "digits", "--out", tmp_path / "d", "--run", tmp_path / "r", *FEW, "--licence", "CC0-1.0")

    assert code == 0, said
    assert open_bundle(tmp_path / "d").card.training.licence == "CC0-1.0"


def test_export_refuses_to_replace_another_model_as_fit_does(tmp_path: Path, fitted: Callable[..., Path]):
    before = write_pretrained(tmp_path / "small").card.version
    code, said = typed("export", fitted() / "r", "--out", tmp_path / "small")

    assert code == 1
    assert said.endswith(f"and it stays as small@{before}. Or use another --out.")
    code, said = typed("export", fitted() / "r", "--out", tmp_path / "small", "--replace")
    assert code == 0, said
    assert open_bundle(tmp_path / f"small@{before}").card.version == before


def test_export_makes_a_bundle_of_a_run(tmp_path: Path, fitted: Callable[..., Path]):
    code, _ = typed("export", fitted() / "r", "--out", tmp_path / "again")

    assert code == 0
    assert open_bundle(tmp_path / "again").card.version == open_bundle(fitted() / "d").card.version


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """A folder as people have them."""
    folder = tmp_path / "messy"
    (folder / "summer" / "beach").mkdir(parents=True)
    random = np.random.default_rng(0)
    shapes = {"a.png": (40, 30), "summer/b.jpg": (90, 200), "summer/beach/c.webp": (16, 16), "summer/d.gif": (64, 64)}
    for name, (height, width) in shapes.items():
        Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8)).save(folder / name)
    Image.fromarray(random.integers(0, 256, (50, 50), np.uint8)).save(folder / "grey.png")
    Image.fromarray(random.integers(0, 256, (50, 50, 4), np.uint8), "RGBA").save(folder / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = folder / "turned.jpg"
    Image.fromarray(random.integers(0, 256, (40, 80, 3), np.uint8)).save(photo, exif=exif)
    (folder / "notes.txt").write_text("bring the camera")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(photo.read_bytes()[:-900])
    return folder


def test_a_messy_folder_trains_and_says_what_was_skipped_and_why(messy: Path, tmp_path: Path):
    code, said = typed("fit", messy, "--out", tmp_path / "m", "--run", tmp_path / "r", "--size", "16x24", *FEW)

    assert code == 0, said
    assert "7 pictures of 16 x 24 x 3 from messy" in said
    assert "skipped notes.txt: not a picture in a format that is read: JPEG, PNG, " in said
    assert "skipped empty.jpg: empty file" in said
    assert "skipped cut.jpg: image file is truncated" in said
    assert Runtime(open_bundle(tmp_path / "m")).generate(0, 0, 1).shape == (1, 16, 24, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "nowhere"], "error: nowhere: no such file or folder"),
        (["fit", "digits", "--preset", "huge"], "preset is 'huge'; it must be one of tiny, small, stacked"),
        (["fit", "digits", "--method", "magic"], "method is 'magic'; it must be one of gan, autoencoder"),
        (["fit", "digits", "--resize", "squeeze"], "resize is 'squeeze'; it must be one of crop, pad, stretch"),
        (["fit", "digits", "--method", "autoencoder", "--code-size", "64"], "an autoencoder's code must be smaller"),
        (
            ["evaluate", "models/missing", "digits"],
            "models/missing: found no bundle, expected a folder with a card.json, or a name in",
        ),
        (["fit", "digits", "--size", "big"], "size is 'big'; it must be like 64 or 48x80"),
        (["fit", "digits", "--batch", "0"], "batch is 0"),
        (["fit", "digits", "--method", "denoising", "--augment", "auto"], "denoising has no discriminator that could"),
        (["fit", "digits", "--kimg", "1", "--minutes", "1"], "--kimg and --minutes both say how long to learn"),
        (["fit", "digits", "--precision", "float8"], "precision is 'float8'"),
        (["fit", "digits", "--set", "warmth=3"], "found 'warmth=3', expected NAME=VALUE with one of preset, images_"),
        (["fit", "digits", "--set", "width=3"], "--set width: width is not set by --set. `zoetrope fit --help` lists"),
        (["fit", "digits", "--set", "parent=a"], "--set parent: parent is not set by --set"),
        (["export", "runs/nowhere"], "checkpoint.safetensors: no such file"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_1(words: list[str], message: str):
    code, said = typed(*words)

    assert code == 1
    assert message in said


def test_another_run_in_the_same_folder_is_refused(fitted: Callable[..., Path]):
    where = ["--out", fitted() / "d", "--run", fitted() / "r"]
    code, said = typed("fit", "digits", *where, *FEW, "--seed", "5")
    dry_code, dry_said = typed("fit", "digits", *where, *FEW, "--seed", "5", "--dry-run")

    assert code == 1
    assert "seed was 0, now 5" in said
    assert (dry_code, dry_said) == (code, said), "a dry run refuses what the run refuses"


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path):
    """SIGINT to a process of its own, once it has begun to learn."""
    where = ["--out", tmp_path / "d", "--run", tmp_path / "r"]
    process = begin(tmp_path / "printed", fit, "digits", *where, "--threads", "1")
    while not (tmp_path / "r" / "log.jsonl").exists() and process.is_alive():
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    process.join(60)

    assert process.exitcode == 130
    assert "The same command resumes" in (tmp_path / "printed").read_text()
    assert (tmp_path / "r" / "checkpoint.safetensors").exists()


def test_pictures_with_labels_make_a_model_with_classes_unless_they_are_not_wanted(fitted: Callable[..., Path]):
    card = open_bundle(fitted() / "d").card

    assert [one.name for one in card.classes] == list("0123456789")
    assert sum(one.count for one in card.classes) == card.training.data_images == 1611
    assert open_bundle(fitted("--no-classes") / "d").card.classes is None


@pytest.mark.parametrize("method", ["autoencoder", "denoising", "variational"])
def test_every_method_of_the_lecture_makes_a_bundle_that_draws_and_encodes(fitted: Callable[..., Path], method: str):
    runtime = Runtime(open_bundle(fitted("--method", method) / "d"))

    assert runtime.card.method == method
    assert runtime.generate(0, 0, 3).shape == (3, 8, 8, 1)
    assert runtime.encodes


def test_evaluating_writes_scores_into_the_card_and_keeps_the_version(
    fitted: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # where no evaluator was trained on these pictures
    shutil.copytree(fitted("--method", "autoencoder") / "d", "d")
    before = open_bundle(tmp_path / "d").card
    code, said = typed("evaluate", "d", "digits", "--threads", "1")
    after = open_bundle(tmp_path / "d").card

    assert code == 0, said
    assert "no evaluator knows these classes (`evaluate --fit` trains one): evaluated by wavelets" in said
    assert "FD ratio" in said
    assert after.version == before.version
    assert after.scores.evaluator == "wavelets"
    assert after.scores.fd_ratio > 1
    assert after.scores.pca_psnr_db > 5


def test_a_model_without_classes_knows_its_labelled_pictures_again(fitted: Callable[..., Path], tmp_path: Path):
    shutil.copytree(fitted("--no-classes") / "d", tmp_path / "d")
    code, said = typed("evaluate", tmp_path / "d", "digits", "--threads", "1", "--images", "60")

    assert code == 0
    assert "other pictures" not in said


def test_evaluating_against_other_pictures_is_said(tmp_path: Path):
    typed("fit", "digits", "--out", tmp_path / "d", "--run", tmp_path / "r", *FEW, "--resize", "pad")
    (tmp_path / "others").mkdir()
    random = np.random.default_rng(0)
    for number in range(510):
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(tmp_path / "others" / f"{number}.png")
    _, said = typed("evaluate", tmp_path / "d", tmp_path / "others", "--threads", "1", "--features", "wavelets")

    assert "d was trained on other pictures or labels (digits) than these" in said


def options_by_panel(command_name: str) -> dict[str, list[str]]:
    """The options of a command by the panel of `--help` that shows them."""
    command = typer.main.get_command(app).commands[command_name]
    panels: dict[str, list[str]] = {}
    for option in command.params:
        if not getattr(option, "hidden", False) and option.param_type_name == "option":
            panels.setdefault(getattr(option, "rich_help_panel", None) or "Options", []).append(option.name)
    return panels


def test_fit_shows_at_most_twenty_options_first_and_the_rest_in_groups():
    panels = options_by_panel("fit")

    assert len(panels["Options"]) <= 20
    assert list(panels) == ["Options", "Training", "Compute"]
    assert not {"model", "ratings", "strength", "update", "force"} & {
        name for names in panels.values() for name in names
    }


def test_fine_tuning_has_options_of_its_own():
    names = {name for names in options_by_panel("finetune").values() for name in names}

    assert {"model", "ratings", "strength", "update", "force"} <= names
    assert not {"preset", "size", "channels", "classes", "method", "loss", "network", "width", "code_size"} & names


@pytest.mark.parametrize(("old", "new"), [*RENAMED.items()])
def test_an_old_name_still_runs_and_the_new_one_is_printed_on_stderr(old: str, new: str):
    done = CliRunner().invoke(app, [old, "--help"], prog_name="zoetrope")

    assert done.exit_code == 0
    assert f"`{old}` is now `{new}`" in done.stderr
    assert f"zoetrope {new} " in done.stdout
    assert old not in typer.main.get_command(app).commands


def test_help_and_errors_load_no_torch():
    """All in one process: what one of them loaded, the next ones would tell as well."""
    expected = {
        "--help": "finetune",
        "fit --help": "Compute",
        "fit /nonexistent": "no such file or folder",
        "fit digits --preset huge": "it must be one of tiny",
        "fit digits --size big": "it must be like 64",
        "fit digits --bogus": "No such option",
        "finetune /nonexistent --from m --ratings r": "no such file or folder",
        "evaluate /nonexistent digits": "found no bundle",
        "compare /nonexistent": "no such file or folder",
        "profile /nonexistent": "no such file or folder",
        "export --bogus": "No such option",
    }
    script = f"""
import json, sys
from typer.testing import CliRunner
from training.cli.app import app
found = [
    (CliRunner().invoke(app, words.split(), prog_name="zoetrope").output, "torch" in sys.modules)
    for words in {[*expected]!r}
]
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    for (words, said), (printed, loaded) in zip(expected.items(), json.loads(done.stdout), strict=True):
        assert said in " ".join(printed.split()), words
        assert not loaded, words


def test_no_command_imports_another():
    folder = ROOT / "training" / "cli"
    commands = {path.stem for path in folder.glob("*.py")} - {"__init__", "app", "console", "options", "show_plan"}

    assert commands == {
        "fit",
        "finetune",
        "evaluate",
        "compare",
        "simulate",
        "doctor",
        "export",
        "shrink",
        "profile",
        "trainer",
    }
    for name in commands:
        imported = re.findall(r"training\.cli\.(\w+)", (folder / f"{name}.py").read_text())
        assert not commands & set(imported), name
