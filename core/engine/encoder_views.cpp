#include "core/engine/encoder_views.h"

#include "core/base/stopwatch.h"
#include "core/compress/feature_difference.h"
#include "core/engine/evaluation_tasks.h"

#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

constexpr int kTimedPasses = 5;

// Batches of rows -> one tensor; undefined where there are none.
struct Gathered {
    std::vector<at::Tensor> features, summaries;

    void add(const at::Tensor& map, const at::Tensor& summary) {
        if (map.defined())
            features.push_back(cellsOf(map));
        if (summary.defined())
            summaries.push_back(summary.to(at::kCPU, at::kFloat));
    }
    EncoderViews::Part joined() const {
        return {features.empty() ? at::Tensor() : at::cat(features),
                summaries.empty() ? at::Tensor() : at::cat(summaries)};
    }
};

// By the model's own head, else by the nearest other picture.
Result<double> accuracyOf(const StoredModel& model, const EncoderData& data, JobContext& job) {
    const ImageClassifier* head = model.model->classifier();
    std::vector<at::Tensor> rows;
    for (const at::Tensor& pixels : data.labelled) {
        VITRINE_TRY_VOID(job.checkStop());
        if (head) {
            VITRINE_TRY(const at::Tensor logits, head->classify(pixels));
            rows.push_back(logits.argmax(1).cpu());
        } else {
            VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pixels, {}));
            const at::Tensor vectors =
                output.summary.defined() ? output.summary : output.features.mean({2, 3});
            rows.push_back(vectors.to(at::kCPU, at::kFloat));
        }
        job.advance();
    }
    at::Tensor predicted = at::cat(rows);
    if (!head) {
        const at::Tensor unit = predicted / predicted.norm(2, {1}, true).clamp_min(1e-12);
        const at::Tensor similar = unit.matmul(unit.t()).fill_diagonal_(-2);
        predicted = data.labels.index_select(0, similar.argmax(1));
    }
    return predicted.eq(data.labels).to(at::kDouble).mean().item<double>();
}

// Seconds a picture: the best of several passes, since other programs can only make it longer.
Result<double> encodingTime(const StoredModel& model, const at::Tensor& pixels) {
    double best = std::numeric_limits<double>::infinity();
    for (int pass = 0; pass < kTimedPasses; ++pass) {
        double seconds = 0;
        {
            const Stopwatch watch(seconds);
            VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pixels, {}));
            output.features.sum().item<double>();  // of a device that answers later
        }
        best = std::min(best, seconds);
    }
    return best / double(pixels.size(0));
}

// Places of the warped pictures that are found again in the plain ones, whose features are at hand.
Result<void> addCorrespondences(const StoredModel& model, const at::Tensor& pixels, const at::Tensor& plain,
                                CorrespondenceCount& count) {
    for (const auto& [name, warp] : usualWarps()) {
        VITRINE_TRY(const EncoderOutput warped, model.model->encoder()->encode(warp.apply(pixels), {}));
        for (int64_t row = 0; row < pixels.size(0); ++row) {
            VITRINE_TRY(const CorrespondenceCount one,
                        countCorrespondences(plain[row], warped.features[row], warp, 1));
            count.add(one);
        }
    }
    return {};
}

}  // namespace

Result<EncoderViews> viewsOf(const StoredModel& model, const EncoderData& data, bool correspondence,
                             JobContext& job) {
    const at::NoGradGuard plain;
    job.beginStage("features", int64_t(data.watched.size() + data.labelled.size()));
    EncodeRequest all;
    all.adaptors = model.description.info.adaptors;
    EncoderViews views;
    Gathered backbone;
    std::map<std::string, Gathered> adaptors;
    CorrespondenceCount found;
    for (const at::Tensor& pixels : data.watched) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pixels, all));
        backbone.add(output.features, output.summary);
        for (const auto& [name, part] : output.adaptors)
            adaptors[name].add(part.features, part.summary);
        if (correspondence)
            VITRINE_TRY_VOID(addCorrespondences(model, pixels, output.features, found));
        job.advance();
    }
    VITRINE_TRY(views.encodingSeconds, encodingTime(model, data.watched.front()));
    views.backbone = backbone.joined();
    for (const auto& [name, gathered] : adaptors)
        views.adaptors[name] = gathered.joined();
    if (correspondence)
        views.correspondence = found.share();
    if (!data.labelled.empty()) {
        VITRINE_TRY(views.accuracy, accuracyOf(model, data, job));
    }
    if (data.segmentation) {
        EvaluationSettings settings;
        settings.resolution = data.watched.front().size(2);
        settings.batch = data.watched.front().size(0);
        VITRINE_TRY(const SegmentationScores scores, segment(model, *data.segmentation, settings, 0, job));
        views.meanIntersection = scores.meanIntersectionOverUnion;
        views.pixelAccuracy = scores.pixelAccuracy;
    }
    return views;
}

SubjectScore scoreViews(const EncoderViews& views, const EncoderViews& dense, const EncoderData& data) {
    SubjectScore score;
    const auto put = [&](const std::string& key, const std::string& series, double value) {
        score.row[key] = value;
        score.metrics[series] = value;
    };
    const auto& features = views.backbone.features;
    score.loss = relativeSquare(features, dense.backbone.features);
    put("feature_error", "feature error", score.loss);
    put("feature_cosine", "feature cosine", meanCosine(features, dense.backbone.features));
    score.text = fmt::format("features {:.4f} from the dense ones (cosine {:.4f})", score.loss,
                             score.metrics["feature cosine"]);
    if (views.backbone.summaries.defined())
        put("summary_cosine", "summary cosine",
            meanCosine(views.backbone.summaries, dense.backbone.summaries));
    for (const auto& [name, part] : views.adaptors) {
        const auto& before = dense.adaptors.at(name);
        if (part.features.defined())
            put(name + "_feature_error", name + " feature error",
                relativeSquare(part.features, before.features));
        if (part.summaries.defined())
            put(name + "_summary_cosine", name + " summary cosine",
                meanCosine(part.summaries, before.summaries));
    }
    if (views.correspondence) {
        put("correspondence", "correspondence", *views.correspondence);
        score.text += fmt::format(", {:.1f} % of places found again", 100 * *views.correspondence);
    }
    if (views.meanIntersection) {
        put("segmentation_miou", "segmentation, mean IoU", *views.meanIntersection);
        put("pixel_accuracy", "segmentation, pixel accuracy", *views.pixelAccuracy);
        score.text += fmt::format(", mean IoU {:.3f}", *views.meanIntersection);
    }
    if (views.accuracy) {
        put("accuracy", "accuracy", *views.accuracy);
        score.text += fmt::format(", {:.0f} of {} labelled pictures right",
                                  *views.accuracy * double(data.labels.numel()), data.labels.numel());
    }
    score.row["key"] =
        fmt::format("features of {} pictures, data {}", data.compared, data.hash.substr(0, 12));
    return score;
}

std::vector<std::string> viewColumns(const EncoderViews& dense) {
    std::vector<std::string> columns{"feature_error",  "feature_cosine",    "summary_cosine", "accuracy",
                                     "correspondence", "segmentation_miou", "pixel_accuracy"};
    for (const auto& [name, part] : dense.adaptors) {
        if (part.features.defined())
            columns.push_back(name + "_feature_error");
        if (part.summaries.defined())
            columns.push_back(name + "_summary_cosine");
    }
    columns.push_back("difference_to_dense");
    return columns;
}

}  // namespace vitrine
