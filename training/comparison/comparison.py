"""A comparison in files: the table, the pictures, and one page that needs nothing else.

rows -> columns, strips, page -> [comparison] -> runs/compare-<data>/

table.md, table.json                 the figures, for a README and for programs
rows.png                             a row a method, the same addresses
reconstructions.png                  test pictures, and what comes back of them, where a method has an encoder
report.html                          all of it
models/<recipe>/, runs/<recipe>/     what was trained for it
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from training.comparison.columns import as_markdown, cells, figures, real_figures
from training.comparison.rows import PICTURES, SEED, Row, shown_test
from training.comparison.strips import strips
from training.evaluation.reference import RealPictures
from training.monitoring.page import embedded, escaped, page, wide_table


def write_comparison(folder: Path, data_name: str, rows: Sequence[Row], real: RealPictures) -> Path:
    """Write all files of a comparison into a folder, in place of older ones.

    Args:
        rows: at least one; judged by one reference.
        real: what it was made of.

    Returns:
        Where the page is.
    """
    headings, lines = cells(rows)
    drawn = strips({row.name: row.drawn for row in rows})
    back = _reconstructions(rows, real)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(f"{as_markdown(headings, lines)}\n{_caption(rows)}\n")
    (folder / "table.json").write_text(json.dumps(_facts(data_name, rows), indent=2) + "\n")
    drawn.save(folder / "rows.png")
    (folder / "reconstructions.png").unlink(missing_ok=True)
    if back:
        back.save(folder / "reconstructions.png")
    title = f"{data_name}: {len(rows)} {'way' if len(rows) == 1 else 'ways'} to learn to draw"
    body = _body(title, rows, wide_table(headings, lines), drawn, back)
    (folder / "report.html").write_text(page(title, body))
    return folder / "report.html"


def _reconstructions(rows: Sequence[Row], real: RealPictures) -> Image.Image | None:
    back = {row.name: row.reconstructed for row in rows if row.reconstructed is not None}
    return strips({"test pictures": real.test[shown_test(real)], **back}) if back else None


def _facts(data_name: str, rows: Sequence[Row]) -> dict[str, Any]:
    scores = rows[0].bundle.card.scores
    return {
        "data": data_name,
        "judge": scores.evaluator,
        "judge_digest": scores.evaluator_digest,
        "images": scores.images,
        "fd_floor": scores.fd_floor,
        "addresses": {"seed": SEED, "start": 0, "n": PICTURES},
        "rows": [{"name": row.name, "version": row.bundle.card.version, **figures(row)} for row in rows],
        "real": real_figures(scores),
    }


def _caption(rows: Sequence[Row]) -> str:
    scores = rows[0].bundle.card.scores
    digest = f" ({scores.evaluator_digest[:16]})" if scores.evaluator_digest else ""
    return (
        f"{scores.images:,} pictures of each, drawn by its ONNX file and judged by {scores.evaluator}{digest}. The FD "
        f"ratio is FD(generated, test) over its floor FD(train, test), here {scores.fd_floor:.4g}. "
        f"Milliseconds on {scores.images_per_s_on}."
    )


def _body(title: str, rows: Sequence[Row], table: str, drawn: Image.Image, back: Image.Image | None) -> str:
    ways = "".join(f"<li><b>{escaped(row.name)}</b> {escaped(row.what)}</li>" for row in rows)
    addresses = (
        f"The same addresses in every row: pictures 0 to {PICTURES - 1} of seed {SEED}. "
        "A method that draws classes on demand draws them in turn."
    )
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<h2>What each draws</h2>{_figure(drawn, 'a row a method', addresses)}",
        f'<h2>How good it is</h2>{table}<p class="soft">{escaped(_caption(rows))}</p>',
    ]
    if back:
        words = "Pictures that no method was trained on, and what comes back of them through encoder and decoder."
        parts.append(f"<h2>What comes back</h2>{_figure(back, 'a row a method with an encoder', words)}")
    return "".join((*parts, f'<h2>What they are</h2><div class="card"><ul>{ways}</ul></div>'))


def _figure(image: Image.Image, words: str, caption: str) -> str:
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    shown = embedded(file.getvalue(), words)
    return f'<figure><div class="wide" tabindex="0">{shown}</div><figcaption>{escaped(caption)}</figcaption></figure>'
