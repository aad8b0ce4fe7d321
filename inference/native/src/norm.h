// RMSNorm: x / sqrt(mean(x^2) + epsilon) * weight, in float32.
#pragma once

#include <cmath>

#include "common.h"

// What a row is multiplied by. Squares are added lane by lane, lanes at the end.
inline float inverse_rms(const float* x, int64_t width, float epsilon) {
    __m512 squares = _mm512_setzero_ps();
    for (int64_t at = 0; at < width; at += LANES) {
        const __m512 value = _mm512_maskz_loadu_ps(lanes_at(at, width), x + at);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    return 1.0f / std::sqrt(sum_of_lanes(squares) / static_cast<float>(width) + epsilon);
}

inline __m512 normed(const float* x, const float* weight, __m512 inverse, int64_t at, int64_t width) {
    const __mmask16 mask = lanes_at(at, width);
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + at), inverse);
    return _mm512_mul_ps(scaled, _mm512_maskz_loadu_ps(mask, weight + at));
}
