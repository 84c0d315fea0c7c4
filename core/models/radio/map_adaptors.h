// Adaptor heads of trunks that give maps in place of tokens (E-RADIO, MambaVision, convolutional students):
// the summary head reads the trunk's summary, the feature head each cell of its map.
#pragma once

#include "core/models/encoder.h"
#include "core/models/radio/adaptor.h"

namespace vitrine {

// summary (B, S), features (B, D, h, w) -> (B, S'), (B, C, h·u, w·u); undefined where it has no such head.
AdaptorOutput adaptMaps(const Adaptor& adaptor, const at::Tensor& summary, const at::Tensor& features);

// The adaptors stored below `root` ("radio_model." for "radio_model.adaptors.NAME..."). Errors: those of
// readAdaptors; heads that take other widths than the trunk gives.
Result<std::vector<RadioAdaptorConfig>> readMapAdaptors(const Json& config, const TensorSource& source,
                                                        const std::string& root, int64_t summaryWidth,
                                                        int64_t featureWidth);
// Sets "adaptor_names" and "adaptor_configs".
void describeAdaptors(const std::vector<RadioAdaptorConfig>& adaptors, Json& config);

}  // namespace vitrine
