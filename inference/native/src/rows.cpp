// Single steps of the decoder over whole tensors: for what stands outside of its layers, and for the tests.
#include "gemm.h"
#include "norm.h"
#include "silu.h"

ASSAY_EXPORT void assay_rms_norm(const float* x, int64_t rows, int64_t width, const float* weight, float epsilon,
                                 float* out) {
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; ++row) {
        const float* from = x + row * width;
        const __m512 inverse = _mm512_set1_ps(inverse_rms(from, width, epsilon));
        for (int64_t at = 0; at < width; at += LANES)
            _mm512_mask_storeu_ps(out + row * width + at, lanes_at(at, width), normed(from, weight, inverse, at, width));
    }
}

ASSAY_EXPORT void assay_silu(const float* x, int64_t count, float* out) {
#pragma omp parallel for schedule(static)
    for (int64_t at = 0; at < count; at += LANES)
        _mm512_mask_storeu_ps(out + at, lanes_at(at, count), silu(_mm512_maskz_loadu_ps(lanes_at(at, count), x + at)));
}

ASSAY_EXPORT void assay_quantize_rows(const float* x, int64_t rows, int64_t width, int8_t* codes, float* scales,
                                      int32_t* sums) {
    const Codes out{codes, scales, sums, padded_codes(width)};
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; ++row) quantize_floats(x + row * width, width, row, out);
}

ASSAY_EXPORT void assay_multiply(const Codes* left, int64_t rows, const Weight* weight, float* out) {
#pragma omp parallel
    {
        const Team all{omp_get_thread_num(), omp_get_num_threads()};
        multiply(*left, rows, *weight, all, [&](int64_t row, int64_t panel, const __m512* values) {
            for (int64_t at = panel * PANEL; at < (panel + 1) * PANEL; at += LANES, ++values)
                _mm512_mask_storeu_ps(out + row * weight->outputs + at, lanes_at(at, weight->outputs), *values);
        });
    }
}
