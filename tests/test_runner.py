"""In which order it is measured, and what is left out."""

from load.bench.measurements import Sample
from load.bench.runner import NEVER_VALUES, Plan, measure, offered_workloads
from load.bench.servers import OURS, PEERS, RunningServer
from load.bench.workloads import engine_only, ordered, saturated, workloads_of


class FakeBaseline:
    """Writes down when it was measured, and for how long."""

    def __init__(self, name: str, n: int, calls: list[str]) -> None:
        self.name, self.workload, self._calls = name, engine_only("mnist", n), calls

    def sample(self, seconds: float) -> Sample:
        self._calls.append(f"{self.name} {self.workload.n} {seconds:g}")
        return Sample(images=1, server_cpu_s=1.0, wall_s=1.0)


def test_all_is_measured_in_a_workload_before_the_next_and_then_again():
    calls: list[str] = []
    lines: list[str] = []
    plan = Plan(baselines=[FakeBaseline(name, n, calls) for n in (256, 1) for name in ("a", "b")])

    measurements = measure(plan, iterations=2, length=2.0, log=lines.append)

    assert calls == ["a 1 3", "b 1 3", "a 256 3", "b 256 3"] * 2
    assert {number for number, _ in measurements.samples["a", engine_only("mnist", 1)]} == {0, 1}
    assert len(lines) == 2


def test_workloads_go_from_few_images_to_many_and_by_model():
    workloads = ordered(
        [saturated("eurosat", 1, "npy"), saturated("mnist", 1024, "npy"), saturated("mnist", 64, "zip")]
    )

    assert [(one.model, one.n) for one in workloads] == [("mnist", 64), ("mnist", 1024), ("eurosat", 1)]


def test_a_list_of_millions_of_numbers_is_left_out_but_ours_are_pngs():
    peer, ours = (RunningServer(one, "", None) for one in (PEERS[0], OURS[0]))

    left = [
        [one for one in workloads_of("eurosat") if one not in offered_workloads(server, workloads_of("eurosat"))]
        for server in (peer, ours)
    ]

    assert left == [[saturated("eurosat", 1024, "json")], []]
    assert left[0][0].values > NEVER_VALUES > saturated("mnist", 1024, "json").values
