// One entry of the cache of teachers as a file.
#pragma once

#include "core/distill/teacher.h"

#include <filesystem>

namespace vitrine {

constexpr const char* kCacheEntryExtension = ".features";
constexpr int64_t kCacheEntryHeaderBytes = 1024;  // beside the values, about

// Values as they are stored: contiguous, on the CPU, float or bfloat16.
using StoredOutput = TeacherOutput;

StoredOutput storedForm(const TeacherOutput& output, at::ScalarType type);
// Copies, in float.
TeacherOutput asFloats(const StoredOutput& stored);
int64_t bytesOf(const StoredOutput& stored);

// Written to a temporary name, synced and renamed.
Result<void> writeCacheEntry(const std::filesystem::path& file, const std::string& key,
                             const StoredOutput& stored);
// InvalidFile for an entry of another key, or whose values are not those that were written.
Result<TeacherOutput> readCacheEntry(const std::filesystem::path& file, const std::string& key);

}  // namespace vitrine
