// float32 rows times float32 weights. A sum starts at the bias and takes the inputs in order, one fused product each.
#pragma once

#include "common.h"

constexpr int64_t FLOAT_PANEL = 64;  // outputs: four registers
constexpr int64_t FLOAT_TALL = 6;    // rows at once

// Packed as [panel, inputs, 64].
struct FloatWeight {
    const float* values;
    const float* bias;  // [panels * 64]
    int64_t inputs, outputs;

    int64_t panels() const { return (outputs + FLOAT_PANEL - 1) / FLOAT_PANEL; }
};

template <int R, class Take>
inline void multiply_float_block(const float* x, int64_t stride, int64_t row, const FloatWeight& weight, int64_t panel,
                                 const Take& take) {
    __m512 sums[R][4];
    const float* bias = weight.bias + panel * FLOAT_PANEL;
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) sums[r][c] = _mm512_loadu_ps(bias + c * LANES);
    const float* from = x + row * stride;
    const float* packed = weight.values + panel * FLOAT_PANEL * weight.inputs;
    for (int64_t k = 0; k < weight.inputs; ++k) {
        const float* at = packed + k * FLOAT_PANEL;
        const __m512 first = _mm512_loadu_ps(at), second = _mm512_loadu_ps(at + LANES);
        const __m512 third = _mm512_loadu_ps(at + 2 * LANES), fourth = _mm512_loadu_ps(at + 3 * LANES);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
            const __m512 value = _mm512_set1_ps(from[r * stride + k]);
            sums[r][0] = _mm512_fmadd_ps(value, first, sums[r][0]);
            sums[r][1] = _mm512_fmadd_ps(value, second, sums[r][1]);
            sums[r][2] = _mm512_fmadd_ps(value, third, sums[r][2]);
            sums[r][3] = _mm512_fmadd_ps(value, fourth, sums[r][3]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            const int64_t at = panel * FLOAT_PANEL + c * LANES;
            take(row + r, at, lanes_at(at, weight.outputs), sums[r][c]);
        }
}

// `take(row, at, mask, values)` receives every register of the product once.
template <class Take>
inline void multiply_floats(const float* x, int64_t stride, int64_t rows, const FloatWeight& weight, Take take) {
    for (int64_t panel = 0; panel < weight.panels(); ++panel) {
        int64_t row = 0;
        for (; row + FLOAT_TALL <= rows; row += FLOAT_TALL)
            multiply_float_block<FLOAT_TALL>(x, stride, row, weight, panel, take);
        switch (rows - row) {
            case 1: multiply_float_block<1>(x, stride, row, weight, panel, take); break;
            case 2: multiply_float_block<2>(x, stride, row, weight, panel, take); break;
            case 3: multiply_float_block<3>(x, stride, row, weight, panel, take); break;
            case 4: multiply_float_block<4>(x, stride, row, weight, panel, take); break;
            case 5: multiply_float_block<5>(x, stride, row, weight, panel, take); break;
        }
    }
}
