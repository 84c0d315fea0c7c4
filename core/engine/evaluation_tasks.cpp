#include "core/engine/evaluation_tasks.h"

#include "core/features/retrieval.h"
#include "core/media/color_map.h"
#include "core/media/image_reader.h"

#include <filesystem>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

struct Vectors {
    at::Tensor rows;    // (N, D) of the pictures that could be read
    at::Tensor labels;  // (N)
    bool averaged = false;
    std::vector<SkippedPicture> skipped;
};

PictureSet pictureSetOf(std::vector<std::string> paths, const EvaluationSettings& settings) {
    PictureSet set;
    set.paths = std::move(paths);
    set.resolution = settings.resolution;
    set.batchSize = settings.batch;
    return set;
}

Result<Vectors> vectorsOf(const StoredModel& model, const ClassifiedPictures& pictures, const char* what,
                          const EvaluationSettings& settings, JobContext& job) {
    const PictureSet set = pictureSetOf(pictures.paths, settings);
    BatchSource source;
    source.models = {&model};
    source.stage = fmt::format("{}: {}", model.description.info.name, what);
    source.read = readSetPicture;
    Vectors vectors;
    std::vector<at::Tensor> rows;
    std::vector<int64_t> labels;
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        VITRINE_TRY(const EncoderOutput output,
                    model.model->encoder()->encode(batch.models.front().pixels, {}));
        vectors.averaged = !output.summary.defined();
        rows.push_back(
            (vectors.averaged ? output.features.mean({2, 3}) : output.summary).to(at::kCPU, at::kFloat));
        for (const size_t picture : batch.pictures)
            labels.push_back(pictures.labels[picture]);
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(set, source, job, vectors.skipped, use));
    vectors.rows = at::cat(rows);
    vectors.labels = at::tensor(labels, at::kLong);
    return vectors;
}

Result<at::Tensor> readLabels(const std::string& path) {
    VITRINE_TRY(const Image image, readImage(path));
    if (image.channels() != 1 || image.sampleType() != SampleType::U8)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("a label picture is 8-bit grey, this one has {} channels of {} bytes",
                                image.channels(), image.bytesPerSample()),
                    path);
    at::Tensor labels = at::empty({image.height(), image.width()}, at::kByte);
    std::copy_n(reinterpret_cast<const uint8_t*>(image.data()), image.byteCount(),
                labels.data_ptr<uint8_t>());
    return labels;
}

// Patch position of a pixel is affine: what two points tell, tells it all.
void setMapping(LabelledFeatures& picture, const ImageTransform& transform) {
    const Point2 zero = transform.patchFromImage({0, 0}), one = transform.patchFromImage({1, 1});
    // The map may be finer or coarser than the patches that the transform counts.
    const double ratioX = double(picture.features.size(2)) / double(transform.gridWidth());
    const double ratioY = double(picture.features.size(1)) / double(transform.gridHeight());
    picture.scaleX = (one.x - zero.x) * ratioX;
    picture.scaleY = (one.y - zero.y) * ratioY;
    picture.offsetX = zero.x * ratioX;
    picture.offsetY = zero.y * ratioY;
}

// Calls `use` for each picture that can be read, in order; appends the others to `skipped`.
Result<void> forEachLabelled(const StoredModel& model, const LabelledPixels& pixels, const char* what,
                             const EvaluationSettings& settings, JobContext& job,
                             std::vector<SkippedPicture>& skipped,
                             const std::function<Result<void>(size_t index, LabelledFeatures picture)>& use) {
    const PictureSet set = pictureSetOf(pixels.pictures, settings);
    BatchSource source;
    source.models = {&model};
    source.stage = fmt::format("{}: {}", model.description.info.name, what);
    const size_t skippedBefore = skipped.size();
    const auto useBatch = [&](const PictureBatch& batch) -> Result<void> {
        VITRINE_TRY(const EncoderOutput output,
                    model.model->encoder()->encode(batch.models.front().pixels, {}));
        const at::Tensor features = output.features.to(at::kCPU, at::kFloat);
        for (size_t row = 0; row < batch.pictures.size(); ++row) {
            LabelledFeatures picture;
            picture.features = features[int64_t(row)].clone();
            auto labels = readLabels(pixels.labels[batch.pictures[row]]);
            if (!labels) {
                skipped.push_back({pixels.labels[batch.pictures[row]], labels.error().message});
                continue;
            }
            picture.labels = std::move(*labels);
            const ImageTransform& transform = batch.models.front().transforms[row];
            if (picture.labels.size(0) != transform.imageSize.height ||
                picture.labels.size(1) != transform.imageSize.width)
                return fail(ErrorCode::ShapeMismatch,
                            fmt::format("the label picture has {}x{} pixels, its picture {}x{}",
                                        picture.labels.size(1), picture.labels.size(0),
                                        transform.imageSize.width, transform.imageSize.height),
                            pixels.labels[batch.pictures[row]]);
            setMapping(picture, transform);
            VITRINE_TRY_VOID(use(batch.pictures[row], std::move(picture)));
        }
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(set, source, job, skipped, useBatch));
    if (skipped.size() - skippedBefore >= set.paths.size())
        return fail(ErrorCode::InvalidFile,
                    "not one picture has labels that can be read: " + skipped.back().reason,
                    skipped.back().path);
    return {};
}

// Prediction on the left, truth on the right; unlabelled pixels are black.
Image besideTruth(const at::Tensor& predicted, const at::Tensor& truth, int64_t classCount) {
    const int64_t height = truth.size(0), width = truth.size(1);
    Image image({2 * width, height}, 3, SampleType::U8);
    const at::Tensor both = at::cat({predicted.to(at::kLong), truth.to(at::kLong)}, 1).contiguous();
    const int64_t* label = both.const_data_ptr<int64_t>();
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < 2 * width; ++x, ++label) {
            const Rgb8 color = *label < classCount ? labelColor(*label) : Rgb8{};
            uint8_t* pixel = image.row<uint8_t>(y) + 3 * x;
            pixel[0] = color.r;
            pixel[1] = color.g;
            pixel[2] = color.b;
        }
    return image;
}

}  // namespace

Result<ClassificationScores> classify(const StoredModel& model, const ClassifiedPictures& training,
                                      const ClassifiedPictures& test, const EvaluationSettings& settings,
                                      JobContext& job) {
    VITRINE_TRY(const Vectors bank, vectorsOf(model, training, "training pictures", settings, job));
    VITRINE_TRY(const Vectors queries, vectorsOf(model, test, "test pictures", settings, job));
    const auto classCount = int64_t(training.classes.size());
    const auto share = [&](const at::Tensor& predicted) {
        return double(predicted.eq(queries.labels).sum().item<int64_t>()) / double(queries.labels.numel());
    };
    ClassificationScores scores;
    VITRINE_TRY(const Neighbors neighbors, nearestNeighbors(queries.rows, bank.rows, settings.voters));
    VITRINE_TRY(const at::Tensor votes, knnVote(neighbors, bank.labels, classCount, settings.temperature));
    scores.knn = share(votes.argmax(1));
    job.beginStage(model.description.info.name + ": linear probe", 0);
    VITRINE_TRY(const LinearProbe probe,
                LinearProbe::fit(bank.rows, bank.labels, classCount, settings.linear, job));
    scores.linear = share(probe.predict(queries.rows));
    scores.chance = double(queries.labels.bincount().max().item<int64_t>()) / double(queries.labels.numel());
    scores.averaged = bank.averaged;
    scores.trainingCount = bank.labels.numel();
    scores.testCount = queries.labels.numel();
    scores.skipped = bank.skipped;
    scores.skipped.insert(scores.skipped.end(), queries.skipped.begin(), queries.skipped.end());
    return scores;
}

Result<SegmentationScores> segment(const StoredModel& model, const SegmentationSet& set,
                                   const EvaluationSettings& settings, int64_t pictureCount,
                                   JobContext& job) {
    const auto classCount = int64_t(set.classes.size());
    SegmentationScores scores;
    std::vector<LabelledFeatures> training;
    const auto keep = [&](size_t, LabelledFeatures picture) -> Result<void> {
        training.push_back(std::move(picture));
        return {};
    };
    VITRINE_TRY_VOID(
        forEachLabelled(model, set.training, "training pictures", settings, job, scores.skipped, keep));
    job.beginStage(model.description.info.name + ": segmentation probe", settings.segmentation.steps);
    VITRINE_TRY(const SegmentationProbe probe,
                SegmentationProbe::fit(training, classCount, settings.segmentation, job));
    scores.trainingCount = int64_t(training.size());
    ConfusionMatrix matrix(classCount);
    const auto score = [&](size_t index, const LabelledFeatures& picture) -> Result<void> {
        const at::Tensor predicted = probe.predict(picture);
        VITRINE_TRY_VOID(matrix.add(picture.labels, predicted));
        ++scores.testCount;
        if (int64_t(scores.pictures.size()) < pictureCount)
            scores.pictures.emplace_back(fs::path(set.test.pictures[index]).stem().string(),
                                         besideTruth(predicted, picture.labels, classCount));
        return {};
    };
    VITRINE_TRY_VOID(forEachLabelled(model, set.test, "test pictures", settings, job, scores.skipped, score));
    scores.meanIntersectionOverUnion = matrix.meanIntersectionOverUnion();
    scores.pixelAccuracy = matrix.accuracy();
    scores.intersectionOverUnion = matrix.intersectionOverUnion();
    return scores;
}

Result<CorrespondenceScores> correspond(const StoredModel& model, const std::vector<std::string>& pictures,
                                        const EvaluationSettings& settings, JobContext& job) {
    const auto& warps = usualWarps();
    std::vector<CorrespondenceCount> counts(warps.size());
    BatchSource source;
    source.models = {&model};
    source.stage = model.description.info.name + ": correspondence";
    CorrespondenceScores scores;
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        const at::Tensor pixels = batch.models.front().pixels;
        VITRINE_TRY(const EncoderOutput plain, model.model->encoder()->encode(pixels, {}));
        for (size_t w = 0; w < warps.size(); ++w) {
            VITRINE_TRY(const EncoderOutput warped,
                        model.model->encoder()->encode(warps[w].second.apply(pixels), {}));
            for (int64_t row = 0; row < pixels.size(0); ++row) {
                VITRINE_TRY(
                    const CorrespondenceCount count,
                    countCorrespondences(plain.features[row], warped.features[row], warps[w].second, 1));
                counts[w].add(count);
            }
        }
        scores.pictureCount += pixels.size(0);
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(pictureSetOf(pictures, settings), source, job, scores.skipped, use));
    for (size_t w = 0; w < warps.size(); ++w) {
        scores.all.add(counts[w]);
        scores.warps.emplace_back(warps[w].first, counts[w].share());
    }
    return scores;
}

}  // namespace vitrine
