#include "core/runs/project.h"

#include "core/base/file.h"
#include "core/runs/migrations.h"
#include "core/runs/process_info.h"
#include "core/runs/run_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace vitrine {
namespace fs = std::filesystem;

namespace {

bool isWritable(const fs::path& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

Result<Database> openReadOnly(const fs::path& path) {
    auto database = Database::open(path, Database::Mode::ReadOnly);
    // WAL needs its shared-memory file; in a folder that cannot be written and has none, the database cannot
    // be changed by anyone here either, so it is read without locks.
    if (database && database->scalar("SELECT count(*) FROM sqlite_master"))
        return database;
    if (!isWritable(path.parent_path())) {
        VITRINE_TRY(Database immutable, Database::open(path, Database::Mode::Immutable));
        VITRINE_TRY_VOID(immutable.scalar("SELECT count(*) FROM sqlite_master").map([](const auto&) {}));
        return immutable;
    }
    if (!database)
        return database;
    return fail(database->lastError());
}

Result<Database> openDatabase(const fs::path& folder, Project::Access access) {
    const fs::path path = folder / "vitrine.db";
    if (access == Project::Access::ReadOnly || !isWritable(folder) || !isWritable(path)) {
        VITRINE_TRY(Database database, openReadOnly(path));
        VITRINE_TRY_VOID(checkVersion(database));
        VITRINE_TRY(const int version, schemaVersion(database));
        if (version < kSchemaVersion)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("the database has the old schema version {} and can only be read after it "
                            "was brought to version {}",
                            version, kSchemaVersion),
                path.string(), "Open a copy of the project in a folder that can be written");
        return database;
    }
    VITRINE_TRY(Database database, Database::open(path, Database::Mode::ReadWrite));
    VITRINE_TRY_VOID(checkVersion(database));
    VITRINE_TRY_VOID(database.script("PRAGMA journal_mode=WAL"));
    VITRINE_TRY_VOID(migrate(database));
    return database;
}

}  // namespace

Project::Project(fs::path folder, Database database)
    : folder_(std::move(folder)), database_(std::move(database)), artifacts_(folder_ / "artifacts") {}

bool Project::exists(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / "vitrine.db", ignored) || fs::exists(folder / "project.json", ignored);
}

Result<Project> Project::create(const fs::path& folder, const std::string& name) {
    if (folder.empty())
        return fail(ErrorCode::InvalidArgument, "no project folder was given", {}, "Give one with --project");
    if (exists(folder))
        return fail(ErrorCode::InvalidArgument, "there is a project in this folder already", folder.string(),
                    "Open it, or choose another folder");
    std::error_code error;
    fs::create_directories(folder / "artifacts", error);
    if (error)
        return fail(errorFromErrno(error.value(), "create the project folder", folder));
    const fs::path absolute = fs::absolute(folder).lexically_normal();
    fs::path last = absolute.filename().empty() ? absolute.parent_path().filename() : absolute.filename();
    VITRINE_TRY(Database database, Database::open(folder / "vitrine.db", Database::Mode::Create));
    VITRINE_TRY_VOID(database.script("PRAGMA journal_mode=WAL"));
    VITRINE_TRY_VOID(migrate(database));
    const Json description{{"format", "vitrine project"},
                           {"name", name.empty() ? last.string() : name},
                           {"created", nowSeconds()},
                           {"created_by", programVersion()}};
    VITRINE_TRY_VOID(writeFileAtomically(folder / "project.json", description.dump(2) + "\n"));
    Project project(folder, std::move(database));
    VITRINE_TRY_VOID(project.readDescription());
    return project;
}

Result<Project> Project::open(const fs::path& folder, Access access) {
    std::error_code error;
    if (!fs::exists(folder / "vitrine.db", error))
        return fail(ErrorCode::NotFound, "there is no project in this folder (no vitrine.db)",
                    folder.string(), "Check the path, or make one with `vitrine project create FOLDER`");
    VITRINE_TRY(Database database, openDatabase(folder, access));
    Project project(folder, std::move(database));
    VITRINE_TRY_VOID(project.readDescription());
    if (!project.readOnly()) {
        VITRINE_TRY_VOID(RunStore(project).markInterruptedIfPossible());
    }
    return project;
}

Result<Project> Project::openOrCreate(const fs::path& folder) {
    return exists(folder) ? open(folder) : create(folder);
}

Result<void> Project::readDescription() {
    const fs::path path = folder_ / "project.json";
    std::error_code error;
    name_ = fs::absolute(folder_).lexically_normal().filename().string();
    if (!fs::exists(path, error))
        return {};  // the database alone is enough
    VITRINE_TRY(const Json description, readJsonFile(path, 1 << 20));
    VITRINE_TRY(name_, jsonValueOr<std::string>(description, "name", name_, path.string()));
    VITRINE_TRY(created_, jsonValueOr<double>(description, "created", 0.0, path.string()));
    return {};
}

Result<std::vector<std::string>> Project::checkIntegrity() const {
    std::vector<std::string> problems;
    {
        VITRINE_TRY(Statement check, database_.prepare("PRAGMA integrity_check"));
        while (true) {
            VITRINE_TRY(const bool row, check.step());
            if (!row)
                break;
            if (check.text(0) != "ok")
                problems.push_back(check.text(0));
        }
    }
    VITRINE_TRY(Statement check, database_.prepare("PRAGMA foreign_key_check"));
    while (true) {
        VITRINE_TRY(const bool row, check.step());
        if (!row)
            return problems;
        problems.push_back(
            fmt::format("{} row {} refers to a missing {}", check.text(0), check.text(1), check.text(2)));
    }
}

Result<int64_t> Project::changeCounter() const {
    VITRINE_TRY(const SqlValue version, database_.scalar("PRAGMA data_version"));
    return integerOr(version, 0);
}

}  // namespace vitrine
