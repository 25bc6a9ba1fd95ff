"""The KV cache: blocks of a fixed number of tokens, shared by sequences with the same prefix."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

ROOT = 0
"""The key of the prefix without tokens."""


def block_key(parent: int, tokens: Sequence[int]) -> int:
    """Return the key of a full block: of its tokens and all before them, in the block ``parent``.

    The same in every process: Python randomises the hashes of text, not those of integers.
    """
    return hash((parent, *tokens))


class BlockPool:
    """All blocks of the cache.

    A block is held by sequences or free. A free one keeps its content, to be found by its key,
    until it is the least recently used free one and somebody needs a block. What nobody can find
    goes first.
    """

    def __init__(self, blocks: int, size: int) -> None:
        """Have ``blocks`` blocks of ``size`` tokens each."""
        self.blocks = blocks
        self.size = size
        self._holders = [0] * blocks
        self._keys: list[int | None] = [None] * blocks
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(blocks))
        self._cached: dict[int, int] = {}

    @property
    def free(self) -> int:
        """How many blocks no sequence holds."""
        return len(self._free)

    @property
    def usage(self) -> float:
        """The share of the blocks that sequences hold, 0 to 1."""
        return 1 - len(self._free) / self.blocks

    def find(self, keys: Sequence[int]) -> list[int]:
        """Return the blocks of the longest prefix of ``keys`` that is in the cache."""
        found = []
        for key in keys:
            block = self._cached.get(key)
            if block is None:
                break
            found.append(block)
        return found

    def take(self, shared: Sequence[int], fresh: int) -> list[int] | None:
        """Hold the blocks ``shared``, which ``find`` returned, and ``fresh`` others.

        Returns them all, or None, with nothing changed, if there are not enough free ones.
        """
        revived = sum(not self._holders[block] for block in shared)
        if revived + fresh > len(self._free):
            return None
        for block in shared:
            if not self._holders[block]:
                del self._free[block]
            self._holders[block] += 1
        taken = list(shared)
        for _ in range(fresh):
            block, _ = self._free.popitem(last=False)
            self._forget(block)
            self._holders[block] = 1
            taken.append(block)
        return taken

    def publish(self, block: int, key: int) -> None:
        """Let a full block be found under its key, unless another one with this content is."""
        if key not in self._cached:
            self._cached[key] = block
            self._keys[block] = key

    def release(self, blocks: Sequence[int]) -> None:
        """Release the blocks of a sequence. The end of a prefix is evicted first."""
        for block in reversed(blocks):
            self._holders[block] -= 1
            if not self._holders[block]:
                self._free[block] = None
                if self._keys[block] is None:
                    self._free.move_to_end(block, last=False)

    def holders(self) -> list[int]:
        """Return by how many sequences each block is held."""
        return list(self._holders)

    def _forget(self, block: int) -> None:
        key = self._keys[block]
        if key is not None:
            del self._cached[key]
            self._keys[block] = None
