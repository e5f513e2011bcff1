"""`zoetrope profile` times a training step on pictures, and the engines of a model."""

import re
from pathlib import Path

from support.commandline import typed

FAST = ["--device", "cpu", "--threads", 1, "--rounds", 1, "--seconds", 0]


def test_pictures_give_a_table_of_a_training_step_a_ratio_and_where_the_time_goes():
    code, said = typed("profile", "digits", "--batch", 8, "--width", 4, *FAST)

    assert code == 0, said
    assert "digits, preset tiny, batch 8" in said
    assert re.search(r"\| eager \| [\d,]+ \| [\d.]+ \| [\d.e-]+ \| [\d.]+% \|", said)
    assert re.search(r"compiled / eager: \d+\.\d\d", said)
    assert said.count("kernels take") == 2


def test_a_model_gives_a_table_of_its_engines_next_to_torch(learned_digits: Path):
    code, said = typed("profile", learned_digits / "digits", "--batch", 2, *FAST)

    assert code == 0, said
    assert "| images a second | batch | the device alone | codes to bytes |" in said
    assert said.count("| torch-") == 3


def test_options_of_pictures_are_refused_for_a_model_and_several_batches_for_a_step(bundles: Path):
    code, said = typed("profile", bundles / "grey", "--width", 4)
    assert code == 1
    assert "--width is for pictures; found a model" in said

    code, said = typed("profile", "digits", "--batch", 4, "--batch", 8)
    assert code == 1
    assert "--batch is given more than once" in said
