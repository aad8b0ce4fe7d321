// The two products of attention for up to 6 rows: queries with keys, and weights with values.
//
// Every output is one lane that sums over pairs in ascending order, so it does not matter what is computed beside it.
#pragma once

#include <utility>

#include "pool.h"

constexpr int64_t TILE = 128;          // keys; 64 took 5 % longer at 512 positions (2026-11-25)
constexpr int64_t TILE_BLOCKS = TILE / BLOCK;
constexpr int64_t PANEL = 6, ACROSS = 4;  // rows, and registers beside each other: 24 sums of 32 registers

inline __m512bh pairs_at(const void* from) { return (__m512bh)_mm512_loadu_si512(from); }
inline __m512bh repeated(uint32_t pair) { return (__m512bh)_mm512_set1_epi32(static_cast<int>(pair)); }

// R queries, each of `pairs` pairs, with B blocks of keys: scores[r * TILE + 16 * b + key].
template <int R, int B>
void score(const uint32_t* queries, int64_t pairs, const bf16* const* blocks, float* scores) {
    __m512 sums[R][B];
    ASSAY_UNROLLED for (int r = 0; r < R; ++r)
        ASSAY_UNROLLED for (int b = 0; b < B; ++b) sums[r][b] = _mm512_setzero_ps();
    for (int64_t pair = 0; pair < pairs; ++pair) {
        __m512bh keys[B];
        ASSAY_UNROLLED for (int b = 0; b < B; ++b) keys[b] = pairs_at(blocks[b] + 2 * BLOCK * pair);
        ASSAY_UNROLLED for (int r = 0; r < R; ++r) {
            const __m512bh query = repeated(queries[r * pairs + pair]);
            ASSAY_UNROLLED for (int b = 0; b < B; ++b) sums[r][b] = _mm512_dpbf16_ps(sums[r][b], keys[b], query);
        }
    }
    ASSAY_UNROLLED for (int r = 0; r < R; ++r)
        ASSAY_UNROLLED for (int b = 0; b < B; ++b) _mm512_storeu_ps(scores + r * TILE + b * BLOCK, sums[r][b]);
}

// Where the values of a tile are, and which of its keys any row sees.
struct Values {
    const bf16* const* blocks;
    int64_t width, first, last;  // keys; first is a block's beginning
};

// R rows of weights with V registers of each value, added to out times what is kept of it.
template <int R, int V>
void mix(const bf16* weights, const Values& values, int64_t at, const float* kept, float* out) {
    __m512 sums[R][V];
    ASSAY_UNROLLED for (int r = 0; r < R; ++r)
        ASSAY_UNROLLED for (int v = 0; v < V; ++v)
            sums[r][v] = _mm512_mul_ps(_mm512_loadu_ps(out + r * values.width + v * LANES), _mm512_set1_ps(kept[r]));
    const auto* by_pair = reinterpret_cast<const uint32_t*>(weights);
    for (int64_t key = values.first; key < values.last; key += BLOCK) {
        const bf16* from = values.blocks[key / BLOCK] + 2 * at;
        const int64_t stop = values.last - key < BLOCK ? (values.last - key + 1) / 2 : BLOCK / 2;
        for (int64_t pair = 0; pair < stop; ++pair) {
            __m512bh value[V];
            const bf16* line = from + 2 * pair * values.width;
            ASSAY_UNROLLED for (int v = 0; v < V; ++v) value[v] = pairs_at(line + 2 * v * LANES);
            ASSAY_UNROLLED for (int r = 0; r < R; ++r) {
                const __m512bh weight = repeated(by_pair[r * (TILE / 2) + key / 2 + pair]);
                ASSAY_UNROLLED for (int v = 0; v < V; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], value[v], weight);
            }
        }
    }
    ASSAY_UNROLLED for (int r = 0; r < R; ++r)
        ASSAY_UNROLLED for (int v = 0; v < V; ++v) _mm512_storeu_ps(out + r * values.width + v * LANES, sums[r][v]);
}

template <int R>
constexpr decltype(&score<1, 1>) SCORE_BY_BLOCKS[ACROSS] = {score<R, 1>, score<R, 2>, score<R, 3>, score<R, 4>};
constexpr const decltype(&score<1, 1>)* SCORE[PANEL] = {SCORE_BY_BLOCKS<1>, SCORE_BY_BLOCKS<2>, SCORE_BY_BLOCKS<3>,
                                                        SCORE_BY_BLOCKS<4>, SCORE_BY_BLOCKS<5>, SCORE_BY_BLOCKS<6>};
template <int R>
constexpr decltype(&mix<1, 1>) MIX_BY_WIDTH[ACROSS] = {mix<R, 1>, mix<R, 2>, mix<R, 3>, mix<R, 4>};
constexpr const decltype(&mix<1, 1>)* MIX[PANEL] = {MIX_BY_WIDTH<1>, MIX_BY_WIDTH<2>, MIX_BY_WIDTH<3>,
                                                    MIX_BY_WIDTH<4>, MIX_BY_WIDTH<5>, MIX_BY_WIDTH<6>};

// How many of those left to take beside each other next: 5 are 3 and 2, since 4 and 1 would leave sums waiting.
inline int64_t next_across(int64_t left) {
    const int64_t steps = (left + ACROSS - 1) / ACROSS;
    return (left + steps - 1) / steps;
}

inline void score_panel(int64_t rows, const uint32_t* queries, int64_t pairs, const bf16* const* blocks, int64_t first,
                        int64_t stop, float* scores) {
    for (int64_t at = first, across; at < stop; at += across) {
        across = next_across(stop - at);
        SCORE[rows - 1][across - 1](queries, pairs, blocks + at, scores + at * BLOCK);
    }
}

inline void mix_panel(int64_t rows, const bf16* weights, const Values& values, const float* kept, float* out) {
    for (int64_t at = 0, across; at < values.width; at += across * LANES) {
        across = next_across((values.width - at) / LANES);
        MIX[rows - 1][across - 1](weights, values, at, kept, out + at);
    }
}
