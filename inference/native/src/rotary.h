// Heads on their way to attention: normalised where the family does, turned by their position, rounded to bfloat16.
#pragma once

#include "norm.h"

// One head of `size` values; the first half is turned with the second. `weight` may be null: no norm.
inline void turn_head(const float* x, int64_t size, const float* weight, float epsilon, const float* cosine,
                      const float* sine, bf16* out) {
    const int64_t half = size / 2;
    const __m512 inverse = _mm512_set1_ps(weight ? inverse_rms(x, size, epsilon) : 1.0f);
    for (int64_t at = 0; at < half; at += LANES) {
        const __mmask16 mask = lanes_at(at, half);
        __m512 near = _mm512_maskz_loadu_ps(mask, x + at), far = _mm512_maskz_loadu_ps(mask, x + half + at);
        if (weight) {
            near = _mm512_mul_ps(_mm512_mul_ps(near, inverse), _mm512_maskz_loadu_ps(mask, weight + at));
            far = _mm512_mul_ps(_mm512_mul_ps(far, inverse), _mm512_maskz_loadu_ps(mask, weight + half + at));
        }
        const __m512 turned = _mm512_sub_ps(_mm512_mul_ps(near, _mm512_maskz_loadu_ps(mask, cosine + at)),
                                            _mm512_mul_ps(far, _mm512_maskz_loadu_ps(mask, sine + at)));
        const __m512 other = _mm512_add_ps(_mm512_mul_ps(far, _mm512_maskz_loadu_ps(mask, cosine + half + at)),
                                           _mm512_mul_ps(near, _mm512_maskz_loadu_ps(mask, sine + half + at)));
        store_bf16(out + at, turned, mask);
        store_bf16(out + half + at, other, mask);
    }
}

inline void round_head(const float* x, int64_t size, bf16* out) {
    for (int64_t at = 0; at < size; at += LANES) {
        const __mmask16 mask = lanes_at(at, size);
        store_bf16(out + at, _mm512_maskz_loadu_ps(mask, x + at), mask);
    }
}
