// One row of float32 to int8 codes: symmetric, the largest magnitude at 127.
#pragma once

#include "common.h"

constexpr float TINY_SCALE = 1e-30f;  // of a row of zeros, whose codes are zero at any scale

// sum receives the total of the codes, which corrects for weights that are stored unsigned.
inline void quantize_row(const float* x, int64_t width, int8_t* codes, float* scale, int32_t* sum) {
    __m512 peak = _mm512_setzero_ps();
    for (int64_t at = 0; at < width; at += LANES) {
        const __mmask16 mask = width - at >= LANES ? 0xFFFF : tail_mask(width);
        peak = _mm512_max_ps(peak, _mm512_abs_ps(_mm512_maskz_loadu_ps(mask, x + at)));
    }
    const float found = _mm512_reduce_max_ps(peak) * (1.0f / 127.0f);
    *scale = found > TINY_SCALE ? found : TINY_SCALE;
    const __m512 inverse = _mm512_set1_ps(1.0f / *scale);
    __m512i total = _mm512_setzero_si512();
    for (int64_t at = 0; at < width; at += LANES) {
        const __mmask16 mask = width - at >= LANES ? 0xFFFF : tail_mask(width);
        const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + at), inverse);
        const __m512i rounded = _mm512_cvtps_epi32(scaled);
        total = _mm512_add_epi32(total, rounded);
        _mm512_mask_cvtepi32_storeu_epi8(codes + at, mask, rounded);
    }
    *sum = _mm512_reduce_add_epi32(total);
}
