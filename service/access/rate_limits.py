"""How much one caller may take: a token bucket for each, and 429 with `Retry-After` where it is empty.

    settings -> [rate_limits] -> rules

A bucket holds what may be taken at once, and fills with time. What is larger than the bucket needs a full one, and is
paid back before more is taken: every request is answered at some time, and the mean never exceeds the limit. There are
buckets for so many callers only; then that of the one who has taken nothing for the longest time is dropped. A caller
is a key, or the address of a client without one: a whole /64 of IPv6, because one client has as many as it likes.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from service.errors import Problem

MOST_CALLERS = 10_000
_ROUNDING = 1e-9
"""What times and levels lose as floats: who waits as long as was said is answered."""


class RateLimit:
    """Token buckets of all callers.

    Args:
        amount: what a bucket holds, and gets in `seconds`; more than 0.
        seconds: more than 0.
        noun: what is counted, in the plural.
        clock: seconds that only grow.
    """

    def __init__(self, amount: float, seconds: float, noun: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._most, self._clock = amount / seconds, max(1.0, amount), clock
        self._words = f"{amount:,g} {noun} " + ("a second" if seconds == 1 else f"in {seconds:g} s")
        self._noun = noun
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Caller -> what its bucket held, and when. The one who took something last is the last."""

    @contextmanager
    def charged(self, caller: str, amount: int) -> Iterator[None]:
        """Take so much; put it back if the block refuses the request.

        Raises:
            Problem: 429, the bucket has too little; says when it will have enough.
        """
        self._take(caller, amount)
        try:
            yield
        except Problem:
            level, at_s = self._buckets.get(caller, (0.0, self._clock()))
            self._buckets[caller] = (level + amount, at_s)
            raise

    def _take(self, caller: str, amount: int) -> None:
        now_s = self._clock()
        level, at_s = self._buckets.get(caller, (self._most, now_s))
        level = min(self._most, level + (now_s - at_s) * self._per_second)
        missing = min(amount, self._most) - level
        if missing > _ROUNDING:
            wait_s = max(1, math.ceil(missing / self._per_second))
            raise Problem(
                429,
                f"{caller} may take {self._words}, and this request is for {amount:,}. Try again in {wait_s:,} s.",
                {"Retry-After": str(wait_s)},
            )
        self._buckets[caller] = (level - amount, now_s)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)


@lru_cache(maxsize=1024)
def caller_at(address: str) -> str:
    """The caller at a client's address, in words."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return f"The client {address[:64]}"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return f"The network {IPv6Address(int(found) >> 64 << 64)}/64"
        return f"The address {found.ipv4_mapped}"
    return f"The address {found}"
