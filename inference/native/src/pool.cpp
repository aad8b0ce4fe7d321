// Writes a batch's keys and values into the pool.
#include "pool.h"

namespace {

constexpr int64_t CHUNK = 64;  // rows that one thread takes at a time

struct Batch {
    const bf16 *keys, *values;
    int64_t row_stride[2], head_stride[2];  // of keys, of values
    const int64_t* slots;
    int64_t rows;

    const bf16* key(int64_t head, int64_t row) const { return keys + head * head_stride[0] + row * row_stride[0]; }
    const bf16* value(int64_t head, int64_t row) const { return values + head * head_stride[1] + row * row_stride[1]; }
    bool follows(int64_t row) const { return row + 1 < rows && slots[row + 1] == slots[row] + 1; }
};

// A value whose pair is begun here leaves zeros for the one to come: a place nobody wrote must not hold a NaN, which
// a weight of zero would not undo. Positions of a block are written in ascending order.
void write_rows(const Batch& batch, const Pool& pool, int64_t head, int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
        const int64_t block = batch.slots[row] / BLOCK, place = batch.slots[row] % BLOCK;
        bf16* values = pool.value_block(head, block);
        put_key(pool.key_block(head, block), place, batch.key(head, row), pool.size);
        if (place % 2 == 1) {
            const bool done = row > first && batch.follows(row - 1);
            if (!done) put_value(values, place, batch.value(head, row), pool.size);
        } else if (!batch.follows(row)) {
            put_value_pair(values, place, batch.value(head, row), nullptr, pool.size);
        } else if (row + 1 < last) {
            put_value_pair(values, place, batch.value(head, row), batch.value(head, row + 1), pool.size);
        } else {
            put_value(values, place, batch.value(head, row), pool.size);  // its neighbour is another thread's
        }
    }
}

}  // namespace

// keys, values: [heads, rows, size] with the strides given in elements; slots: [rows].
ASSAY_EXPORT void assay_pool_write(const bf16* keys, int64_t key_head_stride, int64_t key_row_stride,
                                   const bf16* values, int64_t value_head_stride, int64_t value_row_stride,
                                   const int64_t* slots, int64_t rows, int64_t heads, int64_t size, bf16* pool_keys,
                                   bf16* pool_values, int64_t blocks) {
    const Pool pool{pool_keys, pool_values, blocks, size};
    const Batch batch{keys,  values, {key_row_stride, value_row_stride}, {key_head_stride, value_head_stride},
                      slots, rows};
    const int64_t chunks = (rows + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) if (rows * heads > CHUNK)
    for (int64_t task = 0; task < chunks * heads; ++task) {
        const int64_t first = task % chunks * CHUNK, last = first + CHUNK < rows ? first + CHUNK : rows;
        write_rows(batch, pool, task / chunks, first, last);
    }
}
