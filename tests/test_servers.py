"""What is asked of whom."""

import json
import sys
from pathlib import Path

import pytest

from load.bench.servers import BENTOML, HTTP_ALONE, OURS, PEERS, Contender, entered
from load.bench.workloads import Cell, crowded, lonely, saturating
from load.server import ServiceTrouble


def body(contender: Contender, cell: Cell) -> dict[str, object]:
    return json.loads(contender.question(cell, 1.0).request.partition(b"\r\n\r\n")[2])


def test_ours_is_told_the_model_and_a_peer_has_only_one():
    cell = saturating("eurosat", 64, "zip")

    ours, peer = (body(one, cell) for one in (OURS[0], PEERS[0]))

    assert ours == {"n": 64, "model": "eurosat", "format": "zip"}
    assert peer == {"n": 64, "format": "zip"}


def test_nobody_is_given_a_seed_so_nobody_may_answer_from_a_cache():
    for contender in (*OURS, *PEERS):
        assert "seed" not in body(contender, lonely("mnist", "json"))


def test_bentoml_offers_an_array_as_json_and_a_picture_and_neither_npy_nor_zip():
    (peer,) = [one for one in PEERS if one.name == BENTOML]

    offered = [wanted for wanted in ("npy", "png", "zip", "json") if peer.offers(saturating("mnist", 64, wanted))]

    assert offered == ["png", "json"]
    assert peer.question(saturating("mnist", 64, "png"), 1.0).request.startswith(b"POST /draw ")


def test_only_one_caller_measures_what_is_beyond_the_engine_and_64_are_a_crowd():
    assert (lonely("mnist", "npy").callers, crowded("mnist").callers) == (1, 64)


def test_every_contender_says_what_a_reader_of_its_figures_must_know():
    for contender in (*OURS, *PEERS, *HTTP_ALONE):
        assert contender.said


def test_a_contender_that_does_not_start_is_told_with_its_last_words(tmp_path: Path):
    broken = Contender("broken", (sys.executable, "-c", "raise SystemExit('no such setting')"), "/", {}, "")

    with pytest.raises(ServiceTrouble, match="it ended with 1 before it was ready, and said: no such setting"):
        entered(broken, "mnist", tmp_path).__enter__()
