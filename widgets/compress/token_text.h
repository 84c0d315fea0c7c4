// A text as its tokens, coloured by their losses or by how two losses differ.
#pragma once

#include "core/engine/compress_engine.h"

#include <QString>

namespace vitrine {

// Rich text: `after` on a ground that says by how much each token became less (red) or more (blue) likely
// than in `before`; the numbers are in the tooltips of the words. Equal lengths, or `before` empty: then by
// loss.
QString tokenHtml(const std::vector<TokenScore>& before, const std::vector<TokenScore>& after);
// Mean over all tokens but the first; NaN of fewer than two.
double meanNats(const std::vector<TokenScore>& scores);

}  // namespace vitrine
