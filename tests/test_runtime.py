"""The bytes of a picture depend on its address and on nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from support.untrained import write_untrained

from models import warm_up
from models.bundle import open_bundle
from models.codes import codes
from models.engine import ENGINE_NAMES, EngineName, reference_on
from models.errors import AddressError, BundleDamaged, BundleMissing, EngineUnavailable
from models.runtime import Runtime, open_model
from models.scores import Scores


def drawn_by(path: Path, name: EngineName, threads: int = 2) -> Runtime:
    """A bundle with an engine, or skip: some processors lack a precision."""
    try:
        return Runtime(open_bundle(path), name, threads)
    except EngineUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def runtime(bundles: Path) -> Runtime:
    return Runtime(open_bundle(bundles / "colour"), threads=2)


def test_pictures_are_bytes_of_the_shape_that_the_card_says(runtime: Runtime):
    drawn = runtime.generate(seed=1, n=3)

    assert (drawn.shape, drawn.dtype) == ((3, 12, 20, 3), np.uint8)
    assert len(np.unique(drawn)) > 50


def test_no_pictures_are_an_empty_array(runtime: Runtime):
    assert runtime.generate(1, 0, 0).shape == (0, 12, 20, 3)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 65, 256, 300])
def test_a_picture_does_not_depend_on_its_batch_mates(runtime: Runtime, count: int):
    whole = runtime.generate(seed=7, n=600)

    assert np.array_equal(runtime.generate(seed=7, start=11, n=count), whole[11 : 11 + count])


def test_pictures_agree_with_the_graph_run_on_its_own(runtime: Runtime, bundles: Path):
    """Against onnxruntime without any of our batching."""
    session = onnxruntime.InferenceSession(bundles / "colour" / "generator.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"z": codes(7, 0, 20, 7)})

    difference = runtime.generate(7, 0, 20).astype(int) - np.asarray(expected).astype(int)

    assert abs(difference).max() <= 1


@pytest.mark.parametrize("name", [name for name in ENGINE_NAMES if name.device == "cpu"], ids=str)
def test_any_number_of_threads_draws_the_same_bytes(bundles: Path, name: EngineName):
    alone, *others = (drawn_by(bundles / "colour", name, threads) for threads in (1, 2, 3))
    expected = alone.generate(7, 0, 100)

    assert all(np.array_equal(other.generate(7, 0, 100), expected) for other in others)


@pytest.mark.parametrize("name", [name for name in ENGINE_NAMES if name.device == "cpu"], ids=str)
def test_the_largest_batch_is_always_kept_and_the_others_agree_with_it(bundles: Path, name: EngineName):
    runtime = drawn_by(bundles / "pets", name)
    whole = runtime.generate(seed=7, n=300)

    assert runtime.batch_sizes[-1] == 256
    for count in (1, 7, 64, 65):
        assert np.array_equal(runtime.generate(seed=7, start=11, n=count), whole[11 : 11 + count])


def test_a_size_whose_bytes_differ_is_not_used(bundles: Path, monkeypatch: pytest.MonkeyPatch):
    """A kernel that rounds differently for 8 pictures is simulated by changing one byte of them."""
    original = warm_up.run_padded

    def rounds_differently_for_8(engine, size: int, rows: np.ndarray, labels_N: None) -> list[np.ndarray]:
        pixels = original(engine, size, rows, labels_N)[0]
        if size == 8:
            pixels[0, 0, 0, 0] ^= 1
        return [pixels]

    monkeypatch.setattr(warm_up, "run_padded", rounds_differently_for_8)

    assert 8 not in Runtime(open_bundle(bundles / "colour")).batch_sizes


def test_with_the_ends_warm_it_draws_the_same_bytes_and_the_other_sizes_join_one_by_one(bundles: Path):
    bundle = open_bundle(bundles / "pets")
    whole = Runtime(bundle).generate(7, 0, 100)
    runtime = Runtime(bundle, warm_all=False)

    assert runtime.batch_sizes == (1, 256)
    assert np.array_equal(runtime.generate(7, 0, 100), whole)
    seen = [runtime.batch_sizes]
    while runtime.warm_up_next():
        seen.append(runtime.batch_sizes)
        assert np.array_equal(runtime.generate(7, 0, 100), whole)
    assert [len(sizes) for sizes in seen] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert seen[1] == (1, 16, 256)  # halfway between, as powers of two go
    assert seen[-1] == Runtime(bundle).batch_sizes
    assert not runtime.warm_up_next()


def test_sizes_join_while_other_threads_draw(bundles: Path):
    runtime = Runtime(open_bundle(bundles / "pets"), warm_all=False, threads=1)
    whole = runtime.generate(7, 0, 300)
    with ThreadPoolExecutor(4) as threads:
        warming = [threads.submit(runtime.warm_up_next) for _ in range(8)]
        drawn = list(
            threads.map(lambda at: np.array_equal(runtime.generate(7, at, 50), whole[at : at + 50]), range(40))
        )

    assert sum(one.result() for one in warming) == 7
    assert all(drawn)
    assert runtime.batch_sizes == (1, 2, 4, 8, 16, 32, 64, 128, 256)


def test_under_another_card_it_goes_on_with_the_same_warm_sizes(bundles: Path):
    runtime = Runtime(open_bundle(bundles / "pets"), warm_all=False)
    other = runtime.with_card(runtime.card.model_copy(update={"scores": Scores(fd_ratio=1.5)}))
    runtime.warm_up_next()

    assert other.card.scores.fd_ratio == 1.5
    assert other.batch_sizes == runtime.batch_sizes == (1, 16, 256)


def test_the_best_size_on_a_processor_is_the_largest_that_the_waiting_pictures_fill(runtime: Runtime):
    assert runtime.batch_sizes == (1, 2, 4, 8, 16, 32, 64, 128, 256)
    assert [runtime.best_size(waiting) for waiting in (1, 2, 3, 7, 8, 100, 256, 1000)] == [1, 2, 2, 4, 8, 64, 256, 256]


def test_one_picture_is_drawn_where_only_its_address_is_given(runtime: Runtime):
    assert np.array_equal(runtime.generate(7), runtime.generate(seed=7, start=0, n=1))


def test_a_model_is_opened_by_its_path_or_its_name(bundles: Path, monkeypatch: pytest.MonkeyPatch):
    expected = Runtime(open_bundle(bundles / "grey")).generate(7, n=4)
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))

    assert np.array_equal(open_model(bundles / "grey").generate(seed=7, n=4), expected)
    assert np.array_equal(open_model("grey", engine="onnxruntime", threads=1).generate(seed=7, n=4), expected)
    with pytest.raises(
        BundleMissing, match=r"nothing: found no bundle, expected a folder with .*: colour, grey, grey@"
    ):
        open_model("nothing")


def test_cuda_is_never_replaced_by_the_cpu(bundles: Path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    with pytest.raises(EngineUnavailable, match=r"device is 'cuda', but this onnxruntime offers .*extra \[gpu\]"):
        Runtime(open_bundle(bundles / "grey"), reference_on("cuda"))


def test_a_graph_that_is_not_what_the_card_says_is_refused(tmp_path: Path):
    """The digests are right, so only the graph's own interface can tell."""
    bundle = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5)
    lying = bundle.card.model_copy(update={"code_size": 6})

    with pytest.raises(BundleDamaged, match=r"found z float32 \[N, 5\] .* expected z float32 \[N, 6\]"):
        Runtime(replace(bundle, card=lying))


def test_bytes_that_are_not_a_graph_are_refused(tmp_path: Path):
    bundle = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5)

    with pytest.raises(BundleDamaged, match=r"grey.generator\.onnx: .* expected a graph of standard operators"):
        Runtime(replace(bundle, generator=b"not a graph"))


def test_only_one_of_the_two_onnxruntimes_is_installed():
    """They share a folder: with both, the CUDA provider disappears without a word."""
    from importlib.metadata import distributions

    installed = [one.name for one in distributions() if one.name.lower().startswith("onnxruntime")]

    assert len(installed) == 1


def test_the_graph_is_plain_onnx(bundles: Path):
    """Standard operators only, nothing random, and a dynamic number of pictures."""
    graph = onnx.load(bundles / "colour" / "generator.onnx")
    onnx.checker.check_model(graph, full_check=True)

    assert {opset.domain for opset in graph.opset_import} <= {"", "ai.onnx"}
    assert not [node.op_type for node in graph.graph.node if "Random" in node.op_type]
    assert graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param


@pytest.fixture(scope="module")
def pets(bundles: Path) -> Runtime:
    """Three classes; class number k had k + 1 training pictures."""
    return Runtime(open_bundle(bundles / "pets"), threads=1)


def test_without_a_label_classes_come_as_often_as_in_training_and_by_address(pets: Runtime):
    drawn = pets.labels(5, 0, 6000)

    assert np.bincount(drawn) == pytest.approx([1000, 2000, 3000], rel=0.1)
    assert np.array_equal(pets.labels(5, 1000, 50), drawn[1000:1050])
    assert np.array_equal(pets.generate(5, 10, 20), pets.generate(5, 10, 20, label=drawn[10:30].tolist()))


def test_one_label_is_for_all_pictures(pets: Runtime):
    assert np.array_equal(pets.generate(0, 0, 9, label=2), pets.generate(0, 0, 9, label=[2] * 9))


def test_the_same_picture_of_a_class_whatever_its_batch_mates(pets: Runtime):
    mixed = pets.generate(0, 0, 300, label=[k % 3 for k in range(300)])

    assert np.array_equal(pets.generate(0, 100, 1, label=1), mixed[100:101])


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (3, "label is 3; it must be 0 to 2"),
        (-1, "label is -1"),
        ([0, 1], "found 2 labels for 4 pictures, expected one"),
    ],
)
def test_a_label_that_the_model_does_not_have_is_refused(pets: Runtime, label: object, words: str):
    with pytest.raises(AddressError, match=words):
        pets.labels(0, 0, 4, label)


def test_a_model_without_classes_takes_no_label(runtime: Runtime):
    assert runtime.labels(0, 0, 4) is None
    with pytest.raises(AddressError, match=r"label is 0, but \w+ has no classes; leave it out"):
        runtime.labels(0, 0, 4, 0)


def test_weights_by_name_or_number_in_any_unit_are_the_same_pictures(pets: Runtime):
    both = pets.generate(3, 0, 5, classes={"cat": 1, "7": 3})

    assert np.array_equal(both, pets.generate(3, 0, 5, classes={2: 0.75, 0: 0.25}))
    assert np.array_equal(pets.generate(3, 2, 1, classes={2: 6, 0: 2}), both[2:3])
    assert not np.array_equal(both, pets.generate(3, 0, 5, label=2))
    assert np.array_equal(pets.generate(3, 0, 5, classes={"dog": 7, "cat": 0}), pets.generate(3, 0, 5, label=1))


def test_labels_and_rows_of_weights_draw_the_same_pictures(pets: Runtime):
    codes_NZ, labels_N = codes(1, 0, 70, 4), np.arange(70) % 3

    assert np.array_equal(pets.draw(codes_NZ, np.eye(3, dtype=np.float32)[labels_N]), pets.draw(codes_NZ, labels_N))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": {"cow": 1}}, "found a weight of class 'cow'; the classes of pets are cat, dog, 7"),
        ({"classes": {0: 1, 3: 1}}, "found a weight of class 3; the classes are 0 to 2"),
        ({"classes": {0: -1}}, "the weight of class 0 is -1; it must be finite and 0 or more"),
        ({"classes": {0: 1}, "label": 0}, "found label 0 and classes {0: 1}, expected one of them"),
    ],
)
def test_weights_that_cannot_be_drawn_are_refused_in_words(pets: Runtime, options: dict, words: str):
    with pytest.raises(AddressError, match=words):
        pets.generate(0, n=2, **options)


def test_a_model_without_classes_takes_no_weights(runtime: Runtime):
    assert not runtime.takes_class_weights
    with pytest.raises(AddressError, match="colour has no classes; leave their weights out"):
        runtime.generate(0, classes={0: 1})
