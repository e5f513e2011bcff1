"""The files of a comparison: table, pictures, and one self-contained page.

    table, monitoring.page -> comparison -> runs/compare-<data>/

    table.md, table.json                 the figures, for a README and for programs
    rows.png                             a row a method, the same addresses
    reconstructions.png                  test pictures and their reconstructions, for methods with an encoder
    report.html                          all of it
    models/<recipe>/, runs/<recipe>/     what was trained for it

Letters: N pictures of a strip    H, W, C of a picture
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.sheet import as_picture
from training.comparison.table import PICTURES, SEED, Row, as_markdown, cells, figures, real_figures, shown_test
from training.evaluation.reference import RealPictures
from training.monitoring.page import embedded, escaped, page, wide_table

_CELL_PIXELS = 84
"""Pictures are enlarged by the largest whole factor that keeps their longer side within this."""
_GAP_PIXELS, _MARGIN_PIXELS, _FONT_PIXELS = 6, 14, 17
_PAPER, _INK = "#26262b", "#f2f2f4"


def write_comparison(folder: Path, data_name: str, rows: Sequence[Row], real: RealPictures) -> Path:
    """Write all files of a comparison into a folder, and replace older ones.

    Args:
        rows: at least one; evaluated with one reference.
        real: the pictures of that reference.

    Returns:
        The path of the page.
    """
    headings, lines = cells(rows)
    drawn = strips({row.name: row.drawn for row in rows})
    reconstructions = _reconstructions(rows, real)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(f"{as_markdown(headings, lines)}\n{caption(rows)}\n")
    (folder / "table.json").write_text(json.dumps(_facts(data_name, rows), indent=2) + "\n")
    drawn.save(folder / "rows.png")
    (folder / "reconstructions.png").unlink(missing_ok=True)
    if reconstructions:
        reconstructions.save(folder / "reconstructions.png")
    title = f"{data_name}: {len(rows)} {'way' if len(rows) == 1 else 'ways'} to learn to draw"
    body = _body(title, rows, wide_table(headings, lines), drawn, reconstructions)
    (folder / "report.html").write_text(page(title, body))
    return folder / "report.html"


def _reconstructions(rows: Sequence[Row], real: RealPictures) -> Image.Image | None:
    reconstructed = {row.name: row.reconstructed for row in rows if row.reconstructed is not None}
    return strips({"test pictures": real.test[shown_test(real)], **reconstructed}) if reconstructed else None


def _facts(data_name: str, rows: Sequence[Row]) -> dict[str, Any]:
    scores = rows[0].bundle.card.scores
    return {
        "data": data_name,
        "evaluator": scores.evaluator,
        "evaluator_digest": scores.evaluator_digest,
        "judge": scores.evaluator,  # the names that tables had until 2026-11
        "judge_digest": scores.evaluator_digest,
        "images": scores.images,
        "fd_floor": scores.fd_floor,
        "addresses": {"seed": SEED, "start": 0, "n": PICTURES},
        "rows": [_row_facts(row) for row in rows],
        "real": real_figures(scores),
    }


def _row_facts(row: Row) -> dict[str, Any]:
    card = row.bundle.card
    return {"name": row.name, "version": card.version, **figures(row), "settings": card.training.options}


def caption(rows: Sequence[Row]) -> str:
    """What the figures of a table are, in sentences."""
    scores = rows[0].bundle.card.scores
    digest = f" ({scores.evaluator_digest[:16]})" if scores.evaluator_digest else ""
    return (
        f"{scores.images:,} pictures of each, drawn by its ONNX file and evaluated by {scores.evaluator}{digest}. "
        f"The FD ratio is FD(generated, test) over its floor FD(train, test), here {scores.fd_floor:.4g}. "
        f"Milliseconds: {scores.images_per_s_on}."
    )


def _body(title: str, rows: Sequence[Row], table: str, drawn: Image.Image, reconstructions: Image.Image | None) -> str:
    ways = "".join(f"<li><b>{escaped(row.name)}</b> {escaped(row.what)}</li>" for row in rows)
    addresses = (
        f"The same addresses in every row: pictures 0 to {PICTURES - 1} of seed {SEED}. "
        "A class-conditional method draws its classes in turn."
    )
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<h2>Samples</h2>{_figure(drawn, 'a row a method', addresses)}",
        f'<h2>Scores</h2>{table}<p class="soft">{escaped(caption(rows))}</p>',
    ]
    if reconstructions:
        words = "Pictures that no method was trained on, and their reconstructions by encoder and decoder."
        parts.append(f"<h2>Reconstructions</h2>{_figure(reconstructions, 'a row a method with an encoder', words)}")
    return "".join((*parts, f'<h2>The methods</h2><div class="card"><ul>{ways}</ul></div>'))


def _figure(image: Image.Image, words: str, caption: str) -> str:
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    shown = embedded(file.getvalue(), words)
    return f'<figure><div class="wide" tabindex="0">{shown}</div><figcaption>{escaped(caption)}</figcaption></figure>'


def strips(named_NHWC: Mapping[str, NDArray[np.uint8]]) -> Image.Image:
    """One picture with a named strip of pictures for each method.

    Args:
        named_NHWC: name -> (N, H, W, C) uint8, of one shape.

    Returns:
        RGB; names at the left, the strips to the right of them, in the order given.
    """
    columns, height, width, _ = next(iter(named_NHWC.values())).shape
    times = max(1, _CELL_PIXELS // max(height, width))
    step_y, step_x = height * times + _GAP_PIXELS, width * times + _GAP_PIXELS
    font = ImageFont.load_default(_FONT_PIXELS)
    left = round(max(font.getlength(name) for name in named_NHWC)) + 2 * _MARGIN_PIXELS
    size = left + columns * step_x, _GAP_PIXELS + len(named_NHWC) * step_y
    picture = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(picture)
    for row, (name, images_NHWC) in enumerate(named_NHWC.items()):
        top = _GAP_PIXELS + row * step_y
        pen.text((_MARGIN_PIXELS, top + height * times // 2), name, fill=_INK, font=font, anchor="lm")
        for column, image_HWC in enumerate(images_NHWC):
            enlarged = as_picture(image_HWC.repeat(times, axis=0).repeat(times, axis=1))
            picture.paste(enlarged, (left + column * step_x, top))
    return picture
