// Every way to upsample an encoder's features, built in, of a plugin or trained, behind one function: for
// comparisons.
#pragma once

#include "core/engine/model_store.h"

#include <functional>

namespace vitrine {

struct UpsamplerQuestion {
    at::Tensor large, small;  // (1, 3, H·u, W·u), (1, 3, H, W): the picture as the encoder takes it
    at::Tensor coarse;        // (1, C, h, w): features of the small one
    int64_t fineHeight = 0, fineWidth = 0;
    JobContext* job = nullptr;  // of what takes long
};

struct UpsamplerWay {
    std::string name;       // as it was asked for
    std::string shownName;  // the name, or that of the trained one's folder
    bool sameSpace = true;  // its features are in the encoder's own space
    // Added up: what fits took that were kept from before and not made now.
    std::shared_ptr<double> earlierMilliseconds = std::make_shared<double>(0);
    // (1, C, fineHeight, fineWidth).
    std::function<Result<at::Tensor>(const UpsamplerQuestion&)> upsample;
    // The encoder's features in the space of the result.
    std::function<at::Tensor(const at::Tensor&)> comparable;
};

// `name`: of `vitrine upsamplers`, or a trained one's folder or file. The model outlives the result.
// InvalidArgument with the nearest name, or if a trained one does not fit the encoder, `side` (of the small
// picture) or `factor`.
Result<UpsamplerWay> upsamplerWay(const std::string& name, const StoredModel& model, int64_t side,
                                  int64_t factor);

}  // namespace vitrine
