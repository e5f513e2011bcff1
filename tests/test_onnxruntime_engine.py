"""onnxruntime runs bound batches on the requested device, or says why not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from models.bundle import open_bundle
from models.codes import codes
from models.engine import REFERENCE, EngineName, reference_on
from models.errors import BundleDamaged, EngineUnavailable
from models.onnxruntime_engine import OnnxruntimeEngine, provider_options

INTERFACE = ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]


def graph_of(path: Path) -> tuple[bytes, Path]:
    return open_bundle(path).generator, path / "generator.onnx"


def test_bound_batches_are_what_the_session_alone_makes_in_any_order_of_sizes(grey: Path):
    engine = OnnxruntimeEngine(*graph_of(grey), REFERENCE, 1, INTERFACE)
    session = onnxruntime.InferenceSession(grey / "generator.onnx", providers=["CPUExecutionProvider"])

    for size in (4, 1, 4, 8):
        (drawn,) = engine.run(z := codes(size, 0, size, 5))
        assert np.array_equal(drawn, session.run(None, {"z": z})[0])


def test_what_was_drawn_stays_when_the_next_batch_is_drawn(grey: Path):
    engine = OnnxruntimeEngine(*graph_of(grey), REFERENCE, 1, INTERFACE)
    (first,) = engine.run(codes(1, 0, 4, 5))
    kept = first.copy()
    engine.run(codes(2, 0, 4, 5))

    assert np.array_equal(first, kept)


def test_another_interface_says_what_was_found_and_what_was_expected(grey: Path):
    wanted = ["z float32 [N, 6]", "label int64 [N]", "images uint8 [N, 8, 8, 1]"]

    with pytest.raises(BundleDamaged) as refused:
        OnnxruntimeEngine(*graph_of(grey), REFERENCE, 1, wanted)
    assert " -> ".join(INTERFACE) in str(refused.value)
    assert " -> ".join(wanted) in str(refused.value)


def test_bytes_that_are_not_a_graph_are_a_damaged_bundle(tmp_path: Path):
    path = tmp_path / "generator.onnx"

    with pytest.raises(BundleDamaged, match=r"generator\.onnx: .* expected a graph that onnxruntime loads"):
        OnnxruntimeEngine(b"no graph", path, REFERENCE, 1, INTERFACE)


def test_a_missing_device_is_never_replaced_by_another(grey: Path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    with pytest.raises(EngineUnavailable, match=r"device is 'cuda', but this onnxruntime offers .*extra \[gpu\]"):
        OnnxruntimeEngine(*graph_of(grey), reference_on("cuda"), 1, INTERFACE)


def test_on_cuda_graphs_are_recorded_and_rounding_follows_the_precision():
    exact = provider_options(reference_on("cuda"))
    quick = provider_options(EngineName("onnxruntime", "cuda", "tf32"))

    assert exact == {"cudnn_conv_algo_search": "HEURISTIC", "enable_cuda_graph": "1", "use_tf32": "0"}
    assert quick == {**exact, "use_tf32": "1"}
    assert provider_options(REFERENCE) == {}


def test_one_thread_does_all_that_is_done_with_cuda(grey: Path, monkeypatch: pytest.MonkeyPatch):
    """A recorded graph belongs to the thread that recorded it. Tried on the CPU: only the memory is another."""
    honest, memory, seen = onnxruntime.InferenceSession, onnxruntime.OrtValue.ortvalue_from_shape_and_type, set()

    class Watched(honest):
        def __init__(self, path, options, **_: object) -> None:
            seen.add(threading.current_thread())
            super().__init__(path, options, providers=["CPUExecutionProvider"])

        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider"]

        def run_with_iobinding(self, *given) -> None:
            seen.add(threading.current_thread())
            super().run_with_iobinding(*given)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Watched)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    monkeypatch.setattr(
        onnxruntime.OrtValue, "ortvalue_from_shape_and_type", lambda sizes, dtype, _: memory(sizes, dtype)
    )
    engines = [OnnxruntimeEngine(*graph_of(grey), reference_on("cuda"), 1, INTERFACE) for _ in range(2)]
    with ThreadPoolExecutor(4) as callers:
        drawn = list(callers.map(lambda call: engines[call % 2].run(codes(3, 0, 4, 5))[0], range(16)))
    engines[0].replay(4)

    (thread,) = seen
    assert thread.name.startswith("cuda")
    assert all(np.array_equal(one, drawn[0]) for one in drawn)


def test_a_graph_that_cannot_be_recorded_is_run_as_it_is(grey: Path, monkeypatch: pytest.MonkeyPatch):
    """The first attempt is refused, as by CUDA where part of a graph runs on the CPU."""
    original, options_seen = onnxruntime.InferenceSession, []

    def refuses_to_record(path, options, providers, provider_options):
        options_seen.append(provider_options[0])
        if "enable_cuda_graph" in provider_options[0]:
            raise RuntimeError("not all nodes are on CUDA")
        return original(path, options, providers=providers)

    monkeypatch.setattr("models.onnxruntime_engine.onnxruntime.InferenceSession", refuses_to_record)
    monkeypatch.setattr("models.onnxruntime_engine.provider_options", lambda _: {"enable_cuda_graph": "1", "a": "b"})
    engine = OnnxruntimeEngine(*graph_of(grey), REFERENCE, 1, INTERFACE)

    assert options_seen == [{"enable_cuda_graph": "1", "a": "b"}, {"a": "b"}]
    assert len(engine.run(codes(1, 0, 2, 5))[0]) == 2
