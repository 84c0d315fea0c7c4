// How alike the layers of two models are: linear CKA over the same places of the same pictures.
#include "core/engine/analysis_impl.h"
#include "core/engine/picture_batches.h"
#include "core/features/comparison.h"
#include "core/features/rank.h"
#include "core/features/statistics.h"

#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kSamplesAtOnce = 512;  // of one batch of CKA: its Gram matrices are this large
constexpr int64_t kRankSamples = 4096;   // of the final features for RankMe beside CKA

struct Box {
    double left, top, right, bottom;
};

// Part of the picture that the model saw, in picture pixels.
Box seenBox(const ImageTransform& transform) {
    const Point2 from = transform.imageFromModel({0, 0});
    const Point2 to =
        transform.imageFromModel({double(transform.modelSize.width), double(transform.modelSize.height)});
    return {std::max(0.0, from.x), std::max(0.0, from.y), std::min(double(transform.imageSize.width), to.x),
            std::min(double(transform.imageSize.height), to.y)};
}

Box common(const Box& a, const Box& b) {
    return {std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
            std::min(a.bottom, b.bottom)};
}

// Places along one axis such that the coarsest layer still has a cell of its own for each.
int64_t placesAlong(double from, double to, double scale, int64_t modelSide, int64_t cells, int64_t limit) {
    const double share = (to - from) * scale / double(modelSide);
    return std::clamp<int64_t>(int64_t(share * double(cells) + 1e-6), 1, limit);
}

// The lattice of one picture, in picture pixels, row by row.
std::vector<Point2> latticeOf(const Box& box, int64_t columns, int64_t rows) {
    std::vector<Point2> points;
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
            points.push_back({box.left + (double(column) + 0.5) / double(columns) * (box.right - box.left),
                              box.top + (double(row) + 0.5) / double(rows) * (box.bottom - box.top)});
    return points;
}

// Feature vectors (n, C) of the cells of a (C, h, w) map under `points`.
at::Tensor featuresAt(const at::Tensor& map, const ImageTransform& transform,
                      const std::vector<Point2>& points) {
    const int64_t height = map.size(1), width = map.size(2);
    std::vector<int64_t> cells;
    for (const Point2& point : points) {
        const Point2 inModel = transform.modelFromImage(point);
        const auto cell = [](double position, int64_t side, int64_t count) {
            return std::clamp<int64_t>(int64_t(std::floor(position / double(side) * double(count))), 0,
                                       count - 1);
        };
        cells.push_back(cell(inModel.y, transform.modelSize.height, height) * width +
                        cell(inModel.x, transform.modelSize.width, width));
    }
    return map.flatten(1).t().index_select(0, at::tensor(cells, at::kLong).to(map.device()));
}

int64_t smallestSide(const std::vector<at::Tensor>& layers, int64_t dimension) {
    int64_t side = layers.front().size(dimension);
    for (const at::Tensor& layer : layers)
        side = std::min(side, layer.size(dimension));
    return side;
}

// Collects samples of all layers of two models and hands them to CKA in batches of one size.
class Comparison {
  public:
    Comparison(const CompareRequest& request, std::vector<const StoredModel*> models)
        : request_(request),
          models_(std::move(models)),
          cka_(int64_t(layerNames(*models_.front()).size()), int64_t(layerNames(*models_.back()).size())),
          final_{TokenReservoir(kRankSamples, 0), TokenReservoir(kRankSamples, 0)} {}

    Result<void> add(const PictureBatch& batch) {
        std::vector<std::vector<at::Tensor>> layers;  // of each model
        for (size_t model = 0; model < models_.size(); ++model) {
            VITRINE_TRY(layers.emplace_back(), allLayers(*models_[model], batch.models[model].pixels));
        }
        const size_t rows = batch.pictures.size();
        if (waiting_.empty())
            for (const auto& ofModel : layers)
                waiting_.emplace_back(ofModel.size());
        for (size_t row = 0; row < rows; ++row)
            addPicture(batch, layers, row);
        pictureCount_ += int64_t(rows);
        // Always enough is left for a last batch: those with fewer than four samples would be refused.
        while (waitingSamples_ >= 2 * kSamplesAtOnce)
            VITRINE_TRY_VOID(flush(kSamplesAtOnce));
        return {};
    }

    Result<LayerComparison> finish() {
        if (sampleCount_ + waitingSamples_ < 4)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("CKA needs at least 4 samples, found {}", sampleCount_ + waitingSamples_),
                        {}, "Give more pictures, or compare places");
        if (waitingSamples_ > 0)
            VITRINE_TRY_VOID(flush(waitingSamples_));
        VITRINE_TRY(const at::Tensor matrix, cka_.matrix());
        LayerComparison result;
        result.rows = layerNames(*models_.front());
        result.columns = layerNames(*models_.back());
        const at::Tensor plain = matrix.contiguous();
        result.cka.assign(plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel());
        VITRINE_TRY(result.rankMe, rankMe(final_[0].sample()));
        result.otherRankMe = result.rankMe;
        if (models_.size() > 1) {
            VITRINE_TRY(result.otherRankMe, rankMe(final_[1].sample()));
        }
        result.sampleCount = sampleCount_;
        result.pictureCount = pictureCount_;
        return result;
    }

  private:
    void addPicture(const PictureBatch& batch, const std::vector<std::vector<at::Tensor>>& layers,
                    size_t row) {
        std::vector<Point2> places;
        if (request_.samples == CkaSamples::Places)
            places = placesOf(batch, layers, row);
        for (size_t model = 0; model < models_.size(); ++model)
            for (size_t layer = 0; layer < layers[model].size(); ++layer) {
                const at::Tensor map = layers[model][layer][int64_t(row)];
                const at::Tensor samples = request_.samples == CkaSamples::Pictures
                                               ? map.mean({1, 2}).unsqueeze(0)
                                               : featuresAt(map, batch.models[model].transforms[row], places);
                waiting_[model][layer].push_back(samples.cpu());
            }
        waitingSamples_ += request_.samples == CkaSamples::Pictures ? 1 : int64_t(places.size());
    }

    std::vector<Point2> placesOf(const PictureBatch& batch,
                                 const std::vector<std::vector<at::Tensor>>& layers, size_t row) const {
        Box box = seenBox(batch.models.front().transforms[row]);
        for (const ModelBatch& model : batch.models)
            box = common(box, seenBox(model.transforms[row]));
        int64_t columns = request_.placesPerSide, rows = request_.placesPerSide;
        for (size_t model = 0; model < models_.size(); ++model) {
            const ImageTransform& transform = batch.models[model].transforms[row];
            columns = placesAlong(box.left, box.right, transform.scale.x, transform.modelSize.width,
                                  smallestSide(layers[model], 3), columns);
            rows = placesAlong(box.top, box.bottom, transform.scale.y, transform.modelSize.height,
                               smallestSide(layers[model], 2), rows);
        }
        return latticeOf(box, columns, rows);
    }

    Result<void> flush(int64_t count) {
        std::vector<std::vector<at::Tensor>> taken;
        for (size_t model = 0; model < models_.size(); ++model) {
            auto& ofModel = taken.emplace_back();
            for (auto& parts : waiting_[model]) {
                const at::Tensor all = at::cat(parts);
                ofModel.push_back(all.slice(0, 0, count));
                parts = {all.slice(0, count)};
            }
            VITRINE_TRY_VOID(final_[model].add(ofModel.back()));
        }
        waitingSamples_ -= count;
        sampleCount_ += count;
        return cka_.add(taken.front(), taken.back());
    }

    const CompareRequest& request_;
    std::vector<const StoredModel*> models_;  // one if it is compared with itself
    MinibatchCka cka_;
    TokenReservoir final_[2];
    std::vector<std::vector<std::vector<at::Tensor>>> waiting_;  // of each model and layer
    int64_t waitingSamples_ = 0, sampleCount_ = 0, pictureCount_ = 0;
};

}  // namespace

Result<LayerComparison> AnalysisImpl::compare(const CompareRequest& request, JobContext& job) {
    if (request.placesPerSide < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected at least one place, found {}", request.placesPerSide));
    VITRINE_TRY(const StoredModel* first, models_.find(request.modelId));
    VITRINE_TRY(const StoredModel* second, models_.find(request.otherId));
    BatchSource source;
    source.models = {first};
    if (first != second)
        source.models.push_back(second);
    source.square = true;
    source.stage = "comparing layers";
    source.rowLimit = request.pictures.batchSize;
    for (const StoredModel* model : source.models)
        source.rowLimit = std::min(
            source.rowLimit, rowLimitFor(*model, request.pictures, model->description.info.layerCount + 2));
    Comparison comparison(request, source.models);
    std::vector<SkippedPicture> skipped;
    VITRINE_TRY_VOID(forEachBatch(request.pictures, source, job, skipped,
                                  [&](const PictureBatch& batch) { return comparison.add(batch); }));
    VITRINE_TRY(LayerComparison result, comparison.finish());
    result.skipped = std::move(skipped);
    return result;
}

}  // namespace vitrine
