// Batches of a distillation, and how teachers and student look at them.
#include "core/distill/distiller_parts.h"
#include "core/distill/random_stream.h"
#include "core/nn/functional.h"

#include <ATen/autocast_mode.h>

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

// Autocast of one device type while it lives.
class Autocast {
  public:
    Autocast(at::Device device, at::ScalarType type) : device_(device.type()), active_(type != at::kFloat) {
        if (active_) {
            at::autocast::set_autocast_dtype(device_, type);
            at::autocast::set_autocast_enabled(device_, true);
        }
    }
    ~Autocast() {
        if (active_) {
            at::autocast::set_autocast_enabled(device_, false);
            at::autocast::clear_cache();
        }
    }

  private:
    at::DeviceType device_;
    bool active_;
};

}  // namespace

Distiller::Parts::Wanted Distiller::Parts::wantedShape(int64_t atStep, size_t partition) const {
    const PartitionSettings& settings = options.partitions[partition];
    const auto pick = [&](const std::vector<int64_t>& choices, const char* what) {
        return choices[size_t(
            randomHash(options.seed, atStep, fmt::format("partition {} {}", partition, what)) %
            choices.size())];
    };
    Wanted wanted;
    wanted.side = pick(settings.sides, "side");
    wanted.windowSize = options.windowSizes.empty() ? 0 : pick(options.windowSizes, "window");
    wanted.margin =
        options.shiftDeviation > 0 ? canvasMargin(options.shiftLimit, options.student.patchSize) : 0;
    return wanted;
}

Distiller::Parts::Wanted Distiller::Parts::wanted(int64_t atStep, size_t partition) {
    const PartitionSettings& settings = options.partitions[partition];
    Wanted wanted = wantedShape(atStep, partition);
    const Part mine = atStep < 0 ? Part{0, settings.batch} : part(partition);
    const int64_t position = (atStep < 0 ? -atStep : atStep) * settings.batch + mine.begin;
    const uint64_t seed = options.seed + partition;
    BatchIndices& order = indices.try_emplace(partition, source.count(), seed).first->second;
    wanted.draw = {order.batch(position, mine.count), wanted.side + 2 * wanted.margin, seed, atStep,
                   mine.begin};
    for (int64_t i = position; options.views > 0 && i < position + mine.count; ++i)
        wanted.draw.views.push_back(i / source.count() % options.views);
    wanted.draw.named = cache != nullptr;
    return wanted;
}

CellShift Distiller::Parts::studentShift(int64_t atStep, size_t partition) const {
    if (options.shiftDeviation <= 0)
        return {};
    return drawShift(options.seed, atStep, fmt::format("partition {} student", partition),
                     options.shiftDeviation, options.shiftLimit);
}

Distiller::Parts::Part Distiller::Parts::part(size_t partition) const {
    const int64_t batch = options.partitions[partition].batch;
    if (!world)
        return {0, batch};
    const int64_t share = batch / world->size();  // whole: checked when the distiller joins
    return {world->rank() * share, share};
}

Result<PartitionBatch> Distiller::Parts::load(int64_t atStep, size_t partition) {
    const Wanted asked = wanted(atStep, partition);
    PartitionBatch batch;
    batch.side = asked.side;
    batch.windowSize = asked.windowSize;
    batch.margin = asked.margin;
    batch.studentShift = studentShift(atStep, partition);
    VITRINE_TRY(DrawnPictures drawn, source.pictures(asked.draw));
    batch.canvas = drawn.pixels.to(options.device);
    batch.names = std::move(drawn.names);
    return batch;
}

void Distiller::Parts::prefetch(int64_t atStep, size_t partition) {
    source.prefetch(wanted(atStep, partition).draw);
}

at::Tensor Distiller::Parts::cropOf(const PartitionBatch& batch, CellShift shift) const {
    return batch.margin
               ? shiftedCrop(batch.canvas, batch.side, shift, options.student.patchSize, batch.margin)
               : batch.canvas;
}

bool Distiller::Parts::takesPart(size_t partition, const std::string& teacher) const {
    const auto& names = options.partitions[partition].teachers;
    return names.empty() || std::find(names.begin(), names.end(), teacher) != names.end();
}

at::Tensor Distiller::Parts::shownToStudent(const at::Tensor& pixels, size_t partition) const {
    if (options.degrade <= 0)
        return pixels;
    constexpr double kLargestFactor = 6;  // of pixels a side
    const at::Generator generator = randomStream(options.seed, step, fmt::format("degrade {}", partition));
    const Part mine = part(partition);
    const at::Tensor draws =
        at::rand({options.partitions[partition].batch, 2}, generator, at::TensorOptions())
            .narrow(0, mine.begin, mine.count);
    const int64_t side = pixels.size(2);
    std::vector<at::Tensor> shown;
    for (int64_t i = 0; i < pixels.size(0); ++i) {
        at::Tensor picture = pixels.narrow(0, i, 1);
        if (draws[i][0].item<double>() < options.degrade) {
            const double factor = std::pow(kLargestFactor, draws[i][1].item<double>());
            const auto fewer = std::max<int64_t>(8, std::llround(double(side) / factor));
            if (fewer < side)
                picture = nn::resizeMap(nn::resizeMap(picture, fewer, fewer, "bilinear", true), side, side,
                                        "bicubic")
                              .clamp(0, 1);
        }
        shown.push_back(picture);
    }
    return at::cat(shown);
}

StudentOutput Distiller::Parts::lookAsStudent(const at::Tensor& pixels, const PartitionBatch& batch,
                                              size_t partition, const std::vector<std::string>& heads) {
    StudentPass pass;
    pass.windowSize = batch.windowSize;
    pass.teachers = heads;
    pass.recompute = options.recompute;
    PositionDraws draws;
    if (options.student.trunk == StudentTrunk::Vit && options.trainingPositions &&
        options.student.croppedPositions) {
        const at::Generator generator =
            randomStream(options.seed, step, fmt::format("positions {}", partition));
        // Drawn for the whole batch, so that a picture's draw does not depend on how many processes share it.
        const int64_t whole = options.partitions[partition].batch;
        const Part mine = part(partition);
        draws = drawPositions(whole, generator);
        pass.keepPositions = drawKeptPositions(whole, options.positionDropout, generator)
                                 .narrow(0, mine.begin, mine.count)
                                 .to(pixels.device());
        for (at::Tensor* draw : {&draws.scale, &draws.aspect, &draws.position})
            *draw = draw->narrow(0, mine.begin, mine.count).to(pixels.device());
        pass.draws = &draws;
    }
    const Autocast autocast(options.device, options.computeType);
    return runStudent(*student, pixels, pass);
}

}  // namespace vitrine
