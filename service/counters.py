"""What has happened to the pictures that people waited for, since the start.

batcher -> [counts] -> metrics
"""

from dataclasses import dataclass, field


@dataclass
class Counts:
    """All of them only grow."""

    images_drawn: int = 0
    images_padded: int = 0
    images_dropped: int = 0
    orders_refused: int = 0
    orders_late: int = 0
    batches: dict[int, int] = field(default_factory=dict)
    """By size."""
    engine_seconds: float = 0.0

    def batch(self, size: int, drawn: int, seconds: float) -> None:
        """One was drawn, with room for `size` pictures."""
        self.images_drawn += drawn
        self.images_padded += max(0, size - drawn)
        self.batches[size] = self.batches.get(size, 0) + 1
        self.engine_seconds += seconds
