"""The scores of a model for people: a table, with what real pictures get beside each figure.

scores -> [table] -> the terminal
"""

from rich.table import Table

from models.card import Scores

_ROWS = (
    ("FD ratio", "fd_ratio", "1", "1 is as good as real, more is worse"),
    ("FD floor", "fd_floor", "", "what real pictures get; the ratio is over this"),
    ("kernel distance", "kernel_distance", "kernel_floor", "0 is as good as real, more is worse"),
    ("precision", "precision", "precision_floor", "share of drawn pictures among the real ones"),
    ("recall", "recall", "recall_floor", "share of real pictures among the drawn ones"),
    ("density", "density", "density_floor", "precision, counted"),
    ("coverage", "coverage", "coverage_floor", "share of real pictures with a drawn one nearby"),
    ("classes, KL", "class_kl", "class_kl_floor", "0: as often as in training"),
    ("class agreement", "class_agreement", "evaluator_accuracy", "the class asked for is the class drawn"),
    ("nearest ratio", "nearest_ratio", "1", "0 is learned by heart"),
    ("near share", "near_share", "0.01", "1 is learned by heart"),
    ("reconstruction, dB", "reconstruction_psnr_db", "pca_psnr_db", "beside PCA of the same size"),
    ("active units", "active_units", "", "numbers of the code that carry anything"),
    ("Inception FID", "inception_fid", "", "by torch-fidelity"),
    ("images a second", "images_per_s", "", ""),
)
"""What it is called, its field, the field (or the number) of real pictures, and how to read it."""


def scores_table(name: str, scores: Scores) -> Table:
    """All scores that there are, a row each."""
    table = Table("score", name, "real pictures", "how to read it", title=_title(scores))
    for label, field, floor, meaning in _ROWS:
        if (found := getattr(scores, field)) is not None:
            real = getattr(scores, floor) if floor in Scores.model_fields else floor
            table.add_row(label, _short(found), _short(real), meaning or scores.images_per_s_on)
    if modes := scores.stacked:
        kl_floors = f"{_short(modes.kl_real)}; perfect {modes.kl_floor:.4f}, of real labels {modes.kl_floor_real:.4f}"
        table.add_row("modes", str(modes.modes), str(modes.modes_real), f"of triples in {modes.images:,} stacks")
        table.add_row("modes, 5 hits", str(modes.modes_of_5), str(modes.modes_of_5_real), "not by misreading")
        table.add_row("KL to uniform", _short(modes.kl), kl_floors, "natural logarithm")
    return table


def _title(scores: Scores) -> str:
    judged = f"{scores.images or 0:,} pictures judged by {scores.evaluator}"
    return judged + (f" ({scores.evaluator_digest[:16]})" if scores.evaluator_digest else "")


def _short(value: float | int | str | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
