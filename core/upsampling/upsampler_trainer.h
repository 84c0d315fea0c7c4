// Trains an upsampler for a frozen encoder by multi-view consistency: the fine features of a picture, seen as
// a view and downsampled by a learned downsampler, must be what the encoder itself says of that view.
// FeatSharp (with its arms: bilinear, tiles, JBU, JAFAR) and FeatUp's joint bilateral stack differ in options
// only.
//
// Everything that is random depends on (seed, step) alone, so that a resumed run goes on exactly.
//
//   VITRINE_TRY(auto trainer, UpsamplerTrainer::create(options, encoder, source));
//   VITRINE_TRY_VOID(trainer->estimateStatistics(job));
//   while (trainer->step() < options.steps) VITRINE_TRY(const UpsamplerStep report, trainer->train());
//   VITRINE_TRY_VOID(trainer->exportFolder(folder));
#pragma once

#include "core/base/job_context.h"
#include "core/distill/picture_source.h"
#include "core/upsampling/upsampler_options.h"

#include <filesystem>
#include <limits>
#include <memory>

namespace vitrine {

struct UpsamplerStep {
    int64_t step = 0;  // steps done after this one
    double loss = 0;
    double error = 0;         // mean squared error of the views, unweighted, where they are valid
    double uncertainty = 0;   // mean u (FeatSharp) or log deviation (FeatUp)
    double randomField = 0;   // FeatUp's random field, unweighted
    double biasNorm = 0;      // root mean square of the de-bias buffer
    double gradientNorm = 0;  // before clipping
    double learningRate = 0;
    double loadSeconds = 0, encoderSeconds = 0, trainingSeconds = 0;
};

// What an upsampler makes of unseen pictures and views.
struct UpsamplerScores {
    double error = 0;      // mean squared error of unseen views, in the space that training compares in
    double fidelity = 0;   // 1 / error
    double seamRatio = 0;  // of the fine maps (fidelity.h)
    // 1 / error against the features of the other encoder that was given; NaN without one.
    double cleanFidelity = std::numeric_limits<double>::quiet_NaN();
};

// Feature maps of one batch of pictures, in the space that training compares in.
struct UpsamplerMaps {
    at::Tensor coarse;       // (B, C, n, n)
    at::Tensor guided;       // (B, C, n·u, n·u); undefined where there is no such branch
    at::Tensor tiles;        // (B, C, n·u, n·u); undefined without tiles
    at::Tensor fine;         // (B, C, n·u, n·u)
    at::Tensor uncertainty;  // (B, 1, n·u, n·u); undefined without
};

// How an upsampler is stored.
struct UpsamplerExport {
    at::ScalarType type = at::kFloat;  // of the weights; statistics and learned bias stay as they are
    bool trainingParts = true;         // the downsampler and the uncertainty, which its use needs not
};

class UpsamplerTrainer {
  public:
    // The source outlives the trainer. Errors: what UpsamplerOptions::validate says, no pictures.
    static Result<std::unique_ptr<UpsamplerTrainer>> create(const UpsamplerOptions& options,
                                                            FrozenEncoder encoder, PictureSource& source);
    ~UpsamplerTrainer();

    // PHI-S statistics of the encoder over options.statisticsBatches batches; then they are frozen. A second
    // call does nothing, nor does one without standardisation.
    Result<void> estimateStatistics(JobContext& job);
    // What the fit of PHI-S met with, for people; empty if all is well.
    const std::vector<std::string>& remarks() const;
    // One step. InvalidArgument with tensor and step if a loss or gradient is not finite; the weights are
    // then those of the last good step.
    Result<UpsamplerStep> train();
    int64_t step() const;
    const UpsamplerOptions& options() const;
    const FrozenEncoder& encoder() const;
    // From the next step on: learning rate and its schedule, clipping, steps, weights of the losses.
    void change(const UpsamplerOptions& options);

    // pictures (B, 3, S, S) in [0, 1], S = options.pictureSide(encoder). Without gradients and dropout.
    Result<UpsamplerMaps> maps(const at::Tensor& pictures);
    // `clean`: the same encoder without the noise that it is known to have, for experiments. Its features are
    // compared after standardisation and up to one offset a channel.
    Result<UpsamplerScores> score(const at::Tensor& pictures, int64_t views, uint64_t seed,
                                  const FrozenEncoder* clean = nullptr);
    // The encoder's features of pictures (B, 3, side, side) in [0, 1] in the space of `maps`.
    Result<at::Tensor> target(const at::Tensor& pictures);
    // The learned map of position noise b, (1, C, n, n); undefined without.
    at::Tensor bias() const;
    // Features in the encoder's own space to the one of `maps`, without b; and back.
    at::Tensor standardised(const at::Tensor& features) const;

    // Everything that a resumed run needs.
    Result<void> save(const std::filesystem::path& file) const;
    // NotFound or ShapeMismatch names the tensor; InvalidArgument if the pictures or the encoder are others.
    Result<void> restore(const std::filesystem::path& file);
    // config.json and model.safetensors under the published names (model_state), which `vitrine map
    // --upsampler FOLDER` opens.
    Result<void> exportFolder(const std::filesystem::path& folder, const UpsamplerExport& wanted = {}) const;

  private:
    struct Parts;
    explicit UpsamplerTrainer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace vitrine
