// int8 rows times int8 weights, summed exactly, then scaled: the product of every linear layer.
//
// Weights are packed in panels of 64 outputs: [panel, K / 4, 64, 4], moved up by 128 to be unsigned, because VNNI
// multiplies unsigned by signed. Sums begin at -128 times the row's own sum of codes, which takes that back exactly.
#pragma once

#include "quantize.h"
#include "team.h"

constexpr int64_t PANEL = 64;  // outputs: four registers
constexpr int64_t TALL = 6;    // rows at once: 24 registers of sums, 4 of weights and one of codes are 29 of 32

struct Weight {
    const uint8_t* codes;
    const float* scale;  // [panels * PANEL], of each output
    const float* bias;   // the same
    int64_t inputs;      // a multiple of CODES_STEP
    int64_t outputs;

    int64_t panels() const { return (outputs + PANEL - 1) / PANEL; }
};

// The intrinsic of g++ 12 copies every register of sums twice in a loop, and runs out of them.
ASSAY_INLINE void add_products(__m512i& sums, __m512i weights, __m512i codes) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(weights), "v"(codes));
}

// One block of R rows and a panel; `take(row, panel, values)` receives four registers of float32 for each row.
template <int R, class Take>
inline void multiply_block(const Codes& left, int64_t row, const Weight& weight, int64_t panel, const Take& take) {
    __m512i sums[R][4];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) sums[r][0] = sums[r][1] = sums[r][2] = sums[r][3] = _mm512_set1_epi32(-128 * left.sum[row + r]);
    const int8_t* codes = left.codes + row * left.stride;
    const uint8_t* packed = weight.codes + panel * PANEL * weight.inputs;
    for (int64_t k = 0; k < weight.inputs; k += 4) {
        const __m512i* at = reinterpret_cast<const __m512i*>(packed + k * PANEL);
        const __m512i first = at[0], second = at[1], third = at[2], fourth = at[3];
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
            const __m512i four = _mm512_set1_epi32(*reinterpret_cast<const int32_t*>(codes + r * left.stride + k));
            add_products(sums[r][0], first, four);
            add_products(sums[r][1], second, four);
            add_products(sums[r][2], third, four);
            add_products(sums[r][3], fourth, four);
        }
    }
    const float* scale = weight.scale + panel * PANEL;
    const float* bias = weight.bias + panel * PANEL;
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
        const __m512 of_row = _mm512_set1_ps(left.scale[row + r]);
        __m512 values[4];
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][c]), _mm512_load_ps(scale + c * LANES));
            values[c] = _mm512_add_ps(_mm512_mul_ps(scaled, of_row), _mm512_load_ps(bias + c * LANES));
        }
        take(row + r, panel, values);
    }
}

// This member's panels for all rows. A panel stays in the cache while the rows go by.
template <class Take>
inline void multiply(const Codes& left, int64_t rows, const Weight& weight, const Team& team, Take take) {
    const Range mine = team.share(weight.panels());
    for (int64_t panel = mine.from; panel < mine.to; ++panel) {
        int64_t row = 0;
        for (; row + TALL <= rows; row += TALL) multiply_block<TALL>(left, row, weight, panel, take);
        switch (rows - row) {
            case 1: multiply_block<1>(left, row, weight, panel, take); break;
            case 2: multiply_block<2>(left, row, weight, panel, take); break;
            case 3: multiply_block<3>(left, row, weight, panel, take); break;
            case 4: multiply_block<4>(left, row, weight, panel, take); break;
            case 5: multiply_block<5>(left, row, weight, panel, take); break;
        }
    }
}
