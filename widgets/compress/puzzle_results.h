// A library of block variants, the architectures that were searched in it, and budgets for another search.
#pragma once

#include <QString>
#include <limits>
#include <utility>
#include <vector>

namespace vitrine {

struct PuzzleVariant {
    QString name;
    double share = 1;  // of the parent's parameters of this part
    // Of blockwise teaching: mean square of what the part errs by, over that of the parent's update.
    double errorBefore = std::numeric_limits<double>::quiet_NaN();
    double errorAfter = std::numeric_limits<double>::quiet_NaN();
};

struct PuzzleLayer {
    std::vector<PuzzleVariant> attention, feedForward;  // the parent's first
    std::vector<std::vector<double>> scores;            // attention x feed-forward; NaN: not scored
    int block = 0;                                      // of the parent, that it stands for
};

using PuzzleChoice = std::vector<std::pair<int, int>>;  // attention and feed-forward variant of each layer

// Bytes and seconds of a layer, or of what lies outside of the layers, in one use of the model: a prompt and
// all tokens generated after it, of all sequences at once.
struct PuzzleCost {
    double weights = 0, cache = 0;
    double promptSeconds = 0, generateSeconds = 0;  // 0: not timed
};

struct PuzzleStack {
    std::vector<PuzzleCost> layers;  // of the parent's blocks; empty: not known
    PuzzleCost outside;              // embedding, final norm and head
    QString use;                     // "8 sequences of 64 + 64 tokens"
};

// What a search found for one number of sequences at once.
struct PuzzleBatch {
    qint64 batch = 1;
    bool kept = false;     // the best of all
    QString problem = {};  // why there is no architecture; empty: there is one
    double score = 0, bytes = 0, tokensPerSecond = 0;
};

struct PuzzleArchitecture {
    // "puzzle", "refined", "coupled", "greedy", "random", "uniform", "parent", "chain"
    QString name, how;
    double parameters = 0, bytes = 0;
    double assembled = std::numeric_limits<double>::quiet_NaN(), nats = 0;
    PuzzleChoice choice;                    // empty: no library's
    PuzzleStack stack = {}, parent = {};    // the parent's in the same use
    std::vector<PuzzleBatch> batches = {};  // candidates of its search
    // Nats of a token that having read a passage saves, a context later; NaN: not measured.
    double copyingGain = std::numeric_limits<double>::quiet_NaN();
};

// What the whole parent takes; 0: not known.
struct PuzzleWhole {
    double parameters = 0, bytes = 0, promptSeconds = 0, tokensPerSecond = 0;
};

struct PuzzleResults {
    QString run;
    std::vector<PuzzleLayer> layers;
    std::vector<PuzzleArchitecture> architectures;
    std::vector<double> sums, losses;  // of random assemblies
    double spearman = std::numeric_limits<double>::quiet_NaN();
    PuzzleWhole whole;
    QString searchProblem;  // why it cannot be searched again; empty: it can
};

// Shares of what the parent takes; 0: no limit.
struct PuzzleBudgets {
    double parameters = 0, bytes = 0, promptTime = 0;  // at most
    double speed = 0;                                  // tokens per second, at least
    // Sequences at once that are tried; empty: as the run measured.
    std::vector<qint64> batches = {};
    bool any() const { return parameters > 0 || bytes > 0 || promptTime > 0 || speed > 0; }
    bool operator==(const PuzzleBudgets&) const = default;
};

// What another search gave.
struct PuzzleSolution {
    PuzzleChoice choice;  // empty: none
    QString problem;      // why there is none
    double parameters = 0, bytes = 0, promptSeconds = 0, tokensPerSecond = 0;
    double score = 0, bound = 0;  // sum of scores; none has less than the bound
    bool proven = true;
    double seconds = 0;  // that the solver took
    PuzzleStack stack = {}, parent = {};
    std::vector<PuzzleBatch> batches = {};
};

}  // namespace vitrine
