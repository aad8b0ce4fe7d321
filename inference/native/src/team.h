// Threads that work on the same rows, or one thread alone with rows of its own.
#pragma once

#include <omp.h>

#include "common.h"

struct Range {
    int64_t from, to;
};

struct Team {
    int64_t rank, size;

    // Every member arrives before any goes on. All of a parallel region's threads belong to a team of several.
    void wait() const {
        if (size > 1) {
#pragma omp barrier
        }
    }

    // This member's part of `count` things, in order; parts differ by one at most.
    Range share(int64_t count) const { return {count * rank / size, count * (rank + 1) / size}; }
};
