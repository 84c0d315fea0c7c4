#include "core/puzzle/refined_search.h"

#include "core/puzzle/variant_costs.h"

namespace vitrine {
namespace {

int64_t changesOf(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
    int64_t count = 0;
    for (size_t i = 0; i < a.size(); ++i)
        count += a[i] != b[i];
    return count;
}

}  // namespace

Result<RefinedArchitecture> refineArchitecture(const LanguageModel& parent, const BlockLibrary& library,
                                               ArchitectureProblem problem, std::vector<int64_t> begin,
                                               int64_t rounds, const std::vector<at::Tensor>& windows,
                                               const ScoreOptions& options, JobContext& job) {
    RefinedArchitecture refined;
    refined.choice = std::move(begin);
    VITRINE_TRY(auto best, assemble(parent, library, choicesOf(library, refined.choice)));
    VITRINE_TRY(refined.before, scoreModel(parent, *best, windows, options, job));
    refined.after = refined.before;
    problem.mostChanges = library.depth();
    bool scored = false;
    while (refined.rounds < rounds) {
        if (!scored) {
            for (int64_t layer = 0; layer < library.depth(); ++layer) {
                VITRINE_TRY(const at::Tensor scores,
                            scoresAround(parent, *best, layer, library, windows, options, job));
                const at::Tensor row = scores.contiguous();
                problem.scores[size_t(layer)].assign(row.const_data_ptr<double>(),
                                                     row.const_data_ptr<double>() + row.numel());
            }
            scored = true;
        }
        problem.near = refined.choice;
        ++refined.rounds;
        VITRINE_TRY(const ArchitectureSolution solved, solveArchitecture(problem));
        const int64_t changes = changesOf(solved.choice, refined.choice);
        if (changes == 0)
            break;
        VITRINE_TRY(auto child, assemble(parent, library, choicesOf(library, solved.choice)));
        VITRINE_TRY(const double value, scoreModel(parent, *child, windows, options, job));
        if (value < refined.after) {
            refined.choice = solved.choice;
            refined.after = value;
            ++refined.taken;
            best = std::move(child);
            scored = false;
            continue;
        }
        problem.mostChanges = changes / 2;
        if (problem.mostChanges == 0)
            break;
    }
    return refined;
}

}  // namespace vitrine
