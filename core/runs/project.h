// A project: a folder with project.json, vitrine.db (the experiment database) and artifacts/ (files by
// content). Many processes may have it open at once. A Project holds one database connection and belongs to
// one thread; another thread opens the folder again.
#pragma once

#include "core/base/json.h"
#include "core/runs/artifact_store.h"
#include "core/runs/sqlite.h"

#include <filesystem>
#include <string>

namespace vitrine {

class Project {
  public:
    enum class Access { ReadWrite, ReadOnly };

    // Makes the folder (it may exist, but must not hold a project) and opens it.
    static Result<Project> create(const std::filesystem::path& folder, const std::string& name = {});
    // Opens an existing project, migrating an older database. Where the folder or the database cannot be
    // written it is opened read-only (see readOnly()). Runs whose process is gone become "interrupted".
    // Errors: NotFound; Busy (naming the process that holds the lock); Unsupported (made by a newer
    // version); InvalidFile (not a database, damaged); DiskFull.
    static Result<Project> open(const std::filesystem::path& folder, Access access = Access::ReadWrite);
    static Result<Project> openOrCreate(const std::filesystem::path& folder);
    static bool exists(const std::filesystem::path& folder);

    const std::filesystem::path& folder() const { return folder_; }
    const std::string& name() const { return name_; }
    double created() const { return created_; }  // seconds since 1970
    bool readOnly() const { return database_.isReadOnly(); }
    std::filesystem::path databasePath() const { return folder_ / "vitrine.db"; }
    // Working folder of a run (checkpoints, control socket); not created here.
    std::filesystem::path runFolder(const std::string& runId) const { return folder_ / "runs" / runId; }

    Database& database() const { return database_; }
    const ArtifactStore& artifacts() const { return artifacts_; }

    // SQLite's own integrity check and foreign keys; empty if all is well, else one line per problem.
    Result<std::vector<std::string>> checkIntegrity() const;
    // A number that changes whenever any connection commits: a cheap "is there anything new?".
    Result<int64_t> changeCounter() const;

  private:
    Project(std::filesystem::path folder, Database database);
    Result<void> readDescription();

    std::filesystem::path folder_;
    std::string name_;
    double created_ = 0;
    mutable Database database_;
    ArtifactStore artifacts_;
};

}  // namespace vitrine
