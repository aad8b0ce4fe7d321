// Rows of int8 codes with one scale each: symmetric, the largest magnitude at 127.
#pragma once

#include "common.h"

constexpr float TINY_SCALE = 1e-30f;  // of a row of zeros, whose codes are zero at any scale
constexpr int64_t CODES_STEP = 64;    // rows of codes are padded with zeros to a multiple of this

inline int64_t padded_codes(int64_t width) { return (width + CODES_STEP - 1) / CODES_STEP * CODES_STEP; }

// What a product takes of its left side. `sum` of a row corrects for weights that are stored unsigned.
struct Codes {
    int8_t* codes;  // [rows, padded_codes(width)]
    float* scale;
    int32_t* sum;
    int64_t stride;
};

template <class Load>
inline void quantize_row(Load load, int64_t width, int64_t row, const Codes& out) {
    __m512 peak = _mm512_setzero_ps();
    for (int64_t at = 0; at < width; at += LANES) peak = _mm512_max_ps(peak, _mm512_abs_ps(load(at)));
    const float found = _mm512_reduce_max_ps(peak) * (1.0f / 127.0f);
    const float scale = found > TINY_SCALE ? found : TINY_SCALE;
    const __m512 inverse = _mm512_set1_ps(1.0f / scale);
    __m512i total = _mm512_setzero_si512();
    int8_t* codes = out.codes + row * out.stride;
    for (int64_t at = 0; at < out.stride; at += LANES) {
        const __m512i rounded =
            at < width ? _mm512_cvtps_epi32(_mm512_mul_ps(load(at), inverse)) : _mm512_setzero_si512();
        total = _mm512_add_epi32(total, rounded);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + at), _mm512_cvtepi32_epi8(rounded));
    }
    out.scale[row] = scale;
    out.sum[row] = _mm512_reduce_add_epi32(total);
}

inline void quantize_floats(const float* x, int64_t width, int64_t row, const Codes& out) {
    quantize_row([=](int64_t at) { return _mm512_maskz_loadu_ps(lanes_at(at, width), x + at); }, width, row, out);
}

inline void quantize_halves(const bf16* x, int64_t width, int64_t row, const Codes& out) {
    quantize_row([=](int64_t at) { return load_bf16(x + at, lanes_at(at, width)); }, width, row, out);
}
