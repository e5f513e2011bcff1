"""The report of a run on one self-contained page: diagnosis, curves, sample sheets and their time-lapse.

    doctor, charts, page, run -> report -> runs/<name>/report.html, timelapse.webp
                                        -> monitor, the command `doctor`

Made from the run's folder alone, at any moment of the run, as often as wanted.
"""

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from models.card import Card
from training.budget import duration
from training.changes import history
from training.monitoring import charts
from training.monitoring.doctor import Diagnosis, write_diagnosis
from training.monitoring.log_statistics import LogStatistics
from training.monitoring.page import data_uri, embedded, escaped, page, table
from training.run import Run, RunBusy

FRAME_MS, LAST_FRAME_MS = 220, 2_500
_LAPSE_SIDE_PIXELS = 480
REPORT, EVALUATION = "report.html", "evaluation.json"
"""Of the run's folder; the second is the last evaluation of a model that was exported from it."""

Sheets = Sequence[tuple[str, Path]]
"""(When in words, file) of sample sheets, oldest first."""


def write_report(run: Run, refresh_s: int | None = None) -> Path:
    """Write `report.html`, `timelapse.webp` and `doctor.json` into the run's folder, from what it holds now.

    Args:
        refresh_s: the page loads itself again after so many seconds, while a run goes on; None: it is as it stays.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: the folder holds no run.
    """
    config, settings = run.config(), run.settings()
    log, diagnosis = LogStatistics(run.lines(), settings), write_diagnosis(run)
    parts = [_head(run, log, diagnosis), _diagnosis(diagnosis), _history(config), _evaluation(run)]
    if refresh_s is not None:
        parts.insert(1, f'<p class="soft">This page loads itself again every {refresh_s} seconds.</p>')
    if sheets := _sheets(run, config):
        parts.append(_samples(run, sheets))
    if log.lines:
        parts.append(_curves(log))
    parts.append(_configuration(config))
    title = f"{run.path.name}: {diagnosis.verdict}"
    return run.write(REPORT, page(title, "".join(parts), refresh_s).encode())


def add_evaluation(run: Run, card: Card) -> bool:
    """Show what an evaluation found in the report of the run that the evaluated model came from.

    Args:
        run: a folder, which may hold no run, or another one: then nothing is written.
        card: of the model, with its scores.

    Returns:
        Whether it is the model's run.
    """
    if not run.holds(card.training.options, card.training.data_digest):
        return False
    found = {
        "model": card.name,
        "version": card.version,
        "images_shown": card.training.images_shown,
        "scores": card.scores.model_dump(mode="json", exclude_none=True),
    }
    run.write(EVALUATION, f"{json.dumps(found, indent=2)}\n".encode())
    with suppress(RunBusy), run.lock():  # a process that trains there keeps the report up to date
        write_report(run)
    return True


def time_lapse(sheets: Sequence[Path]) -> bytes:
    """An animated WebP of sample sheets that rests on its last frame and repeats.

    Args:
        sheets: at least one, oldest first. Small ones are enlarged by a whole factor. All are shown in the size of
            the last one: the first has more pictures than the others.
    """
    frames = [_frame(path) for path in sheets]
    frames = [_within(frame, frames[-1].size) for frame in frames]
    file = io.BytesIO()
    frames[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=[FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS],
        loop=0,
        quality=80,
        method=2,
    )
    return file.getvalue()


def still(sheet: Path) -> bytes:
    """One sample sheet as a WebP of the same size."""
    file = io.BytesIO()
    with Image.open(sheet) as opened:
        opened.save(file, "WEBP", quality=85, method=2)
    return file.getvalue()


def _frame(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        factor = max(1, _LAPSE_SIDE_PIXELS // max(opened.size))
        size = opened.width * factor, opened.height * factor
        return opened.convert("RGB").resize(size, Image.Resampling.NEAREST)


def _within(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole frame in the middle of a black one of this size."""
    if frame.size == size:
        return frame
    frame.thumbnail(size, Image.Resampling.BOX)
    placed = Image.new("RGB", size)
    placed.paste(frame, ((size[0] - frame.width) // 2, (size[1] - frame.height) // 2))
    return placed


def _head(run: Run, log: LogStatistics, diagnosis: Diagnosis) -> str:
    speed, seconds = log.images_per_second, log.values("seconds")
    facts = {
        f"of {log.settings.images_shown:,} images shown": f"{log.images_shown:,}",
        "trained for": duration(seconds[-1] if seconds else 0),
        "images a second": "not known yet" if speed is None else f"{speed:,.0f}",
    }
    if not log.finished:
        facts["of training left"] = duration(log.seconds_left)
    if diversity := log.values("diversity"):
        facts["diversity (data: 1)"] = f"{diversity[-1]:.2f}"
    cells = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in facts.items())
    verdict = f'<span class="verdict {diagnosis.severity}">{diagnosis.verdict}</span>'
    return (
        f'<div class="head"><h1>{escaped(run.path.name)}</h1>{verdict}</div>'
        f'<div class="bar"><i style="width:{log.progress:.1%}"></i></div><div class="facts">{cells}</div>'
    )


def _diagnosis(diagnosis: Diagnosis) -> str:
    advice = "".join(f"<li>{escaped(line)}</li>" for line in diagnosis.advice)
    notes = "".join(f'<p class="soft">{escaped(note)}</p>' for note in diagnosis.notes)
    what_to_change = f"<h3>What to change, the likeliest first</h3><ul>{advice}</ul>" if advice else ""
    explanation = f"<p>{escaped(diagnosis.explanation)}</p>"
    return f'<section class="card doctor {diagnosis.severity}">{explanation}{what_to_change}{notes}</section>'


def _history(config: dict[str, Any]) -> str:
    lines = "".join(f"<li>{escaped(line)}</li>" for line in history(config))
    return f'<h2>What happened to the run</h2><div class="card"><ul>{lines}</ul></div>' if lines else ""


def _evaluation(run: Run) -> str:
    """What `evaluate` found in a model of the run, in sentences; the model's card has all figures."""
    if not (path := run.path / EVALUATION).exists():
        return ""
    found = json.loads(path.read_text())
    scores = found["scores"]
    lines = [scores[name]["sentence"] for name in ("usefulness", "leaks") if name in scores]
    if "fd_ratio" in scores:
        lines.insert(
            0, f"FD ratio {scores['fd_ratio']:.3g} (1 is as good as real), evaluated by {scores['evaluator']}."
        )
    model = f"{found['model']} {found['version']}, after {_thousands(found['images_shown'])}"
    items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    return f'<h2>Evaluation</h2><div class="card"><p class="soft">{escaped(model)}</p><ul>{items}</ul></div>'


def _sheets(run: Run, config: Mapping[str, Any]) -> Sheets:
    """What the run drew before its first step, and then."""
    found = [(f"after {_thousands(images_shown)}", path) for images_shown, path in run.sheets()]
    if (first := run.first_sheet) is None:
        return found
    parent = config["settings"].get("parent") or config.get("parent")
    weights = "the weights of its parent" if parent else "random weights"
    return [(f"before the first step: 256 codes through {weights}", first), *found]


def _samples(run: Run, sheets: Sheets) -> str:
    lapse = time_lapse([path for _, path in sheets])
    run.write("timelapse.webp", lapse)
    last_when, last_path = sheets[-1]
    last = still(last_path)
    figures = "".join(
        f"<figure>{embedded(still(path), f'the sample sheet {when}')}<figcaption>{when}</figcaption></figure>"
        for when, path in sheets
    )
    return (
        '<h2>Samples</h2><div class="lapse"><figure><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_uri(last)}">'
        f"{embedded(lapse, 'the sample sheets of the run, one after the other')}</picture>"
        f"<figcaption>Time-lapse: the same codes on all {len(sheets)} sheets (timelapse.webp)</figcaption></figure>"
        f"<figure>{embedded(last, 'the last sample sheet')}"
        f"<figcaption>The last sheet, {last_when}</figcaption></figure></div>"
        f'<h2>Sheet by sheet</h2><div class="strip" tabindex="0">{figures}</div>'
    )


def _thousands(images_shown: int) -> str:
    return f"{images_shown // 1000:,} thousand images"


def _curves(log: LogStatistics) -> str:
    cards = "".join(
        f'<div class="card"><h3>{chart.title}</h3><div class="legend">{_legend(chart)}</div>'
        f"{charts.draw(chart, log.lines, log.settings.images_shown)}<p>{chart.healthy}</p></div>"
        for chart in charts.charts_of(log.lines)
    )
    return f'<h2>Curves, over images shown</h2><div class="charts">{cards}</div>'


def _legend(chart: charts.Chart) -> str:
    names = "".join(
        f'<span><i style="background:var(--line-{number})"></i>{name}</span>'
        for number, name in enumerate(chart.metrics.values(), start=1)
    )
    return f"{names}<span>[{chart.unit}]</span>" if chart.unit else names


def _configuration(config: Mapping[str, Any]) -> str:
    data = dict(config["data"])
    if classes := data.get("classes"):
        data["classes"] = ", ".join(f"{name} ({count:,})" for name, count in classes)
    return f'<h2>Settings and data</h2><div class="tables">{table(config["settings"])}{table(data)}</div>'
