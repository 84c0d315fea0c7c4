// Regular expressions as tokenizer files write them (Oniguruma's dialect), run by PCRE2 with its compiler.
// Classes mean what Oniguruma and Unicode say: \s is White_Space, \w letters, marks, digits, connectors and a
// few signs. Objects are immutable and may be used by several threads.
#pragma once

#include "core/base/result.h"

#include <memory>
#include <string>
#include <string_view>

namespace vitrine {

class Regex {
  public:
    // InvalidArgument names the pattern, PCRE2's complaint and its position.
    static Result<Regex> compile(std::string_view pattern);

    struct Match {
        size_t begin = 0;
        size_t end = 0;
        bool found = false;
    };
    // First match in `text` (valid UTF-8) at or after byte `from`.
    Result<Match> find(std::string_view text, size_t from) const;
    const std::string& pattern() const { return pattern_; }

  private:
    struct Code;
    std::shared_ptr<const Code> code_;
    std::string pattern_;
};

}  // namespace vitrine
