// At which resolution a teacher looks when it is asked for another. No LibTorch here.
#pragma once

#include "core/models/encoder_info.h"

namespace vitrine {

// `side`, pixels, made acceptable: the nearest multiple that the encoder takes, at most its largest; its one
// size where it has only one.
int64_t teacherSide(const EncoderInfo& info, int64_t side);

}  // namespace vitrine
