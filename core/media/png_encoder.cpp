#include "core/media/png_encoder.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace vitrine {
namespace {

constexpr size_t kLargestChunk = size_t(1) << 30;  // bytes; the format allows 2^31 - 1

void appendNumber(std::string& out, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out += char(value >> shift & 0xff);
}

void appendChunk(std::string& out, std::string_view type, std::string_view data) {
    appendNumber(out, uint32_t(data.size()));
    const size_t checkedFrom = out.size();
    out += type;
    out += data;
    const auto* checked = reinterpret_cast<const Bytef*>(out.data() + checkedFrom);
    appendNumber(out, uint32_t(::crc32_z(0, checked, out.size() - checkedFrom)));
}

// Samples of a row, 16-bit ones with the high byte first.
std::string samplesOf(const Image& image, int64_t y) {
    if (image.sampleType() == SampleType::U8)
        return {image.row<char>(y), image.rowBytes()};
    std::string bytes;
    bytes.reserve(image.rowBytes());
    const uint16_t* samples = image.row<uint16_t>(y);
    for (int64_t i = 0; i < image.width() * image.channels(); ++i) {
        bytes += char(samples[i] >> 8);
        bytes += char(samples[i] & 0xff);
    }
    return bytes;
}

// The row as it is (filter type 0), less its left (1) or its upper neighbour (2): whichever is smallest in
// sum, as the specification recommends (12.8).
std::string filteredRow(const std::string& row, const std::string& above, size_t pixelBytes) {
    std::array<std::string, 3> filtered;
    std::array<uint64_t, 3> sums{};
    for (size_t filter = 0; filter < filtered.size(); ++filter) {
        filtered[filter] += char(filter);
        for (size_t i = 0; i < row.size(); ++i) {
            const char left = i >= pixelBytes ? row[i - pixelBytes] : '\0';
            const char predicted = filter == 0 ? '\0' : filter == 1 ? left : above[i];
            const auto difference = int8_t(uint8_t(row[i]) - uint8_t(predicted));
            filtered[filter] += char(difference);
            sums[filter] += uint64_t(std::abs(int(difference)));
        }
    }
    return filtered[size_t(std::min_element(sums.begin(), sums.end()) - sums.begin())];
}

std::string header(const Image& image) {
    constexpr char kColourTypes[] = {0, 4, 2, 6};  // grey, grey + alpha, RGB, RGBA
    std::string header;
    appendNumber(header, uint32_t(image.width()));
    appendNumber(header, uint32_t(image.height()));
    header += char(image.bytesPerSample() * 8);
    header += kColourTypes[image.channels() - 1];
    header += std::string(3, '\0');  // deflate, adaptive filters, not interlaced
    return header;
}

}  // namespace

Result<std::string> encodePng(const Image& image, int compression) {
    if (image.empty() || image.sampleType() == SampleType::F32)
        return fail(ErrorCode::InvalidArgument, "a PNG needs pixels of 8 or 16 bits");
    std::string rows, above(image.rowBytes(), '\0');
    rows.reserve((image.rowBytes() + 1) * size_t(image.height()));
    for (int64_t y = 0; y < image.height(); ++y) {
        std::string row = samplesOf(image, y);
        rows += filteredRow(row, above, image.bytesPerSample() * size_t(image.channels()));
        above = std::move(row);
    }
    uLongf size = ::compressBound(rows.size());
    std::string deflated(size, '\0');
    if (::compress2(reinterpret_cast<Bytef*>(deflated.data()), &size,
                    reinterpret_cast<const Bytef*>(rows.data()), rows.size(),
                    std::clamp(compression, 0, 9)) != Z_OK)
        return fail(ErrorCode::OutOfMemory, "not enough memory to compress the picture");
    deflated.resize(size);

    std::string png = "\x89PNG\r\n\x1a\n";
    appendChunk(png, "IHDR", header(image));
    for (size_t at = 0; at < deflated.size(); at += kLargestChunk)
        appendChunk(png, "IDAT", std::string_view(deflated).substr(at, kLargestChunk));
    appendChunk(png, "IEND", {});
    return png;
}

}  // namespace vitrine
