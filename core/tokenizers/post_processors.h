// The "post_processor" section of tokenizer.json: the special tokens in front of and behind a single text.
#pragma once

#include "core/base/json.h"

#include <cstdint>
#include <vector>

namespace vitrine {

struct SpecialFrame {
    std::vector<int64_t> before;
    std::vector<int64_t> after;
};

// Reads one post-processor object; null gives an empty frame. UnknownFamily names an unknown kind and the
// known ones; Unsupported for a template that holds the text not exactly once.
Result<SpecialFrame> readPostProcessor(const Json& json, const std::string& where);

}  // namespace vitrine
