// The database's schema, version by version. A new database goes through every step as an old one does, so
// that both end up the same.
#pragma once

#include "core/runs/sqlite.h"

namespace vitrine {

inline constexpr int kSchemaVersion = 3;
// Name and version of this program as written into the databases it makes ("vitrine 0.1.0 (3f2a91c)").
std::string programVersion();

// `PRAGMA user_version`; 0 for a new file.
Result<int> schemaVersion(Database& database);
// Brings the database to kSchemaVersion in one transaction. Errors: Unsupported if a newer program made it.
Result<void> migrate(Database& database);
// Unsupported, saying which program made it, unless the database's version is at most kSchemaVersion.
Result<void> checkVersion(Database& database);
// Brings it to `target` only; for tests that make old files.
Result<void> migrateTo(Database& database, int target);

}  // namespace vitrine
