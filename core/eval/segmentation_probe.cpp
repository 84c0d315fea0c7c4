#include "core/eval/segmentation_probe.h"

#include "core/distill/optimizer.h"
#include "core/distill/random_stream.h"
#include "core/eval/linear_probe.h"

namespace vitrine {
namespace {

// (1, height, width, 2) positions for grid_sample (align_corners=false: -1 and 1 are the grid's outer edges).
at::Tensor samplingGrid(const LabelledFeatures& picture, int64_t height, int64_t width) {
    const auto axis = [](int64_t count, int64_t pixels, double scale, double offset, int64_t cells) {
        const at::Tensor centre = (at::arange(count, at::kFloat) + 0.5) * (double(pixels) / double(count));
        return (centre * scale + offset) * (2.0 / double(cells)) - 1;
    };
    const at::Tensor x =
        axis(width, picture.labels.size(1), picture.scaleX, picture.offsetX, picture.features.size(2));
    const at::Tensor y =
        axis(height, picture.labels.size(0), picture.scaleY, picture.offsetY, picture.features.size(1));
    return at::stack(
               {x.view({1, width}).expand({height, width}), y.view({height, 1}).expand({height, width})}, 2)
        .unsqueeze(0);
}

at::Tensor sampled(const at::Tensor& map, const at::Tensor& grid) {
    constexpr int64_t kBilinear = 0, kBorder = 1;
    return at::grid_sampler(map.unsqueeze(0), grid, kBilinear, kBorder, false)[0];
}

// Labels at the size that training looks at: the nearest pixel of each.
at::Tensor smallLabels(const at::Tensor& labels, int64_t side) {
    const int64_t shorter = std::min(labels.size(0), labels.size(1));
    if (shorter <= side)
        return labels;
    const auto picks = [&](int64_t length) {
        const int64_t count = std::max<int64_t>(1, length * side / shorter);
        return ((at::arange(count, at::kDouble) + 0.5) * (double(length) / double(count))).to(at::kLong);
    };
    return labels.index_select(0, picks(labels.size(0))).index_select(1, picks(labels.size(1)));
}

Result<void> checkPictures(const std::vector<LabelledFeatures>& pictures, int64_t classCount) {
    if (pictures.empty() || classCount < 2)
        return fail(ErrorCode::InvalidArgument, "pictures with labels of at least two classes are needed",
                    "segmentation probe");
    bool labelled = false;
    for (const LabelledFeatures& picture : pictures) {
        if (picture.features.dim() != 3 || picture.labels.dim() != 2 ||
            picture.features.size(0) != pictures.front().features.size(0))
            return fail(
                ErrorCode::ShapeMismatch,
                fmt::format("expected features ({}, h, w) and labels (H, W), found {} and {}",
                            pictures.front().features.size(0), fmt::join(picture.features.sizes(), "x"),
                            fmt::join(picture.labels.sizes(), "x")),
                "segmentation probe");
        labelled = labelled || picture.labels.lt(classCount).any().item<bool>();
    }
    if (!labelled)
        return fail(ErrorCode::InvalidArgument, fmt::format("no pixel has a label below {}", classCount),
                    "segmentation probe", "Label pictures hold the number of the class of each pixel");
    return {};
}

// A picture as training uses it.
struct TrainingPicture {
    at::Tensor features;  // (C, h, w), normalised
    at::Tensor grid;      // where its labels lie
    at::Tensor labels;    // (H', W') int64; -1: unlabelled
};

}  // namespace

Result<void> SegmentationProbeOptions::validate() const {
    if (steps < 1 || batch < 1 || learningRate <= 0 || weightDecay < 0 || trainingSide < 8)
        return fail(
            ErrorCode::InvalidArgument,
            "a segmentation probe needs positive steps, batch and rate and labels of at least 8 pixels",
            "segmentation probe");
    return {};
}

Result<SegmentationProbe> SegmentationProbe::fit(const std::vector<LabelledFeatures>& pictures,
                                                 int64_t classCount, const SegmentationProbeOptions& options,
                                                 JobContext& job) {
    VITRINE_TRY_VOID(options.validate());
    VITRINE_TRY_VOID(checkPictures(pictures, classCount));
    const at::NoGradGuard noGrad;
    const int64_t channels = pictures.front().features.size(0);
    std::vector<at::Tensor> rows;
    rows.reserve(pictures.size());
    for (const LabelledFeatures& picture : pictures)
        rows.push_back(picture.features.to(at::kFloat).flatten(1).t());
    const ColumnScale scale = columnScale(at::cat(rows));
    SegmentationProbe probe;
    probe.mean_ = scale.mean;
    probe.inverseDeviation_ = scale.inverseDeviation;
    probe.weight_ = at::zeros({channels, classCount});
    probe.bias_ = at::zeros({classCount});
    std::vector<TrainingPicture> prepared;
    for (const LabelledFeatures& picture : pictures) {
        TrainingPicture& next = prepared.emplace_back();
        next.features = (picture.features.to(at::kFloat) - scale.mean.view({-1, 1, 1})) *
                        scale.inverseDeviation.view({-1, 1, 1});
        next.labels = smallLabels(picture.labels, options.trainingSide).to(at::kLong);
        next.labels.masked_fill_(next.labels.ge(classCount), -1);
        next.grid = samplingGrid(picture, next.labels.size(0), next.labels.size(1));
    }
    Optimizer optimizer({{"weight", probe.weight_}, {"bias", probe.bias_, 1, false}},
                        {.weightDecay = options.weightDecay});
    const int64_t count = int64_t(prepared.size()), batch = std::min(options.batch, count);
    for (int64_t step = 0; step < options.steps; ++step) {
        VITRINE_TRY_VOID(job.checkStop());
        at::Tensor weight = probe.weight_.detach().requires_grad_(),
                   bias = probe.bias_.detach().requires_grad_();
        {
            const at::AutoGradMode grad(true);
            at::Tensor loss = at::zeros({});
            const at::Tensor order =
                at::randperm(count, randomStream(options.seed, step, "segmentation probe"), at::kLong);
            for (int64_t at = 0; at < batch; ++at) {
                const TrainingPicture& picture = prepared[size_t(order[at].item<int64_t>())];
                if (!picture.labels.ge(0).any().item<bool>())
                    continue;  // their mean loss would be 0 / 0
                const at::Tensor map =
                    (weight.t().mm(picture.features.flatten(1)) + bias.unsqueeze(1))
                        .view({classCount, picture.features.size(1), picture.features.size(2)});
                loss =
                    loss + at::cross_entropy_loss(sampled(map, picture.grid).unsqueeze(0),
                                                  picture.labels.unsqueeze(0), {}, at::Reduction::Mean, -1);
            }
            if (loss.requires_grad())
                (loss / double(batch)).backward();
        }
        probe.weight_.mutable_grad() = weight.grad();
        probe.bias_.mutable_grad() = bias.grad();
        optimizer.step(cosineRate(step, 0, options.steps, options.learningRate));
        job.advance();
    }
    return probe;
}

at::Tensor SegmentationProbe::scores(const at::Tensor& features) const {
    const at::Tensor rows = (features.to(at::kFloat).flatten(1).t() - mean_) * inverseDeviation_;
    return at::addmm(bias_, rows, weight_)
        .t()
        .contiguous()
        .view({bias_.size(0), features.size(1), features.size(2)});
}

at::Tensor SegmentationProbe::logits(const LabelledFeatures& picture, int64_t height, int64_t width) const {
    return sampled(scores(picture.features), samplingGrid(picture, height, width));
}

at::Tensor SegmentationProbe::predict(const LabelledFeatures& picture) const {
    return logits(picture, picture.labels.size(0), picture.labels.size(1)).argmax(0);
}

}  // namespace vitrine
