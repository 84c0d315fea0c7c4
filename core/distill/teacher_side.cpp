#include "core/distill/teacher_side.h"

#include <algorithm>

namespace vitrine {

int64_t teacherSide(const EncoderInfo& info, int64_t side) {
    if (info.fixedSize)
        return info.preferredHeight;
    const int64_t step = std::max<int64_t>(1, info.sizeMultiple);
    const int64_t rounded = std::max(step, (side + step / 2) / step * step);
    return info.maxSide > 0 ? std::min(rounded, info.maxSide / step * step) : rounded;
}

}  // namespace vitrine
