#include "core/media/image_header.h"

#include "core/base/file.h"
#include "core/media/tiff_fields.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace vitrine {
namespace {

using Parsed = std::optional<ImageHeader>;

Parsed parsePng(std::span<const std::byte> data) {
    HeaderBytes bytes(data, true);
    ImageHeader header{ImageFormat::Png, {bytes.number(16, 4), bytes.number(20, 4)}};
    const uint32_t depth = bytes.number(24, 1), colour = bytes.number(25, 1);
    header.sampleType = depth == 16 ? SampleType::U16 : SampleType::U8;
    header.channels = colour == 0 ? 1 : colour == 2 || colour == 3 ? 3 : 4;
    if (!bytes.text(12, "IHDR") || bytes.failed())
        return std::nullopt;
    for (uint64_t at = 8; at + 12 <= bytes.size();) {
        const uint64_t length = bytes.number(at, 4);
        if (bytes.text(at + 4, "tRNS") && colour == 3)
            header.channels = 4;
        if (bytes.text(at + 4, "eXIf"))
            header.orientation =
                exifOrientation(bytes.from(at + 8).first(std::min(length, bytes.size() - at - 8)));
        if (bytes.text(at + 4, "IDAT"))
            break;
        at += 12 + length;
    }
    return header;
}

Parsed parseJpeg(std::span<const std::byte> data) {
    HeaderBytes bytes(data, true);
    ImageHeader header{ImageFormat::Jpeg, {}};
    for (uint64_t at = 2; at + 4 <= bytes.size();) {
        if (bytes.number(at, 1) != 0xFF)
            return std::nullopt;
        const uint32_t marker = bytes.number(at + 1, 1);
        if (marker == 0xFF) {  // fill byte
            ++at;
            continue;
        }
        const uint64_t length = bytes.number(at + 2, 2);
        if (marker == 0xE1 && bytes.text(at + 4, std::string_view("Exif\0\0", 6)))
            header.orientation = exifOrientation(bytes.from(at + 10).first(
                std::min<uint64_t>(length < 8 ? 0 : length - 8, bytes.from(at + 10).size())));
        const bool frame =
            marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frame) {
            header.size = {bytes.number(at + 7, 2), bytes.number(at + 5, 2)};
            header.channels = bytes.number(at + 9, 1) == 1 ? 1 : 3;
            return bytes.failed() ? std::nullopt : Parsed(header);
        }
        if (marker == 0xDA || marker == 0xD9 || length < 2)
            return std::nullopt;
        at += 2 + length;
    }
    return std::nullopt;
}

Parsed parseWebP(std::span<const std::byte> data) {
    HeaderBytes bytes(data, false);
    ImageHeader header{ImageFormat::WebP, {}};
    if (bytes.text(12, "VP8X")) {
        header.size = {bytes.number(24, 3) + 1, bytes.number(27, 3) + 1};
        header.channels = bytes.number(20, 1) & 0x10 ? 4 : 3;
        for (uint64_t at = 30; at + 8 <= bytes.size();) {
            const uint64_t length = bytes.number(at + 4, 4);
            if (bytes.text(at, "EXIF")) {
                const auto exif = bytes.from(at + 8);
                const bool prefixed = bytes.text(at + 8, std::string_view("Exif\0\0", 6));
                header.orientation = exifOrientation(prefixed ? exif.subspan(6) : exif);
            }
            at += 8 + length + (length & 1);
        }
    } else if (bytes.text(12, "VP8L")) {
        const uint32_t bits = bytes.number(21, 4);
        header.size = {(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
        header.channels = bits >> 28 & 1 ? 4 : 3;
    } else if (bytes.text(12, "VP8 ")) {
        header.size = {bytes.number(26, 2) & 0x3FFF, bytes.number(28, 2) & 0x3FFF};
    } else {
        return std::nullopt;
    }
    return bytes.failed() ? std::nullopt : Parsed(header);
}

Parsed parseTiff(std::span<const std::byte> data) {
    const auto fields = tiffFields(data);
    if (!fields)
        return std::nullopt;
    ImageHeader header{ImageFormat::Tiff, {fields->width, fields->height}};
    if (fields->orientation >= 1 && fields->orientation <= 8)
        header.orientation = int(fields->orientation);
    header.channels = fields->photometric == 3 ? 3 : int(std::min(fields->samples, 255u));
    header.sampleType = fields->sampleFormat == 3 || fields->bits > 16 ? SampleType::F32
                        : fields->bits == 16                           ? SampleType::U16
                                                                       : SampleType::U8;
    return header;
}

Parsed parseBmp(std::span<const std::byte> data) {
    HeaderBytes bytes(data, false);
    ImageHeader header{ImageFormat::Bmp, {}};
    if (bytes.number(14, 4) == 12)
        header.size = {bytes.number(18, 2), bytes.number(20, 2)};
    else
        header.size = {int64_t(int32_t(bytes.number(18, 4))),
                       std::abs(int64_t(int32_t(bytes.number(22, 4))))};
    header.channels = bytes.number(28, 2) == 32 ? 4 : 3;
    return bytes.failed() ? std::nullopt : Parsed(header);
}

// Numbers of a text header, comments left out.
Parsed parsePnm(std::span<const std::byte> data) {
    const std::string_view text(reinterpret_cast<const char*>(data.data()),
                                std::min<size_t>(data.size(), 4096));
    const char kind = text[1];
    size_t at = 2;
    const auto next = [&]() -> int64_t {
        while (at < text.size() && (std::isspace(uint8_t(text[at])) || text[at] == '#'))
            if (text[at] == '#')
                at = std::min(text.find('\n', at), text.size());
            else
                ++at;
        int64_t value = 0;
        const size_t begin = at;
        for (; at < text.size() && std::isdigit(uint8_t(text[at])) && value < (1ll << 40); ++at)
            value = value * 10 + (text[at] - '0');
        return at > begin ? value : -1;
    };
    ImageHeader header{ImageFormat::Pnm, {}};
    header.size.width = next();
    header.size.height = next();
    const int64_t largest = kind == '1' || kind == '4' ? 1 : next();
    header.channels = kind == '3' || kind == '6' ? 3 : 1;
    header.sampleType = largest > 255 ? SampleType::U16 : SampleType::U8;
    return largest < 1 || largest > 65535 ? std::nullopt : Parsed(header);
}

Parsed parseExr(std::span<const std::byte> data) {
    HeaderBytes bytes(data, false);
    ImageHeader header{ImageFormat::Exr, {}};
    header.sampleType = SampleType::F32;
    const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    const auto length = [&](uint64_t at) {
        return text.substr(std::min<uint64_t>(at, text.size())).find('\0');
    };
    for (uint64_t at = 8; at < text.size() && text[at] != '\0';) {
        const size_t name = length(at), type = name == text.npos ? name : length(at + name + 1);
        if (name == text.npos || type == text.npos)
            return std::nullopt;
        const uint64_t value = at + name + type + 2, size = bytes.number(value, 4);
        if (text.substr(at, name) == "channels" && size <= text.size() && value + 4 + size <= text.size()) {
            int count = 0;
            for (uint64_t channel = value + 4; channel < value + 4 + size && text[channel] != '\0'; ++count)
                channel += length(channel) + 17;
            header.channels = std::clamp(count, 1, 4);
        }
        if (text.substr(at, name) == "dataWindow") {
            const auto corner = [&](int i) {
                return int64_t(int32_t(bytes.number(value + 4 + 4ull * uint64_t(i), 4)));
            };
            header.size = {corner(2) - corner(0) + 1, corner(3) - corner(1) + 1};
        }
        at = value + 4 + size;
    }
    return bytes.failed() ? std::nullopt : Parsed(header);
}

Parsed parseHdr(std::span<const std::byte> data) {
    const std::string text(reinterpret_cast<const char*>(data.data()), std::min<size_t>(data.size(), 16384));
    const size_t end = text.find("\n\n");
    long long height = 0, width = 0;
    if (end == text.npos ||
        std::sscanf(text.c_str() + end + 2, "%*1[+-]Y %lld %*1[+-]X %lld", &height, &width) != 2)
        return std::nullopt;
    return ImageHeader{ImageFormat::Hdr, {width, height}, 3, SampleType::F32};
}

std::optional<ImageFormat> formatOf(std::span<const std::byte> data) {
    const HeaderBytes bytes(data, true);
    if (bytes.text(0, "\x89PNG\r\n\x1a\n"))
        return ImageFormat::Png;
    if (bytes.text(0, "\xff\xd8\xff"))
        return ImageFormat::Jpeg;
    if (bytes.text(0, "RIFF") && bytes.text(8, "WEBP"))
        return ImageFormat::WebP;
    if (bytes.text(0, std::string_view("II*\0", 4)) || bytes.text(0, std::string_view("MM\0*", 4)))
        return ImageFormat::Tiff;
    if (bytes.text(0, "BM"))
        return ImageFormat::Bmp;
    if (bytes.text(0, "\x76\x2f\x31\x01"))
        return ImageFormat::Exr;
    if (bytes.text(0, "#?RADIANCE") || bytes.text(0, "#?RGBE"))
        return ImageFormat::Hdr;
    if (data.size() > 8 && char(data[0]) == 'P' && char(data[1]) >= '1' && char(data[1]) <= '6')
        return ImageFormat::Pnm;
    return std::nullopt;
}

Parsed parse(ImageFormat format, std::span<const std::byte> bytes) {
    constexpr Parsed (*kParsers[])(std::span<const std::byte>) = {parsePng, parseJpeg, parseWebP, parseTiff,
                                                                  parseBmp, parsePnm,  parseExr,  parseHdr};
    return kParsers[int(format)](bytes);
}

}  // namespace

const char* imageFormatName(ImageFormat format) {
    constexpr const char* kNames[] = {"PNG", "JPEG", "WebP", "TIFF", "BMP", "PNM", "OpenEXR", "Radiance HDR"};
    return kNames[int(format)];
}

Result<ImageHeader> readImageHeader(std::span<const std::byte> bytes, std::string_view where) {
    if (bytes.empty())
        return fail(ErrorCode::InvalidFile, "the file is empty", std::string(where));
    const auto format = formatOf(bytes);
    if (!format)
        return fail(ErrorCode::InvalidFile,
                    "its first bytes are those of no picture format that is read here", std::string(where),
                    "PNG, JPEG, WebP, TIFF, BMP, PNM, OpenEXR and Radiance HDR are read");
    Parsed header = parse(*format, bytes);
    if (!header || header->size.width < 1 || header->size.height < 1)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the {} header is damaged or cut off", imageFormatName(*format)),
                    std::string(where));
    if (header->orientation >= 5)
        std::swap(header->size.width, header->size.height);
    return *header;
}

Result<ImageHeader> readImageHeader(const std::filesystem::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    return readImageHeader(file->bytes(), path.string());
}

}  // namespace vitrine
