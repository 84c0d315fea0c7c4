// Writes the bytes of small zip archives (members stored) for tests.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::testing {

inline std::string torchZip(const std::vector<std::pair<std::string, std::string>>& members) {
    const auto number = [](uint64_t value, size_t bytes) {
        return std::string(reinterpret_cast<char*>(&value), bytes);
    };
    std::string file, directory;
    for (const auto& [name, content] : members) {
        const uint64_t offset = file.size();
        const uint64_t crc = crc32(0, reinterpret_cast<const Bytef*>(content.data()), uInt(content.size()));
        const std::string common = number(0, 8) + number(crc, 4) + number(content.size(), 4) +
                                   number(content.size(), 4) + number(name.size(), 2) + number(0, 2);
        file += "PK\x03\x04" + number(20, 2) + common + name + content;
        directory += "PK\x01\x02" + number(20, 2) + number(20, 2) + common + std::string(10, '\0') +
                     number(offset, 4) + name;
    }
    const uint64_t start = file.size();
    return file + directory + "PK\x05\x06" + number(0, 4) + number(members.size(), 2) +
           number(members.size(), 2) + number(directory.size(), 4) + number(start, 4) + number(0, 2);
}

}  // namespace vitrine::testing
