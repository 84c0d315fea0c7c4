#include "core/commands/text_table.h"
#include "core/engine/engine_commands.h"
#include "core/engine/language_store.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_encoder.h"
#include "core/engine/picture_list.h"
#include "core/media/image_reader.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

Result<CommandOutput> families(const Json&, CommandContext&) {
    CommandOutput output;
    TextTable table;
    table.header = {"family", "what"};
    for (const ModelFamily& family : ModelFamilies::instance().all()) {
        table.rows.push_back({family.name, family.summary});
        output.data["families"].push_back({{"name", family.name}, {"summary", family.summary}});
    }
    output.text = table.text();
    return output;
}

CommandOutput tableOf(Json data) {
    CommandOutput output;
    TextTable table;
    table.header = {"", ""};
    for (const auto& [key, value] : data.items())
        table.rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
    output.text = table.text();
    output.data = std::move(data);
    return output;
}

Result<CommandOutput> modelInfo(const Json& arguments, CommandContext&) {
    VITRINE_TRY(const auto language, describeLanguageModel(arguments["path"].get<std::string>()));
    if (language)
        return tableOf(*language);
    ModelStore store;
    VITRINE_TRY(const StoredModel* stored,
                store.load(arguments["path"].get<std::string>(), arguments["device"], arguments["dtype"]));
    const EncoderInfo& info = stored->description.info;
    return tableOf({{"path", stored->description.path},
                    {"identity", stored->description.identity},
                    {"family", info.family},
                    {"name", info.name},
                    {"parameters", info.parameterCount},
                    {"patchSize", info.patchSize},
                    {"sizeMultiple", info.sizeMultiple},
                    {"preferredHeight", info.preferredHeight},
                    {"preferredWidth", info.preferredWidth},
                    {"fixedSize", info.fixedSize},
                    {"layers", info.layerCount},
                    {"heads", info.headCount},
                    {"prefixTokens", info.prefixTokenCount},
                    {"featureWidth", info.featureWidth},
                    {"summaryWidth", info.summaryWidth},
                    {"adaptors", info.adaptors},
                    {"text", info.hasText},
                    {"classifier", stored->model->classifier() != nullptr},
                    {"preprocessing", stored->preprocess.typeName}});
}

Result<CommandOutput> classify(const Json& arguments, CommandContext& context) {
    ModelStore store;
    VITRINE_TRY(const StoredModel* stored,
                store.load(arguments["model"].get<std::string>(), arguments["device"], arguments["dtype"]));
    const ImageClassifier* classifier = stored->model->classifier();
    if (!classifier)
        return fail(ErrorCode::Unsupported, "this model has no classification head",
                    stored->description.path);
    VITRINE_TRY(const auto pictures,
                listPictures(arguments["images"].get<std::vector<std::string>>(), {}, &context.job));
    CommandOutput output;
    output.data["pictures"] = Json::array();
    TextTable table;
    table.header = {"picture", "class", "probability"};
    table.rightAligned = {false, true, true};
    context.job.beginStage("classifying", int64_t(pictures.size()));
    for (const fs::path& path : pictures) {
        VITRINE_TRY_VOID(context.job.checkStop());
        VITRINE_TRY(const Image image, readImage(path));
        // As trained: resize and crop exactly as the preprocessing says.
        VITRINE_TRY(const PreprocessedImage input, preprocess(image, stored->preprocess));
        const at::Tensor pixels = at::from_blob(const_cast<float*>(input.pixels.data()),
                                                {1, 3, input.height, input.width}, at::kFloat)
                                      .to(stored->device, stored->dtype);
        VITRINE_TRY(const at::Tensor logits, classifier->classify(pixels));
        const at::Tensor probabilities = logits[0].to(at::kFloat).softmax(0).cpu();
        const auto [values, classes] =
            probabilities.topk(std::min(arguments["top"].get<int64_t>(), probabilities.numel()));
        Json best = Json::array();
        for (int64_t i = 0; i < values.numel(); ++i) {
            best.push_back({{"class", classes[i].item<int64_t>()}, {"probability", values[i].item<float>()}});
            table.rows.push_back({i == 0 ? path.filename().string() : "",
                                  std::to_string(classes[i].item<int64_t>()),
                                  fmt::format("{:.3f}", values[i].item<float>())});
        }
        output.data["pictures"].push_back({{"picture", path.string()}, {"top", std::move(best)}});
        context.job.advance();
    }
    output.text = table.text();
    return output;
}

}  // namespace

void bindEncoderCommands(CommandRegistry& registry) {
    registry.bind("model.families", families);
    registry.bind("model.info", modelInfo);
    registry.bind("classify", classify);
}

}  // namespace vitrine
