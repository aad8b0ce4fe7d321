// The softmax of one row over one tile of keys, with every rounding and every order of summation written down.
#pragma once

#include "common.h"

// Scores of keys that a row may not see lie below the maximum that a row begins with: their weight is zero.
constexpr float UNSEEN = -2e30f, NOTHING_YET = -1e30f;

// What would be subnormal is zero in this scope. A weight of zero then changes no bit of a sum, so that it is free
// whether a key that cannot be seen is multiplied or left out.
class FlushSubnormals {
public:
    FlushSubnormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~FlushSubnormals() { _mm_setcsr(before_); }
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;

private:
    unsigned before_;
};

// 2 ** x within 2e-7 of its value, zero below -126: the fraction, at most 1/2 from zero, by a polynomial of degree 5
// whose relative error is even there (9e-8), and exactly 1 at zero.
inline __m512 exp2_of(__m512 x) {
    const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 part = _mm512_sub_ps(x, whole);
    __m512 y = _mm512_set1_ps(1.326472498e-3f);
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(9.671512991e-3f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(5.550733581e-2f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(2.402224243e-1f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(6.931470037e-1f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(y, whole);
}

// Lanes folded in halves: lane i meets i + 8, then i + 4, i + 2, i + 1.
inline float largest_of(__m512 lanes) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

inline float sum_of(__m512 lanes) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

// What a row knows of the tiles before.
struct Running {
    float highest;       // of all scores
    float kept;          // factor for what was summed before the last tile
    float total[LANES];  // of the weights, one sum for each lane of a register
};

inline __mmask16 lanes_between(int64_t low, int64_t high) {
    const int64_t from = low < 0 ? 0 : low > LANES ? LANES : low, to = high < 0 ? 0 : high > LANES ? LANES : high;
    return static_cast<__mmask16>((1u << to) - 1) & static_cast<__mmask16>(~((1u << from) - 1));
}

// Scores of B blocks, of which keys low to high are seen, to bf16 weights. scale includes the logarithm's base.
template <int B>
void weigh(const float* scores, float scale, int64_t low, int64_t high, Running* row, bf16* weights) {
    __m512 score[B];
    ASSAY_UNROLLED for (int b = 0; b < B; ++b) score[b] = _mm512_loadu_ps(scores + LANES * b);
    if (low > 0 || high < LANES * B)
        ASSAY_UNROLLED for (int b = 0; b < B; ++b) {
            const __mmask16 seen = lanes_between(low - LANES * b, high - LANES * b);
            score[b] = _mm512_mask_mov_ps(_mm512_set1_ps(UNSEEN), seen, score[b]);
        }
    __m512 top = _mm512_set1_ps(row->highest);
    ASSAY_UNROLLED for (int b = 0; b < B; ++b) top = _mm512_max_ps(score[b], top);
    const __m512 before = _mm512_set1_ps(row->highest), factor = _mm512_set1_ps(scale);
    row->highest = largest_of(top);
    const __m512 now = _mm512_set1_ps(row->highest), offset = _mm512_mul_ps(now, factor);
    const __m512 kept = exp2_of(_mm512_mul_ps(_mm512_sub_ps(before, now), factor));
    __m512 total = _mm512_mul_ps(_mm512_loadu_ps(row->total), kept);
    ASSAY_UNROLLED for (int b = 0; b < B; ++b) {
        const __m512 weight = exp2_of(_mm512_fmsub_ps(score[b], factor, offset));
        total = _mm512_add_ps(total, weight);
        store_bf16(weights + LANES * b, weight);
    }
    _mm512_storeu_ps(row->total, total);
    row->kept = _mm512_cvtss_f32(kept);
}

constexpr decltype(&weigh<1>) WEIGH[] = {weigh<1>, weigh<2>, weigh<3>, weigh<4>,
                                         weigh<5>, weigh<6>, weigh<7>, weigh<8>};
