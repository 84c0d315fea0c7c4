#include "core/media/depth_reader.h"

namespace vitrine {

Result<Image> readDepth(const std::filesystem::path& path, const DepthOptions& options) {
    if (!(options.unitsPerMetre > 0))
        return fail(ErrorCode::InvalidArgument, "the number of depth units per metre must be positive",
                    path.string());
    VITRINE_TRY(const Image raw, readImage(path, options.read));
    if (raw.channels() != 1 || raw.sampleType() == SampleType::U8)
        return fail(
            ErrorCode::InvalidFile,
            fmt::format("a depth map has one channel of 16 bits or float; found {} channels of {} bits",
                        raw.channels(), raw.bytesPerSample() * 8),
            path.string());
    Image depth(raw.size(), 1, SampleType::F32);
    for (int64_t y = 0; y < raw.height(); ++y)
        for (int64_t x = 0; x < raw.width(); ++x) {
            const double stored = raw.sampleType() == SampleType::U16 ? double(raw.row<uint16_t>(y)[x])
                                                                      : double(raw.row<float>(y)[x]);
            depth.row<float>(y)[x] = float(stored / options.unitsPerMetre);
        }
    return depth;
}

}  // namespace vitrine
