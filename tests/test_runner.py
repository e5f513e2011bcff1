"""In which order it is measured, and what is left out."""

from load.bench.runner import NEVER_NUMBERS, Round, measure, offered
from load.bench.sample import Window
from load.bench.servers import OURS, PEERS, Running
from load.bench.workloads import cells_of, drawn_alone, in_order, saturating


class Clock:
    """Stands for something that is measured alone, and writes down when."""

    def __init__(self, name: str, n: int, diary: list[str]) -> None:
        self.name, self.cell, self._diary = name, drawn_alone("mnist", n), diary

    def window(self, seconds: float) -> Window:
        self._diary.append(f"{self.name} {self.cell.n} {seconds:g}")
        return Window(images=1, server_cpu_s=1.0, wall_s=1.0)


def test_all_is_measured_in_a_cell_before_the_next_and_then_again():
    diary: list[str] = []
    said: list[str] = []
    plan = Round(alone=[Clock(name, n, diary) for n in (256, 1) for name in ("a", "b")])

    figures = measure(plan, rounds=2, shortened=2.0, say=said.append)

    assert diary == ["a 1 3", "b 1 3", "a 256 3", "b 256 3"] * 2
    assert {number for number, _ in figures.windows["a", drawn_alone("mnist", 1)]} == {0, 1}
    assert len(said) == 2


def test_cells_go_from_few_pictures_to_many_and_by_model():
    cells = in_order(
        [saturating("eurosat", 1, "npy"), saturating("mnist", 1024, "npy"), saturating("mnist", 64, "zip")]
    )

    assert [(cell.model, cell.n) for cell in cells] == [("mnist", 64), ("mnist", 1024), ("eurosat", 1)]


def test_a_list_of_millions_of_numbers_is_left_out_but_ours_are_pngs():
    peer, ours = (Running(one, "", None) for one in (PEERS[0], OURS[0]))

    left = [
        [cell for cell in cells_of("eurosat") if cell not in offered(one, cells_of("eurosat"))] for one in (peer, ours)
    ]

    assert left == [[saturating("eurosat", 1024, "json")], []]
    assert left[0][0].numbers > NEVER_NUMBERS > saturating("mnist", 1024, "json").numbers
