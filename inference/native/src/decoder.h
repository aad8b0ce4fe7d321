// A decoder layer of the Llama family as the kernels see it; inference/native/decoder.py mirrors these structures.
#pragma once

#include "gemm.h"

struct Shape {
    int64_t hidden, heads, groups, size, inner;  // size: of a head; inner: of the gated product
    float epsilon;

    int64_t queries() const { return heads * size; }
    int64_t projected() const { return (heads + 2 * groups) * size; }
};

struct Layer {
    const float* input_norm;  // [hidden]
    const float* query_norm;  // [size], or null
    const float* key_norm;
    const float* inner_norm;  // [hidden]
    Weight projection;        // to queries, keys and values
    Weight output;
    Weight gate_up;  // 32 gates and their 32 ups in a panel
    Weight down;
};

// Rows of one step. The kernels between two attentions read `attended`; they leave `states` and `projected`.
struct Step {
    int64_t rows, threads;
    float* states;         // [rows, hidden]: the residual stream
    const bf16* attended;  // [rows, heads, size]
    bf16* projected;       // [rows, heads + 2 groups, size]: queries, keys and values
    const int64_t* positions;  // [rows]
    const float* cosine;       // [any, size], by position
    const float* sine;
    char* scratch;  // of assay_scratch_bytes
};
