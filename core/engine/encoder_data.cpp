#include "core/engine/encoder_data.h"

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/engine/picture_batches.h"
#include "core/engine/picture_list.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr size_t kWatchedPart = 4;  // one in four pictures is measured on, not calibrated with

class Reader {
  public:
    Reader(RunContext& run, const StoredModel& model) : run_(run), model_(model) {}

    Result<EncoderData> read() {
        VITRINE_TRY(const std::vector<std::string> files, namedPictures());
        std::vector<std::string> calibration, watched;
        for (size_t index = 0; index < files.size(); ++index)
            (files.size() > 1 && index % kWatchedPart == kWatchedPart - 1 ? watched : calibration)
                .push_back(files[index]);
        if (watched.empty())
            watched = calibration;
        VITRINE_TRY(data_.calibration, pixelsOf(calibration, "calibration pictures"));
        VITRINE_TRY(data_.watched, pixelsOf(watched, "pictures to compare on"));
        data_.calibrated = int64_t(calibration.size());
        data_.compared = int64_t(watched.size());
        VITRINE_TRY_VOID(openLabelled());
        Sha256 hash;
        for (const auto* list : {&data_.calibration, &data_.watched, &data_.labelled})
            for (const at::Tensor& pixels : *list) {
                const at::Tensor bytes = pixels.cpu().contiguous();
                hash.update(std::span(static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()));
            }
        if (const auto folder = run_.settings().value("segmentation", std::string()); !folder.empty()) {
            VITRINE_TRY(data_.segmentation, openSegmentationSet(folder, run_.job()));
            for (const auto* part : {&data_.segmentation->training, &data_.segmentation->test})
                for (const std::string& path : part->pictures)
                    hash.update(fs::path(path).filename().string());
        }
        data_.hash = hash.hexDigest();
        return std::move(data_);
    }

  private:
    // Files, folders, and the records of CIFAR binary files; at most as many as are asked for.
    Result<std::vector<std::string>> namedPictures() {
        const int64_t limit = run_.settings()["picture_limit"];
        std::vector<std::string> all, plain;
        for (const std::string& path : run_.settings()["pictures"].get<std::vector<std::string>>()) {
            if (fs::path(path).extension() != ".bin") {
                plain.push_back(path);
                continue;
            }
            VITRINE_TRY(const ClassifiedPictures records, openClassifiedPictures(path, {}, run_.job()));
            all.insert(all.end(), records.paths.begin(), records.paths.end());
        }
        if (!plain.empty()) {
            VITRINE_TRY(const auto files, listPictures(plain, {true, 0}, &run_.job()));
            for (const fs::path& file : files)
                all.push_back(file.string());
        }
        if (limit == 0 || int64_t(all.size()) <= limit)
            return all;
        std::vector<std::string> spread;
        for (int64_t index = 0; index < limit; ++index)
            spread.push_back(all[size_t(index) * all.size() / size_t(limit)]);
        return spread;
    }

    Result<std::vector<at::Tensor>> pixelsOf(const std::vector<std::string>& paths, const char* stage) {
        PictureSet set;
        set.paths = paths;
        set.resolution = run_.settings()["resolution"];
        set.batchSize = run_.settings()["batch"];
        BatchSource source;
        source.models = {&model_};
        source.square = true;  // batches of one size
        source.stage = fmt::format("reading {}", stage);
        source.read = readSetPicture;
        std::vector<SkippedPicture> skipped;
        std::vector<at::Tensor> batches;
        order_.clear();
        const auto use = [&](const PictureBatch& batch) -> Result<void> {
            batches.push_back(batch.models.front().pixels.clone());
            order_.insert(order_.end(), batch.pictures.begin(), batch.pictures.end());
            return {};
        };
        const auto all = forEachBatch(set, source, run_.job(), skipped, use);
        if (!all)
            return fail(all.error().in(paths.front()));
        for (const SkippedPicture& picture : skipped)
            run_.log(fmt::format("left out: {} ({})", picture.path, picture.reason));
        return batches;
    }

    Result<void> openLabelled() {
        const std::string source = run_.settings()["test"];
        if (source.empty())
            return {};
        VITRINE_TRY(const ClassifiedPictures set, openClassifiedPictures(source, {}, run_.job()));
        VITRINE_TRY(data_.labelled, pixelsOf(set.paths, "labelled pictures"));
        std::vector<int64_t> labels;
        for (const size_t picture : order_)
            labels.push_back(set.labels[picture]);
        data_.labels = at::tensor(labels, at::kLong);
        if (!model_.model->classifier())
            return {};
        // A head knows its own numbers of classes: CIFAR's files have them, folders only in sorted order.
        run_.log(fmt::format("classes by their number in sorted order of names: {}",
                             fmt::join(set.classes, ", ")));
        if (fs::path(source).extension() != ".bin")
            return {};
        VITRINE_TRY(data_.labels, numbersInTheFile(source));
        return {};
    }

    // The class bytes of a CIFAR file, in the order in which its pictures were read.
    Result<at::Tensor> numbersInTheFile(const std::string& file) const {
        constexpr size_t kRecord = 1 + 3 * 32 * 32;
        VITRINE_TRY(const std::string content, readFile(file, size_t(1) << 30));
        std::vector<int64_t> numbers;
        for (const size_t picture : order_)
            numbers.push_back(int64_t(uint8_t(content.at(picture * kRecord))));
        return at::tensor(numbers, at::kLong);
    }

    RunContext& run_;
    const StoredModel& model_;
    EncoderData data_;
    std::vector<size_t> order_;  // of the pictures read last: their places in the list of paths
};

}  // namespace

Result<EncoderData> EncoderData::open(RunContext& run, const StoredModel& model) {
    return Reader(run, model).read();
}

}  // namespace vitrine
