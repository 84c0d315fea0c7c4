// meta.json of numerical building blocks that `vitrine verify` checks without a model: {"family": "numeric",
// "calls": [{"id": "hadamard", ...}, ...]}.
#pragma once

#include "core/base/json.h"

#include <algorithm>

namespace vitrine {

// True if `meta` describes a numeric case and `knows(call)` holds for every call, of which there is one at
// least.
template <typename Knows>
bool isNumericCaseOf(const Json& meta, Knows knows) {
    if (!meta.is_object() || meta.value("family", Json()) != Json("numeric"))
        return false;
    const auto calls = meta.find("calls");
    return calls != meta.end() && calls->is_array() && !calls->empty() &&
           std::all_of(calls->begin(), calls->end(), knows);
}

}  // namespace vitrine
