"""A model that learns 1,000 pictures by heart on purpose, and what the attack for membership sees of it as it does.

    nice python -m tests.support.by_heart OUT --data ../shared/data/clothes

Fits a GAN without classes and with a penalty far too weak (`--gamma 0.02`) on 1,000 pictures of clothes at 32 x 32,
stops at 100, 300, 1,000 and 2,000 thousand images (2,000 times each picture), evaluates the model there, and adds one
line of JSON to OUT/table.jsonl. Hours of one core. Lengths that are there are skipped and a run resumes from its last
minute, so it may be stopped at any moment; `--print` only prints the table. `--kimg 100` makes the first line alone.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PICTURES, SIDE_PIXELS, GAMMA = 1_000, 32, 0.02
KIMG = (100, 300, 1_000, 2_000)
ROW = "{kimg:>6} {auc:>6.3f} ({low:.3f} to {high:.3f}) {found:>7.1%} {seen!s:>6} {nearest_ratio:>8.2f} {fd_ratio:>8.1f}"
HEADINGS = "  kimg    AUC (interval)         found   seen  nearest FD ratio"


def choose_pictures(data: Path, out: Path) -> Path:
    """A folder of evenly chosen training pictures, and of all test pictures, in parts and without classes."""
    for part, most in (("train", PICTURES), ("test", None)):
        found = sorted((data / part).rglob("*.jpg"))
        chosen = found if most is None else [found[at * len(found) // most] for at in range(most)]
        (out / part).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(chosen):
            if not (copied := out / part / f"{number:04}.jpg").exists():
                shutil.copyfile(path, copied)
    return out


def measured(out: Path, pictures: Path, kimg: float) -> dict[str, float | bool]:
    """Train to this length, evaluate, and return the line of the table."""
    model, here = out / "by-heart", [sys.executable, "-m", "training"]
    fit = [*here, "fit", pictures, "--out", model, "--run", out / "run", "--size", SIDE_PIXELS, "--no-classes"]
    fit += ["--preset", "small", "--gamma", GAMMA, "--kimg", kimg, "--threads", 1, "--device", "cpu", "--replace"]
    for command in (fit, [*here, "evaluate", model, pictures, "--threads", 1]):
        subprocess.run([str(word) for word in command], check=True)
    scores = json.loads((model / "card.json").read_text())["scores"]
    leaks = scores["leaks"]
    return {
        "kimg": kimg,
        "auc": leaks["auc"]["value"],
        "low": leaks["auc"]["low"],
        "high": leaks["auc"]["high"],
        "found": leaks["found_share"]["value"],
        "seen": leaks["seen"],
        "nearest_ratio": scores["nearest_ratio"],
        "fd_ratio": scores["fd_ratio"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, help="the folder of clothes, with train and test in it")
    parser.add_argument("--kimg", type=float, action="append", help="lengths, ascending (100, 300, 1000 and 2000)")
    parser.add_argument("--print", action="store_true", help="only print the table")
    given = parser.parse_args(arguments)
    table = given.out / "table.jsonl"
    lines = [json.loads(line) for line in table.read_text().splitlines()] if table.exists() else []
    if not given.print:
        pictures = choose_pictures(given.data, given.out / "pictures")
        for kimg in given.kimg or KIMG:
            if kimg not in {line["kimg"] for line in lines}:
                lines.append(measured(given.out, pictures, kimg))
                with table.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    print("\n".join([HEADINGS, *(ROW.format(**line) for line in sorted(lines, key=lambda line: line["kimg"]))]))


if __name__ == "__main__":
    main()
