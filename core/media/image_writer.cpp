#include "core/media/image_writer.h"

#include "core/base/file.h"
#include "core/media/image_encoder.h"

#include <algorithm>
#include <cctype>

namespace vitrine {
namespace {

Result<void> checkSamples(const Image& image, const std::string& extension) {
    const SampleType type = image.sampleType();
    const bool png = extension == ".png", tiff = extension == ".tif" || extension == ".tiff";
    const bool jpeg = extension == ".jpg" || extension == ".jpeg", exr = extension == ".exr";
    if (!png && !tiff && !jpeg && !exr)
        return fail(ErrorCode::Unsupported, fmt::format("pictures cannot be written as \"{}\"", extension),
                    {}, "Use .png, .jpg, .tif or .exr");
    if (image.empty())
        return fail(ErrorCode::InvalidArgument, "the picture has no pixels");
    if (jpeg && type != SampleType::U8)
        return fail(ErrorCode::Unsupported, "JPEG holds 8-bit samples only", {},
                    "Write a .png (16 bit) or .exr (float)");
    if (png && type == SampleType::F32)
        return fail(ErrorCode::Unsupported, "PNG holds 8- and 16-bit samples only", {},
                    "Write an .exr or .tif");
    if (exr && (type != SampleType::F32 || image.channels() == 2 || image.channels() == 4))
        return fail(ErrorCode::Unsupported, "OpenEXR is written with float samples of 1 or 3 channels", {},
                    "Write a .tif or .png");
    return {};
}

}  // namespace

Result<std::string> encodeImage(const Image& image, const std::string& extension,
                                const WriteOptions& options) {
    VITRINE_TRY_VOID(checkSamples(image, extension));
    return encodeSamples(image, extension, options);
}

Result<void> writeImage(const std::filesystem::path& path, const Image& image, const WriteOptions& options) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](uint8_t c) { return char(std::tolower(c)); });
    const auto bytes = encodeImage(image, extension, options);
    if (!bytes)
        return fail(bytes.error().in(path.string()));
    return writeFileAtomically(path, *bytes);
}

}  // namespace vitrine
