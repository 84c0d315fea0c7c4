#include "core/engine/doctor.h"

#include "core/base/paths.h"
#include "core/base/version.h"
#include "core/commands/text_table.h"
#include "core/engine/engine_loader.h"
#include "core/plugins/plugin_manager.h"
#include "core/runs/project.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

const char* stateName(CheckState state) {
    switch (state) {
        case CheckState::Good:
            return "ok";
        case CheckState::Note:
            return "note";
        case CheckState::Bad:
            return "BAD";
    }
    return "ok";
}

std::string firstLineWith(const char* file, std::string_view key) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);)
        if (line.starts_with(key)) {
            const size_t colon = line.find_first_of(":=");
            std::string value = line.substr(colon + 1);
            value.erase(0, value.find_first_not_of(" \t\""));
            value.erase(value.find_last_not_of(" \"") + 1);
            return value;
        }
    return {};
}

DoctorCheck systemCheck() {
    utsname name{};
    ::uname(&name);
    return {
        "system",
        CheckState::Good,
        fmt::format("{}, Linux {}, {} x {}, {} memory", firstLineWith("/etc/os-release", "PRETTY_NAME"),
                    name.release, std::thread::hardware_concurrency(),
                    firstLineWith("/proc/cpuinfo", "model name"), firstLineWith("/proc/meminfo", "MemTotal")),
        {}};
}

DoctorCheck folderCheck(const char* what, const fs::path& folder) {
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (::access(folder.c_str(), W_OK) != 0)
        return {what, CheckState::Bad, folder.string() + " cannot be written", "Check its permissions"};
    struct statvfs info {};
    ::statvfs(folder.c_str(), &info);
    const uint64_t free = uint64_t(info.f_bavail) * info.f_frsize;
    const bool low = free < (uint64_t(1) << 30);
    return {what, low ? CheckState::Note : CheckState::Good,
            fmt::format("{}, {} free", folder.string(), bytesText(free)),
            low ? "Less than 1 GB is free" : ""};
}

std::vector<DoctorCheck> pluginChecks() {
    PluginManager manager(userStateFolder() / "plugins.json");
    manager.discover(PluginManager::searchFolders());
    std::vector<DoctorCheck> checks;
    for (const PluginStatus& plugin : manager.plugins()) {
        const bool good = plugin.state == PluginState::Found || plugin.state == PluginState::Loaded;
        checks.push_back({"plugin " + plugin.manifest.id, good ? CheckState::Good : CheckState::Note,
                          good ? plugin.manifest.kind
                               : fmt::format("{}: {}", pluginStateName(plugin.state), plugin.problem),
                          good ? "" : fmt::format("vitrine plugins enable {}", plugin.manifest.id)});
    }
    return checks;
}

DoctorCheck projectCheck(const fs::path& folder) {
    if (!Project::exists(folder))
        return {"project", CheckState::Note, "no project at " + folder.string(),
                "It is made by the first run"};
    const auto project = Project::open(folder);
    if (!project)
        return {"project", CheckState::Bad, project.error().text(), {}};
    const auto problems = project->checkIntegrity();
    if (!problems || !problems->empty())
        return {"project", CheckState::Bad, problems ? problems->front() : problems.error().text(),
                "Restore vitrine.db from a backup"};
    return {"project", CheckState::Good, folder.string() + ", database sound", {}};
}

Result<CommandOutput> doctor(const Json&, CommandContext& context) {
    std::vector<DoctorCheck> checks{{"vitrine", CheckState::Good, versionText(), {}}, systemCheck()};
    checks.push_back(folderCheck("cache folder", userCacheFolder()));
    checks.push_back(folderCheck("state folder", userStateFolder()));
    const auto engine = loadEngine();
    if (!engine)
        checks.push_back({"engine", CheckState::Bad, engine.error().message, engine.error().hint});
    else
        for (DoctorCheck& check : (*engine)->selfCheck())
            checks.push_back(std::move(check));
    for (DoctorCheck& check : pluginChecks())
        checks.push_back(std::move(check));
    checks.push_back(projectCheck(context.project));

    CommandOutput output;
    TextTable table;
    table.header = {"", "check", "finding"};
    for (const DoctorCheck& check : checks) {
        const std::string finding =
            check.hint.empty() ? check.finding : fmt::format("{} ({})", check.finding, check.hint);
        table.rows.push_back({stateName(check.state), check.name, finding});
        output.data["checks"].push_back({{"name", check.name},
                                         {"state", stateName(check.state)},
                                         {"finding", check.finding},
                                         {"hint", check.hint}});
        if (check.state == CheckState::Bad)
            output.exitCode = 1;
    }
    output.text = table.text();
    return output;
}

}  // namespace

void declareDoctor(CommandRegistry& registry) {
    CommandSpec spec;
    spec.name = "doctor";
    spec.summary = "Check this installation: versions, devices, kernels, plugins, the project's database";
    spec.arguments = Json::parse(R"({"type": "object", "properties": {}})");
    registry.declare(std::move(spec));
}

void bindDoctor(CommandRegistry& registry) {
    registry.bind("doctor", doctor);
}

}  // namespace vitrine
