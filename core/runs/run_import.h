// Runs made by other programs: TensorBoard event files and CSV.
#pragma once

#include "core/runs/run_store.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

// One value of an event file.
struct TensorboardValue {
    std::string tag;
    int64_t step = 0;
    double time = 0;    // seconds since 1970
    double scalar = 0;  // if `image` is empty
    std::string image;  // encoded picture (PNG, JPEG, ...)
};

struct TensorboardFile {
    std::vector<TensorboardValue> values;
    int64_t skippedValues = 0;  // histograms, audio, text, ...
    bool truncated = false;     // the last record is incomplete: its writer was killed or is still writing
};

// Reads TFRecords (length, masked CRC-32C, data) of Event messages; scalars as simple_value or as a tensor,
// pictures as Image or as a string tensor. InvalidFile where a checksum differs.
Result<TensorboardFile> readTensorboardFile(const std::filesystem::path& path);
Result<TensorboardFile> parseTensorboard(std::string_view bytes, const std::string& where);

// Every folder below `path` with event files becomes a finished run of kind "import" (a file: one run).
Result<std::vector<Run>> importTensorboard(const Project& project, const std::filesystem::path& path);

// A table with a header line: the step column ("step", "epoch", "iteration" or the named one) and metrics.
// Empty and non-number fields are left out; columns of text give nothing.
Result<Run> importCsv(const Project& project, const std::filesystem::path& path,
                      const std::string& stepColumn = {}, const std::string& name = {});

// By what the path is: *.csv, an event file, or a folder.
Result<std::vector<Run>> importRuns(const Project& project, const std::filesystem::path& path,
                                    const std::string& stepColumn = {});

// CRC-32C (Castagnoli), as TFRecords use it.
uint32_t crc32c(std::string_view bytes);

}  // namespace vitrine
