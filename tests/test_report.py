"""One self-contained page, also of a run that has only begun; its time-lapse has a frame a sheet."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.logged_runs import PICTURES, SETTINGS, gan_log, logged_run
from support.markup import read

from models.bundle import read_card
from models.scores import Estimate, Leaks, Scores, Usefulness
from training.monitoring.report import FRAME_MS, LAST_FRAME_MS, add_evaluation, still, time_lapse, write_report
from training.run import Run


def test_a_report_says_what_the_run_is_and_how_it_does(tmp_path: Path):
    text, _ = read(write_report(logged_run(tmp_path / "faces", gan_log(50))))

    assert "<h1>faces</h1>" in text
    assert ">learning</span>" in text
    for words in (
        "20,000",
        "0:01 h",
        "of 40,000 images shown",
        "Diversity is 0.80",
        "images_shown",
        "half_life_images",
    ):
        assert words in text
    assert text.count("<svg") == 8
    assert text.count("<figure>") == 3 + 2


def test_a_report_is_self_contained(tmp_path: Path):
    text, reader = read(write_report(logged_run(tmp_path / "run", gan_log(50))))

    assert reader.sources
    assert all(source.startswith("data:image/webp;base64,") for source in reader.sources)
    assert not re.search(r"https?://|@import|url\(", text)


def test_the_time_lapse_lies_next_to_it(tmp_path: Path):
    run = logged_run(tmp_path / "run", gan_log(50))
    write_report(run)

    assert (run.path / "timelapse.webp").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("lines", [0, 1, 2, 9])
@pytest.mark.parametrize("sheets", [0, 1])
def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path, lines: int, sheets: int):
    text, _ = read(write_report(logged_run(tmp_path / "run", gan_log(lines), sheets)))

    assert ">too early</span>" in text


def test_a_run_that_diverged_has_a_report(tmp_path: Path):
    run = logged_run(tmp_path / "run", [*gan_log(9), {"images_shown": 4000, "seconds": 2.0, "g_loss": float("inf")}])

    assert ">diverged</span>" in read(write_report(run))[0]


def test_names_from_outside_cannot_become_markup(tmp_path: Path):
    """A class of the data is called <b>."""
    text, _ = read(write_report(logged_run(tmp_path / "<i>", gan_log(9))))

    assert "&lt;b&gt; (2)" in text
    assert "<h1>&lt;i&gt;</h1>" in text


def test_the_same_run_has_the_same_report(tmp_path: Path):
    run = logged_run(tmp_path / "run", gan_log(50))

    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_a_run_of_an_older_log_has_a_report_without_diversity(tmp_path: Path):
    text, _ = read(write_report(logged_run(tmp_path / "run", gan_log(50, diversity=None), settings=SETTINGS)))

    assert "has no diversity" in text


def test_a_folder_without_a_run_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="Expected the folder of a run"):
        write_report(Run(tmp_path))


def test_a_time_lapse_has_a_frame_a_sheet_and_rests_at_its_end(tmp_path: Path):
    run = logged_run(tmp_path / "run", [], sheets=3)
    movie = Image.open(io.BytesIO(time_lapse([path for _, path in run.sheets()])))

    assert (movie.n_frames, movie.info["loop"]) == (3, 0)
    shown_ms = []
    for frame in range(3):
        movie.seek(frame)
        movie.load()
        shown_ms.append(movie.info["duration"])
    assert shown_ms == [FRAME_MS, FRAME_MS, LAST_FRAME_MS]


def test_the_first_frame_is_that_before_the_first_step_in_the_size_of_the_others(tmp_path: Path):
    run = logged_run(tmp_path / "run", gan_log(9), sheets=2)
    run.show_first(np.full((256, 8, 8, 1), 99, np.uint8))
    text, _ = read(write_report(run))
    movie = Image.open(run.path / "timelapse.webp")

    assert "before the first step: 256 codes through random weights" in text
    assert (movie.n_frames, movie.size) == (3, (18 * 26, 18 * 26))
    assert np.median(np.asarray(movie.convert("L"))) == pytest.approx(99, abs=4)


def test_small_sheets_are_enlarged_by_a_whole_number(tmp_path: Path):
    """Four pictures of 8 x 8 with a gap of 2 make 18 x 18; 26 times that is the most below 480."""
    run = logged_run(tmp_path / "run", [], sheets=1)

    assert Image.open(io.BytesIO(time_lapse([run.sheets()[0][1]]))).size == (18 * 26, 18 * 26)


def test_a_still_is_the_sheet_in_its_own_size(tmp_path: Path):
    path = logged_run(tmp_path / "run", [], sheets=1).sheets()[0][1]
    again = np.asarray(Image.open(io.BytesIO(still(path))).convert("L"), int)

    assert again.shape == (18, 18)
    assert np.corrcoef(again.ravel(), np.asarray(Image.open(path), int).ravel())[0, 1] > 0.8


def test_a_report_says_what_an_evaluation_of_a_model_of_this_run_found(tmp_path: Path):
    run, (probe, attack) = logged_run(tmp_path / "some", gan_log(9)), (Estimate(value=0.5, low=0.4, high=0.6),) * 2
    accuracies = dict.fromkeys(("real", "drawn", "both", "tenth", "tenth_and_drawn", "gain", "tenth_gain"), probe)
    usefulness = Usefulness(
        features="some", images=10, test_images=10, seeds=3, sentence="Adding <b>them</b> helps.", **accuracies
    )
    leaks = Leaks(
        features="some", members=9, non_members=9, drawn=9, auc=attack, auc_control=0.5, seen=False, sentence="No leak."
    )
    scores = Scores(fd_ratio=1.5, evaluator="digits", usefulness=usefulness, leaks=leaks)
    card = read_card(Path(__file__).parent.parent / "models" / "mnist").model_copy(update={"scores": scores})
    own = {"options": run.config()["settings"], "data_digest": PICTURES.digest, "images_shown": 3_600}

    assert not add_evaluation(run, card), "of other pictures"
    assert "Evaluation" not in read(write_report(run))[0]
    assert add_evaluation(run, card.model_copy(update={"training": card.training.model_copy(update=own)}))
    text, _ = read(run.path / "report.html")
    for words in (
        "FD ratio 1.5 (1 is as good as real), evaluated by digits.",
        "Adding &lt;b&gt;them&lt;/b&gt; helps.",
        "No leak.",
        f"mnist {card.version}, after 3 thousand images",
    ):
        assert words in text
