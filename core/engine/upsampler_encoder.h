// A loaded model as the frozen encoder that an upsampler is trained for.
#pragma once

#include "core/engine/model_store.h"
#include "core/upsampling/frozen_encoder.h"

namespace vitrine {

// `side`: of the pictures that it is asked about, pixels; 0: what it prefers. The model outlives the result.
// InvalidArgument for a side that it does not take, with the nearest one.
Result<FrozenEncoder> frozenEncoderOf(const StoredModel& model, int64_t side);

}  // namespace vitrine
