#include "core/base/version.h"

#include <fmt/format.h>

namespace vitrine {

std::string versionText() {
    const std::string commit = VITRINE_COMMIT;
    return commit.empty() ? VITRINE_VERSION : fmt::format("{} ({})", VITRINE_VERSION, commit);
}

}  // namespace vitrine
