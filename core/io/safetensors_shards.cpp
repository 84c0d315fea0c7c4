#include "core/base/json.h"
#include "core/io/safetensors.h"
#include "core/io/table_source.h"

#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Shards of a hostile index must not reach outside the model's folder.
Result<fs::path> shardPath(const fs::path& indexFile, const std::string& name) {
    const fs::path relative(name);
    bool inside = !name.empty() && relative.is_relative() && name.find('\0') == std::string::npos;
    for (const fs::path& part : relative)
        inside = inside && part != "..";
    if (!inside)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the shard \"{}\" would lie outside the folder", name), indexFile.string(),
                    "Do not use this file: an honest index names files beside it");
    return indexFile.parent_path() / relative;
}

struct ShardIndex {
    std::map<std::string, std::string> shardOf;  // tensor name -> file name
    std::map<std::string, std::string> metadata;
};

Result<ShardIndex> readIndex(const fs::path& file) {
    VITRINE_TRY(const Json json, readJsonFile(file));
    const auto map = json.is_object() ? json.find("weight_map") : json.end();
    if (map == json.end() || !map->is_object())
        return fail(ErrorCode::InvalidFile, "the index has no object \"weight_map\"", file.string());
    ShardIndex index;
    for (const auto& [name, shard] : map->items()) {
        if (!shard.is_string())
            return fail(ErrorCode::InvalidFile, fmt::format("the shard of \"{}\" must be a file name", name),
                        file.string());
        index.shardOf[name] = shard.get<std::string>();
    }
    if (const auto metadata = json.find("metadata"); metadata != json.end() && metadata->is_object())
        for (const auto& [key, value] : metadata->items())
            index.metadata[key] = value.is_string()
                                      ? value.get<std::string>()
                                      : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return index;
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> openShards(const fs::path& indexFile,
                                                       const ShardOpener& openShard) {
    VITRINE_TRY(ShardIndex index, readIndex(indexFile));
    std::set<std::string> names;
    for (const auto& [tensor, shard] : index.shardOf)
        names.insert(shard);
    std::vector<TableEntry> entries;
    for (const std::string& name : names) {
        VITRINE_TRY(const fs::path path, shardPath(indexFile, name));
        auto opened = openShard(path);
        if (!opened)
            return fail(opened.error().in(indexFile.string()));
        const std::shared_ptr<const TensorSource> shard = *opened;
        index.metadata.insert(shard->metadata().begin(), shard->metadata().end());
        for (const TensorInfo& info : shard->tensors()) {
            // A tensor that two shards hold counts where the index says; one the index forgot counts too.
            if (const auto listed = index.shardOf.find(info.name);
                listed != index.shardOf.end() && listed->second != name)
                continue;
            entries.push_back({info, {}, {}, [shard, tensor = info.name] { return shard->read(tensor); }});
        }
    }
    VITRINE_TRY(auto source,
                makeTableSource(std::move(entries), std::move(index.metadata), indexFile.string()));
    for (const auto& [tensor, shard] : index.shardOf)
        if (!source->find(tensor))
            return fail(
                ErrorCode::InvalidFile,
                fmt::format("the index says that {} holds the tensor \"{}\", but it does not", shard, tensor),
                indexFile.string(), "The index and the shards are of different models: fetch them again");
    return source;
}

Result<std::shared_ptr<const TensorSource>> openShardedSafetensors(const fs::path& indexFile) {
    return openShards(indexFile, openSafetensors);
}

}  // namespace vitrine
