// x / (1 + exp(-x)), to about two units in the last place.
#pragma once

#include "common.h"

// exp(x) = 2^n exp(r) with |r| <= ln(2) / 2, and a polynomial of degree 6 for exp(r).
inline __m512 exp_of(__m512 x) {
    x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.0f)), _mm512_set1_ps(88.0f));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 power = _mm512_set1_ps(1.0f / 720.0f);
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(1.0f / 120.0f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(1.0f / 24.0f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(1.0f / 6.0f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(0.5f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(1.0f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(power, n);
}

inline __m512 silu(__m512 x) {
    const __m512 below = _mm512_add_ps(_mm512_set1_ps(1.0f), exp_of(_mm512_sub_ps(_mm512_setzero_ps(), x)));
    return _mm512_div_ps(x, below);
}
