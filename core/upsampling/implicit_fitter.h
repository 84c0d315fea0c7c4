// Fits FeatUp's implicit upsampler to one picture (Fu et al. 2024, section 3.2): the network's map, seen as a
// jittered view and downsampled, must be what the encoder says of that view.
//
// Two things differ from the published code. Features are scaled by one number in place of a LayerNorm, so
// that the result is in the encoder's own space. Windows of the downsampler lie around their cell, with a
// reflected border, where the published ones have none and drift by up to 6.5 of 224 pixels; theirs fit
// square pictures of certain sizes only.
//
// Everything random depends on (seed, step) alone: the same picture, encoder, settings and number of threads
// give the same fit to the bit.
#pragma once

#include "core/base/job_context.h"
#include "core/models/featup/implicit_file.h"
#include "core/upsampling/implicit_options.h"

#include <functional>
#include <memory>

namespace vitrine {

// The encoder, which is never changed and gets no gradients.
struct ImplicitEncoder {
    std::string name, identity;
    int64_t patchSize = 16;
    // Pictures as the encoder takes them, (B, 3, H, W) -> (B, C, h, w).
    std::function<Result<at::Tensor>(const at::Tensor& pictures)> features;
};

// What a fit takes on this machine, from one batch of views and one step that is thrown away.
struct ImplicitCost {
    double viewSeconds = 0, stepSeconds = 0;  // all of them
    int64_t targetBytes = 0;                  // what is kept of the views
    // "about 40 s of views and 3 min of steps, 98 MiB of views"
    std::string text() const;
};

struct ImplicitStep {
    int64_t step = 0;  // steps done after this one
    double loss = 0;
    double error = 0;                              // mean squared error of the views
    double magnitude = 0, variation = 0, pin = 0;  // unweighted
};

class ImplicitFitter {
  public:
    // picture (1, 3, H, W) as the encoder takes it, on its device. InvalidArgument for cells that do not
    // divide the patch or leave no finer grid, a downsampler's window smaller than a patch, or values that
    // are not finite; the encoder's errors.
    static Result<std::unique_ptr<ImplicitFitter>> create(const ImplicitOptions& options,
                                                          ImplicitEncoder encoder, const at::Tensor& picture);
    ~ImplicitFitter();

    Result<ImplicitCost> estimate();
    // Asks the encoder about all views and finds the basis. Cancelled; the encoder's errors.
    Result<void> lookAtViews(JobContext& job);
    // One step. InvalidArgument if the views were not looked at, or loss or gradient are not finite.
    Result<ImplicitStep> train();
    // Mean squared error of `views` views that were not fitted to, in units of the targets' variance: 1 is no
    // better than the mean feature.
    Result<double> unseenError(int64_t views, uint64_t seed);
    // lookAtViews and all steps, with the unseen error before and after; the report of what that took.
    Result<Json> fit(JobContext& job);

    // (1, C, H / cell, W / cell) in the encoder's own space.
    at::Tensor features() const;
    const ImplicitOptions& options() const;
    // The file that loadTrainedUpsampler opens.
    Result<void> write(const std::filesystem::path& file, const Json& report) const;

  private:
    struct Parts;
    explicit ImplicitFitter(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace vitrine
