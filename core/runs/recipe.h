// A recipe: one JSON file that says all about a job.
//   {"kind": "selftest", "name": "try", "seed": 1, "device": "cpu", "inputs": {}, "models": {},
//    "settings": {...as the kind says...}, "tags": [], "notes": ""}
#pragma once

#include "core/runs/job_kind.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

// Schema of recipes of `kind`, settings included.
Json recipeSchema(const JobKind& kind);

// Checks `recipe` against its kind's schema and fills in every default, so that what is stored says all.
Result<Json> completeRecipe(const Json& recipe, const JobKinds& kinds, const std::string& where);

// Reads a recipe file and applies `sets` ("settings.lr=0.1"). A misspelt key is refused with its JSON path
// and the nearest known key.
Result<Json> loadRecipe(const std::filesystem::path& path, const std::vector<std::string>& sets,
                        const JobKinds& kinds);

// "a.b=c" entries put into `value` (command line --set).
Result<void> applySets(Json& value, const std::vector<std::string>& sets);

}  // namespace vitrine
