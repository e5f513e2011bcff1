"""Every criterion, from measurements made by hand."""

import pytest

from load.bench.criteria import BenchmarkRun, beyond_the_engine, check_criteria, check_ratio
from load.bench.measurements import Measurements, Sample
from load.bench.runner import ENCODE_NAME
from load.bench.servers import BARE, BENTOML, DEFAULT, FLOAT32, MOUNTED, PEERS, UNBATCHED
from load.bench.workloads import (
    SATURATING_CONCURRENCY,
    SHAPES_HWC,
    encode_only,
    engine_only,
    highly_concurrent,
    saturated,
    single_client,
)
from load.check_result import at_least
from load.server import ServedModel


def served(name: str, engine: str, batch_sizes: tuple[int, ...] = (1, 8, 64, 256)) -> dict[str, ServedModel]:
    return {name: ServedModel(name, "version", *SHAPES_HWC[name], engine, batch_sizes)}


REFERENCE = "onnxruntime-1.31.1-cpu-float32"
ENGINE = served("mnist", REFERENCE)
BFLOAT16 = served("eurosat", "openvino-2026.4.1-cpu-bfloat16")
LOOP, OTHER_LOOP = "onnxruntime float32, engine alone", "openvino bfloat16, engine alone"


def good(models: dict[str, ServedModel], **changed: float) -> BenchmarkRun:
    """A run in which all holds: CPU of ours is 1 ms, of the peers 6 ms, and so on; by name, in ms of CPU an image."""
    ms = {DEFAULT: 1.0, FLOAT32: 2.0, LOOP: 0.95, OTHER_LOOP: 0.9, ENCODE_NAME: 0.9, BARE: 0.05, MOUNTED: 0.1} | changed
    measurements = Measurements()
    for model in models:
        workloads = [
            saturated(model, n, name) for n in SATURATING_CONCURRENCY for name in ("npy", "png", "zip", "json")
        ]
        workloads += [single_client(model, "npy"), single_client(model, "json"), highly_concurrent(model)]
        workloads += [engine_only(model, 256), engine_only(model, 1), encode_only(model, 64, "zip")]
        workloads += [encode_only(model, 1024, "zip")]
        for name in (*ms, *(peer.name for peer in PEERS), UNBATCHED):
            for workload in workloads:
                for iteration in range(5):
                    cpu_s = ms.get(name, 6.0) / 1000 * workload.n
                    measurements.add(
                        name, workload, iteration, Sample(images=workload.n, server_cpu_s=cpu_s, wall_s=cpu_s)
                    )
    return BenchmarkRun(measurements, models)


def failed(run: BenchmarkRun) -> list[str]:
    return [result.name for result in check_criteria(run) if not result.passed]


def test_a_run_in_which_all_holds_fails_nothing():
    assert failed(good(ENGINE)) == []
    assert failed(good(BFLOAT16)) == []


def test_a_run_without_measurements_fails_everything():
    found = check_criteria(BenchmarkRun(Measurements(), ENGINE))

    assert len(found) == 15
    assert not any(result.passed for result in found)
    assert {result.found for result in found} == {"not measured"}


@pytest.mark.parametrize(
    ("server", "ms", "words"),
    [
        (LOOP, 0.9, "1,024 as npy: CPU an image / the engine alone"),
        (ENCODE_NAME, 0.8, "1,024 as zip: CPU an image / codes, engine and encoder"),
        (ENCODE_NAME, 0.6, "64 as zip: CPU an image / codes, engine and encoder"),
        (BARE, 0.02, "n = 1: CPU beyond the engine / that of a bare FastAPI route"),
        (BENTOML, 1.05, "n = 1: CPU beyond the engine / that of BentoML's own API"),
        (BENTOML, 4.9, "64 as npy: images a CPU second / BentoML's array answer"),
        ("LitServe", 1.9, "1,024 as a contact sheet: images a CPU second / the best peer's"),
        ("LitServe", 0.8, "1 as png: images a CPU second / the best peer's"),
        (UNBATCHED, 0.9, "64 clients of n = 1"),
    ],
)
def test_each_criterion_can_fail(server: str, ms: float, words: str):
    assert [name for name in failed(good(ENGINE, **{server: ms})) if words in name]


def test_npy_must_be_twice_as_fast_only_where_a_faster_engine_was_found_for_64_x_64():
    """The best peer has 1.5 times our CPU."""
    words = "eurosat, 64 as npy"
    slower, reference = {"LitServe": 1.5}, served("eurosat", REFERENCE)

    assert [name for name in failed(good(BFLOAT16, **slower)) if words in name]
    assert not [name for name in failed(good(reference, **slower)) if words in name]


def test_the_float32_row_and_the_best_peer_follow_what_was_found():
    (result,) = [
        one for one in check_criteria(good(BFLOAT16, LitServe=5.0)) if one.name.startswith("eurosat, 64 as zip")
    ]

    assert (result.mark, result.name, result.expected, result.found) == (
        "pass",
        "eurosat, 64 as zip: images a CPU second / the best peer's",
        "at least 2.00",
        "5.00 (float32 2.50; LitServe)",
    )


def test_a_single_image_is_padded_to_the_smallest_batch_and_the_engine_is_not_what_serving_costs():
    measurements = Measurements()
    measurements.add(DEFAULT, single_client("mnist", "npy"), 0, Sample(images=10, server_cpu_s=0.05, wall_s=1))
    measurements.add(LOOP, engine_only("mnist", 8), 0, Sample(images=80, server_cpu_s=0.02, wall_s=1))

    assert beyond_the_engine(measurements, served("mnist", REFERENCE, (8, 256))["mnist"]) == pytest.approx({0: 0.003})


def test_the_median_of_the_iterations_is_what_counts():
    assert check_ratio(at_least, "", (0.1, 2.0, 9.0), 2.0).passed
    assert not check_ratio(at_least, "", (0.1, 1.9, 9.0), 2.0).passed
