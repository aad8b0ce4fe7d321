// How keys and values lie in the engine's pool, so that attention multiplies them where they are.
//
// For each key head: blocks of 16 positions. A block's keys are pairs of dimensions, [D / 2][16][2]; its values are
// pairs of positions, [8][W][2] with W the head size rounded up to 16. Either way one register holds what one
// instruction of the bf16 product takes.
#pragma once

#include "common.h"

constexpr int64_t BLOCK = 16;

struct Pool {
    bf16* keys;
    bf16* values;
    int64_t blocks;
    int64_t size;  // D, even

    int64_t width() const { return (size + LANES - 1) / LANES * LANES; }
    bf16* key_block(int64_t head, int64_t block) const { return keys + (head * blocks + block) * BLOCK * size; }
    bf16* value_block(int64_t head, int64_t block) const { return values + (head * blocks + block) * BLOCK * width(); }
};

// One position's key into its place in a block.
inline void put_key(bf16* block, int64_t place, const bf16* key, int64_t size) {
    auto* to = reinterpret_cast<uint32_t*>(block) + place;
    const auto* from = reinterpret_cast<const uint32_t*>(key);
    for (int64_t pair = 0; pair < size / 2; ++pair) to[pair * BLOCK] = from[pair];
}

// 16 values of a row, each in the low half of 32 bits.
inline __m512i low_halves(const bf16* from, int64_t left) {
    const __mmask16 mask = left >= LANES ? 0xFFFF : tail_mask(left);
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
}

// Two neighbouring positions' values, of which the first has an even place; the second may be missing: zeros.
inline void put_value_pair(bf16* block, int64_t place, const bf16* first, const bf16* second, int64_t size) {
    const int64_t width = (size + LANES - 1) / LANES * LANES;
    bf16* to = block + place / 2 * 2 * width;
    for (int64_t at = 0; at < size; at += LANES) {
        __m512i both = low_halves(first + at, size - at);
        if (second) both = _mm512_or_si512(both, _mm512_slli_epi32(low_halves(second + at, size - at), 16));
        _mm512_storeu_si512(to + 2 * at, both);
    }
}

// The value of one position; what its neighbour left in the pair is kept.
inline void put_value(bf16* block, int64_t place, const bf16* value, int64_t size) {
    const int64_t width = (size + LANES - 1) / LANES * LANES;
    bf16* to = block + place / 2 * 2 * width + place % 2;
    for (int64_t at = 0; at < size; ++at) to[2 * at] = value[at];
}

// One position from its slot to a place counted from the beginning of consecutive blocks, which take places in order.
inline void copy_position(const Pool& pool, int64_t head, int64_t slot, bf16* keys, bf16* values, int64_t place) {
    const int64_t block = slot / BLOCK, from = slot % BLOCK, width = pool.width();
    const auto* key = reinterpret_cast<const uint32_t*>(pool.key_block(head, block)) + from;
    auto* key_to = reinterpret_cast<uint32_t*>(keys + place / BLOCK * BLOCK * pool.size) + place % BLOCK;
    for (int64_t pair = 0; pair < pool.size / 2; ++pair) key_to[pair * BLOCK] = key[pair * BLOCK];
    const auto* value = reinterpret_cast<const uint32_t*>(pool.value_block(head, block)) + from / 2 * width;
    auto* value_to = reinterpret_cast<uint32_t*>(values) + place / 2 * width;
    const int in = from % 2 ? 16 : 0;
    for (int64_t at = 0; at < width; ++at) {
        const uint32_t half = value[at] >> in & 0xFFFF;
        value_to[at] = place % 2 ? value_to[at] | half << 16 : half;
    }
}
