// Reading and writing whole files. Writes go to a temporary name in the same folder, are synced and renamed,
// so that a reader, a crash or a full disk never meets half a file.
#pragma once

#include "core/base/result.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vitrine {

// The error that errno stands for after a failed call on `path` (not found, permission, disk full, directory,
// ...).
Error errorFromErrno(int errnoValue, std::string_view doing, const std::filesystem::path& path);

// Whole file as bytes. Refuses directories, sockets and files larger than `maxBytes`.
Result<std::string> readFile(const std::filesystem::path& path, size_t maxBytes = size_t(4) << 30);

// Replaces `path` by `content` atomically; the folder must exist.
Result<void> writeFileAtomically(const std::filesystem::path& path, std::string_view content);

// A file being written piecewise. commit() syncs and renames; without it the destructor removes the temporary
// file.
class AtomicFileWriter {
  public:
    static Result<AtomicFileWriter> create(const std::filesystem::path& path);
    AtomicFileWriter(AtomicFileWriter&& other) noexcept;
    AtomicFileWriter& operator=(AtomicFileWriter&& other) noexcept;
    ~AtomicFileWriter();

    Result<void> write(std::string_view bytes);
    Result<void> commit();

  private:
    AtomicFileWriter() = default;
    void discard();

    std::filesystem::path path_;
    std::filesystem::path temporaryPath_;
    int descriptor_ = -1;
};

// A read-only memory-mapped file; the mapping lives as long as the object. Empty files map to an empty span.
class MappedFile {
  public:
    static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    const std::filesystem::path& path() const { return path_; }

  private:
    MappedFile() = default;

    std::filesystem::path path_;
    const std::byte* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace vitrine
