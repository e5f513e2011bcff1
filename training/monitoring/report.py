"""The report of a run: what it is, how it does, its curves and its sheets, on one page that needs nothing else.

runs/<name>/ -> doctor, charts, timelapse, page -> [report] -> runs/<name>/report.html, timelapse.webp
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from training.monitoring import charts
from training.monitoring.doctor import Diagnosis, examine
from training.monitoring.log_statistics import LogStatistics
from training.monitoring.page import data_uri, escaped, page, picture, table
from training.monitoring.timelapse import still, time_lapse
from training.run import Run

Sheets = Sequence[tuple[int, Path]]


def write_report(run: Run) -> Path:
    """Write `report.html` and `timelapse.webp` into the run's folder, from what it holds by now.

    Returns:
        Where the report is.

    Raises:
        FileNotFoundError: the folder holds no run.
    """
    config, settings = run.config(), run.settings()
    course, sheets = LogStatistics(run.lines(), settings), run.sheets()
    diagnosis = examine(course.lines, settings)
    parts = [_head(run, course, diagnosis), _doctor(diagnosis)]
    if sheets:
        parts.append(_sheets(run, sheets))
    if course.lines:
        parts.append(_curves(course))
    parts.append(_facts(config))
    return run.write("report.html", page(f"{run.path.name}: {diagnosis.verdict}", "".join(parts)).encode())


def in_words(seconds: float | None) -> str:
    """A length of time: `1:02:03`; of more than a day, the days before."""
    return "not known yet" if seconds is None else str(timedelta(seconds=round(seconds)))


def _head(run: Run, course: LogStatistics, diagnosis: Diagnosis) -> str:
    speed, seconds = course.images_per_second, course.all_of("seconds")
    facts = {
        f"of {course.settings.images_shown:,} images shown": f"{course.images_shown:,}",
        "trained for": in_words(seconds[-1] if seconds else 0),
        "images a second": "not known yet" if speed is None else f"{speed:,.0f}",
    }
    if not course.finished:
        facts["of training left"] = in_words(course.seconds_left)
    if diversity := course.all_of("diversity"):
        facts["diversity (data: 1)"] = f"{diversity[-1]:.2f}"
    cells = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in facts.items())
    verdict = f'<span class="verdict {_kind(diagnosis)}">{diagnosis.verdict}</span>'
    return (
        f'<div class="head"><h1>{escaped(run.path.name)}</h1>{verdict}</div>'
        f'<div class="bar"><i style="width:{course.share:.1%}"></i></div><div class="facts">{cells}</div>'
    )


def _doctor(diagnosis: Diagnosis) -> str:
    advice = "".join(f"<li>{escaped(words)}</li>" for words in diagnosis.advice)
    also = "".join(f'<p class="soft">{escaped(words)}</p>' for words in diagnosis.also)
    what_to_change = f"<h3>What to change, the likeliest first</h3><ul>{advice}</ul>" if advice else ""
    words = f"<p>{escaped(diagnosis.words)}</p>"
    return f'<section class="card doctor {_kind(diagnosis)}">{words}{what_to_change}{also}</section>'


def _kind(diagnosis: Diagnosis) -> str:
    """The colour of the words."""
    if diagnosis.verdict == "too early":
        return "idle"
    return "good" if diagnosis.well else "mind" if diagnosis.mild else "bad"


def _sheets(run: Run, sheets: Sheets) -> str:
    lapse = time_lapse([path for _, path in sheets])
    run.write("timelapse.webp", lapse)
    last_shown, last_path = sheets[-1]
    last = still(last_path)
    figures = "".join(
        f"<figure>{picture(still(path), f'the sheet after {_thousands(shown)}')}"
        f"<figcaption>after {_thousands(shown)}</figcaption></figure>"
        for shown, path in sheets
    )
    return (
        '<h2>Learning to draw</h2><div class="lapse"><figure><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_uri(last)}">'
        f"{picture(lapse, 'the sheets of the run, one after the other')}</picture>"
        f"<figcaption>Time-lapse: the same codes on all {len(sheets)} sheets (timelapse.webp)</figcaption></figure>"
        f"<figure>{picture(last, 'the last sheet')}"
        f"<figcaption>The last sheet, after {_thousands(last_shown)}</figcaption></figure></div>"
        f'<h2>Sheet by sheet</h2><div class="strip" tabindex="0">{figures}</div>'
    )


def _thousands(images_shown: int) -> str:
    return f"{images_shown // 1000:,} thousand images"


def _curves(course: LogStatistics) -> str:
    cards = "".join(
        f'<div class="card"><h3>{chart.title}</h3><div class="legend">{_legend(chart)}</div>'
        f"{charts.draw(chart, course.lines, course.settings.images_shown)}<p>{chart.healthy}</p></div>"
        for chart in charts.shown_in(course.lines)
    )
    return f'<h2>Curves, over images shown</h2><div class="charts">{cards}</div>'


def _legend(chart: charts.Chart) -> str:
    names = "".join(
        f'<span><i style="background:var(--line-{number})"></i>{words}</span>'
        for number, words in enumerate(chart.figures.values(), start=1)
    )
    return f"{names}<span>[{chart.unit}]</span>" if chart.unit else names


def _facts(config: dict) -> str:
    data = dict(config["data"])
    if classes := data.get("classes"):
        data["classes"] = ", ".join(f"{name} ({count:,})" for name, count in classes)
    return f'<h2>What it was begun with</h2><div class="tables">{table(config["settings"])}{table(data)}</div>'
