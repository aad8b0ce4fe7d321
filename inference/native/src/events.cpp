// Packed events to vectors, as inference/encoders/events.py has it, in float32.
#include <cstring>
#include <vector>

#include "float_gemm.h"
#include "silu.h"

namespace {

constexpr int64_t BLOCK = 24;  // events that go through all steps together; a multiple of FLOAT_TALL

struct Encoder {
    int64_t numbers, categories, hidden;
    float clip;
    const float *mean, *std;          // [numbers]
    const int64_t* offsets;           // [categories] of each field in the table
    const float* table;               // [codes, hidden]
    FloatWeight first, up, down;      // first: from values and flags of what is missing
};

// [numbers] values, standardised and clipped, then [numbers] flags: 1 where the event has none.
void standardise(const Encoder& encoder, const float* numbers, float* out) {
    const __m512 clip = _mm512_set1_ps(encoder.clip), zero = _mm512_setzero_ps();
    for (int64_t at = 0; at < encoder.numbers; at += LANES) {
        const __mmask16 mask = lanes_at(at, encoder.numbers);
        const __m512 value = _mm512_maskz_loadu_ps(mask, numbers + at);
        const __mmask16 missing = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
        const __m512 centred = _mm512_sub_ps(value, _mm512_maskz_loadu_ps(mask, encoder.mean + at));
        const __m512 scaled = _mm512_maskz_div_ps(mask, centred, _mm512_maskz_loadu_ps(mask, encoder.std + at));
        const __m512 clipped = _mm512_min_ps(_mm512_max_ps(scaled, _mm512_sub_ps(zero, clip)), clip);
        _mm512_mask_storeu_ps(out + at, mask, _mm512_mask_mov_ps(clipped, missing, zero));
        _mm512_mask_storeu_ps(out + encoder.numbers + at, mask, _mm512_maskz_mov_ps(missing, _mm512_set1_ps(1.0f)));
    }
}

void add_row(float* to, const float* from, int64_t width) {
    for (int64_t at = 0; at < width; at += LANES) {
        const __mmask16 mask = lanes_at(at, width);
        const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to + at), _mm512_maskz_loadu_ps(mask, from + at));
        _mm512_mask_storeu_ps(to + at, mask, sum);
    }
}

// `room` has BLOCK rows of the values and of the hidden size.
void encode_block(const Encoder& encoder, const char* events, int64_t count, float* out, float* room) {
    const int64_t hidden = encoder.hidden, width = 2 * encoder.numbers, bytes = 4 * (encoder.numbers + encoder.categories);
    float* inner = room + BLOCK * width;
    for (int64_t row = 0; row < count; ++row)
        standardise(encoder, reinterpret_cast<const float*>(events + row * bytes), room + row * width);
    multiply_floats(room, width, count, encoder.first, [=](int64_t row, int64_t at, __mmask16 mask, __m512 values) {
        _mm512_mask_storeu_ps(out + row * hidden + at, mask, values);
    });
    for (int64_t row = 0; row < count; ++row)
        for (int64_t field = 0; field < encoder.categories; ++field) {
            int32_t code;
            std::memcpy(&code, events + row * bytes + 4 * (encoder.numbers + field), sizeof code);
            add_row(out + row * hidden, encoder.table + (encoder.offsets[field] + code) * hidden, hidden);
        }
    multiply_floats(out, hidden, count, encoder.up, [=](int64_t row, int64_t at, __mmask16 mask, __m512 values) {
        _mm512_mask_storeu_ps(inner + row * hidden + at, mask, silu(values));
    });
    multiply_floats(inner, hidden, count, encoder.down, [=](int64_t row, int64_t at, __mmask16 mask, __m512 values) {
        float* to = out + row * hidden + at;
        _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), values));
    });
}

}  // namespace

// events: [count, 4 * (numbers + categories)] bytes, every code inside its field; out: [count, hidden].
ASSAY_EXPORT void assay_encode_events(const Encoder* encoder, const char* events, int64_t count, float* out) {
    const int64_t bytes = 4 * (encoder->numbers + encoder->categories), blocks = (count + BLOCK - 1) / BLOCK;
#pragma omp parallel if (blocks > 1)
    {
        std::vector<float> room(BLOCK * (2 * encoder->numbers + encoder->hidden));
#pragma omp for schedule(static)
        for (int64_t block = 0; block < blocks; ++block) {
            const int64_t first = block * BLOCK, rows = count - first < BLOCK ? count - first : BLOCK;
            encode_block(*encoder, events + first * bytes, rows, out + first * encoder->hidden, room.data());
        }
    }
}
