"""What is requested of which server, and when a server does not start."""

import json
import sys
from pathlib import Path

import pytest

from load.bench.servers import BENTOML, HTTP_ONLY, OURS, PEERS, ServerUnderTest, started
from load.bench.workloads import Workload, highly_concurrent, saturated, single_client
from load.server import MeasurementError


def body(server: ServerUnderTest, workload: Workload) -> dict[str, object]:
    return json.loads(server.closed_loop(workload, 1.0).request.partition(b"\r\n\r\n")[2])


def test_ours_is_given_the_model_and_a_peer_has_only_one():
    workload = saturated("eurosat", 64, "zip")

    ours, peer = (body(one, workload) for one in (OURS[0], PEERS[0]))

    assert ours == {"n": 64, "model": "eurosat", "format": "zip"}
    assert peer == {"n": 64, "format": "zip"}


def test_no_request_has_a_seed_so_no_answer_can_come_from_a_cache():
    for server in (*OURS, *PEERS):
        assert "seed" not in body(server, single_client("mnist", "json"))


def test_bentoml_offers_an_array_as_json_and_an_image_and_neither_npy_nor_zip():
    (peer,) = [one for one in PEERS if one.name == BENTOML]

    offered = [name for name in ("npy", "png", "zip", "json") if peer.offers(saturated("mnist", 64, name))]

    assert offered == ["png", "json"]
    assert peer.closed_loop(saturated("mnist", 64, "png"), 1.0).request.startswith(b"POST /draw ")


def test_one_client_measures_what_is_beyond_the_engine_and_64_measure_batching():
    assert (single_client("mnist", "npy").concurrency, highly_concurrent("mnist").concurrency) == (1, 64)


def test_every_server_says_what_a_reader_of_its_figures_must_know():
    for server in (*OURS, *PEERS, *HTTP_ONLY):
        assert server.description


def test_a_server_that_does_not_start_is_reported_with_its_last_words(tmp_path: Path):
    broken = ServerUnderTest("broken", (sys.executable, "-c", "raise SystemExit('no such setting')"), "/", {}, "")

    with pytest.raises(MeasurementError, match="it ended with 1 before it was ready, and said: no such setting"):
        started(broken, "mnist", tmp_path).__enter__()
