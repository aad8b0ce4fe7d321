// What every kernel shares: pieces of rows, and arithmetic whose order is written down.
#pragma once

#include <immintrin.h>

#include <cstdint>

#define ASSAY_EXPORT extern "C" __attribute__((visibility("default")))

// Of a short loop over registers: without it some of them are kept in memory.
#define ASSAY_UNROLLED _Pragma("GCC unroll 8")

using bf16 = uint16_t;

constexpr int64_t LANES = 16;  // float32 values of one register

#define ASSAY_INLINE inline __attribute__((always_inline))

// Lanes of the last, partial register of n values: all of them if n is a multiple.
inline __mmask16 tail_mask(int64_t n) { return static_cast<__mmask16>(0xFFFF >> ((LANES - n % LANES) % LANES)); }

// Lanes of a register that starts at `at` of `width` values; none beyond them.
inline __mmask16 lanes_at(int64_t at, int64_t width) {
    const int64_t left = width - at;
    return left >= LANES ? 0xFFFF : left <= 0 ? 0 : tail_mask(left);
}

inline __m512 load_bf16(const bf16* from, __mmask16 mask = 0xFFFF) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

// Rounded to nearest, ties to even; subnormal values become zero.
inline void store_bf16(bf16* to, __m512 values, __mmask16 mask = 0xFFFF) {
    _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(values));
}

// Halves are added until one is left. The compiler's own reduction promises no order.
inline float sum_of_lanes(__m512 values) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(values), _mm512_extractf32x8_ps(values, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
