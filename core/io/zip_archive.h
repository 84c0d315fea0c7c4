// Reading zip archives (zip64 too) from untrusted bytes: stored and deflated members.
#pragma once

#include "core/base/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace vitrine {

class ZipArchive {
  public:
    struct Member {
        std::string name;
        uint16_t method = 0;  // 0 stored, 8 deflated
        uint32_t crc = 0;
        uint64_t compressedSize = 0;
        uint64_t size = 0;
        uint64_t headerOffset = 0;
    };

    // `archive` must outlive the object; `where` is put into errors. InvalidFile for damage, a name that
    // occurs twice, and members that do not lie inside the file; Unsupported for encryption and archives of
    // several volumes.
    static Result<ZipArchive> open(std::span<const std::byte> archive, std::string where);

    const std::map<std::string, Member>& members() const { return members_; }
    const Member* find(const std::string& name) const;
    // The bytes of a stored member in place; InvalidFile if it is compressed.
    Result<std::span<const std::byte>> stored(const Member& member) const;
    // The content of any member, its checksum verified.
    Result<std::vector<std::byte>> extract(const Member& member) const;

  private:
    Failure damaged(const std::string& what) const;
    Result<void> readDirectory(uint64_t offset, uint64_t size, uint64_t count);
    Result<std::span<const std::byte>> raw(const Member& member) const;

    std::span<const std::byte> archive_;
    std::string where_;
    std::map<std::string, Member> members_;
};

}  // namespace vitrine
