#include "core/distill/student_maps.h"

#include "core/models/mambavision/mamba_vision_network.h"
#include "core/models/radio/convolutional_module.h"
#include "core/models/radio/eradio_model.h"

namespace vitrine {
namespace {

using mambavision::MambaVisionNetwork;

template <typename Kind>
const Kind* as(const torch::nn::Module& student) {
    return dynamic_cast<const Kind*>(&student);
}

StudentMaps mapsOf(const ConvolutionalRadioModule& student, const at::Tensor& pixels) {
    const ConvolutionalRadioModule::Maps maps = student.forward(pixels);
    StudentMaps result;
    for (size_t block = 0; block < maps.levels.size(); ++block)
        result.parts.emplace_back(fmt::format("block {} of {}", block, maps.levels.size() - 1),
                                  maps.levels[block]);
    result.features = maps.features;
    result.summary = maps.summary;
    return result;
}

StudentMaps mapsOf(const EradioModule& student, const at::Tensor& pixels, bool recompute) {
    const EradioModule::Maps maps = student.forward(pixels, 0, recompute);
    StudentMaps result;
    for (size_t level = 0; level < maps.levels.size(); ++level)
        result.parts.emplace_back(
            level == 0 ? "the stem" : fmt::format("level {} of {}", level, maps.levels.size() - 1),
            maps.levels[level]);
    result.features = maps.features;
    result.summary = maps.features.mean({2, 3});
    return result;
}

StudentMaps mapsOf(const MambaVisionNetwork& student, const at::Tensor& pixels, bool recompute) {
    const auto perChannel = [&](const std::vector<double>& values) {
        return at::tensor(values, pixels.options().dtype(at::kFloat)).view({1, -1, 1, 1});
    };
    const mambavision::MambaVisionConfig& config = student.config();
    const mambavision::MambaVisionMaps maps =
        student.forward((pixels - perChannel(config.mean)) / perChannel(config.std), std::nullopt, recompute);
    StudentMaps result;
    result.parts.emplace_back("the stem", maps.stem);
    for (size_t level = 0; level < maps.stages.size(); ++level)
        result.parts.emplace_back(fmt::format("level {} of {}", level + 1, maps.stages.size()),
                                  maps.stages[level]);
    result.features = maps.features;
    result.summary = maps.features.mean({2, 3});
    return result;
}

}  // namespace

const std::vector<RadioAdaptorConfig>* mapAdaptors(const torch::nn::Module& student) {
    if (const auto* convolutional = as<ConvolutionalRadioModule>(student))
        return &convolutional->config().adaptors;
    if (const auto* eradio = as<EradioModule>(student))
        return &eradio->config().adaptors;
    if (const auto* mamba = as<MambaVisionNetwork>(student))
        return &mamba->config().adaptors;
    return nullptr;
}

const Adaptor& mapAdaptor(const torch::nn::Module& student, const std::string& name) {
    if (const auto* convolutional = as<ConvolutionalRadioModule>(student))
        return *convolutional->adaptor(name);
    if (const auto* eradio = as<EradioModule>(student))
        return *eradio->adaptor(name);
    return *dynamic_cast<const MambaVisionNetwork&>(student).adaptor(name);
}

StudentMaps runMaps(const torch::nn::Module& student, const at::Tensor& pixels, bool recompute) {
    if (const auto* convolutional = as<ConvolutionalRadioModule>(student))
        return mapsOf(*convolutional, pixels);
    if (const auto* eradio = as<EradioModule>(student))
        return mapsOf(*eradio, pixels, recompute);
    return mapsOf(dynamic_cast<const MambaVisionNetwork&>(student), pixels, recompute);
}

}  // namespace vitrine
