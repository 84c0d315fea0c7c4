#include "core/upsampling/implicit_fitter.h"

#include "core/base/stopwatch.h"
#include "core/distill/random_stream.h"
#include "core/upsampling/implicit_parts.h"
#include "core/upsampling/view_warps.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace vitrine {
namespace {

constexpr int64_t kLookBatch = 8;     // views of one encoder pass
constexpr int64_t kBasisViews = 50;   // that the components are found on
constexpr int64_t kUnseenViews = 16;  // of the report

at::Tensor drawn(const ImplicitOptions& options, int64_t views, const at::Generator& random) {
    return drawJitter(1, views, JitterOptions{options.zoom, options.margin}, random)[0];
}

std::string duration(double seconds) {
    if (seconds < 90)
        return fmt::format("{:.0f} s", std::max(1.0, seconds));
    return seconds < 5400 ? fmt::format("{:.0f} min", seconds / 60) : fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

std::string ImplicitCost::text() const {
    return fmt::format("about {} of views and {} of steps, {:.0f} MiB of views", duration(viewSeconds),
                       duration(stepSeconds), double(targetBytes) / (1 << 20));
}

ImplicitFitter::ImplicitFitter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ImplicitFitter::~ImplicitFitter() = default;

const ImplicitOptions& ImplicitFitter::options() const {
    return parts_->options;
}

Result<std::unique_ptr<ImplicitFitter>> ImplicitFitter::create(const ImplicitOptions& options,
                                                               ImplicitEncoder encoder,
                                                               const at::Tensor& picture) {
    if (picture.dim() != 4 || picture.size(0) != 1 || picture.size(1) != 3)
        return fail(ErrorCode::ShapeMismatch, fmt::format("expected a picture (1, 3, H, W), found ({})",
                                                          fmt::join(picture.sizes(), ", ")));
    if (!at::isfinite(picture).all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the picture holds values that are not finite");
    auto parts = std::make_unique<Parts>();
    parts->options = options;
    parts->encoder = std::move(encoder);
    parts->type = picture.scalar_type();
    parts->picture = picture.to(at::kFloat);
    VITRINE_TRY_VOID(parts->measure());
    const int64_t tokens = std::min(kBasisViews, options.jitters) * parts->rows * parts->columns;
    parts->build(std::min({options.components, parts->width, tokens}));
    return std::unique_ptr<ImplicitFitter>(new ImplicitFitter(std::move(parts)));
}

Result<ImplicitCost> ImplicitFitter::estimate() {
    Parts& p = *parts_;
    ImplicitCost cost;
    const ImplicitOptions& options = p.options;
    const int64_t looked = std::min(kLookBatch, options.jitters);
    const at::Tensor views = drawn(options, std::max(looked, options.batch), randomStream(0, 0, "trial"));
    const at::Tensor targets = at::randn({options.batch, p.components(), p.rows, p.columns},
                                         randomStream(0, 1, "trial"), at::TensorOptions());
    // The first of both pays for what is loaded lazily.
    for (int trial = 0; trial < 2; ++trial) {
        double looking = 0, stepping = 0;
        {
            const Stopwatch watch(looking);
            VITRINE_TRY_VOID(p.look(views.narrow(0, 0, looked)));
        }
        {
            const Stopwatch watch(stepping);
            p.gradients(views.narrow(0, 0, options.batch), targets.to(p.picture.device()));
            p.optimizer->clearGradients();
        }
        cost.viewSeconds = looking / double(looked) * double(options.jitters);
        cost.stepSeconds = stepping * double(options.steps);
    }
    cost.targetBytes = options.jitters * p.components() * p.rows * p.columns * 2;
    return cost;
}

Result<void> ImplicitFitter::lookAtViews(JobContext& job) {
    Parts& p = *parts_;
    const at::NoGradGuard noGrad;
    const int64_t views = p.options.jitters, forBasis = std::min(kBasisViews, views);
    p.homographies = drawn(p.options, views, randomStream(p.options.seed, 0, "jitter"));
    const auto look = [&](int64_t from, int64_t to, const auto& use) -> Result<void> {
        for (int64_t at = from; at < to; at += kLookBatch) {
            VITRINE_TRY_VOID(job.checkStop());
            const int64_t count = std::min(kLookBatch, to - at);
            VITRINE_TRY(const at::Tensor features, p.look(p.homographies.narrow(0, at, count)));
            use(at, features);
            job.advance(count);
        }
        return {};
    };
    std::vector<at::Tensor> first;
    VITRINE_TRY_VOID(
        look(0, forBasis, [&](int64_t, const at::Tensor& features) { first.push_back(features); }));
    const at::Tensor all = at::cat(first);
    first.clear();
    VITRINE_TRY_VOID(p.findBasis(all));
    // In half precision: thousands of views are the largest part of what a fit holds.
    const at::Tensor kept =
        at::empty({views, p.components(), p.rows, p.columns}, p.picture.options().dtype(at::kHalf));
    const auto keep = [&](int64_t at, const at::Tensor& features) {
        kept.narrow(0, at, features.size(0)).copy_(p.basis.reduced(features));
    };
    keep(0, all);
    VITRINE_TRY_VOID(look(forBasis, views, keep));
    p.targets = kept;
    return {};
}

Result<double> ImplicitFitter::unseenError(int64_t views, uint64_t seed) {
    Parts& p = *parts_;
    if (!p.targets.defined())
        return fail(ErrorCode::InvalidArgument, "the views were not looked at yet");
    const at::NoGradGuard noGrad;
    const at::Tensor homographies = drawn(p.options, views, randomStream(seed, 0, "unseen views"));
    const at::Tensor fine = p.withMagnitude(p.network->forward(p.colors));
    double error = 0, variance = 0;
    for (int64_t view = 0; view < views; ++view) {
        const at::Tensor homography = homographies.narrow(0, view, 1);
        VITRINE_TRY(const at::Tensor features, p.look(homography));
        const at::Tensor target = p.basis.reduced(features);
        const at::Tensor predicted = p.seenAs(fine, homography, nullptr).narrow(1, 1, p.components());
        error += (predicted - target).square().sum().item<double>();
        variance += target.square().sum().item<double>();
    }
    return error / variance;
}

Result<Json> ImplicitFitter::fit(JobContext& job) {
    Parts& p = *parts_;
    auto seconds = [start = std::chrono::steady_clock::now()]() mutable {
        const auto now = std::chrono::steady_clock::now();
        return std::chrono::duration<double>(now - std::exchange(start, now)).count();
    };
    job.beginStage("estimating what FeatUp's fit takes", 0);
    VITRINE_TRY(const ImplicitCost cost, estimate());
    VITRINE_TRY_VOID(job.checkStop());
    seconds();
    job.beginStage(fmt::format("FeatUp: {}; views", cost.text()), p.options.jitters);
    VITRINE_TRY_VOID(lookAtViews(job));
    const double looking = seconds();
    VITRINE_TRY(const double before, unseenError(kUnseenViews, p.options.seed));
    job.beginStage("FeatUp: steps", p.options.steps);
    double first = 0, last = 0;
    seconds();  // the unseen views are not counted
    const int64_t few = std::max<int64_t>(1, p.options.steps / 10);
    while (p.step < p.options.steps) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY(const ImplicitStep report, train());
        if (report.step <= few)
            first += report.error / double(few);
        if (report.step > p.options.steps - few)
            last += report.error / double(few);
        job.advance();
    }
    const double fitting = seconds();
    VITRINE_TRY(const double after, unseenError(kUnseenViews, p.options.seed));
    return Json{{"view_seconds", looking},  {"step_seconds", fitting},     {"first_error", first},
                {"last_error", last},       {"unseen_before", before},     {"unseen_after", after},
                {"explained", p.explained}, {"components", p.components()}};
}

at::Tensor ImplicitFitter::features() const {
    const at::NoGradGuard noGrad;
    return parts_->basis.features(parts_->network->forward(parts_->colors));
}

Result<void> ImplicitFitter::write(const std::filesystem::path& file, const Json& report) const {
    const Parts& p = *parts_;
    if (!p.targets.defined())
        return fail(ErrorCode::InvalidArgument, "the views were not looked at yet");
    featup::ImplicitFacts facts;
    facts.network = p.network->config();
    facts.encoderName = p.encoder.name;
    facts.encoderIdentity = p.encoder.identity;
    facts.featureWidth = p.width;
    facts.patchSize = p.encoder.patchSize;
    facts.width = p.picture.size(3);
    facts.height = p.picture.size(2);
    facts.cell = p.options.cell;
    facts.picture = featup::pictureStamp(p.picture);
    facts.settings = implicitSettings(p.options);
    facts.report = report;
    return featup::writeImplicit(file, facts, *p.network, p.basis, p.encoderMean);
}

}  // namespace vitrine
