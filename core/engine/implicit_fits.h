// Fits of FeatUp's implicit upsampler, kept in files of the user's cache: one for each picture (as the
// encoder takes it), encoder and settings. A fit that is there already is not made again. Together they stay
// below a limit; those that were used longest ago go first.
#pragma once

#include "core/engine/model_store.h"
#include "core/upsampling/implicit_fitter.h"

namespace vitrine {

struct KeptFit {
    std::filesystem::path file;
    bool fittedNow = false;
    Json report;  // of ImplicitFitter::fit, whenever that was
    double seconds() const;
};

// The model outlives the result.
ImplicitEncoder implicitEncoderOf(const StoredModel& model);

// Where the fit for this picture (1, 3, H, W, as the model takes it) is kept, whether or not it is there.
std::filesystem::path implicitFitFile(const StoredModel& model, const at::Tensor& picture,
                                      const ImplicitOptions& options);

// Bytes that all kept fits may take: $VITRINE_FIT_CACHE_LIMIT in GB, else 1 GB. InvalidArgument where that is
// no number above 0.
Result<int64_t> fitCacheLimit();

// The kept fit, or a new one: minutes, with progress; nothing is kept of one that is cancelled. `encoder` is
// the model's; nothing else of `model` is used after the first progress. Kept fits over the limit are
// removed, but for those that were used within the last minute.
Result<KeptFit> implicitFit(const StoredModel& model, ImplicitEncoder encoder, const at::Tensor& picture,
                            const ImplicitOptions& options, JobContext& job);

}  // namespace vitrine
