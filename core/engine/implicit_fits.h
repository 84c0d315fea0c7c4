// Fits of FeatUp's implicit upsampler, kept in files of the user's cache: one for each picture (as the
// encoder takes it), encoder and settings. A fit that is there already is not made again.
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

// The kept fit, or a new one: minutes, with progress; nothing is kept of one that is cancelled. `encoder` is
// the model's; nothing else of `model` is used after the first progress.
Result<KeptFit> implicitFit(const StoredModel& model, ImplicitEncoder encoder, const at::Tensor& picture,
                            const ImplicitOptions& options, JobContext& job);

}  // namespace vitrine
