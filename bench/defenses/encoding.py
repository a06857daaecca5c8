"""How many bytes a shared step takes: each tensor in the smallest of three plain encodings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.engine.rng import Shapes


@dataclass(frozen=True)
class Encoding:
    """What is sent of each tensor.

    Args:
        entries: `{name: number of entries}`.
        kept: `{name: number of entries that are not zero}`.
        bits: bits per value.
        scales: number of 32-bit scales sent with each tensor.
    """

    entries: dict[str, int]
    kept: dict[str, int]
    bits: int
    scales: int

    def dense(self) -> Encoding:
        """Every entry is sent as a 32-bit float."""
        return Encoding(self.entries, self.entries, 32, 0)

    def dense_values(self) -> Encoding:
        """The same entries are sent as 32-bit floats: scaling keeps zeros, but no grid that both sides know."""
        return replace(self, bits=32, scales=0)

    def sparse(self, keep: Callable[[str, int], int]) -> Encoding:
        """At most `keep(name, entries)` entries of each tensor are sent."""
        return replace(self, kept={name: min(keep(name, n), self.kept[name]) for name, n in self.entries.items()})

    def quantised(self, bits: int, scales: int) -> Encoding:
        """Each value is sent in `bits` bits, with `scales` 32-bit scales per tensor."""
        return replace(self, bits=bits, scales=scales)

    @property
    def bytes(self) -> int:
        """The bytes of one step: each tensor dense, or as a bitmap and values, or as 32-bit indices and values."""
        return sum(min(self._ways(name).values()) for name in self.entries) + 4 * self.scales * len(self.entries)

    @property
    def words(self) -> str:
        """A description such as `32-bit values, bitmap`: the bits per value, and the encoding of the largest tensor."""
        largest = max(self.entries, key=lambda name: self.entries[name])
        ways = self._ways(largest)
        return f"{self.bits}-bit values, {min(ways, key=lambda way: ways[way])}"

    def _ways(self, name: str) -> dict[str, int]:
        n, kept = self.entries[name], self.kept[name]
        values = -(-kept * self.bits // 8)
        return {"dense": -(-n * self.bits // 8), "bitmap": values + -(-n // 8), "indices": values + 4 * kept}


def undefended(shapes: Shapes) -> Encoding:
    """What is sent without a defence: every entry as a 32-bit float."""
    entries = {}
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        entries[name] = count
    return Encoding(entries, entries, 32, 0)
