#include "core/models/radio/map_adaptors.h"

#include "core/nn/functional.h"

namespace vitrine {
namespace {

Json headJson(const RadioHeadConfig& head) {
    return {{"input_dim", head.input},
            {"hidden_dim", head.hidden},
            {"output_dim", head.output},
            {"num_inner", head.inner},
            {"upsample_factor", head.upsample}};
}

}  // namespace

AdaptorOutput adaptMaps(const Adaptor& adaptor, const at::Tensor& summary, const at::Tensor& features) {
    AdaptorOutput output;
    output.summary = adaptor.summary(summary);
    const int64_t height = features.size(2), width = features.size(3), factor = adaptor.upsample();
    const at::Tensor tokens = adaptor.features(nn::tokensFromMap(features), height, width);
    if (tokens.defined())
        output.features = nn::mapFromTokens(tokens, height * factor, width * factor);
    return output;
}

Result<std::vector<RadioAdaptorConfig>> readMapAdaptors(const Json& config, const TensorSource& source,
                                                        const std::string& root, int64_t summaryWidth,
                                                        int64_t featureWidth) {
    RadioLayout layout;
    layout.root = root;
    RadioConfig oneSummary;
    oneSummary.classTokens = 1;
    VITRINE_TRY(auto adaptors, readAdaptors(config, source, layout, oneSummary));
    for (const RadioAdaptorConfig& adaptor : adaptors) {
        const std::string where = "config.json/adaptor_configs/" + adaptor.name;
        if (adaptor.summary && adaptor.summary->input != summaryWidth)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("its summary head takes {} channels, the trunk gives {}",
                                    adaptor.summary->input, summaryWidth),
                        where);
        if (adaptor.features && adaptor.features->input != featureWidth)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("its feature head takes {} channels, the neck gives {}",
                                    adaptor.features->input, featureWidth),
                        where);
    }
    return adaptors;
}

void describeAdaptors(const std::vector<RadioAdaptorConfig>& adaptors, Json& config) {
    Json names = Json::array(), described = Json::object();
    for (const RadioAdaptorConfig& adaptor : adaptors) {
        names.push_back(adaptor.name);
        Json entry{{"head_idx", adaptor.headIndex}};
        if (adaptor.summary)
            entry["summary"] = headJson(*adaptor.summary);
        if (adaptor.features)
            entry["feature"] = headJson(*adaptor.features);
        described[adaptor.name] = std::move(entry);
    }
    config["adaptor_names"] = std::move(names);
    config["adaptor_configs"] = std::move(described);
}

}  // namespace vitrine
