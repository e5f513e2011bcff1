"""`zoetrope verify FILE`: is this picture ours? Without a server.

    zoetrope verify picture.png
    zoetrope verify picture.png --model mnist --seed 7 --n 1000

    file -> verification; bundle -> sample -> verification -> a sentence

Exit status 0: it was drawn again, identical or as another engine draws it; 1: it was
not. Knows no HTTP; needs neither BentoML nor torch.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.command_line import OneLineParser
from models.errors import ModelError
from models.runtime import Runtime
from service.encoders.marks import Recipe
from service.errors import Problem
from service.latents import draw_batches, require_drawable, resolve_address
from service.sample import load_runtime, one_line
from service.schemas import GenerateRequest, Verdict
from service.upload import Upload, read_upload
from service.verification import Comparison, NearestSearch, address_of, compare, without_drawing

_NO_RECIPE = (
    "The file has no recipe of ours. To look through a range of a model's pictures, give --model and --seed, "
    "and --start and --n."
)


def main(argv: Sequence[str]) -> int:
    """Run the command and return the exit status; what is wrong with the call is one line on stderr."""
    try:
        options = _parse(argv)
        upload = read_upload(options.file.read_bytes())
        found = _searched(upload, options) if options.seed is not None else _drawn_again(upload, options.model)
    except (ModelError, OSError, Problem, ValueError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    explanation = _NO_RECIPE if found.verdict is Verdict.NO_RECIPE else found.explanation
    print(f"{options.file}: {found.verdict}. {explanation}")
    return 0 if found.verdict.is_ours else 1


def _drawn_again(upload: Upload, model: str | None) -> Comparison:
    """By the recipe in the file, with the bundle of its name or the one that is given."""
    found, recipe = without_drawing(upload), upload.recipe
    if found is not None or recipe is None:
        assert found is not None
        return found
    runtime = _runtime_of(recipe, model)
    if runtime.card.version != recipe.version:
        words = f"Its recipe is of {recipe.model} {recipe.version}, and here is {runtime.card.version}."
        return Comparison(Verdict.NOT_OURS, words)
    source = address_of(recipe, runtime.card)
    require_drawable(source.classes, runtime)
    drawn_NHWC = np.concatenate([*draw_batches(runtime, source)])
    found = compare(upload, drawn_NHWC, runtime.card, recipe.engine, runtime.engine, recipe.enlargement)
    address = f"{recipe.model} {recipe.version}, seed {recipe.seed}, index {recipe.index}"
    return replace(found, explanation=f"{found.explanation} ({address})")


def _runtime_of(recipe: Recipe, model: str | None) -> Runtime:
    """The version of the recipe where it is a folder of its own, else the current one."""
    if model is not None:
        return load_runtime(model)
    try:
        return load_runtime(f"{recipe.model}@{recipe.version}")
    except ModelError:
        return load_runtime(recipe.model)


def _searched(upload: Upload, options: argparse.Namespace) -> Comparison:
    """Through a range of addresses."""
    if options.model is None:
        raise ValueError("found --seed without --model; name the model to look through")
    runtime = load_runtime(options.model)
    body = GenerateRequest(
        n=options.n, seed=options.seed, start=options.start, label=options.label, truncation=options.truncation
    )
    source, nearest = resolve_address(body, runtime.card), NearestSearch(upload)
    for chunk in draw_batches(runtime, source):
        nearest.look(chunk)
    found = nearest.judged(source, runtime.card, runtime.engine)
    if not found.verdict.is_ours or nearest.at is None:
        return found
    return replace(found, explanation=f"{found.explanation} (index {source.start + nearest.at})")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="zoetrope verify",
        description="Draw a picture again by the recipe in its file, and compare every pixel. With --seed look through "
        "a range of addresses, for a file without a recipe.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="PNG, JPEG or WebP")
    parser.add_argument("--model", help="folder of a bundle, or a name in ZOETROPE_MODELS (default: the recipe's)")
    parser.add_argument("--seed", type=int, help="look through the pictures of this seed")
    parser.add_argument("--start", type=int, default=0, help="index of the first one (default: %(default)s)")
    parser.add_argument("--n", type=int, default=1_000, help="how many, up to 10,000 (default: %(default)s)")
    parser.add_argument("--label", help="their class, if one was requested")
    parser.add_argument("--truncation", type=float, default=1.0, help="theirs (default: %(default)s)")
    return parser.parse_args(argv)
