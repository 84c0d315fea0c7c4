#include "core/plugins/plugin_manager.h"

#include "core/base/file.h"
#include "core/base/json_schema.h"
#include "core/base/log.h"
#include "core/base/paths.h"

#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace vitrine {
namespace fs = std::filesystem;

namespace {

// Tells one build of a library from the next.
std::string stampOf(const fs::path& library) {
    std::error_code failed;
    const auto size = fs::file_size(library, failed);
    const auto time = fs::last_write_time(library, failed);
    return failed ? std::string() : fmt::format("{} {}", size, time.time_since_epoch().count());
}

bool isRunning(int64_t process) {
    return process > 0 && (::kill(pid_t(process), 0) == 0 || errno == EPERM);
}

// Switched off by the user: the reason as text. Failed: {"reason", "library"}; a library that has changed
// since gets another chance.
std::optional<std::string> reasonOff(const Json& entry, const fs::path& library) {
    if (entry.is_string())
        return entry.get<std::string>();
    if (!entry.is_object() || entry.value("library", Json()) != stampOf(library))
        return std::nullopt;
    return jsonValueOr<std::string>(entry, "reason", "it failed", "plugins").value_or("it failed");
}

}  // namespace

const char* pluginStateName(PluginState state) {
    switch (state) {
        case PluginState::Found:
            return "found";
        case PluginState::Loaded:
            return "loaded";
        case PluginState::Failed:
            return "failed";
        case PluginState::Off:
            return "off";
    }
    return "found";
}

const Json& PluginManifest::schema() {
    static const Json schema = Json::parse(R"({
      "type": "object",
      "required": ["id", "name", "kind", "apiVersion", "library"],
      "properties": {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]+$"},
        "name": {"type": "string", "minLength": 1},
        "kind": {"type": "string", "enum": ["encoder", "upsampler", "reader"]},
        "apiVersion": {"type": "integer", "minimum": 1},
        "library": {"type": "string", "pattern": "^[^/]+\\.so$"},
        "summary": {"type": "string"},
        "authors": {"type": "array", "items": {"type": "string"}},
        "references": {"type": "array", "items": {"type": "string"}}
      }
    })");
    return schema;
}

Result<PluginManifest> PluginManifest::read(const fs::path& folder) {
    const fs::path file = folder / "plugin.json";
    VITRINE_TRY(const Json json, readJsonFile(file, 1u << 20));
    VITRINE_TRY_VOID(checkJson(json, schema(), file.string()));
    PluginManifest manifest;
    manifest.id = json["id"];
    manifest.name = json["name"];
    manifest.kind = json["kind"];
    manifest.apiVersion = json["apiVersion"];
    manifest.library = json["library"];
    manifest.summary = json.value("summary", "");
    manifest.authors = json.value("authors", std::vector<std::string>{});
    manifest.references = json.value("references", std::vector<std::string>{});
    manifest.folder = folder;
    return manifest;
}

std::vector<fs::path> PluginManager::searchFolders() {
    std::vector<fs::path> folders{libraryFolder() / "plugins"};
    if (const char* more = std::getenv("VITRINE_PLUGIN_PATH")) {
        std::istringstream stream(more);
        for (std::string folder; std::getline(stream, folder, ':');)
            if (!folder.empty())
                folders.emplace_back(folder);
    }
    folders.push_back(userStateFolder() / "plugins");
    return folders;
}

PluginManager::PluginManager(fs::path stateFile) : stateFile_(std::move(stateFile)) {
    auto state = readJsonFile(stateFile_, 1u << 20);
    // A damaged state file costs the switches, never the start.
    state_ = state && state->is_object() ? *state : Json::object();
    if (!state_.contains("off") || !state_["off"].is_object())
        state_["off"] = Json::object();
    // Still marked as loading by a process that is gone: it ended inside that plugin's start-up. One that
    // runs is only in the middle of it.
    const Json loading = state_.value("loading", Json());
    state_.erase("loading");
    if (!loading.is_object() || !loading.value("id", Json()).is_string() ||
        !loading.value("process", Json()).is_number_integer() || isRunning(loading["process"].get<int64_t>()))
        return;
    state_["off"][loading["id"].get<std::string>()] = {
        {"reason", "the program ended while it was being loaded"}, {"library", loading.value("library", "")}};
    if (const auto saved = saveState(); !saved)
        log::warn("{}", saved.error().text());
}

Result<void> PluginManager::saveState() const {
    std::error_code ignored;
    fs::create_directories(stateFile_.parent_path(), ignored);
    return writeFileAtomically(stateFile_, state_.dump(2));
}

void PluginManager::discover(const std::vector<fs::path>& folders) {
    plugins_.clear();
    for (const fs::path& folder : folders) {
        std::error_code problem;
        std::vector<fs::path> candidates;
        for (const auto& entry : fs::directory_iterator(folder, problem))
            if (fs::exists(entry.path() / "plugin.json", problem))
                candidates.push_back(entry.path());
        std::sort(candidates.begin(), candidates.end());
        for (const fs::path& candidate : candidates) {
            PluginStatus status;
            if (auto manifest = PluginManifest::read(candidate)) {
                status.manifest = std::move(*manifest);
                const bool known = std::any_of(
                    plugins_.begin(), plugins_.end(),
                    [&](const PluginStatus& other) { return other.manifest.id == status.manifest.id; });
                if (known)
                    continue;  // the first folder wins
                const Json off = state_["off"].value(status.manifest.id, Json());
                if (const auto reason = reasonOff(off, candidate / status.manifest.library)) {
                    status.state = PluginState::Off;
                    status.problem = *reason;
                }
            } else {
                status.manifest.id = status.manifest.name = candidate.filename().string();
                status.manifest.folder = candidate;
                status.state = PluginState::Failed;
                status.problem = manifest.error().text();
            }
            plugins_.push_back(std::move(status));
        }
    }
}

void PluginManager::load(PluginHost& host, bool engine) {
    for (PluginStatus& plugin : plugins_)
        if (plugin.state == PluginState::Found && plugin.manifest.needsEngine() == engine)
            loadOne(plugin, host);
}

void PluginManager::loadOne(PluginStatus& plugin, PluginHost& host) {
    const PluginManifest& manifest = plugin.manifest;
    if (manifest.apiVersion != kPluginApiVersion)
        return markFailed(plugin, fmt::format("made for plugin interface {}, this program has {}",
                                              manifest.apiVersion, kPluginApiVersion));
    state_["loading"] = {{"id", manifest.id},
                         {"process", int64_t(::getpid())},
                         {"library", stampOf(manifest.folder / manifest.library)}};
    (void)saveState();  // without a writable state folder only the protection against crashes is lost
    const fs::path library = manifest.folder / manifest.library;
    void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    std::string problem;
    if (!handle) {
        problem = ::dlerror();
    } else {
        const auto version = reinterpret_cast<int (*)()>(::dlsym(handle, "vitrinePluginApiVersion"));
        const auto registerPlugin =
            reinterpret_cast<void (*)(PluginHost&)>(::dlsym(handle, "vitrineRegisterPlugin"));
        if (!version || !registerPlugin)
            problem = "the library does not export vitrinePluginApiVersion and vitrineRegisterPlugin";
        else if (version() != kPluginApiVersion)
            problem = fmt::format("compiled for plugin interface {}, this program has {}", version(),
                                  kPluginApiVersion);
        else
            try {
                registerPlugin(host);
            } catch (...) {
                problem = errorFromCurrentException("registering").text();
            }
    }
    state_.erase("loading");
    if (problem.empty()) {
        plugin.state = PluginState::Loaded;
        (void)saveState();
    } else {
        markFailed(plugin, problem);
    }
}

void PluginManager::markFailed(PluginStatus& plugin, std::string problem) {
    log::warn("plugin \"{}\" failed and stays off: {}", plugin.manifest.name, problem);
    plugin.state = PluginState::Failed;
    plugin.problem = problem;
    state_["off"][plugin.manifest.id] = {
        {"reason", std::move(problem)},
        {"library", stampOf(plugin.manifest.folder / plugin.manifest.library)}};
    (void)saveState();
}

Result<void> PluginManager::setEnabled(const std::string& id, bool enabled) {
    const bool known = std::any_of(plugins_.begin(), plugins_.end(),
                                   [&](const PluginStatus& plugin) { return plugin.manifest.id == id; });
    if (!known)
        return fail(ErrorCode::NotFound, fmt::format("there is no plugin \"{}\"", id));
    if (enabled)
        state_["off"].erase(id);
    else
        state_["off"][id] = "switched off";
    return saveState();
}

Json PluginManager::toJson() const {
    Json list = Json::array();
    for (const PluginStatus& plugin : plugins_)
        list.push_back({{"id", plugin.manifest.id},
                        {"name", plugin.manifest.name},
                        {"kind", plugin.manifest.kind},
                        {"state", pluginStateName(plugin.state)},
                        {"problem", plugin.problem},
                        {"summary", plugin.manifest.summary},
                        {"authors", plugin.manifest.authors},
                        {"references", plugin.manifest.references},
                        {"folder", plugin.manifest.folder.string()}});
    return list;
}

}  // namespace vitrine
