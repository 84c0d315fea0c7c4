#include "core/engine/chunk_change.h"

#include "core/base/check.h"
#include "core/features/comparison.h"

#include <algorithm>
#include <limits>

namespace vitrine {
namespace {

constexpr int64_t kLinePlaces = 9;

TensorList between(const TensorList& before, const TensorList& after, double part) {
    TensorList weights;
    for (size_t index = 0; index < after.size(); ++index)
        weights.push_back(at::lerp(before[index], after[index], part));
    return weights;
}

}  // namespace

double ChunkChange::barrier() const {
    double highest = 0;
    for (size_t place = 0; place < line.size(); ++place) {
        const double part = double(place) / double(line.size() - 1);
        highest = std::max(highest, line[place] - (1 - part) * line.front() - part * line.back());
    }
    return highest;
}

Json ChunkChange::json() const {
    Json layers = Json::array();
    for (size_t block = 0; block < blocks.size(); ++block)
        layers.push_back({{"name", blocks[block]}, {"similarity", similarity[block]}});
    return {{"layers", std::move(layers)}, {"line", line}, {"barrier", barrier()}};
}

ChunkChange chunkChange(const IncrementalTrainer& trainer, const LabelledPictures& pictures) {
    VITRINE_CHECK(!trainer.weightsBefore().empty(), "a chunk was learnt before");
    const at::NoGradGuard plain;
    const int64_t count = std::min(kChangePictures, pictures.count());
    const at::Tensor pixels = pictures.pictures.narrow(0, 0, count);
    const at::Tensor labels = pictures.labels.narrow(0, 0, count);
    const ClassifierNetwork& network = trainer.network();
    const TensorList before = network.blockFeatures(pixels, trainer.weightsBefore(), trainer.buffersBefore());
    const TensorList after = network.blockFeatures(pixels, trainer.weights(), trainer.buffers());
    ChunkChange change;
    change.blocks = network.blockNames();
    for (size_t block = 0; block < after.size(); ++block) {
        const auto alike = linearCka(before[block], after[block]);
        change.similarity.push_back(alike ? *alike : std::numeric_limits<double>::quiet_NaN());
    }
    TensorList buffers = trainer.buffers();  // mode Batch changes none of them
    for (int64_t place = 0; place < kLinePlaces; ++place) {
        const TensorList weights =
            between(trainer.weightsBefore(), trainer.weights(), double(place) / double(kLinePlaces - 1));
        const at::Tensor logits = network.forward(pixels, weights, buffers, NormMode::Batch).logits;
        change.line.push_back(at::cross_entropy_loss(logits, labels).item<double>());
    }
    return change;
}

}  // namespace vitrine
