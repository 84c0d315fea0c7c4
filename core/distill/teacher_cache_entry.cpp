#include "core/distill/teacher_cache_entry.h"

#include "core/base/file.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"

#include <cstring>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Sixty-four bits that almost any change of the values changes too; far faster than a cryptographic hash.
uint64_t checksumOf(const at::Tensor& values, uint64_t seed) {
    constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;
    const auto* bytes = static_cast<const unsigned char*>(values.const_data_ptr());
    const size_t count = values.nbytes();
    // Four sums that do not wait for each other.
    uint64_t sums[4] = {seed ^ count, seed + 1, seed + 2, seed + 3};
    size_t at = 0;
    for (; at + 32 <= count; at += 32)
        for (int lane = 0; lane < 4; ++lane) {
            uint64_t word;
            std::memcpy(&word, bytes + at + 8 * size_t(lane), 8);
            sums[lane] = (sums[lane] ^ word) * kOdd;
            sums[lane] ^= sums[lane] >> 32;
        }
    for (; at < count; ++at)
        sums[0] = (sums[0] ^ bytes[at]) * kOdd;
    uint64_t whole = 0;
    for (const uint64_t sum : sums)
        whole = (whole ^ sum ^ sum >> 29) * kOdd;
    return whole;
}

std::string checksumOf(const StoredOutput& output) {
    uint64_t sum = checksumOf(output.features, 0);
    if (output.summary.defined())
        sum = checksumOf(output.summary, sum);
    return fmt::format("{:016x}", sum);
}

}  // namespace

StoredOutput storedForm(const TeacherOutput& output, at::ScalarType type) {
    StoredOutput stored{{}, output.features.to(at::kCPU, type).contiguous()};
    if (output.summary.defined())
        stored.summary = output.summary.to(at::kCPU, type).contiguous();
    return stored;
}

TeacherOutput asFloats(const StoredOutput& stored) {
    TeacherOutput output{{}, stored.features.to(at::kFloat, false, true)};
    if (stored.summary.defined())
        output.summary = stored.summary.to(at::kFloat, false, true);
    return output;
}

int64_t bytesOf(const StoredOutput& output) {
    return int64_t(output.features.nbytes() + (output.summary.defined() ? output.summary.nbytes() : 0));
}

Result<void> writeCacheEntry(const fs::path& file, const std::string& key, const StoredOutput& stored) {
    std::map<std::string, at::Tensor> tensors{{"features", stored.features}};
    if (stored.summary.defined())
        tensors["summary"] = stored.summary;
    return writeTensors(file, tensors, {{"key", key}, {"checksum", checksumOf(stored)}});
}

Result<TeacherOutput> readCacheEntry(const fs::path& file, const std::string& key) {
    VITRINE_TRY(const auto source, openSafetensors(file));
    VITRINE_TRY(auto tensors, readAllTensors(*source));
    const StoredOutput stored{tensors["summary"], tensors["features"]};
    auto metadata = source->metadata();
    if (metadata["key"] != key || !stored.features.defined() || metadata["checksum"] != checksumOf(stored))
        return fail(ErrorCode::InvalidFile, "this is no such entry", file.string());
    return asFloats(stored);  // copies: the file may be removed, and its map with it
}

}  // namespace vitrine
