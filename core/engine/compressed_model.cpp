#include "core/engine/compressed_model.h"

#include "core/base/csv.h"

#include <fmt/ranges.h>

#include <cctype>

namespace vitrine {

Result<void> saveCompressedModel(const LanguageModel& model, CompressedWeights& weights,
                                 const std::filesystem::path& folder,
                                 const SaveLanguageModelOptions& options) {
    VITRINE_TRY_VOID(saveLanguageModel(model, folder, options));
    weights.metadata["lineage"] = options.lineage.dump();
    return weights.save(folder / "compressed.safetensors");
}

std::string jsonRowsCsv(const Json& rows, const std::vector<std::string>& columns) {
    std::string text = fmt::format("{}\n", fmt::join(columns, ","));
    for (const Json& row : rows) {
        std::vector<std::string> fields;
        for (const auto& column : columns) {
            const Json value = row.value(column, Json());
            fields.push_back(value.is_null()     ? std::string()
                             : value.is_string() ? csvField(value.get<std::string>())
                                                 : csvField(value.dump()));
        }
        text += fmt::format("{}\n", fmt::join(fields, ","));
    }
    return text;
}

std::string plainFileName(std::string name) {
    for (char& letter : name)
        if (!std::isalnum(static_cast<unsigned char>(letter)) && letter != '-')
            letter = '_';
    return name;
}

}  // namespace vitrine
