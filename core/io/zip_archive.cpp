#include "core/io/zip_archive.h"

#include "core/io/byte_reader.h"

#include <zlib.h>

#include <algorithm>

namespace vitrine {
namespace {

// APPNOTE.TXT of PKWARE, sections 4.3.7 to 4.3.16.
constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50, kDirectoryEnd = 0x06054b50,
                   kDirectoryEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr size_t kDirectoryEndBytes = 22, kLocatorBytes = 20, kDirectoryEntryBytes = 46,
                 kLocalHeaderBytes = 30;
// Deflate cannot shrink more than this.
constexpr uint64_t kMaxRatio = 1032;

template <typename T>
T at(std::span<const std::byte> bytes, size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

// Sizes and offset above 32 bits stand in the extra field with id 1, in this order, only where the short
// field is full.
bool applyZip64(std::span<const std::byte> extra, ZipArchive::Member& member) {
    ByteReader reader(extra);
    while (reader.remaining() >= 4) {
        const uint16_t id = *reader.number<uint16_t>();
        const auto body = reader.take(*reader.number<uint16_t>());
        if (!body)
            return false;
        if (id != 1)
            continue;
        ByteReader values(*body);
        for (uint64_t* field : {&member.size, &member.compressedSize, &member.headerOffset}) {
            if (*field != 0xffffffff)
                continue;
            const auto value = values.number<uint64_t>();
            if (!value)
                return false;
            *field = *value;
        }
    }
    return true;
}

}  // namespace

Failure ZipArchive::damaged(const std::string& what) const {
    return fail(ErrorCode::InvalidFile, "damaged zip archive: " + what, where_, "Fetch the file again");
}

const ZipArchive::Member* ZipArchive::find(const std::string& name) const {
    const auto it = members_.find(name);
    return it == members_.end() ? nullptr : &it->second;
}

Result<ZipArchive> ZipArchive::open(std::span<const std::byte> bytes, std::string where) {
    ZipArchive zip;
    zip.archive_ = bytes;
    zip.where_ = std::move(where);
    if (bytes.size() < kDirectoryEndBytes)
        return zip.damaged("too short");
    // The end record is followed by a comment of up to 65535 bytes.
    size_t end = bytes.size() - kDirectoryEndBytes;
    const size_t lowest = end > 65535 ? end - 65535 : 0;
    while (at<uint32_t>(bytes, end) != kDirectoryEnd) {
        if (end == lowest)
            return zip.damaged("its directory is missing, the file is truncated");
        --end;
    }
    uint64_t count = at<uint16_t>(bytes, end + 10), size = at<uint32_t>(bytes, end + 12),
             offset = at<uint32_t>(bytes, end + 16);
    if (end >= kLocatorBytes && at<uint32_t>(bytes, end - kLocatorBytes) == kLocator64) {
        const uint64_t record = at<uint64_t>(bytes, end - kLocatorBytes + 8);
        if (bytes.size() < 56 || record > bytes.size() - 56 || at<uint32_t>(bytes, record) != kDirectoryEnd64)
            return zip.damaged("its 64-bit directory record is missing");
        count = at<uint64_t>(bytes, record + 32);
        size = at<uint64_t>(bytes, record + 40);
        offset = at<uint64_t>(bytes, record + 48);
    } else if (at<uint16_t>(bytes, end + 4) != 0) {
        return fail(ErrorCode::Unsupported, "the archive is one of several volumes", zip.where_);
    }
    VITRINE_TRY_VOID(zip.readDirectory(offset, size, count));
    return zip;
}

Result<void> ZipArchive::readDirectory(uint64_t offset, uint64_t size, uint64_t count) {
    if (offset > archive_.size() || size > archive_.size() - offset || count > size / kDirectoryEntryBytes)
        return damaged("its directory lies outside the file");
    ByteReader reader(archive_.subspan(offset, size));
    for (uint64_t i = 0; i < count; ++i) {
        const auto fixed = reader.take(kDirectoryEntryBytes);
        if (!fixed || at<uint32_t>(*fixed, 0) != kDirectoryEntry)
            return damaged("its directory is truncated");
        Member member;
        member.method = at<uint16_t>(*fixed, 10);
        member.crc = at<uint32_t>(*fixed, 16);
        member.compressedSize = at<uint32_t>(*fixed, 20);
        member.size = at<uint32_t>(*fixed, 24);
        member.headerOffset = at<uint32_t>(*fixed, 42);
        const auto name = reader.text(at<uint16_t>(*fixed, 28));
        const auto extra = reader.take(at<uint16_t>(*fixed, 30));
        const auto comment = reader.take(at<uint16_t>(*fixed, 32));
        if (!name || !extra || !comment || !applyZip64(*extra, member))
            return damaged("its directory is truncated");
        member.name = *name;
        if (at<uint16_t>(*fixed, 8) & 1)
            return fail(ErrorCode::Unsupported, fmt::format("\"{}\" is encrypted", member.name), where_);
        if (!members_.emplace(member.name, member).second)
            return damaged(fmt::format("\"{}\" occurs twice", member.name));
    }
    return {};
}

Result<std::span<const std::byte>> ZipArchive::raw(const Member& member) const {
    if (archive_.size() < kLocalHeaderBytes || member.headerOffset > archive_.size() - kLocalHeaderBytes ||
        at<uint32_t>(archive_, member.headerOffset) != kLocalHeader)
        return damaged(fmt::format("\"{}\" lies outside the file", member.name));
    // The local header's own name and extra field (padding) may differ in length from the directory's.
    const uint64_t start = member.headerOffset + kLocalHeaderBytes +
                           at<uint16_t>(archive_, member.headerOffset + 26) +
                           at<uint16_t>(archive_, member.headerOffset + 28);
    if (start > archive_.size() || member.compressedSize > archive_.size() - start)
        return damaged(fmt::format("\"{}\" ends behind the file's end", member.name));
    return archive_.subspan(start, member.compressedSize);
}

Result<std::span<const std::byte>> ZipArchive::stored(const Member& member) const {
    if (member.method != 0 || member.size != member.compressedSize)
        return damaged(fmt::format("\"{}\" is not stored as it is", member.name));
    return raw(member);
}

Result<std::vector<std::byte>> ZipArchive::extract(const Member& member) const {
    VITRINE_TRY(const auto packed, raw(member));
    std::vector<std::byte> content;
    if (member.method == 0) {
        VITRINE_TRY(const auto bytes, stored(member));
        content.assign(bytes.begin(), bytes.end());
    } else if (member.method == 8) {
        if (member.size / kMaxRatio > packed.size() + 1)
            return damaged(fmt::format("\"{}\" claims an impossible size", member.name));
        content.resize(member.size);
        z_stream stream{};
        if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
            return fail(ErrorCode::OutOfMemory, "no memory for decompression", where_);
        size_t fed = 0, made = 0;
        int status = Z_OK;
        std::byte overflow[1];  // a member that holds more than it claims must not end well
        while (status == Z_OK) {
            const size_t in = std::min<size_t>(packed.size() - fed, 1u << 30);
            const size_t out = std::min<size_t>(content.size() - made, 1u << 30);
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + fed));
            stream.avail_in = uInt(in);
            stream.next_out = reinterpret_cast<Bytef*>(out ? content.data() + made : overflow);
            stream.avail_out = uInt(out ? out : 1);
            status = inflate(&stream, Z_NO_FLUSH);
            fed += in - stream.avail_in;
            const size_t got = (out ? out : 1) - stream.avail_out;
            if (out == 0 && got > 0)
                status = Z_DATA_ERROR;
            made += out ? got : 0;
        }
        inflateEnd(&stream);
        if (status != Z_STREAM_END || made != content.size())
            return damaged(fmt::format("\"{}\" does not decompress", member.name));
    } else {
        return fail(ErrorCode::Unsupported,
                    fmt::format("\"{}\" is compressed by method {}", member.name, member.method), where_);
    }
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
    if (uint32_t(crc) != member.crc)
        return damaged(fmt::format("the checksum of \"{}\" is wrong", member.name));
    return content;
}

}  // namespace vitrine
