"""Which part is the limit, judged from shares made by hand; and the table that a person reads."""

import pytest

from load.bench.workers import Parts, limit_of, table
from load.bench.workloads import Workload

ZIP = Workload("mnist", 64, "zip", 8)


def parts(
    rate: float = 100,
    engine: float = 0.1,
    loop: float = 0.1,
    others: float = 0.2,
    cores: float = 0.99,
    idle: float = 0.0,
) -> Parts:
    return Parts(rate, engine, loop, others, client=0.1, cores=cores, idle=idle)


@pytest.mark.parametrize(
    ("shares", "encodes", "limit"),
    [
        (parts(engine=0.9, loop=0.95), False, "engine"),
        (parts(engine=0.5, loop=0.86), False, "event loop"),
        (parts(cores=0.6, idle=0.4), False, "clients: cores are idle"),
        (parts(cores=0.6, idle=0.0), False, "other programs on this machine"),
        (parts(others=0.7), True, "cores, most of it encoders"),
        (parts(others=0.7), False, "cores"),
    ],
)
def test_what_is_busy_nearly_all_the_time_is_the_limit(shares: Parts, encodes: bool, limit: str):
    assert limit_of(shares, encodes) == limit


def test_a_ratio_is_of_one_iteration():
    """A machine that became twice as slow was so for both."""
    found = {("1 x 2", ZIP): [parts(100), parts(50)], ("2 x 1", ZIP): [parts(150), parts(75)]}
    lines = table(found, ["1 x 2", "2 x 1"]).splitlines()

    assert [line.split(" | ")[4:6] for line in lines[2:]] == [["75", "1.00"], ["112", "1.50"]]
