#include "core/image_training/digit_pictures.h"

#include "core/base/file.h"
#include "core/base/paths.h"

namespace vitrine {
namespace {

constexpr int64_t kSide = 8, kRecord = 1 + kSide * kSide, kClasses = 10, kInk = 16;
constexpr size_t kMostBytes = size_t(16) << 20;

}  // namespace

std::filesystem::path digitsFile() {
    return resourcesFolder() / "pictures" / "digits" / "digits.bin";
}

Result<LabelledPictures> readDigitPictures(const std::filesystem::path& file) {
    VITRINE_TRY(const std::string bytes, readFile(file, kMostBytes));
    const auto wrong = [&](const std::string& what) {
        return fail(ErrorCode::InvalidFile, what, file.string(), "Take the file that Vitrine comes with");
    };
    const auto size = int64_t(bytes.size());
    if (size == 0 || size % kRecord != 0)
        return wrong(fmt::format("{} bytes are no whole number of records of {}", size, kRecord));
    const int64_t count = size / kRecord;
    at::Tensor ink = at::empty({count, 1, kSide, kSide}, at::kFloat), labels = at::empty({count}, at::kLong);
    auto* const values = ink.mutable_data_ptr<float>();
    for (int64_t record = 0; record < count; ++record) {
        const auto* const from = reinterpret_cast<const uint8_t*>(bytes.data()) + record * kRecord;
        if (from[0] >= kClasses)
            return wrong(fmt::format("record {} has the label {}, above {}", record, from[0], kClasses - 1));
        labels.mutable_data_ptr<int64_t>()[record] = from[0];
        for (int64_t pixel = 0; pixel + 1 < kRecord; ++pixel) {
            const uint8_t value = from[1 + pixel];
            if (value > kInk)
                return wrong(fmt::format("record {} has the value {}, above {}", record, value, kInk));
            values[record * (kRecord - 1) + pixel] = float(value) / float(kInk);
        }
    }
    return LabelledPictures{
        ink.expand({-1, 3, -1, -1}).contiguous(), labels, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}};
}

}  // namespace vitrine
