// The inside of the trainer of upsamplers. For upsampler_trainer*.cpp only.
#pragma once

#include "core/distill/spectral_weights.h"
#include "core/models/featsharp/featsharp_network.h"
#include "core/models/featup/featup_network.h"
#include "core/upsampling/attention_downsampler.h"
#include "core/upsampling/uncertainty.h"
#include "core/upsampling/upsampler_trainer.h"

namespace vitrine {

struct UpsamplerTrainer::Parts {
    UpsamplerOptions options;
    FrozenEncoder encoder;
    PictureSource& source;
    BatchIndices indices;

    // Parameters under the published names: normalizer.*, bias_buffer.*, upsampler.*, downsampler.*,
    // scale_net.*.
    std::shared_ptr<torch::nn::Module> root = std::make_shared<torch::nn::Module>("upsampler");
    std::unique_ptr<featsharp::FeatSharpNetwork> featSharp;
    std::unique_ptr<featup::FeatUpNetwork> featUp;
    std::shared_ptr<AttentionDownsampler> downsampler;
    std::shared_ptr<UncertaintyNet> uncertainty;
    std::shared_ptr<DeviationNet> deviation;
    std::unique_ptr<SpectralWeights> spectral;
    std::unique_ptr<Optimizer> optimizer;
    at::Tensor seams;  // (1, 1, n·u, n·u)
    int64_t step = 0;
    bool statisticsReady = false;
    std::vector<std::string> remarks;

    Parts(UpsamplerOptions wanted, FrozenEncoder frozen, PictureSource& pictures);
    void build();
    void buildOptimizer();
    // Layers that are trained; FeatUp's norm and the normaliser are not.
    std::vector<OptimizedParameter> trained() const;
    // Cells a side of the fine maps. FeatUp's are brought to the picture's size where its factor does not
    // divide the patch.
    int64_t fineSide() const {
        const int64_t factor = options.fineFactor();
        return !featUp || encoder.patchSize % factor == 0 ? encoder.grid() * factor : encoder.side;
    }
    // Gives re-parametrised layers their weights in use.
    void useWeights(bool update) {
        if (spectral)
            spectral->apply(update);
    }

    // --- looking (upsampler_trainer_step.cpp)
    // prepared (B, 3, S, S), as the encoder takes them. Steps below 0 are those of the statistics.
    Result<at::Tensor> load(int64_t atStep);
    // Adds its time to `encoderSeconds`.
    Result<UpsamplerMaps> upsample(const at::Tensor& prepared, bool keepParts, const at::Generator* dropout,
                                   double& encoderSeconds);
    // What the encoder takes of a view: (B, 3, side, side).
    at::Tensor viewPicture(const at::Tensor& prepared, const at::Tensor& baseFromView) const;
    // The encoder's features of a view.
    Result<at::Tensor> viewTarget(const at::Tensor& prepared, const at::Tensor& baseFromView,
                                  double& encoderSeconds);
    at::Tensor inComparedSpace(const at::Tensor& features) const;
    // The fine map as a view, downsampled.
    at::Tensor viewPrediction(const at::Tensor& fine, const at::Tensor& baseFromView,
                              const at::Generator* dropout) const;
    // (B, J, 3, 3).
    at::Tensor drawn(int64_t count, int64_t views, const at::Generator& random) const;

    // --- learning
    Result<at::Tensor> featSharpLoss(const at::Tensor& prepared, UpsamplerStep& report);
    Result<at::Tensor> featUpLoss(const at::Tensor& prepared, UpsamplerStep& report);
    Result<UpsamplerStep> train();
};

}  // namespace vitrine
