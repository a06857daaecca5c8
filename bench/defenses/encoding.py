"""How many bytes a shared step takes: the smallest of three plain encodings, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.engine.rng import Shapes


@dataclass(frozen=True)
class Encoding:
    """What is sent of each tensor.

    Args:
        entries: `{name: entries of the tensor}`.
        kept: `{name: entries that are not zero}`.
        bits: of each value.
        scales: 32-bit numbers sent beside each tensor.
    """

    entries: dict[str, int]
    kept: dict[str, int]
    bits: int
    scales: int

    def dense(self) -> Encoding:
        """Every entry as a 32-bit float."""
        return Encoding(self.entries, self.entries, 32, 0)

    def dense_values(self) -> Encoding:
        """The same entries as 32-bit floats: what scales them leaves zeros, and no grid that both sides know."""
        return replace(self, bits=32, scales=0)

    def sparse(self, keep: Callable[[str, int], int]) -> Encoding:
        """No more than `keep(name, entries)` entries of each tensor left."""
        return replace(self, kept={name: min(keep(name, n), self.kept[name]) for name, n in self.entries.items()})

    def quantised(self, bits: int, scales: int) -> Encoding:
        """Each value in `bits` bits."""
        return replace(self, bits=bits, scales=scales)

    @property
    def bytes(self) -> int:
        """Of one step: each tensor dense, or as a bitmap and the values kept, or as 32-bit indices and values."""
        return sum(min(self._ways(name).values()) for name in self.entries) + 4 * self.scales * len(self.entries)

    @property
    def words(self) -> str:
        """Such as `32-bit values, bitmap`: the values and the encoding that most entries are sent in."""
        largest = max(self.entries, key=lambda name: self.entries[name])
        ways = self._ways(largest)
        return f"{self.bits}-bit values, {min(ways, key=lambda way: ways[way])}"

    def _ways(self, name: str) -> dict[str, int]:
        n, kept = self.entries[name], self.kept[name]
        values = -(-kept * self.bits // 8)
        return {"dense": -(-n * self.bits // 8), "bitmap": values + -(-n // 8), "indices": values + 4 * kept}


def undefended(shapes: Shapes) -> Encoding:
    """Every entry as a 32-bit float."""
    entries = {}
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        entries[name] = count
    return Encoding(entries, entries, 32, 0)
