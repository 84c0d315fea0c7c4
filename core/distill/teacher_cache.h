// What teachers said, on disk: a folder of small safetensors files that several runs share. An entry is found
// by the hash of its key, a text that names all that the values depend on (teacher, pictures and how they
// were shown, what computed it), and holds that text, so that another entry is never taken for it.
//
// Files are written in the background to a temporary name, synced and renamed: a killed process leaves whole
// entries and perhaps a temporary file, which a later process takes away. What is damaged (each entry has a
// checksum) is thrown away and computed again. One object belongs to one thread; many processes may use the
// folder at once.
#pragma once

#include "core/base/result.h"
#include "core/distill/teacher.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

struct TeacherCacheOptions {
    int64_t limitBytes = int64_t(8) << 30;       // of the folder, all runs together
    at::ScalarType stored = at::kFloat;          // or kBFloat16, for values that were rounded to it
    int64_t bytesLeftFree = int64_t(256) << 20;  // of the disk: checkpoints come first
    int64_t queueBytes = int64_t(256) << 20;     // waiting to be written; more waits for the disk
};

class TeacherCache {
  public:
    struct Counts {
        int64_t found = 0, missing = 0;
        int64_t storedBytes = 0;  // by this process
        double seconds = 0;       // spent in find() and keep()
    };

    // Makes the folder. Errors: those of making and reading it.
    static Result<std::unique_ptr<TeacherCache>> open(const std::filesystem::path& folder,
                                                      const TeacherCacheOptions& options = {});
    // Writes what waits.
    ~TeacherCache();

    // Float values on the CPU, to the bit what was kept; nothing where the key is not there.
    std::optional<TeacherOutput> find(const std::string& key);
    // Stores the values (any device) soon. Where the limit is reached, entries that no run has used since
    // this object was opened go first; where there are none left, nothing more is stored. A disk that is full
    // or fails ends the storing, not the finding; see takeMessages.
    void keep(const std::string& key, const TeacherOutput& output);
    // Waits until all that was kept is on disk.
    void flush();

    Counts counts() const;
    // Bytes of all entries, as far as this process knows.
    int64_t totalBytes() const;
    const TeacherCacheOptions& options() const;
    // What the user should be told since the last call.
    std::vector<std::string> takeMessages();

    // Bytes that a cache in this folder could hold: its limit, or what its disk leaves. The folder need not
    // be there.
    static double room(const std::filesystem::path& folder, const TeacherCacheOptions& options);
    // Bytes on disk of an entry with so many values.
    static int64_t entryBytes(int64_t values, at::ScalarType stored);

  private:
    struct Parts;
    explicit TeacherCache(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace vitrine
