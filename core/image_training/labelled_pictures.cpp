#include "core/image_training/labelled_pictures.h"

#include "core/base/hash.h"
#include "core/data/shape_scenes.h"
#include "core/distill/random_stream.h"

namespace vitrine {
namespace {

constexpr int64_t kSceneBatch = 256;  // rendered together

at::Tensor perChannel(const double (&values)[3]) {
    return at::tensor(at::ArrayRef<double>(values, 3), at::kDouble).to(at::kFloat).view({1, 3, 1, 1});
}

at::Tensor uniform(int64_t count, const at::Generator& random) {
    return at::rand({count}, random, at::TensorOptions());
}

void keepLargest(ShapeScenes& scenes) {
    at::Tensor largest = at::zeros({scenes.count()});
    for (const SceneItem& item : scenes.items)
        largest = at::maximum(largest, item.radius * item.present.to(at::kFloat));
    for (SceneItem& item : scenes.items)
        item.present = item.present.logical_and(item.radius.ge(largest));
}

}  // namespace

LabelledPictures LabelledPictures::at(const at::Tensor& indices) const {
    return {pictures.index_select(0, indices), labels.index_select(0, indices), classes};
}

std::string LabelledPictures::fingerprint() const {
    Sha256 hash;
    for (const at::Tensor& tensor : {pictures, labels}) {
        const at::Tensor bytes = tensor.contiguous();
        hash.update(std::span(static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()));
    }
    return hash.hexDigest();
}

at::Tensor normalizedPictures(const at::Tensor& pictures) {
    return (pictures - perChannel(kPictureMean)) / perChannel(kPictureDeviation);
}

LabelledPictures shapeScenePictures(int64_t count, int64_t side, uint64_t seed, const std::string& purpose,
                                    bool oneShape) {
    std::vector<at::Tensor> pictures, labels;
    for (int64_t first = 0; first < count; first += kSceneBatch) {
        const auto random = randomStream(seed, first / kSceneBatch, purpose);
        ShapeScenes drawn = drawShapeScenes(std::min(kSceneBatch, count - first), random);
        if (oneShape)
            keepLargest(drawn);
        const ScenePictures scenes = renderShapeScenes(drawn, side);
        pictures.push_back(normalizedPictures(scenes.pictures));
        labels.push_back(scenes.dominant);
    }
    return {at::cat(pictures).to(at::kFloat).contiguous(),
            at::cat(labels),
            {kSceneShapeNames.begin(), kSceneShapeNames.end()}};
}

Result<std::vector<at::Tensor>> balancedParts(const LabelledPictures& set, int64_t parts, uint64_t seed) {
    if (parts < 1)
        return fail(ErrorCode::InvalidArgument, "at least one part is needed");
    const auto random = randomStream(seed, 0, "balanced parts");
    std::vector<std::vector<at::Tensor>> pieces{size_t(parts)};
    for (int64_t number = 0; number < set.classCount(); ++number) {
        at::Tensor members = set.labels.eq(number).nonzero().flatten();
        const int64_t each = members.size(0) / parts;
        if (each == 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} parts need as many pictures of each class, but \"{}\" has {}", parts,
                                    set.classes[size_t(number)], members.size(0)),
                        {}, "Ask for fewer parts, or give more pictures");
        members = members.index_select(0, at::randperm(members.size(0), random, at::kLong));
        for (int64_t part = 0; part < parts; ++part)
            pieces[size_t(part)].push_back(members.narrow(0, part * each, each));
    }
    std::vector<at::Tensor> indices;
    for (const auto& list : pieces)
        indices.push_back(at::cat(list));
    return indices;
}

BatchDraw::BatchDraw(const LabelledPictures& set, BatchOptions options, uint64_t seed)
    : set_(set), options_(options), seed_(seed) {}

const at::Tensor& BatchDraw::order(int64_t epoch) {
    const auto slot = size_t(epoch % 2);
    if (epochs_[slot] != epoch) {
        epochs_[slot] = epoch;
        orders_[slot] = at::randperm(set_.count(), randomStream(seed_, epoch, "epoch"), at::kLong);
    }
    return orders_[slot];
}

PictureBatchTensors BatchDraw::draw(int64_t step) {
    const at::NoGradGuard plain;
    std::vector<at::Tensor> pieces;
    for (int64_t place = step * options_.size, left = options_.size; left > 0;) {
        const int64_t start = place % set_.count(), length = std::min(left, set_.count() - start);
        pieces.push_back(order(place / set_.count()).narrow(0, start, length));
        place += length;
        left -= length;
    }
    PictureBatchTensors batch;
    batch.indices = at::cat(pieces);
    batch.pictures = set_.pictures.index_select(0, batch.indices);
    batch.labels = set_.labels.index_select(0, batch.indices);
    if (options_.shift == 0 && !options_.mirror)
        return batch;
    const auto random = randomStream(seed_, step, "shifts");
    const int64_t count = options_.size;
    const double range = double(2 * options_.shift + 1);
    // In the sampler's coordinates a pixel is 2 / side wide.
    const auto shift = [&] {
        return ((uniform(count, random) * range).floor() - double(options_.shift)) *
               (2. / double(set_.side()));
    };
    const at::Tensor along = shift(), down = shift();
    const at::Tensor sign =
        options_.mirror ? uniform(count, random).lt(0.5).to(at::kFloat) * 2 - 1 : at::ones({count});
    const at::Tensor zero = at::zeros({count});
    const at::Tensor theta =
        at::stack({at::stack({sign, zero, along}, 1), at::stack({zero, at::ones({count}), down}, 1)}, 1);
    const at::Tensor grid = at::affine_grid_generator(theta, batch.pictures.sizes(), false);
    constexpr int64_t kNearest = 1, kZeros = 0;
    batch.pictures = at::grid_sampler(batch.pictures, grid, kNearest, kZeros, false);
    return batch;
}

}  // namespace vitrine
