#include "core/base/file.h"
#include "core/io/safetensors.h"
#include "core/models/language/language_model.h"

#include <array>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr std::array kTokenizerFiles{"tokenizer.json",
                                     "tokenizer.model",
                                     "spiece.model",
                                     "tekken.json",
                                     "vocab.json",
                                     "merges.txt",
                                     "vocab.txt",
                                     "added_tokens.json",
                                     "special_tokens_map.json",
                                     "tokenizer_config.json",
                                     "chat_template.jinja"};

Result<void> writeJson(const fs::path& file, const Json& json) {
    return writeFileAtomically(file, json.dump(2) + "\n");
}

const char* typeName(at::ScalarType type) {
    switch (type) {
        case at::kBFloat16:
            return "bfloat16";
        case at::kHalf:
            return "float16";
        default:
            return "float32";
    }
}

// Parameters in the order of the network, cut into files of at most `limit` bytes each.
using Shard = std::vector<std::pair<std::string, at::Tensor>>;

std::vector<Shard> shardsOf(const Decoder& decoder, at::ScalarType type, uint64_t limit) {
    std::vector<Shard> shards(1);
    uint64_t bytes = 0;
    for (const auto& entry : decoder.named_parameters()) {
        const uint64_t size = uint64_t(entry.value().numel()) * at::elementSize(type);
        if (bytes > 0 && bytes + size > limit) {
            shards.emplace_back();
            bytes = 0;
        }
        bytes += size;
        shards.back().emplace_back(entry.key(), entry.value());
    }
    return shards;
}

Result<void> writeShard(const fs::path& file, const Shard& shard, at::ScalarType type) {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& [name, tensor] : shard)
        tensors[name] = tensor;
    return writeTensors(file, tensors, {{"format", "pt"}}, type);
}

Result<void> writeWeights(const Decoder& decoder, const fs::path& folder,
                          const SaveLanguageModelOptions& options) {
    const auto shards = shardsOf(decoder, options.type, std::max<uint64_t>(1, options.shardBytes));
    if (shards.size() == 1)
        return writeShard(folder / "model.safetensors", shards.front(), options.type);
    Json places = Json::object();
    uint64_t total = 0;
    for (size_t i = 0; i < shards.size(); ++i) {
        const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
        VITRINE_TRY_VOID(writeShard(folder / name, shards[i], options.type));
        for (const auto& [tensorName, tensor] : shards[i]) {
            places[tensorName] = name;
            total += uint64_t(tensor.numel()) * at::elementSize(options.type);
        }
    }
    return writeJson(folder / "model.safetensors.index.json",
                     {{"metadata", {{"total_size", total}}}, {"weight_map", std::move(places)}});
}

Result<void> copyTokenizer(const fs::path& from, const fs::path& to) {
    std::error_code error;
    if (!fs::is_directory(from, error) || fs::equivalent(from, to, error))
        return {};
    for (const char* name : kTokenizerFiles) {
        if (!fs::exists(from / name, error))
            continue;
        VITRINE_TRY(const std::string bytes, readFile(from / name));
        VITRINE_TRY_VOID(writeFileAtomically(to / name, bytes));
    }
    return {};
}

}  // namespace

Result<void> saveLanguageModel(const LanguageModel& model, const fs::path& folder,
                               const SaveLanguageModelOptions& options) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return fail(ErrorCode::IoFailure, "the folder cannot be made: " + error.message(), folder.string());
    Json config = decoderConfigJson(model.config(), typeName(options.type));
    if (!options.lineage.empty())
        config["vitrine"] = options.lineage;
    Json generation = {{"bos_token_id", config["bos_token_id"]},
                       {"eos_token_id", config["eos_token_id"]},
                       {"pad_token_id", config["pad_token_id"]}};
    // The configuration comes last: a folder that was left half-written has none and is refused.
    VITRINE_TRY_VOID(writeWeights(model.decoder(), folder, options));
    if (!options.tokenizerFrom.empty())
        VITRINE_TRY_VOID(copyTokenizer(options.tokenizerFrom, folder));
    VITRINE_TRY_VOID(writeJson(folder / "generation_config.json", generation));
    return writeJson(folder / "config.json", config);
}

}  // namespace vitrine
