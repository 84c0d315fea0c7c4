// How a step of the fit goes.
#include "core/distill/random_stream.h"
#include "core/features/pca.h"
#include "core/upsampling/implicit_loss.h"
#include "core/upsampling/implicit_parts.h"
#include "core/upsampling/multi_view_loss.h"
#include "core/upsampling/view_warps.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// "1, 2, 4 or 8": cells of an encoder's patch.
std::string cellsOf(int64_t patch) {
    std::vector<int64_t> cells;
    for (int64_t cell = 1; cell < patch; ++cell)
        if (patch % cell == 0)
            cells.push_back(cell);
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i)
        text += fmt::format("{}{}", i == 0 ? "" : i + 1 == cells.size() ? " or " : ", ", cells[i]);
    return text;
}

}  // namespace

Result<void> ImplicitFitter::Parts::measure() {
    const at::NoGradGuard noGrad;
    VITRINE_TRY(const at::Tensor features, encoder.features(picture.to(type)));
    const int64_t height = picture.size(2), across = picture.size(3), cell = options.cell;
    if (features.dim() != 4 || features.size(2) < 1 || features.size(3) < 1 ||
        height % features.size(2) != 0 || across % features.size(3) != 0 ||
        height / features.size(2) != across / features.size(3))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("features ({}) are no grid of square patches of {} x {} pixels",
                                fmt::join(features.sizes(), ", "), across, height),
                    "encoder " + encoder.name);
    width = features.size(1);
    rows = features.size(2);
    columns = features.size(3);
    const int64_t patch = height / rows;
    if (patch % cell != 0 || patch / cell < 2)
        return fail(
            ErrorCode::InvalidArgument,
            patch % cell != 0
                ? fmt::format("cells of {} pixels do not divide the patch of {} pixels", cell, patch)
                : fmt::format("cells of {} pixels are no finer than the patch of {} pixels", cell, patch),
            "cell", fmt::format("Take {}", cellsOf(patch)));
    factor = patch / cell;
    if (const int64_t kernel = options.kernelFor(factor); kernel < factor)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a window of {} cells does not cover a patch of {} cells", kernel, factor),
                    "kernel", fmt::format("Take {} or more, or 0", factor));
    else if ((kernel - factor + 1) / 2 >= std::min(height, across) / cell)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a window of {} cells is too wide for a map of {} x {}", kernel,
                                across / cell, height / cell),
                    "kernel", "Take 0: as published");
    if (!at::isfinite(features).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the encoder gives values that are not finite",
                    "encoder " + encoder.name, "Compute in float32, or look at the picture");
    encoderMean = features.to(at::kFloat).mean({0, 2, 3});
    colors = featup::implicitColors(picture, cell);
    return {};
}

void ImplicitFitter::Parts::build(int64_t components) {
    featup::ImplicitConfig config;
    config.outputs = components;
    network = std::make_shared<featup::ImplicitNetwork>(config);
    network->start(randomStream(options.seed, 0, "implicit network"));
    DownsamplerOptions down;
    down.kind = DownsamplerKind::FeatUp;
    down.channels = components + 1;
    down.kernel = options.kernelFor(factor);
    down.stride = factor;
    downsampler = std::make_shared<AttentionDownsampler>(down, randomStream(options.seed, 0, "downsampler"));
    std::vector<OptimizedParameter> parameters;
    const auto take = [&](torch::nn::Module& module, const std::string& prefix) {
        module.to(picture.device());
        for (auto& entry : module.named_parameters()) {
            entry.value().set_requires_grad(true);
            parameters.push_back({prefix + entry.key(), entry.value(), 1, false});
        }
    };
    take(*network, "network.");
    take(*downsampler, "downsampler.");
    if (options.uncertainty) {
        deviation = std::make_shared<DeviationNet>(components, randomStream(options.seed, 0, "deviation"));
        take(*deviation, "deviation.");
    }
    OptimizerOptions settings;
    settings.kind = OptimizerKind::NAdam;
    settings.weightDecay = 0;
    optimizer = std::make_unique<Optimizer>(std::move(parameters), settings);
}

Result<void> ImplicitFitter::Parts::findBasis(const at::Tensor& features) {
    VITRINE_TRY(const PcaBasis found,
                fitPca(features.permute({0, 2, 3, 1}).flatten(0, 2).cpu(), {.components = components()}));
    const double deviation = std::sqrt(found.totalVariance / double(width));
    if (!(deviation > 0))
        return fail(ErrorCode::InvalidArgument, "the encoder says the same of every view of the picture",
                    "encoder " + encoder.name, "There is nothing to fit to: choose another picture");
    const at::TensorOptions place = picture.options();
    basis = {found.mean.to(place), found.components.to(place), at::full({}, deviation, place)};
    explained = found.explainedVariance.sum().item<double>() / found.totalVariance;
    return {};
}

Result<at::Tensor> ImplicitFitter::Parts::look(const at::Tensor& baseFromView) const {
    const at::NoGradGuard noGrad;
    const at::Tensor views = warpToView(picture.expand({baseFromView.size(0), -1, -1, -1}), baseFromView,
                                        picture.size(2), picture.size(3), WarpAnchor::OuterEdges);
    VITRINE_TRY(const at::Tensor features, encoder.features(views.to(type)));
    if (features.size(1) != width || features.size(2) != rows || features.size(3) != columns ||
        !at::isfinite(features).all().item<bool>())
        return fail(ErrorCode::InvalidArgument,
                    "the encoder's features of a view are of another shape or not finite",
                    "encoder " + encoder.name);
    return features.to(at::kFloat);
}

at::Tensor ImplicitFitter::Parts::withMagnitude(const at::Tensor& fine) const {
    return at::cat({magnitudeOf(fine), fine}, 1);
}

at::Tensor ImplicitFitter::Parts::seenAs(const at::Tensor& fine, const at::Tensor& baseFromView,
                                         const at::Generator* random) const {
    const at::Tensor view =
        warpToView(fine, baseFromView, fine.size(2), fine.size(3), WarpAnchor::OuterEdges);
    const int64_t border = options.kernelFor(factor) - factor, before = border / 2, after = border - before;
    return downsampler->forward(
        border > 0 ? at::reflection_pad2d(view, {before, after, before, after}) : view, random);
}

ImplicitStep ImplicitFitter::Parts::gradients(const at::Tensor& baseFromView, const at::Tensor& wanted) {
    const at::AutoGradMode learning(true);
    const at::Generator random = randomStream(options.seed, step, "dropout");
    const at::Tensor fine = network->forward(colors, &random);
    const at::Tensor both = withMagnitude(fine);
    // View by view, down to the fine map: all views at once would need many times the memory.
    at::Tensor leaf = both.detach().clone().set_requires_grad(true);
    ImplicitStep report;
    const int64_t views = wanted.size(0);
    const double share = 1.0 / double(views);
    for (int64_t view = 0; view < views; ++view) {
        const at::Tensor target = wanted.narrow(0, view, 1);
        const at::Tensor seen = seenAs(leaf, baseFromView.narrow(0, view, 1), &random);
        const at::Tensor predicted = seen.narrow(1, 1, components());
        const at::Tensor error = (predicted - target).square().mean();
        const at::Tensor lengths = magnitudeLoss(seen.narrow(1, 0, 1), target);
        const at::Tensor likeness =
            deviation ? featUpViewLoss(predicted, target, deviation->forward(target)) : error / 2;
        const at::Tensor loss = share * (likeness + options.magnitude * lengths);
        loss.backward();
        report.loss += loss.item<double>();
        report.error += share * error.item<double>();
        report.magnitude += share * lengths.item<double>();
    }
    const at::Tensor variation = magnitudeVariation(both.narrow(1, 0, 1));
    const at::Tensor pin = blurPinLoss(fine, downsampler->blurred(fine));
    const at::Tensor regular = options.variation * variation + options.pin * pin;
    (regular + (both * leaf.grad()).sum()).backward();
    report.loss += regular.item<double>();
    report.variation = variation.item<double>();
    report.pin = pin.item<double>();
    return report;
}

Result<ImplicitStep> ImplicitFitter::train() {
    Parts& p = *parts_;
    if (!p.targets.defined())
        return fail(ErrorCode::InvalidArgument, "the views were not looked at yet");
    const at::Tensor chosen =
        at::randint(0, p.options.jitters, {p.options.batch}, randomStream(p.options.seed, p.step, "views"),
                    at::TensorOptions(at::kLong));
    p.optimizer->clearGradients();
    ImplicitStep report =
        p.gradients(p.homographies.index_select(0, chosen),
                    p.targets.index_select(0, chosen.to(p.targets.device())).to(at::kFloat));
    const double norm = p.optimizer->clipGradients(0);
    if (!std::isfinite(report.loss) || !std::isfinite(norm)) {
        p.optimizer->clearGradients();
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the loss or its gradient is not finite at step {}", p.step),
                    "encoder " + p.encoder.name, "Lower the learning rate (\"rate\")");
    }
    p.optimizer->step(p.options.rate);
    report.step = ++p.step;
    return report;
}

}  // namespace vitrine
