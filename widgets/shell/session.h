// What the window remembers: layout, theme, recent things, and each workspace's own state. Written
// atomically; a damaged or newer file is set aside, never fatal.
#pragma once

#include "core/base/json.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct Session {
    static constexpr int kVersion = 1;
    static constexpr size_t kRecent = 12;

    std::string geometry;  // QWidget::saveGeometry, base64
    std::string workspace;
    bool dark = true;
    std::string accent;
    std::vector<std::string> recent;  // newest first
    std::string project;
    Json shortcuts = Json::object();
    std::map<std::string, std::string> layouts;  // workspace name to dock layout
    std::map<std::string, Json> workspaces;      // workspace name to its state

    // Puts `path` first; at most 12 are kept.
    void addRecent(const std::string& path);
    Json toJson() const;
    static Result<Session> fromJson(const Json& json, std::string_view where);
    static Result<Session> load(const std::filesystem::path& file);
    Result<void> save(const std::filesystem::path& file) const;
};

}  // namespace vitrine
