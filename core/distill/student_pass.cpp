// A student's pass from pixels to the heads of its teachers.
#include "core/distill/student_maps.h"
#include "core/models/radio/map_adaptors.h"
#include "core/nn/functional.h"

#include <algorithm>

namespace vitrine {
namespace {

bool isWanted(const StudentPass& pass, const std::string& teacher) {
    return pass.teachers.empty() ||
           std::find(pass.teachers.begin(), pass.teachers.end(), teacher) != pass.teachers.end();
}

StudentOutput runVit(const RadioModule& module, const at::Tensor& pixels, const StudentPass& pass) {
    const RadioConfig& config = module.config();
    RadioPass run;
    run.gridHeight = pixels.size(2) / config.patchSize;
    run.gridWidth = pixels.size(3) / config.patchSize;
    run.windowing = config.windowing;
    run.windowing.windowSize = pass.windowSize;
    run.recompute = pass.recompute;
    const at::Tensor conditioned = module.condition(pixels);
    const PatchGenerator& generator = module.patchGenerator();
    const at::Tensor start = pass.draws
                                 ? generator.forwardTraining(conditioned, *pass.draws, pass.keepPositions)
                                 : generator.forward(conditioned);
    StudentOutput output;
    output.tokens = module.runBlocks(start, run);
    const int64_t prefix = config.prefixTokens(), patches = run.gridHeight * run.gridWidth;
    const at::Tensor tokens = output.tokens.narrow(1, prefix, patches);
    output.features = nn::mapFromTokens(tokens, run.gridHeight, run.gridWidth);
    for (const RadioAdaptorConfig& entry : config.adaptors) {
        if (!isWanted(pass, entry.name))
            continue;
        const Adaptor& adaptor = *module.adaptor(entry.name);
        HeadOutput head;
        head.summary = adaptor.summary(module.classTokenFor(output.tokens, adaptor));
        head.features =
            nn::mapFromTokens(adaptor.features(tokens, run.gridHeight, run.gridWidth),
                              run.gridHeight * adaptor.upsample(), run.gridWidth * adaptor.upsample());
        output.heads[entry.name] = std::move(head);
    }
    return output;
}

StudentOutput runWithMaps(const torch::nn::Module& module, const std::vector<RadioAdaptorConfig>& adaptors,
                          const at::Tensor& pixels, const StudentPass& pass) {
    const StudentMaps maps = runMaps(module, pixels, pass.recompute);
    StudentOutput output;
    output.features = maps.features;
    for (const RadioAdaptorConfig& entry : adaptors) {
        if (!isWanted(pass, entry.name))
            continue;
        AdaptorOutput head = adaptMaps(mapAdaptor(module, entry.name), maps.summary, maps.features);
        output.heads[entry.name] = {std::move(head.summary), std::move(head.features)};
    }
    return output;
}

}  // namespace

PositionDraws drawPositions(int64_t batch, const at::Generator& random) {
    const auto draw = [&](at::IntArrayRef shape) { return at::rand(shape, random, at::TensorOptions()); };
    PositionDraws draws;
    draws.scale = draw({batch, 1, 1});
    draws.aspect = draw({batch, 1, 1});
    draws.position = draw({batch, 1, 1, 2});
    return draws;
}

at::Tensor drawKeptPositions(int64_t batch, double dropout, const at::Generator& random) {
    return at::rand({batch, 1, 1}, random, at::TensorOptions()).ge(dropout).to(at::kFloat);
}

StudentOutput runStudent(const torch::nn::Module& module, const at::Tensor& pixels, const StudentPass& pass) {
    if (const auto* adaptors = mapAdaptors(module))
        return runWithMaps(module, *adaptors, pixels, pass);
    return runVit(dynamic_cast<const RadioModule&>(module), pixels, pass);
}

}  // namespace vitrine
