#include "core/commands/core_commands.h"

#include "core/commands/model_commands.h"
#include "core/commands/runs_commands.h"

#include <cstdlib>

namespace vitrine {
namespace fs = std::filesystem;

void declareCoreCommands(CommandRegistry& registry) {
    declareRunsCommands(registry);
    declareModelCommands(registry);
}

void bindCoreCommands(CommandRegistry& registry) {
    bindRunsCommands(registry);
    bindModelCommands(registry);
}

fs::path projectFolderFor(const std::string& given) {
    if (!given.empty())
        return fs::absolute(given);
    if (const char* fromEnvironment = std::getenv("VITRINE_PROJECT"); fromEnvironment && *fromEnvironment)
        return fs::absolute(fromEnvironment);
    std::error_code ignored;
    if (fs::exists(fs::current_path(ignored) / "project.json", ignored))
        return fs::current_path();
    const char* data = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    const fs::path base =
        data && *data ? fs::path(data) : fs::path(home && *home ? home : "/tmp") / ".local/share";
    return base / "vitrine" / "default-project";
}

}  // namespace vitrine
