// What is known of the variants of a Puzzle library, as a grid, and how two choices among them differ.
#pragma once

#include "widgets/compress/puzzle_results.h"
#include "widgets/plots/heat_map_view.h"

namespace vitrine {

// What is known of each variant: its score beside the parent's other part, or how far it was off its parent
// before and after it was taught alone. Rows are layers, columns attention then feed-forward.
enum class PuzzleGrid { Scores, ErrorsBefore, ErrorsAfter };
HeatMap puzzleGrid(const PuzzleResults& results, PuzzleGrid what);
// In how many layers two choices differ.
int layersThatDiffer(const PuzzleChoice& a, const PuzzleChoice& b);

}  // namespace vitrine
