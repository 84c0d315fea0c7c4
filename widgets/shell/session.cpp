#include "widgets/shell/session.h"

#include "core/base/file.h"

#include <algorithm>

namespace vitrine {

void Session::addRecent(const std::string& path) {
    std::erase(recent, path);
    recent.insert(recent.begin(), path);
    if (recent.size() > kRecent)
        recent.resize(kRecent);
}

Json Session::toJson() const {
    Json json{{"version", kVersion}, {"geometry", geometry},  {"workspace", workspace},
              {"dark", dark},        {"accent", accent},      {"recent", recent},
              {"project", project},  {"shortcuts", shortcuts}};
    json["layouts"] = Json::object();
    for (const auto& [name, layout] : layouts)
        json["layouts"][name] = layout;
    json["workspaces"] = Json::object();
    for (const auto& [name, state] : workspaces)
        json["workspaces"][name] = state;
    return json;
}

Result<Session> Session::fromJson(const Json& json, std::string_view where) {
    if (!json.is_object())
        return fail(ErrorCode::InvalidFile, "a session is a JSON object", std::string(where));
    VITRINE_TRY(const auto version, jsonValue<int64_t>(json, "version", where));
    if (version > kVersion)
        return fail(ErrorCode::Unsupported,
                    fmt::format("the session was written by a newer program (version {}, known {})", version,
                                kVersion),
                    std::string(where));
    Session session;
    VITRINE_TRY(session.geometry, jsonValueOr<std::string>(json, "geometry", "", where));
    VITRINE_TRY(session.workspace, jsonValueOr<std::string>(json, "workspace", "", where));
    VITRINE_TRY(session.dark, jsonValueOr<bool>(json, "dark", true, where));
    VITRINE_TRY(session.accent, jsonValueOr<std::string>(json, "accent", "", where));
    VITRINE_TRY(session.project, jsonValueOr<std::string>(json, "project", "", where));
    VITRINE_TRY(session.recent, jsonValueOr<std::vector<std::string>>(json, "recent", {}, where));
    VITRINE_TRY(session.shortcuts, jsonValueOr<Json>(json, "shortcuts", Json::object(), where));
    const Json layouts = json.value("layouts", Json::object());
    for (const auto& [name, layout] : layouts.items())
        if (layout.is_string())
            session.layouts[name] = layout.get<std::string>();
    const Json workspaces = json.value("workspaces", Json::object());
    for (const auto& [name, state] : workspaces.items())
        session.workspaces[name] = state;
    return session;
}

Result<Session> Session::load(const std::filesystem::path& file) {
    VITRINE_TRY(const Json json, readJsonFile(file, 64u << 20));
    return fromJson(json, file.string());
}

Result<void> Session::save(const std::filesystem::path& file) const {
    std::error_code failed;
    std::filesystem::create_directories(file.parent_path(), failed);
    return writeFileAtomically(file, toJson().dump(1) + "\n");
}

}  // namespace vitrine
