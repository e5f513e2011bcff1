"""The pages to share as HTML: what is shown, what it is, where to go on, and the tags that previews read.

    routes/view -> [view_page] -> HTML

Everything that is put into a template is escaped, unless a template made it. The
pages work without JavaScript; `static/view.js` adds code to copy. Knows no request
and draws nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from models.sheet import GAP_PIXELS, grid, sheet_size

Row = tuple[str, object]
"""A term and what it is."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, **values: object) -> Html:
    """A template with its values, each escaped unless it is HTML."""
    return Html(
        template.format_map({name: one if isinstance(one, Html) else escape(str(one)) for name, one in values.items()})
    )


def joined(parts: Sequence[Html]) -> Html:
    """One after the other."""
    return Html("\n".join(parts))


@dataclass(frozen=True)
class Preview:
    """The picture that a link is shown by elsewhere."""

    path: str
    """Relative to the service's root."""
    size: tuple[int, int]
    """(height, width) in pixels."""
    media_type: str


@dataclass(frozen=True)
class File:
    """Something to take away."""

    name: str
    path: str
    """Relative to the service's root."""
    saved_as: str


@dataclass(frozen=True)
class View:
    """What a page says.

    Args:
        title, description: in words.
        place: canonical path and query of the page, relative to the service's root.
        shown: the picture.
        preview: of links to the page.
        rows: what it is.
        acts: (words, path relative to the service's root): where to go on.
        files: the first one is what the code draws.
        note: a sentence more.
    """

    title: str
    description: str
    place: str
    shown: Html
    preview: Preview
    rows: Sequence[Row]
    acts: Sequence[tuple[str, str]]
    files: Sequence[File]
    note: str = ""
    more: Html = field(default=Html(""))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Zoetrope</title>
{tags}
<link rel="stylesheet" href="{root}/page/style.css">
<link rel="stylesheet" href="{root}/page/view.css">
<link rel="icon" href="{root}/page/logo.svg">
{script}</head>
<body>
<header>
<a class="home" href="{root}/" aria-label="Zoetrope"><svg class="logo" viewBox="0 0 24 24" width="24" height="24"
aria-hidden="true"><circle cx="12" cy="12" r="8.5" fill="none" stroke="currentColor" stroke-width="4"
stroke-dasharray="3.338 1.112"/></svg><span>Zoetrope</span></a>
<p class="links"><a href="{root}/models">Models</a> <a href="{root}/docs">API</a></p>
</header>
{body}
</body>
</html>
"""
_BODY = """<main class="view">
<figure>{shown}</figure>
<div class="facts">
<h1>{title}</h1>
<dl>{rows}</dl>
<p class="acts">{acts}</p>
{note}{more}
<h2>Files</h2>
<ul class="files">{files}</ul>
<section class="code" data-url="{url}" data-file="{file}" aria-labelledby="code-title" hidden>
<h2 id="code-title">Code</h2></section>
</div>
</main>"""
_TAGS = """<meta name="description" content="{description}">
<link rel="canonical" href="{url}">
<meta property="og:site_name" content="Zoetrope">
<meta property="og:type" content="website">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
<meta property="og:url" content="{url}">
<meta property="og:image" content="{image}">
<meta property="og:image:type" content="{media_type}">
<meta property="og:image:width" content="{width}">
<meta property="og:image:height" content="{height}">
<meta property="og:image:alt" content="{title}">
<meta name="twitter:card" content="{card}">
<meta name="twitter:title" content="{title}">
<meta name="twitter:description" content="{description}">
<meta name="twitter:image" content="{image}">
<meta name="twitter:image:alt" content="{title}">"""
_ACT = '<a class="button{main}" href="{href}">{words}</a>'
_FILE = '<li><a href="{href}" download="{saved}">{name}</a></li>'
_SCRIPT = '<script type="module" src="{root}/page/view.js"></script>\n'
_WIDE = 1.5
"""Width over height from which a preview is shown wide: a square one would lose its upper and lower half."""


def page(view: View, root: str, base: str) -> str:
    """The page.

    Args:
        root: path prefix of the service, "" or as in "/pictures".
        base: absolute URL of the service's root, with a slash at its end.
    """
    preview, (height, width) = view.preview, view.preview.size
    tags = fill(
        _TAGS,
        title=view.title,
        description=view.description,
        url=base + view.place,
        image=base + preview.path,
        media_type=preview.media_type,
        width=width,
        height=height,
        card="summary_large_image" if width >= _WIDE * height else "summary",
    )
    acts = [
        fill(_ACT, main="" if at else " main", href=f"{root}/{path}", words=words)
        for at, (words, path) in enumerate(view.acts)
    ]
    files = [fill(_FILE, href=f"{root}/{one.path}", saved=one.saved_as, name=one.name) for one in view.files]
    body = fill(
        _BODY,
        shown=view.shown,
        title=view.title,
        rows=joined([fill("<dt>{name}</dt><dd>{value}</dd>", name=name, value=value) for name, value in view.rows]),
        acts=joined(acts),
        note=fill('<p class="muted">{note}</p>', note=view.note) if view.note else Html(""),
        more=view.more,
        files=joined(files),
        url=base + view.files[0].path,
        file=view.files[0].saved_as,
    )
    script = fill(_SCRIPT, root=root)
    return fill(_PAGE, root=root, title=view.title, tags=tags, script=script, body=body)


def error_page(title: str, detail: str, root: str) -> str:
    """What went wrong, in words, and a way out."""
    body = fill(
        '<main class="view"><div class="facts"><h1>{title}</h1><p>{detail}</p>'
        '<p class="acts"><a class="button main" href="{root}/">Open the studio</a></p></div></main>',
        title=title,
        detail=detail,
        root=root,
    )
    tags = Html('<meta name="robots" content="noindex">')
    return fill(_PAGE, root=root, title=title, tags=tags, script=Html(""), body=body)


def link(words: str, href: str) -> Html:
    """A link."""
    return fill('<a href="{href}">{words}</a>', href=href, words=words)


def image(src: str, size: tuple[int, int], alt: str) -> Html:
    """A picture; `static/view.js` loads it with the key of this browser, where it has one."""
    height, width = size
    template = '<img src="{src}" width="{width}" height="{height}" alt="{alt}" data-drawn>'
    return fill(template, src=src, width=width, height=height, alt=alt)


def moving(src: str, still: str, size: tuple[int, int], alt: str) -> Html:
    """An animation, which stands still for people who want less motion."""
    source = '<source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
    return Html(f"<picture>{fill(source, still=still)}{image(src, size, alt)}</picture>")


def sheet(src: str, shape: tuple[int, int], links: Sequence[tuple[str, str]], alt: str) -> Html:
    """A contact sheet on which each picture is a link.

    Args:
        src: the sheet.
        shape: (height, width) of one picture.
        links: (words, href) of each, in order.
        alt: of the sheet.
    """
    (height, width), (_, columns) = shape, grid(len(links))
    whole_height, whole_width = sheet_size(len(links), height, width)
    places = [(at // columns * (height + GAP_PIXELS), at % columns * (width + GAP_PIXELS)) for at in range(len(links))]
    template = (
        '<a href="{href}" aria-label="{words}"><title>{words}</title>'
        '<rect x="{x}" y="{y}" width="{width}" height="{height}"/></a>'
    )
    rectangles = [
        fill(template, href=href, words=words, x=x, y=y, width=width, height=height)
        for (words, href), (y, x) in zip(links, places, strict=True)
    ]
    whole = (
        '<svg class="sheet" viewBox="0 0 {width} {height}" role="group" aria-label="{alt}">'
        '<image href="{src}" width="{width}" height="{height}" data-drawn/>{links}</svg>'
    )
    return fill(whole, width=whole_width, height=whole_height, alt=alt, src=src, links=joined(rectangles))
