// Finds, loads and remembers plugins. A plugin that fails (cannot be linked, has another API version, throws,
// or took the program down while it was loaded) is named, and stays off at the next start until its library
// has changed or the user switches it on again. Several processes, and several managers of one, may load at
// once.
#pragma once

#include "core/base/json.h"
#include "core/plugins/plugin_api.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

// plugin.json.
struct PluginManifest {
    std::string id;  // "org.example.my-plugin"
    std::string name;
    std::string kind;  // "encoder", "upsampler" or "reader"
    int64_t apiVersion = 0;
    std::string library;  // file name inside the folder
    std::string summary;
    std::vector<std::string> authors;
    std::vector<std::string> references;
    std::filesystem::path folder;

    static const Json& schema();
    static Result<PluginManifest> read(const std::filesystem::path& folder);
    // Encoders and upsamplers need LibTorch and are loaded together with the engine.
    bool needsEngine() const { return kind != "reader"; }
};

enum class PluginState { Found, Loaded, Failed, Off };
const char* pluginStateName(PluginState state);

struct PluginStatus {
    PluginManifest manifest;
    PluginState state = PluginState::Found;
    std::string problem;  // why it failed or is off
};

class PluginManager {
  public:
    // Folders searched: <library folder>/plugins, $VITRINE_PLUGIN_PATH (colon-separated), <user
    // state>/plugins.
    static std::vector<std::filesystem::path> searchFolders();

    // `stateFile` remembers failures and switches (userStateFolder()/plugins.json in the programs).
    explicit PluginManager(std::filesystem::path stateFile);

    // Reads all manifests; broken ones appear as Failed.
    void discover(const std::vector<std::filesystem::path>& folders);
    // Loads what is switched on and matches `engine` (see PluginManifest::needsEngine).
    void load(PluginHost& host, bool engine);
    // Switches a plugin on or off for the next start.
    Result<void> setEnabled(const std::string& id, bool enabled);

    const std::vector<PluginStatus>& plugins() const { return plugins_; }
    Json toJson() const;

  private:
    void loadOne(PluginStatus& plugin, PluginHost& host);
    void markFailed(PluginStatus& plugin, std::string problem);
    Result<void> saveState() const;

    std::filesystem::path stateFile_;
    Json state_;  // {"off": {id: reason or {"reason", "library"}}, "loading": {"id", "process", "library"}}
    std::vector<PluginStatus> plugins_;
};

}  // namespace vitrine
