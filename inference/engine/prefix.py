"""Blocks that outlive their request, found again by what was read up to their end.

A block's key is a sha256 over its parent's key and the digests of its positions; the first parent is
a root made of the namespace's salt and the model's digest. So a key names the whole prefix, and equal
content in two namespaces or two models has nothing in common. Every component of a hash is tagged and
has its length, so that none can pass for another.
"""

import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from inference.api import OutOfBlocks
from inference.engine.blocks import BLOCK, BlockPool

DIGEST_BYTES = 16  # of one position; see inference.api
CONTENT_BYTES = BLOCK * DIGEST_BYTES


def tagged(**parts: bytes) -> bytes:
    """sha256 over named components, in the order given."""
    digest = sha256()
    for tag, part in parts.items():
        digest.update(b"%d:%s=%d:" % (len(tag), tag.encode(), len(part)))
        digest.update(part)
    return digest.digest()


class PrefixCache:
    """What may be read again, within one model; it holds one reference on each block it keeps.

    A block is *idle* when only the cache holds it: idle blocks are evicted, least recently used
    first, when room is needed or their time to live is over. No namespace holds more than
    ``namespace_blocks``, idle ones included.
    Invariant: free + cached (idle) + used == total.
    """

    def __init__(
        self,
        pool: BlockPool,
        *,
        salt_key: bytes,
        model_digest: str,
        namespace_blocks: int,
        zeroes_freed: bool = False,
        idle_ttl_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.namespace_blocks = namespace_blocks
        self._zeroes_freed = zeroes_freed
        self._idle_ttl_s = idle_ttl_s
        self._clock = clock
        self._salt_key = salt_key
        self._model = model_digest.encode()
        self._blocks: dict[bytes, int] = {}
        self._keys: dict[int, tuple[bytes, bytes]] = {}  # block -> (key, content)
        self._idle: OrderedDict[int, float] = OrderedDict()  # block -> since when, ascending
        self._idle_of: dict[bytes, OrderedDict[int, None]] = {}
        self._doomed: set[int] = set()
        self._soiled: dict[int, None] = {}

    @property
    def cached(self) -> int:
        """Blocks that only the cache holds."""
        return len(self._idle)

    @property
    def used(self) -> int:
        """Blocks that a request holds."""
        return self.pool.total - self.pool.free - len(self._idle)

    def salt(self, namespace: str) -> bytes:
        """What stands for a namespace in keys and as an owner; useless without the engine's key."""
        return hmac.digest(self._salt_key, namespace.encode(), "sha256")

    def chain(self, salt: bytes, digests: bytes, keys: list[bytes] | None = None) -> list[bytes]:
        """Keys of the full blocks of a record, from its positions' concatenated digests.

        ``keys`` are those of its first blocks, where they are known already; they are gone on from in place.
        """
        keys = [] if keys is None else keys
        parent = keys[-1] if keys else tagged(namespace=salt, model=self._model)
        for start in range(len(keys) * CONTENT_BYTES, len(digests) - CONTENT_BYTES + 1, CONTENT_BYTES):
            parent = tagged(parent=parent, positions=digests[start : start + CONTENT_BYTES])
            keys.append(parent)
        return keys

    def known(self, keys: list[bytes], owner: bytes) -> int:
        """How many of a record's leading blocks could be found now; nothing is held, so it may change."""
        count = 0
        for key in keys:
            block = self._blocks.get(key)
            if block is None or self.pool.owner_of(block) != owner:
                break
            count += 1
        return count

    def find(self, key: bytes, content: bytes, owner: bytes) -> int | None:
        """Hold the block that was left under a key, if its content and owner are the ones expected."""
        block = self._blocks.get(key)
        if block is None or self._keys[block] != (key, content) or self.pool.owner_of(block) != owner:
            return None
        self.pool.hold(block)
        self._wake(block)
        return block

    def keep(self, block: int, key: bytes, content: bytes) -> bool:
        """Let a block that is held outlive its holder; False if the key has a block already."""
        if key in self._blocks or block in self._doomed:
            return False
        self.pool.hold(block)
        self._blocks[key] = block
        self._keys[block] = (key, content)
        return True

    def forget(self, block: int) -> None:
        """Make a kept block unfindable; who holds it keeps it."""
        if block not in self._keys:
            return
        key, _ = self._keys.pop(block)
        del self._blocks[key]
        self._wake(block)
        if self.pool.drop(block) == 0:
            self._freed(block)

    def fits_quota(self, count: int, owner: bytes) -> bool:
        """Whether an owner may have so many more blocks, giving up idle ones of its own."""
        return self.pool.held_by(owner) - len(self._idle_of.get(owner, ())) + count <= self.namespace_blocks

    def take(self, count: int, owner: bytes) -> list[int]:
        """Hold ``count`` blocks for new content, evicting idle ones, the owner's own first if it is at its quota.

        Raises:
            OutOfBlocks: not so many can be had now; nothing was taken or evicted.
        """
        if not self.fits_quota(count, owner) or count > self.pool.free + len(self._idle):
            raise OutOfBlocks(f"{count} blocks are not to be had")
        for _ in range(self.pool.held_by(owner) + count - self.namespace_blocks):
            self.forget(next(iter(self._idle_of[owner])))
        while self.pool.free < count:
            self.forget(next(iter(self._idle)))
        return self.pool.take(count, owner)

    def release(self, blocks: list[int]) -> None:
        """Let go of a request's blocks, the last first, so that the ends of prefixes are evicted first."""
        for block in reversed(blocks):
            left = self.pool.drop(block)
            if left == 1 and block in self._keys:
                self._rest(block)
            elif left == 0:
                self._freed(block)

    @property
    def next_expiry_at(self) -> float:
        """When the next idle block's time to live is over; infinite if there is none."""
        since = next(iter(self._idle.values()), math.inf)
        return since + self._idle_ttl_s

    def expire(self) -> int:
        """Forget blocks that were idle for longer than they may; returns how many. Their content is to be zeroed."""
        since, count = self._clock() - self._idle_ttl_s, 0
        while self._idle and next(iter(self._idle.values())) <= since:
            block = next(iter(self._idle))
            self._doomed.add(block)
            self.forget(block)
            count += 1
        return count

    def purge(self, owner: bytes) -> int:
        """Forget an owner's kept blocks; returns how many. What was its content is to be zeroed.

        Blocks that a request still holds are zeroed when it lets go of them.
        """
        kept = [block for block in self._keys if self.pool.owner_of(block) == owner]
        for block in kept:
            self.forget(block)
        self._soiled |= dict.fromkeys(self.pool.scrub(owner))
        blocks = range(1, self.pool.total + 1)
        self._doomed |= {block for block in blocks if self.pool.owner_of(block) == owner}
        return len(kept)

    def follow(self, leader: int, blocks: list[int]) -> None:
        """Let a request's new blocks be purged too, if what it holds was purged."""
        if leader in self._doomed:
            self._doomed.update(blocks)

    def take_soiled(self) -> list[int]:
        """Blocks to be zeroed before anything is written to them; the list is empty afterwards."""
        soiled, self._soiled = list(self._soiled), {}
        return soiled

    def check(self) -> None:
        """Raise AssertionError if the invariant is broken. Cheap enough for every test."""
        self.pool.check()
        assert self.pool.free + self.cached + self.used == self.pool.total
        assert {block: key for key, block in self._blocks.items()} == {b: key for b, (key, _) in self._keys.items()}
        idle = {block for block in self._keys if self.pool.count_of(block) == 1}
        assert set(self._idle) == idle, "idle blocks are not those that only the cache holds"
        assert set().union(*self._idle_of.values()) == idle, "owners' idle blocks do not add up"

    def _freed(self, block: int) -> None:
        if self._zeroes_freed or block in self._doomed:
            self._doomed.discard(block)
            self._soiled[block] = None

    def _rest(self, block: int) -> None:
        owner = self.pool.owner_of(block)
        assert owner is not None
        self._idle[block] = self._clock()
        self._idle_of.setdefault(owner, OrderedDict())[block] = None

    def _wake(self, block: int) -> None:
        if block not in self._idle:
            return
        del self._idle[block]
        owner = self.pool.owner_of(block)
        assert owner is not None
        own = self._idle_of[owner]
        del own[block]
        if not own:
            del self._idle_of[owner]
