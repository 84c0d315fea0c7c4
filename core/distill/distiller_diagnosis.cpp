// Where a number that is not finite came from: what the message of a failed step says beyond the loss.
#include "core/distill/distiller_parts.h"
#include "core/nn/functional.h"

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
        for (size_t i = 0; i < p.teachers.size(); ++i) {
            if (!p.takesPart(partition, p.options.teachers[i].name))
                continue;
            const auto seen = p.look(i, *batch, p.step, partition);
            if (!seen)
                return {};
            if (!isFinite(seen->output.features))
                return fmt::format("the features of the teacher \"{}\" itself, {}",
                                   p.options.teachers[i].name, firstPicture(seen->output.features));
            if (!isFinite(seen->output.summary))
                return fmt::format("the summary of the teacher \"{}\" itself, {}", p.options.teachers[i].name,
                                   firstPicture(seen->output.summary));
        }
        const std::string found =
            firstBadOnTheWay(*p.student, p.cropOf(*batch, batch->studentShift), batch->windowSize);
        if (!found.empty())
            return "the student: " + found;
    }
    return {};
}

}  // namespace vitrine
