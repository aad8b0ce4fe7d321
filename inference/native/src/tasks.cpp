// Cuts a step's attention into tasks for threads. No cut changes a bit: a line's sums are its own.
#include <algorithm>

#include "attention.h"

namespace {

// Lines of a task: as many as reuse a tile well, but fewer if threads would go without.
int64_t lines_of_task(int64_t lines, int64_t threads) {
    const int64_t fair = lines / (4 * threads) / PANEL * PANEL;
    return std::clamp(fair, 4 * PANEL, MAX_LINES);
}

int64_t keys_seen(const Problem& problem, const Piece& piece) {
    const int64_t keys = piece.span->far + piece.span->first + piece.stop / problem.shared();
    return problem.window > 0 ? std::min(keys, problem.window) : keys;
}

}  // namespace

std::vector<Task> share_out(const Problem& problem, int64_t spans, int64_t threads, std::vector<Piece>& pieces) {
    int64_t all = 0;
    for (int64_t index = 0; index < spans; ++index) all += problem.spans[index].rows * problem.heads;
    const int64_t most = lines_of_task(all, threads);
    std::vector<Task> tasks;
    int64_t begun = 0, lines = 0, cost = 0;  // of the task that pieces are being collected for
    const auto end_task = [&] {
        const int64_t count = static_cast<int64_t>(pieces.size()) - begun;
        for (int64_t group = 0; count > 0 && group < problem.groups; ++group)
            tasks.push_back({group, begun, count, lines, cost});
        begun = static_cast<int64_t>(pieces.size()), lines = 0, cost = 0;
    };
    for (const Span* span = problem.spans; span < problem.spans + spans; ++span) {
        const Span* before = lines ? pieces.back().span : nullptr;
        if (before && (span->far == 0 || span->far != before->far || span->far_table != before->far_table)) end_task();
        const int64_t stop = span->rows * problem.shared();
        for (int64_t from = 0; from < stop;) {
            if (lines == most) end_task();
            const Piece piece{span, from, std::min(stop, from + most - lines)};
            pieces.push_back(piece);
            lines += piece.stop - piece.from;
            cost += (piece.stop - piece.from) * keys_seen(problem, piece);
            from = piece.stop;
        }
    }
    end_task();
    std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.cost > b.cost; });
    return tasks;
}
