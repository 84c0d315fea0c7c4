// Where a number that is not finite came from: what the message of a failed step says beyond the loss.
#include "core/distill/distiller_parts.h"
#include "core/distill/student_maps.h"
#include "core/models/radio/map_adaptors.h"

namespace vitrine {
namespace {

bool isFinite(const at::Tensor& tensor) {
    return !tensor.defined() || at::isfinite(tensor).all().item<bool>();
}

// "picture 3 of 16": the first of the batch that holds one.
std::string firstPicture(const at::Tensor& batch) {
    const at::Tensor bad = at::isfinite(batch).flatten(1).all(1).logical_not();
    return fmt::format("picture {} of {} in the batch", bad.to(at::kInt).argmax().item<int64_t>() + 1,
                       batch.size(0));
}

// Of a student that gives maps.
std::string firstBadMap(const torch::nn::Module& student, const at::Tensor& pixels) {
    const StudentMaps maps = runMaps(student, pixels);
    for (const auto& [name, map] : maps.parts)
        if (!isFinite(map))
            return fmt::format("the output of {}, {}", name, firstPicture(map));
    if (!isFinite(maps.features))
        return "the features, " + firstPicture(maps.features);
    for (const RadioAdaptorConfig& entry : *mapAdaptors(student)) {
        const AdaptorOutput head = adaptMaps(mapAdaptor(student, entry.name), maps.summary, maps.features);
        if (!isFinite(head.summary))
            return fmt::format("the summary of the adaptor head \"{}\"", entry.name);
        if (!isFinite(head.features))
            return fmt::format("the features of the adaptor head \"{}\"", entry.name);
    }
    return {};
}

// The student's pass once more, looking at each tensor on the way; empty if all are finite.
std::string firstBadOnTheWay(const RadioModule& student, const at::Tensor& pixels, int64_t windowSize) {
    const RadioConfig& config = student.config();
    RadioPass pass;
    pass.gridHeight = pixels.size(2) / config.patchSize;
    pass.gridWidth = pixels.size(3) / config.patchSize;
    pass.windowing = config.windowing;
    pass.windowing.windowSize = windowSize;
    const at::Tensor embedded = student.patchGenerator().forward(student.condition(pixels));
    if (!isFinite(embedded))
        return "the patch embedding, " + firstPicture(embedded);
    std::string found;
    pass.afterBlock = [&](int64_t block, const at::Tensor& tokens) {
        if (!isFinite(tokens))
            found = fmt::format("the output of block {} of {}, {}", block + 1, config.depth,
                                firstPicture(tokens));
        return found.empty();
    };
    const at::Tensor tokens = student.runBlocks(embedded, pass);
    if (!found.empty())
        return found;
    const at::Tensor patches = tokens.narrow(1, config.prefixTokens(), pass.gridHeight * pass.gridWidth);
    for (const RadioAdaptorConfig& entry : config.adaptors) {
        const Adaptor& adaptor = *student.adaptor(entry.name);
        if (!isFinite(adaptor.summary(student.classTokenFor(tokens, adaptor))))
            return fmt::format("the summary of the adaptor head \"{}\"", entry.name);
        if (!isFinite(adaptor.features(patches, pass.gridHeight, pass.gridWidth)))
            return fmt::format("the features of the adaptor head \"{}\"", entry.name);
    }
    return {};
}

}  // namespace

std::string Distiller::firstNonFinite() {
    Parts& p = *parts_;
    const at::NoGradGuard noGrad;
    for (const OptimizedParameter& parameter : p.optimizer->parameters())
        if (!isFinite(parameter.tensor))
            return fmt::format("the student's weight {}", parameter.name);
    for (size_t partition = 0; partition < p.options.partitions.size(); ++partition) {
        const auto batch = p.load(p.step, partition);
        if (!batch)
            return {};
        if (!isFinite(batch->canvas))
            return "the pixels, " + firstPicture(batch->canvas);
        StepReport ignored;
        const auto looks = p.looks(*batch, p.step, partition, ignored);
        if (!looks)
            return {};
        for (const TeacherLook& seen : *looks) {
            const std::string& name = p.options.teachers[seen.teacher].name;
            if (!isFinite(seen.output.features))
                return fmt::format("the features of the teacher \"{}\" itself, {}", name,
                                   firstPicture(seen.output.features));
            if (!isFinite(seen.output.summary))
                return fmt::format("the summary of the teacher \"{}\" itself, {}", name,
                                   firstPicture(seen.output.summary));
        }
        const at::Tensor pixels = p.cropOf(*batch, batch->studentShift);
        const std::string found =
            mapAdaptors(*p.student)
                ? firstBadMap(*p.student, pixels)
                : firstBadOnTheWay(dynamic_cast<const RadioModule&>(*p.student), pixels, batch->windowSize);
        if (!found.empty())
            return "the student: " + found;
    }
    return {};
}

}  // namespace vitrine
