"""Blocks: free, held, kept, found again, evicted and forgotten."""

import pytest

from inference.api import OutOfBlocks
from inference.engine.blocks import BlockPool
from inference.engine.prefix import CONTENT_BYTES, PrefixCache

BANK, HOSPITAL = "bank", "hospital"
CONTENT = bytes(range(256))


def make_cache(total: int = 8, quota: int = 8, key: bytes = b"k" * 16, model: str = "m") -> PrefixCache:
    return PrefixCache(BlockPool(total), salt_key=key, model_digest=model, namespace_blocks=quota)


def leave(cache: PrefixCache, namespace: str, content: bytes = CONTENT) -> bytes:
    """Take a block, keep it under a one-block prefix and let go of it; returns its key."""
    salt = cache.salt(namespace)
    [key] = cache.chain(salt, content)
    [block] = cache.take(1, salt)
    assert cache.keep(block, key, content)
    cache.release([block])
    cache.check()
    return key


def test_a_pool_gives_all_blocks_but_the_scratch_block():
    pool = BlockPool(3)

    assert sorted(pool.take(3, b"a")) == [1, 2, 3]
    assert pool.free == 0


def test_a_pool_that_lacks_blocks_gives_none():
    pool = BlockPool(3)

    with pytest.raises(ValueError, match="4 blocks asked, 3 free"):
        pool.take(4, b"a")

    assert pool.free == 3


def test_a_block_held_twice_is_free_after_two_drops():
    pool = BlockPool(1)
    [block] = pool.take(1, b"a")
    pool.hold(block)

    assert [pool.drop(block), pool.free, pool.drop(block), pool.free] == [1, 0, 0, 1]
    pool.check()


def test_a_kept_block_is_found_by_its_prefix():
    cache = make_cache()
    key = leave(cache, BANK)

    assert cache.find(key, CONTENT, cache.salt(BANK)) is not None
    assert (cache.pool.free, cache.cached, cache.used) == (7, 0, 1)


def test_equal_content_in_two_namespaces_has_two_keys():
    cache = make_cache()

    assert leave(cache, BANK) != leave(cache, HOSPITAL)


def test_equal_content_of_two_models_has_two_keys():
    assert leave(make_cache(model="a"), BANK) != leave(make_cache(model="b"), BANK)


def test_keys_need_the_engines_secret():
    assert leave(make_cache(key=b"k" * 16), BANK) != leave(make_cache(key=b"l" * 16), BANK)


def test_a_key_names_the_whole_prefix():
    cache = make_cache()
    salt = cache.salt(BANK)

    first = cache.chain(salt, b"a" * CONTENT_BYTES + CONTENT)
    second = cache.chain(salt, b"b" * CONTENT_BYTES + CONTENT)

    assert first[1] != second[1]


def test_only_full_blocks_have_keys():
    cache = make_cache()

    assert len(cache.chain(b"salt", b"x" * (2 * CONTENT_BYTES - 1))) == 1


def test_a_colliding_key_does_not_give_other_content_away():
    cache = make_cache()
    key = leave(cache, BANK)

    assert cache.find(key, b"other" + CONTENT[5:], cache.salt(BANK)) is None
    assert cache.find(key, CONTENT, cache.salt(HOSPITAL)) is None


def test_the_least_recently_used_block_is_evicted_first():
    cache = make_cache(total=2)
    old, new = leave(cache, BANK, b"o" * CONTENT_BYTES), leave(cache, BANK, b"n" * CONTENT_BYTES)
    salt = cache.salt(BANK)
    block = cache.find(old, b"o" * CONTENT_BYTES, salt)
    assert block is not None
    cache.release([block])

    cache.take(1, salt)

    assert cache.find(new, b"n" * CONTENT_BYTES, salt) is None
    assert cache.find(old, b"o" * CONTENT_BYTES, salt) is not None


def test_the_end_of_a_prefix_is_evicted_before_its_beginning():
    cache = make_cache(total=2)
    salt = cache.salt(BANK)
    digests = b"a" * CONTENT_BYTES + b"b" * CONTENT_BYTES
    blocks = cache.take(2, salt)
    for block, key, content in zip(blocks, cache.chain(salt, digests), (digests[:256], digests[256:]), strict=True):
        cache.keep(block, key, content)
    cache.release(blocks)

    assert cache.take(1, salt) == [blocks[1]]


def test_a_held_block_is_never_evicted():
    cache = make_cache(total=1)
    key = leave(cache, BANK)
    cache.find(key, CONTENT, cache.salt(BANK))

    with pytest.raises(OutOfBlocks):
        cache.take(1, cache.salt(BANK))

    cache.check()


def test_a_namespace_at_its_quota_evicts_its_own():
    cache = make_cache(total=4, quota=2)
    other = leave(cache, HOSPITAL)
    leave(cache, BANK)

    cache.take(2, cache.salt(BANK))

    assert cache.find(other, CONTENT, cache.salt(HOSPITAL)) is not None
    assert cache.pool.held_by(cache.salt(BANK)) == 2


def test_a_namespace_cannot_hold_more_than_its_quota():
    cache = make_cache(total=4, quota=2)
    cache.take(2, cache.salt(BANK))

    with pytest.raises(OutOfBlocks):
        cache.take(1, cache.salt(BANK))

    assert cache.pool.free == 2


def test_purge_forgets_one_namespace_and_says_what_to_zero():
    cache = make_cache()
    gone, left = leave(cache, BANK), leave(cache, HOSPITAL)

    assert cache.purge(cache.salt(BANK)) == 1

    assert len(cache.take_soiled()) == 1
    assert cache.find(gone, CONTENT, cache.salt(BANK)) is None
    assert cache.find(left, CONTENT, cache.salt(HOSPITAL)) is not None
    cache.check()


def test_a_free_block_that_still_carries_a_namespaces_content_is_zeroed_too():
    cache = make_cache()
    blocks = cache.take(3, cache.salt(BANK))
    cache.release(blocks)

    assert cache.purge(cache.salt(BANK)) == 0
    assert sorted(cache.take_soiled()) == sorted(blocks)


def test_a_block_in_use_is_zeroed_when_a_purged_namespace_lets_go_of_it():
    cache = make_cache()
    salt = cache.salt(BANK)
    blocks = cache.take(1, salt)
    cache.purge(salt)
    soiled_before = cache.take_soiled()

    kept = cache.keep(blocks[0], b"key", CONTENT)
    cache.release(blocks)

    assert (soiled_before, kept, cache.take_soiled()) == ([], False, blocks)
    cache.check()


def test_a_freed_block_is_to_be_zeroed_if_asked():
    cache = PrefixCache(BlockPool(4), salt_key=b"k" * 16, model_digest="m", namespace_blocks=4, zeroes_freed=True)
    blocks = cache.take(2, b"bank")

    cache.release(blocks)

    assert sorted(cache.take_soiled()) == sorted(blocks)
    assert cache.take_soiled() == []


def test_an_idle_block_lives_as_long_as_it_may_and_leaves_nothing():
    now = [100.0]
    cache = PrefixCache(
        BlockPool(4), salt_key=b"k" * 16, model_digest="m", namespace_blocks=4, idle_ttl_s=60.0, clock=lambda: now[0]
    )
    (block,) = cache.take(1, b"bank")
    cache.keep(block, b"key", b"content")
    cache.release([block])

    now[0] += 59.0
    assert (cache.expire(), cache.next_expiry_at) == (0, 160.0)
    now[0] += 1.0
    assert (cache.expire(), cache.take_soiled(), cache.cached) == (1, [block], 0)
    assert cache.known([b"key"], b"bank") == 0


def test_what_is_read_again_lives_on():
    now = [100.0]
    cache = PrefixCache(
        BlockPool(4), salt_key=b"k" * 16, model_digest="m", namespace_blocks=4, idle_ttl_s=60.0, clock=lambda: now[0]
    )
    (block,) = cache.take(1, b"bank")
    cache.keep(block, b"key", b"content")
    cache.release([block])
    now[0] += 50.0
    cache.find(b"key", b"content", b"bank")
    cache.release([block])

    now[0] += 50.0

    assert cache.expire() == 0
    assert cache.known([b"key"], b"bank") == 1
    assert cache.known([b"key"], b"hospital") == 0
