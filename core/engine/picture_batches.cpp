#include "core/engine/picture_batches.h"

#include "core/engine/prefetcher.h"
#include "core/media/image_reader.h"

#include <thread>

namespace vitrine {
namespace {

constexpr int64_t kLayerBytes = int64_t(256) << 20;

// One picture, ready for every model.
struct Prepared {
    std::vector<std::vector<PreprocessedImage>> inputs;  // of each model, of each view
    std::optional<Error> error;
};

Result<std::vector<std::vector<PreprocessedImage>>> prepare(const std::string& path, size_t index,
                                                            const PictureFraming& framing,
                                                            const BatchSource& source) {
    VITRINE_TRY(Image picture, source.read ? source.read(path) : readImage(path));
    std::vector<Image> views;
    if (source.views) {
        VITRINE_TRY(views, source.views(picture, index));
    } else {
        views.push_back(std::move(picture));
    }
    std::vector<std::vector<PreprocessedImage>> inputs;
    for (const StoredModel* model : source.models) {
        auto& ofModel = inputs.emplace_back();
        for (const Image& view : views) {
            VITRINE_TRY(PreprocessedImage input,
                        preprocess(view, model->preprocess, overrideFor(*model, framing)));
            ofModel.push_back(std::move(input));
        }
    }
    return inputs;
}

// Rows waiting to become a batch.
class Waiting {
  public:
    explicit Waiting(const BatchSource& source) : source_(source), inputs_(source.models.size()) {}

    int64_t rows() const { return int64_t(pictures_.size()); }
    int64_t pictureCount() const { return pictureCount_; }
    bool accepts(const Prepared& next) const {
        for (size_t model = 0; model < inputs_.size() && !pictures_.empty(); ++model)
            for (const PreprocessedImage& input : next.inputs[model])
                if (input.height != inputs_[model].front().height ||
                    input.width != inputs_[model].front().width)
                    return false;
        return true;
    }
    void add(size_t picture, Prepared next) {
        pictures_.insert(pictures_.end(), next.inputs.front().size(), picture);
        for (size_t model = 0; model < inputs_.size(); ++model)
            for (PreprocessedImage& input : next.inputs[model])
                inputs_[model].push_back(std::move(input));
        ++pictureCount_;
    }
    PictureBatch take() {
        PictureBatch batch;
        batch.pictures = std::exchange(pictures_, {});
        for (size_t index = 0; index < inputs_.size(); ++index) {
            ModelBatch& part = batch.models.emplace_back();
            std::vector<at::Tensor> rows;
            for (PreprocessedImage& input : inputs_[index]) {
                rows.push_back(
                    at::from_blob(input.pixels.data(), {3, input.height, input.width}, at::kFloat));
                part.transforms.push_back(input.transform);
            }
            const StoredModel& model = *source_.models[index];
            part.pixels = at::stack(rows).to(model.device, model.dtype);
            inputs_[index].clear();
        }
        pictureCount_ = 0;
        return batch;
    }

  private:
    const BatchSource& source_;
    std::vector<size_t> pictures_;
    std::vector<std::vector<PreprocessedImage>> inputs_;  // of each model, of each row
    int64_t pictureCount_ = 0;
};

}  // namespace

Result<void> forEachBatch(const PictureSet& set, const BatchSource& source, JobContext& job,
                          std::vector<SkippedPicture>& skipped,
                          const std::function<Result<void>(const PictureBatch&)>& use) {
    if (set.paths.empty())
        return fail(ErrorCode::InvalidArgument, "there are no pictures", {},
                    "Name pictures or folders of pictures");
    const PictureFraming framing{set.resolution, source.square};
    const int64_t limit = std::max<int64_t>(1, source.rowLimit > 0 ? source.rowLimit : set.batchSize);
    const size_t threads = std::max(1u, std::thread::hardware_concurrency() / 2);
    Prefetcher<Prepared> prefetcher(set.paths.size(), threads, size_t(limit) + threads,
                                    [&](size_t index) -> Prepared {
                                        if (job.stopRequested())
                                            return {{}, Error{ErrorCode::Cancelled, "stopped", {}, {}}};
                                        try {
                                            auto inputs = prepare(set.paths[index], index, framing, source);
                                            if (inputs)
                                                return {std::move(*inputs), std::nullopt};
                                            return {{}, inputs.error()};
                                        } catch (...) {
                                            return {{}, errorFromCurrentException("preparing a picture")};
                                        }
                                    });
    Waiting waiting(source);
    const auto flush = [&]() -> Result<void> {
        if (waiting.rows() == 0)
            return {};
        const int64_t pictures = waiting.pictureCount();
        VITRINE_TRY_VOID(use(waiting.take()));
        job.advance(pictures);
        return {};
    };
    job.beginStage(source.stage, int64_t(set.paths.size()));
    const size_t skippedBefore = skipped.size();
    for (size_t index = 0; index < set.paths.size(); ++index) {
        VITRINE_TRY_VOID(job.checkStop());
        Prepared next = prefetcher.take(index);
        VITRINE_TRY_VOID(job.checkStop());
        if (next.error) {
            if (next.error->code == ErrorCode::OutOfMemory)
                return fail(*next.error);
            skipped.push_back({set.paths[index], next.error->message});
            job.advance();
            continue;
        }
        if (!waiting.accepts(next) || waiting.rows() >= limit)
            VITRINE_TRY_VOID(flush());
        waiting.add(index, std::move(next));
    }
    VITRINE_TRY_VOID(flush());
    if (skipped.size() - skippedBefore == set.paths.size())
        return fail(ErrorCode::InvalidFile,
                    "not one picture could be read: " + skipped[skippedBefore].reason);
    return {};
}

int64_t rowLimitFor(const StoredModel& model, const PictureSet& set, int64_t keptLayers) {
    const EncoderInfo& info = model.description.info;
    const int64_t side = set.resolution > 0 && !info.fixedSize
                             ? set.resolution
                             : std::max(info.preferredHeight, info.preferredWidth);
    const int64_t grid = std::max<int64_t>(1, side / std::max<int64_t>(1, info.patchSize));
    const int64_t perRow =
        std::max<int64_t>(1, keptLayers * (grid * grid + info.prefixTokenCount) * info.featureWidth * 4);
    return std::clamp<int64_t>(kLayerBytes / perRow, 1, std::max<int64_t>(1, set.batchSize));
}

}  // namespace vitrine
