// From one attention to the next: everything of a decoder layer that looks at one row at a time.
//
// With many rows every thread takes its own through all of it, in blocks that stay in its cache, and never waits. Few
// rows are one thread's, unless the layers are large: then all threads work on the same rows, each product's outputs
// are divided among them, and they wait in between.
#include "decoder.h"

#include "norm.h"
#include "rotary.h"
#include "silu.h"

namespace {

constexpr int64_t BLOCK = 126;    // rows; a multiple of TALL
constexpr int64_t OWN_ROWS = 8;   // per thread, at least
// Weights of a layer from which on waiting for each other pays. Of 3 MB, 8 rows took one thread 2 ms; two threads that
// shared them took 1 on an idle machine, and 5 to 500 beside other work, for which they wait at every barrier
// (2026-11-25).
constexpr int64_t LARGE_LAYER = 8 << 20;
constexpr int64_t GATES = PANEL / 2;

int64_t rounded(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

// What a team keeps between two products of a block of rows.
struct Scratch {
    Codes left;
    float* wide;
    int64_t wide_stride;

    static int64_t wide_width(const Shape& shape) {
        return largest(rounded(shape.projected(), PANEL), rounded(shape.inner, GATES));
    }
    static int64_t codes_width(const Shape& shape) {
        return padded_codes(largest(shape.hidden, largest(shape.queries(), shape.inner)));
    }
    static int64_t bytes(const Shape& shape) {
        return rounded(BLOCK * (codes_width(shape) + 8 + 4 * wide_width(shape)), 64);
    }

    Scratch(char* at, const Shape& shape) : wide_stride(wide_width(shape)) {
        wide = reinterpret_cast<float*>(at);
        left.scale = wide + BLOCK * wide_stride;
        left.sum = reinterpret_cast<int32_t*>(left.scale + BLOCK);
        left.codes = reinterpret_cast<int8_t*>(left.sum + BLOCK);
    }

    const Codes& of_width(int64_t width) {
        left.stride = padded_codes(width);
        return left;
    }
};

// Rows of a step that one team works on, and with what.
struct Part {
    const Shape& shape;
    const Step& step;
    Range rows;
    Team team;
    Scratch scratch;

    int64_t count() const { return rows.to - rows.from; }
    float* states(int64_t row) const { return step.states + (rows.from + row) * shape.hidden; }
};

template <class Each>
void each_row(const Part& part, Each each) {
    const Range mine = part.team.share(part.count());
    for (int64_t row = mine.from; row < mine.to; ++row) each(row);
    part.team.wait();
}

// The normed states as codes.
void quantize_states(Part& part, const float* weight) {
    const int64_t width = part.shape.hidden;
    const Codes& left = part.scratch.of_width(width);
    each_row(part, [&](int64_t row) {
        const float* x = part.states(row);
        const __m512 inverse = _mm512_set1_ps(inverse_rms(x, width, part.shape.epsilon));
        quantize_row([=](int64_t at) { return normed(x, weight, inverse, at, width); }, width, row, left);
    });
}

void add_product(Part& part, const Weight& weight) {
    multiply(part.scratch.left, part.count(), weight, part.team, [&](int64_t row, int64_t panel, const __m512* values) {
        float* to = part.states(row);
        for (int64_t at = panel * PANEL; at < (panel + 1) * PANEL; at += LANES, ++values) {
            const __mmask16 mask = lanes_at(at, weight.outputs);
            _mm512_mask_storeu_ps(to + at, mask, _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to + at), *values));
        }
    });
    part.team.wait();
}

void leave(Part& part, const Layer& layer) {
    const Shape& shape = part.shape;
    const Codes& attended = part.scratch.of_width(shape.queries());
    each_row(part, [&](int64_t row) {
        quantize_halves(part.step.attended + (part.rows.from + row) * shape.queries(), shape.queries(), row, attended);
    });
    add_product(part, layer.output);
    quantize_states(part, layer.inner_norm);
    const Scratch& scratch = part.scratch;
    multiply(scratch.left, part.count(), layer.gate_up, part.team, [&](int64_t row, int64_t panel, const __m512* values) {
        float* to = scratch.wide + row * scratch.wide_stride + panel * GATES;
        _mm512_storeu_ps(to, _mm512_mul_ps(silu(values[0]), values[2]));
        _mm512_storeu_ps(to + LANES, _mm512_mul_ps(silu(values[1]), values[3]));
    });
    part.team.wait();
    const Codes& inner = part.scratch.of_width(shape.inner);
    each_row(part, [&](int64_t row) {
        quantize_floats(scratch.wide + row * scratch.wide_stride, shape.inner, row, inner);
    });
    add_product(part, layer.down);
}

// Queries and keys are normed where the family does, and turned; values are only rounded.
void place_heads(const Part& part, const Layer& layer, int64_t row) {
    const Shape& shape = part.shape;
    const int64_t whole = part.rows.from + row, size = shape.size, turned = shape.heads + shape.groups;
    const float* cosine = part.step.cosine + part.step.positions[whole] * size;
    const float* sine = part.step.sine + part.step.positions[whole] * size;
    const float* from = part.scratch.wide + row * part.scratch.wide_stride;
    bf16* to = part.step.projected + whole * shape.projected();
    for (int64_t head = 0; head < turned; ++head) {
        const float* norm = head < shape.heads ? layer.query_norm : layer.key_norm;
        turn_head(from + head * size, size, norm, shape.epsilon, cosine, sine, to + head * size);
    }
    round_head(from + turned * size, shape.groups * size, to + turned * size);
}

void enter(Part& part, const Layer& layer) {
    quantize_states(part, layer.input_norm);
    const Scratch& scratch = part.scratch;
    multiply(scratch.left, part.count(), layer.projection, part.team,
             [&](int64_t row, int64_t panel, const __m512* values) {
                 float* to = scratch.wide + row * scratch.wide_stride + panel * PANEL;
                 for (int c = 0; c < 4; ++c) _mm512_storeu_ps(to + c * LANES, values[c]);
             });
    part.team.wait();
    each_row(part, [&](int64_t row) { place_heads(part, layer, row); });
}

int64_t weight_bytes(const Layer* layer) {
    if (!layer) return 0;
    const auto bytes = [](const Weight& weight) { return weight.inputs * weight.outputs; };
    return bytes(layer->projection) + bytes(layer->output) + bytes(layer->gate_up) + bytes(layer->down);
}

int64_t threads_for(const Layer* left, const Layer* entered, const Step& step) {
    if (step.rows >= OWN_ROWS * step.threads) return step.threads;
    const bool large = largest(weight_bytes(left), weight_bytes(entered)) >= LARGE_LAYER;
    return large ? step.threads : largest(1, step.rows / OWN_ROWS);
}

}  // namespace

ASSAY_EXPORT int64_t assay_scratch_bytes(const Shape* shape, int64_t threads) {
    return threads * Scratch::bytes(*shape);
}

// Leaves one layer's attention and enters the next one's; either may be null.
ASSAY_EXPORT void assay_between_attentions(const Shape* shape, const Layer* left, const Layer* entered,
                                           const Step* step) {
    const int threads = static_cast<int>(threads_for(left, entered, *step));
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const Team all{omp_get_thread_num(), omp_get_num_threads()};
        const bool alone = step->rows >= OWN_ROWS * all.size;
        const Team team = alone ? Team{0, 1} : all;
        const Range mine = alone ? all.share(step->rows) : Range{0, step->rows};
        const int64_t blocks = (mine.to - mine.from + BLOCK - 1) / BLOCK;
        char* scratch = step->scratch + (alone ? all.rank : 0) * Scratch::bytes(*shape);
        for (int64_t block = 0; block < blocks; ++block) {
            const Range rows = Team{block, blocks}.share(mine.to - mine.from);
            Part part{*shape, *step, {mine.from + rows.from, mine.from + rows.to}, team, Scratch(scratch, *shape)};
            if (left) leave(part, *left);
            if (entered) enter(part, *entered);
        }
    }
}
