// Many pictures through one or several models, batch by batch: read and preprocessed ahead on threads of
// their own, with progress and a way to stop. What cannot be read is left out and listed.
#pragma once

#include "core/engine/analysis.h"
#include "core/engine/picture_encoder.h"

#include <functional>

namespace vitrine {

// Rows of one batch for one model.
struct ModelBatch {
    at::Tensor pixels;                       // (rows, 3, H, W) on the model's device, in its type
    std::vector<ImageTransform> transforms;  // of each row
};

// Rows are pictures, or the `views` of one picture after the other.
struct PictureBatch {
    std::vector<size_t> pictures;    // index of each row's picture in PictureSet::paths
    std::vector<ModelBatch> models;  // as BatchSource::models
};

struct BatchSource {
    std::vector<const StoredModel*> models;  // pictures are decoded once for all of them
    bool square = false;                     // whole pictures squeezed to squares
    std::string stage;                       // what progress says: "encoding pictures"
    int64_t rowLimit = 0;                    // rows of a batch at most; 0: PictureSet::batchSize
    // How a path becomes a picture, on several threads; empty: readImage.
    std::function<Result<Image>(const std::string& path)> read;
    // Views of a picture (all of one size), e.g. augmented ones; empty: the picture itself. Called on several
    // threads.
    std::function<Result<std::vector<Image>>(const Image& picture, size_t index)> views;
};

// Calls `use` for each batch; pictures of one batch have the same model input size. Appends to `skipped`.
// Errors: Cancelled, InvalidFile if no picture at all could be read (with the first reason), and those of
// `use`.
Result<void> forEachBatch(const PictureSet& set, const BatchSource& source, JobContext& job,
                          std::vector<SkippedPicture>& skipped,
                          const std::function<Result<void>(const PictureBatch&)>& use);

// Rows that can go through the model together while all layers that are kept stay below a quarter of a GiB.
int64_t rowLimitFor(const StoredModel& model, const PictureSet& set, int64_t keptLayers);

}  // namespace vitrine
