"""The engine of a generator: it takes class weights where it can, and then draws each class as the graph on disk does.

    bundle, label_input -> [generator_engine] -> runtime

A graph of an early export is rewritten in memory to take weights of several classes. Below float32 a library may round
the products that this brings, and not the rows that it looked up before: OpenVINO does for a DCGAN. Then the graph on
disk draws, of one class a picture. Knows no library and no batch sizes.

Letters: K classes
"""

from collections.abc import Callable

import numpy as np

from models.bundle import Bundle
from models.class_weights import one_hot
from models.codes import codes
from models.engine import Engine
from models.label_input import take_class_weights

Load = Callable[[bytes, list[str]], Engine]
"""Loads a graph that has, between codes and pictures, these inputs; see `models.engine_selection.load_engine`."""

_COMPARED = 8
"""Pictures that a graph draws before and after it is made to take class weights."""


def load_generator(bundle: Bundle, label: list[str], exactly: bool, load: Load) -> tuple[Engine, bool]:
    """Load the generator of a bundle, to take class weights if it draws each class as the graph on disk does.

    Args:
        label: the input of the graph on disk that names a class; empty where the model has no classes.
        exactly: whether the engine computes in float32, where a row is the same by either way.
        load: called once, or twice where both graphs are compared.

    Returns:
        The engine, and whether it takes weights.
    """
    count = len(bundle.card.classes or ())
    if not count:
        return load(bundle.generator, label), False
    weighted, takes_weights = take_class_weights(bundle.generator, count)
    if not takes_weights:
        return load(bundle.generator, label), False
    engine = load(weighted, [f"classes float32 [N, {count}]"])
    if weighted is bundle.generator or exactly:
        return engine, True
    on_disk = load(bundle.generator, label)
    equal = _draw_equally(engine, on_disk, bundle.card.code_size, count)
    return (engine if equal else on_disk), equal


def _draw_equally(weighted: Engine, on_disk: Engine, code_size: int, classes: int) -> bool:
    """Whether a class drawn by weights is the class drawn by its label, to the byte."""
    codes_NZ, labels_N = codes(0, 0, _COMPARED, code_size), np.arange(_COMPARED) % classes
    rows_NK = one_hot(labels_N, classes)
    parts = [slice(at, at + 1) for at in range(_COMPARED)]  # size 1 is warmed at once anyway
    return all(
        np.array_equal(weighted.run(codes_NZ[one], rows_NK[one]), on_disk.run(codes_NZ[one], labels_N[one]))
        for one in parts
    )
