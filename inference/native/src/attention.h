// Attention of packed rows over the pool: what is asked of it, and what one thread works in.
#pragma once

#include <memory>
#include <vector>

#include "products.h"
#include "softmax.h"

// Neighbouring rows of the batch that are neighbouring positions of one sequence.
//
// They see `far` positions of a record that others may see too, then positions of their own up to themselves; the
// first row is at place `first` of these. Tables are lists of blocks; a sequence's own positions begin at a place
// inside their first block. A question's own positions are no part of a record: a pattern hides none of them.
struct Span {
    int64_t row, rows, far, far_table, first, near_table, near_place, question;
};

// Which tiles of 128 keys of a record a row sees: the first ones, the last ones up to its own, and every stride-th;
// all if recent is zero. The record's last tile is seen by its questions in any case.
struct Pattern {
    int64_t sink, recent, stride;

    bool shows(int64_t tile, int64_t own) const {
        return recent == 0 || tile < sink || own - tile < recent || (stride > 0 && tile % stride == 0);
    }
};

struct Problem {
    const bf16* query;
    int64_t query_stride;  // between rows
    bf16* out;             // [rows, heads, size]
    Pool pool;
    const Span* spans;
    const int32_t* tables;
    int64_t heads, groups;
    float scale;     // of scores, for powers of two
    int64_t window;  // keys a row sees up to itself; 0 for all
    Pattern pattern;

    int64_t shared() const { return heads / groups; }  // query heads of a key head
};

// Lines from to stop of a span, where a line is one query head of one row.
struct Piece {
    const Span* span;
    int64_t from, stop;
};

// Pieces that see the same record, for one key head. One thread computes it.
struct Task {
    int64_t group, first_piece, pieces, lines, cost;
};

constexpr int64_t MAX_LINES = 96;  // 48 took 2 % longer at 512 positions (2026-11-25)

std::vector<Task> share_out(const Problem& problem, int64_t spans, int64_t threads, std::vector<Piece>& pieces);

// A tile of keys, where its blocks are.
struct Tile {
    const bf16* keys[TILE_BLOCKS];
    const bf16* values[TILE_BLOCKS];
    int64_t at, count;  // its first key's position, and its keys
    int64_t index;      // among the record's tiles, for the pattern; -1 if it hides nothing of this one
};

// One thread's room for a task.
class Worker {
public:
    explicit Worker(const Problem& problem);
    void run(const Task& task, const Piece* pieces);

private:
    void load(const Piece& piece, int64_t group, int64_t line);
    void see_table(const int32_t* table, int64_t count, bool asked, int64_t group, int64_t first_line, int64_t lines);
    void see_own(const Piece& piece, int64_t group, int64_t first_line, int64_t lines);
    void see(const Tile& tile, int64_t first_line, int64_t lines);
    void see_panel(const Tile& tile, int64_t first_line, int64_t lines);
    void store(const Piece& piece, int64_t group, int64_t line);
    void take_blocks(const int32_t* table, int64_t group, Tile& tile) const;
    void copy_own(const Span& span, int64_t from, int64_t group, Tile& tile);

    const Problem& problem_;
    int64_t size_, width_;
    std::unique_ptr<char[]> room_;
    bf16 *queries_, *weights_, *own_keys_, *own_values_;
    float *sums_, *scores_;
    Running* running_;
    int64_t* positions_;
};
