// Paged attention: softmax(q . k) v over the pool's blocks, in tiles of 128 keys counted from a sequence's beginning.
//
// A row meets the tiles in ascending order, whatever chunk, batch or thread it is in, and keys that it does not see
// change no bit of its sums. So its bits depend on nothing but the positions it sees.
#include "attention.h"

#include <omp.h>

#include <algorithm>
#include <cstring>

namespace {

constexpr size_t ALIGNMENT = 64;

// Hands out aligned pieces of one allocation.
class Room {
public:
    template <class T>
    T* take(int64_t count) {
        T* piece = reinterpret_cast<T*>(base_ + used_);
        used_ += (count * sizeof(T) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        return piece;
    }
    explicit Room(char* base) : base_(base) {}
    size_t used() const { return used_; }

private:
    char* base_;
    size_t used_ = 0;
};

}  // namespace

Worker::Worker(const Problem& problem) : problem_(problem), size_(problem.pool.size), width_(problem.pool.width()) {
    const auto lay_out = [this](Room room) {
        queries_ = room.take<bf16>(MAX_LINES * size_);
        weights_ = room.take<bf16>(PANEL * TILE);
        own_keys_ = room.take<bf16>(TILE * size_);
        own_values_ = room.take<bf16>(TILE * width_);
        sums_ = room.take<float>(MAX_LINES * width_);
        scores_ = room.take<float>(PANEL * TILE);
        running_ = room.take<Running>(MAX_LINES);
        positions_ = room.take<int64_t>(MAX_LINES);
        return room.used();
    };
    const size_t bytes = lay_out(Room(nullptr)) + ALIGNMENT;
    room_.reset(new char[bytes]);
    const auto start = reinterpret_cast<uintptr_t>(room_.get());
    lay_out(Room(room_.get() + (ALIGNMENT - start % ALIGNMENT)));
}

void Worker::run(const Task& task, const Piece* pieces) {
    int64_t line = 0;
    for (int64_t index = 0; index < task.pieces; ++index) {
        load(pieces[index], task.group, line);
        line += pieces[index].stop - pieces[index].from;
    }
    const Span& first = *pieces[0].span;
    if (first.far > 0) see_table(problem_.tables + first.far_table, first.far, true, task.group, 0, task.lines);
    line = 0;
    for (int64_t index = 0; index < task.pieces; ++index) {
        const int64_t lines = pieces[index].stop - pieces[index].from;
        see_own(pieces[index], task.group, line, lines);
        store(pieces[index], task.group, line);
        line += lines;
    }
}

void Worker::load(const Piece& piece, int64_t group, int64_t line) {
    const int64_t shared = problem_.shared();
    for (int64_t at = piece.from; at < piece.stop; ++at, ++line) {
        const int64_t row = at / shared, head = group * shared + at % shared;
        const bf16* query = problem_.query + (piece.span->row + row) * problem_.query_stride + head * size_;
        std::memcpy(queries_ + line * size_, query, size_ * sizeof(bf16));
        std::memset(sums_ + line * width_, 0, width_ * sizeof(float));
        running_[line] = Running{NOTHING_YET, 1.0f, {}};
        positions_[line] = piece.span->far + piece.span->first + row;
    }
}

// A record's tiles where they are; `asked` by questions, who see its last one whatever the pattern.
void Worker::see_table(const int32_t* table, int64_t count, bool asked, int64_t group, int64_t first_line,
                       int64_t lines) {
    for (int64_t at = 0; at < count; at += TILE) {
        Tile tile;
        tile.at = at, tile.count = std::min(TILE, count - at);
        tile.index = asked && count - at <= TILE ? -1 : at / TILE;
        take_blocks(table + at / BLOCK, group, tile);
        see(tile, first_line, lines);
    }
}

void Worker::see_own(const Piece& piece, int64_t group, int64_t first_line, int64_t lines) {
    const Span& span = *piece.span;
    const int64_t count = span.first + (piece.stop - 1) / problem_.shared() + 1;
    if (!span.question) {
        see_table(problem_.tables + span.near_table, count, false, group, first_line, lines);
        return;
    }
    for (int64_t at = 0; at < count; at += TILE) {
        Tile tile;
        tile.at = span.far + at, tile.count = std::min(TILE, count - at), tile.index = -1;
        if (span.near_place == 0)
            take_blocks(problem_.tables + span.near_table + at / BLOCK, group, tile);
        else
            copy_own(span, at, group, tile);
        see(tile, first_line, lines);
    }
}

void Worker::take_blocks(const int32_t* table, int64_t group, Tile& tile) const {
    for (int64_t block = 0; block * BLOCK < tile.count; ++block) {
        tile.keys[block] = problem_.pool.key_block(group, table[block]);
        tile.values[block] = problem_.pool.value_block(group, table[block]);
    }
}

// A question's positions from wherever they lie to where they would lie if a block began with them: the pairs that are
// summed together are then the same whatever stands before them in the request's line.
void Worker::copy_own(const Span& span, int64_t from, int64_t group, Tile& tile) {
    for (int64_t at = 0; at < tile.count; ++at) {
        const int64_t place = span.near_place + from + at;
        const int64_t slot = problem_.tables[span.near_table + place / BLOCK] * BLOCK + place % BLOCK;
        copy_position(problem_.pool, group, slot, own_keys_, own_values_, at);
    }
    for (int64_t block = 0; block < TILE_BLOCKS; ++block) {
        tile.keys[block] = own_keys_ + block * BLOCK * size_;
        tile.values[block] = own_values_ + block * BLOCK * width_;
    }
}

void Worker::see(const Tile& tile, int64_t first_line, int64_t lines) {
    for (int64_t at = 0; at < lines; at += PANEL) see_panel(tile, first_line + at, std::min(PANEL, lines - at));
}

void Worker::see_panel(const Tile& tile, int64_t first_line, int64_t lines) {
    int64_t low[PANEL], high[PANEL], first = TILE, last = 0;
    for (int64_t line = 0; line < lines; ++line) {
        const int64_t position = positions_[first_line + line];
        low[line] = problem_.window > 0 ? std::max<int64_t>(0, position - problem_.window + 1 - tile.at) : 0;
        high[line] = std::min(tile.count, position + 1 - tile.at);
        if (tile.index >= 0 && !problem_.pattern.shows(tile.index, position / TILE)) high[line] = 0;
        if (low[line] >= high[line]) continue;
        first = std::min(first, low[line] / BLOCK * BLOCK);
        last = std::max(last, high[line]);
    }
    if (first >= last) return;
    const int64_t blocks = (last - first + BLOCK - 1) / BLOCK;
    const auto* queries = reinterpret_cast<const uint32_t*>(queries_ + first_line * size_);
    score_panel(lines, queries, size_ / 2, tile.keys, first / BLOCK, first / BLOCK + blocks, scores_);
    float kept[PANEL];
    for (int64_t line = 0; line < lines; ++line) {
        Running& running = running_[first_line + line];
        const int64_t at = line * TILE + first;
        WEIGH[blocks - 1](scores_ + at, problem_.scale, low[line] - first, high[line] - first, &running, weights_ + at);
        kept[line] = running.kept;
    }
    mix_panel(lines, weights_, {tile.values, width_, first, last}, kept, sums_ + first_line * width_);
}

void Worker::store(const Piece& piece, int64_t group, int64_t line) {
    const int64_t shared = problem_.shared();
    for (int64_t at = piece.from; at < piece.stop; ++at, ++line) {
        const int64_t row = piece.span->row + at / shared, head = group * shared + at % shared;
        bf16* out = problem_.out + (row * problem_.heads + head) * size_;
        const __m512 total = _mm512_set1_ps(sum_of(_mm512_loadu_ps(running_[line].total)));
        for (int64_t column = 0; column < size_; column += LANES) {
            const __mmask16 mask = size_ - column >= LANES ? 0xFFFF : tail_mask(size_);
            store_bf16(out + column, _mm512_div_ps(_mm512_loadu_ps(sums_ + line * width_ + column), total), mask);
        }
    }
}

// out: [rows, heads, size]; rows that no span covers are left alone. The softmax is taken in float32.
ASSAY_EXPORT void assay_paged_attention(const bf16* query, int64_t query_stride, bf16* out, bf16* keys, bf16* values,
                                        int64_t blocks, int64_t heads, int64_t groups, int64_t size, float scaling,
                                        const int64_t* spans, int64_t span_count, const int32_t* tables,
                                        int64_t window, int64_t sink, int64_t recent, int64_t stride) {
    constexpr float LOG2_E = 1.44269504f;
    const Problem problem{query, query_stride, out, {keys, values, blocks, size},
                          reinterpret_cast<const Span*>(spans), tables, heads, groups, scaling * LOG2_E, window,
                          {sink, recent, stride}};
    std::vector<Piece> pieces;
    const std::vector<Task> tasks = share_out(problem, span_count, omp_get_max_threads(), pieces);
    const auto count = static_cast<int64_t>(tasks.size());
#pragma omp parallel if (count > 1)
    {
        const FlushSubnormals flushed;
        Worker worker(problem);
#pragma omp for schedule(dynamic, 1)
        for (int64_t task = 0; task < count; ++task) worker.run(tasks[task], &pieces[tasks[task].first_piece]);
    }
}
