// The softmax's exponential by itself, so that its accuracy can be measured.
#include "softmax.h"

// out[i] = 2 ** x[i] for n values, a multiple of 16.
ASSAY_EXPORT void assay_exp2(const float* x, int64_t n, float* out) {
    const FlushSubnormals flushed;
    for (int64_t at = 0; at < n; at += LANES) _mm512_storeu_ps(out + at, exp2_of(_mm512_loadu_ps(x + at)));
}
