#include "core/media/tiff_fields.h"

namespace vitrine {

std::optional<TiffFields> tiffFields(std::span<const std::byte> data) {
    HeaderBytes probe(data, true);
    const bool big = probe.text(0, "MM");
    if (!big && !probe.text(0, "II"))
        return std::nullopt;
    HeaderBytes bytes(data, big);
    if (bytes.number(2, 2) != 42)
        return std::nullopt;
    const uint64_t directory = bytes.number(4, 4);
    const uint32_t count = bytes.number(directory, 2);
    TiffFields fields;
    for (uint32_t i = 0; i < count && !bytes.failed(); ++i) {
        const uint64_t entry = directory + 2 + 12ull * i;
        const uint32_t tag = bytes.number(entry, 2), type = bytes.number(entry + 2, 2);
        const int width = type == 3 ? 2 : type == 1 ? 1 : 4;
        uint64_t at = entry + 8;
        if (uint64_t(bytes.number(entry + 4, 4)) * uint64_t(width) > 4)
            at = bytes.number(at, 4);
        uint32_t* target = tag == 256   ? &fields.width
                           : tag == 257 ? &fields.height
                           : tag == 258 ? &fields.bits
                           : tag == 262 ? &fields.photometric
                           : tag == 274 ? &fields.orientation
                           : tag == 277 ? &fields.samples
                           : tag == 339 ? &fields.sampleFormat
                                        : nullptr;
        if (target)
            *target = bytes.number(at, width);
    }
    return bytes.failed() ? std::nullopt : std::optional(fields);
}

int exifOrientation(std::span<const std::byte> exif) {
    const auto fields = tiffFields(exif);
    return fields && fields->orientation >= 1 && fields->orientation <= 8 ? int(fields->orientation) : 1;
}

}  // namespace vitrine
