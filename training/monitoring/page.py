"""HTML of a report: one self-contained page, light and dark, for wide and narrow screens, without scripts.

    page -> report, comparison.comparison

Knows markup only; what a page says, its callers know.
"""

import base64
import html
from collections.abc import Mapping, Sequence

_STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d1d1f; --soft: #6b6b70; --rule: #e4e2dd;
  --line-1: #2f6fd6; --line-2: #d9691e; --good: #1d7f4c; --warn: #b45309; --bad: #b42318; --idle: #5b5b66 }
@media (prefers-color-scheme: dark) { :root {
  --paper: #141416; --card: #1d1d20; --ink: #ececee; --soft: #a0a0a8; --rule: #323237;
  --line-1: #7fb0ff; --line-2: #ffab6b; --good: #58c48b; --warn: #f0b35c; --bad: #ff8a80; --idle: #a6a6b0 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px }
h1 { font-size: 30px; line-height: 1.2; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 20px; margin: 44px 0 14px }
h3 { font-size: 15px; margin: 0 }
p { margin: 0 0 10px }
.soft { color: var(--soft) }
.head { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: baseline }
.verdict { font-weight: 600; font-size: 15px; padding: 2px 12px; border-radius: 99px; border: 1.5px solid currentColor }
.good { color: var(--good) } .warn { color: var(--warn) } .bad { color: var(--bad) } .idle { color: var(--idle) }
.bar { height: 8px; border-radius: 8px; background: var(--rule); margin: 22px 0 14px; overflow: hidden }
.bar i { display: block; height: 100%; border-radius: 8px; background: var(--line-1) }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 14px }
.facts div { display: flex; flex-direction: column }
.facts b { font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums }
.facts span { font-size: 13px; color: var(--soft) }
.card ul { margin: 0; padding-left: 18px }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 16px 18px }
.doctor { border-left: 5px solid currentColor; margin-top: 26px }
.doctor * { color: var(--ink) } .doctor .soft { color: var(--soft) }
.doctor ul { margin: 6px 0 10px; padding-left: 20px }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 16px }
.charts .card { display: flex; flex-direction: column; padding: 14px 14px 12px }
.charts p { margin: 4px 0 0; font-size: 13px; color: var(--soft) }
.legend { font-size: 13px; color: var(--soft); margin: 2px 0 6px; display: flex; flex-wrap: wrap; gap: 2px 14px }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: 4px }
svg { width: 100%; height: auto; display: block; overflow: visible }
svg text { font: 13px system-ui, sans-serif; fill: var(--soft) }
.grid { stroke: var(--rule) } .tick { stroke: var(--soft) }
polyline { fill: none; stroke-linejoin: round; stroke-linecap: round }
.mean { stroke-width: 2 } .measured { stroke-width: 1; opacity: .28 }
.line-1 { stroke: var(--line-1) } .line-2 { stroke: var(--line-2) }
circle.line-1 { fill: var(--line-1) } circle.line-2 { fill: var(--line-2) }
img { image-rendering: pixelated; display: block; border-radius: 6px; background: #000 }
.lapse { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr));
  gap: 16px; align-items: start }
.lapse img { width: 100%; height: auto }
.strip { display: flex; gap: 14px; overflow-x: auto; scroll-snap-type: x proximity; padding: 4px 2px 14px }
figure { margin: 0 }
.strip figure { flex: 0 0 240px; scroll-snap-align: start }
.strip img { width: 240px; height: auto }
figcaption { font-size: 13px; color: var(--soft); margin-top: 6px }
table { border-collapse: collapse; width: 100%; font-size: 14px }
td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere }
td:first-child { color: var(--soft); white-space: nowrap; width: 1% ; padding-right: 22px }
tr:last-child td { border-bottom: 0 }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 16px;
  align-items: start }
.wide { overflow-x: auto; border-radius: 12px }
.wide img { width: 100%; min-width: 720px; height: auto; image-rendering: auto; border-radius: 0 }
.scores { border: 1px solid var(--rule); margin-bottom: 10px }
.scores :is(th, td) { padding: 7px 9px; text-align: right; white-space: nowrap; background: var(--card);
  border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums }
.scores th { color: var(--soft); font-weight: 400; white-space: normal; vertical-align: bottom }
.scores :is(th, td):first-child { position: sticky; left: 0; text-align: left; color: var(--ink) }
.scores tr:last-child td { color: var(--soft) }
@media (max-width: 640px) { main { padding: 20px 14px 48px } h1 { font-size: 25px }
   .strip figure { flex-basis: 78vw } .strip img { width: 78vw } }
"""


def page(title: str, body: str, refresh_s: int | None = None) -> str:
    """A whole HTML document.

    Args:
        refresh_s: a browser loads it again after so many seconds; None: never.
    """
    refresh = "" if refresh_s is None else f'<meta http-equiv="refresh" content="{refresh_s}">'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>{refresh}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def escaped(text: object) -> str:
    """Text with its markup escaped."""
    return html.escape(str(text))


def embedded(webp: bytes, alt: str) -> str:
    """An image that is embedded in the page."""
    return f'<img src="{data_uri(webp)}" alt="{escaped(alt)}">'


def data_uri(webp: bytes) -> str:
    """The bytes of a WebP as a `data:` URI."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


def table(rows: Mapping[str, object]) -> str:
    """A table of names and values."""
    cells = "".join(
        f"<tr><td>{escaped(name)}</td><td>{escaped(_shown(value))}</td></tr>" for name, value in rows.items()
    )
    return f'<div class="card"><table>{cells}</table></div>'


def _shown(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if type(value) is int else value


def wide_table(headings: Sequence[str], lines: Sequence[Sequence[tuple[str, bool]]]) -> str:
    """A table that scrolls sideways with its first column fixed.

    Args:
        headings: one a column.
        lines: cells of text, and whether each is the best of its column.
    """
    head = "".join(f"<th>{escaped(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(_cell(*cell) for cell in line)}</tr>" for line in lines)
    return f'<div class="wide scores" tabindex="0"><table><tr>{head}</tr>{body}</table></div>'


def _cell(text: str, best: bool) -> str:
    return f"<td><b>{escaped(text)}</b></td>" if best else f"<td>{escaped(text)}</td>"
