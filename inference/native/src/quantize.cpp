// Rows to int8 codes with one scale each, as inference/quantization/int8.py has it, but signed.
#include "quantize.h"

ASSAY_EXPORT void assay_quantize_rows(const float* x, int64_t rows, int64_t width, int8_t* codes, float* scales,
                                      int32_t* sums) {
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; ++row)
        quantize_row(x + row * width, width, codes + row * width, scales + row, sums + row);
}
