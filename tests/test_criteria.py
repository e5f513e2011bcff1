"""Every claim, from figures made by hand."""

import pytest

from load.bench.baselines import FLOOR
from load.bench.criteria import Claim, Drawn, Run, beyond_the_engine, claims
from load.bench.figures import Figures
from load.bench.sample import Window
from load.bench.servers import BARE, BENTOML, CHOSEN, FLOAT32, LONERS, MOUNTED, PEERS
from load.bench.workloads import CALLERS, crowded, drawn_alone, kept_alone, lonely, saturating

REFERENCE, SIZES = "onnxruntime-1.31.1-cpu-float32", (1, 8, 64, 256)
ENGINE = {"mnist": Drawn(REFERENCE, SIZES)}
BFLOAT16 = {"eurosat": Drawn("openvino-2026.4.1-cpu-bfloat16", SIZES)}
LOOP, OTHER_LOOP = "onnxruntime float32, engine alone", "openvino bfloat16, engine alone"


def good(drawn: dict[str, Drawn], **changed: float) -> Run:
    """A run in which all holds: CPU of ours is 1 ms, of the peers 6 ms, and so on; by name, in ms an image."""
    ms = {CHOSEN: 1.0, FLOAT32: 2.0, LOOP: 0.95, OTHER_LOOP: 0.9, FLOOR: 0.9, BARE: 0.05, MOUNTED: 0.1} | changed
    figures = Figures()
    for model in drawn:
        cells = [saturating(model, n, wanted) for n in CALLERS for wanted in ("npy", "png", "zip", "json")]
        cells += [lonely(model, "npy"), lonely(model, "json"), crowded(model)]
        cells += [drawn_alone(model, 256), drawn_alone(model, 1), kept_alone(model, 64, "zip")]
        cells += [kept_alone(model, 1024, "zip")]
        for who in (*ms, *(peer.name for peer in PEERS), LONERS):
            for cell in cells:
                for number in range(5):
                    cpu_s = ms.get(who, 6.0) / 1000 * cell.n
                    figures.add(who, cell, number, Window(images=cell.n, server_cpu_s=cpu_s, wall_s=cpu_s))
    return Run(figures, drawn)


def missed(run: Run) -> list[str]:
    return [claim.sentence for claim in claims(run) if not claim.passed]


def test_a_run_in_which_all_holds_misses_nothing():
    assert missed(good(ENGINE)) == []
    assert missed(good(BFLOAT16)) == []


def test_a_run_without_figures_misses_everything():
    found = claims(Run(Figures(), ENGINE))

    assert len(found) == 15
    assert not any(claim.passed for claim in found)
    assert {claim.row()[3] for claim in found} == {"not measured"}


@pytest.mark.parametrize(
    ("who", "ms", "words"),
    [
        (LOOP, 0.9, "1,024 as npy: CPU an image / the engine alone"),
        (FLOOR, 0.8, "1,024 as zip: CPU an image / codes, engine and encoder"),
        (FLOOR, 0.6, "64 as zip: CPU an image / codes, engine and encoder"),
        (BARE, 0.02, "n = 1: CPU beyond the engine / that of a bare FastAPI route"),
        (BENTOML, 1.05, "n = 1: CPU beyond the engine / that of BentoML's own API"),
        (BENTOML, 4.9, "64 as npy: images a CPU second / BentoML's array answer"),
        ("LitServe", 1.9, "1,024 as a sheet: images a CPU second / the best peer's"),
        ("LitServe", 0.8, "1 as png: images a CPU second / the best peer's"),
        (LONERS, 0.9, "64 callers of n = 1"),
    ],
)
def test_each_claim_can_be_missed(who: str, ms: float, words: str):
    assert [sentence for sentence in missed(good(ENGINE, **{who: ms})) if words in sentence]


def test_npy_must_be_twice_as_fast_only_where_a_faster_engine_was_found_for_64_x_64():
    """The best peer has 1.5 times our CPU."""
    words = "eurosat, 64 as npy"
    chosen, reference = ({"LitServe": 1.5}, {"eurosat": ENGINE["mnist"]})

    assert [sentence for sentence in missed(good(BFLOAT16, **chosen)) if words in sentence]
    assert not [sentence for sentence in missed(good(reference, **chosen)) if words in sentence]


def test_the_float32_row_and_the_best_peer_stand_beside_what_was_found():
    (claim,) = [one for one in claims(good(BFLOAT16, LitServe=5.0)) if one.sentence.startswith("eurosat, 64 as zip")]

    assert claim.row() == (
        "pass",
        "eurosat, 64 as zip: images a CPU second / the best peer's",
        "at least 2.00",
        "5.00 (float32 2.50; LitServe)",
    )


def test_a_single_picture_fills_up_the_smallest_batch_and_the_engine_is_not_what_serving_costs():
    figures = Figures()
    figures.add(CHOSEN, lonely("mnist", "npy"), 0, Window(images=10, server_cpu_s=0.05, wall_s=1))
    figures.add(LOOP, drawn_alone("mnist", 8), 0, Window(images=80, server_cpu_s=0.02, wall_s=1))

    assert beyond_the_engine(figures, "mnist", Drawn(REFERENCE, (8, 256))) == pytest.approx({0: 0.003})


def test_the_median_of_the_rounds_is_what_counts():
    assert Claim("", (0.1, 2.0, 9.0), 2.0, at_least=True).passed
    assert not Claim("", (0.1, 1.9, 9.0), 2.0, at_least=True).passed
