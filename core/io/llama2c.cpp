#include "core/io/llama2c.h"

#include "core/base/file.h"
#include "core/io/byte_reader.h"
#include "core/io/table_source.h"

#include <optional>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr size_t kHeaderBytes = 7 * sizeof(int32_t);

struct Header {
    int64_t dim, hiddenDim, layers, heads, keyValueHeads, vocabulary, maxLength;
    bool tied;

    int64_t headSize() const { return dim / heads; }
    int64_t keyValueDim() const { return headSize() * keyValueHeads; }
};

struct Part {
    std::string name;  // with "{}" where the layer's number goes
    std::vector<int64_t> shape;
    bool perLayer;
};

// In the order of the file; the rotary tables stand between "norm.weight" and "output.weight".
std::vector<Part> partsOf(const Header& h) {
    const int64_t keyValueDim = h.keyValueDim();
    std::vector<Part> parts{
        {"tok_embeddings.weight", {h.vocabulary, h.dim}, false},
        {"layers.{}.attention_norm.weight", {h.dim}, true},
        {"layers.{}.attention.wq.weight", {h.dim, h.dim}, true},
        {"layers.{}.attention.wk.weight", {keyValueDim, h.dim}, true},
        {"layers.{}.attention.wv.weight", {keyValueDim, h.dim}, true},
        {"layers.{}.attention.wo.weight", {h.dim, h.dim}, true},
        {"layers.{}.ffn_norm.weight", {h.dim}, true},
        {"layers.{}.feed_forward.w1.weight", {h.hiddenDim, h.dim}, true},
        {"layers.{}.feed_forward.w2.weight", {h.dim, h.hiddenDim}, true},
        {"layers.{}.feed_forward.w3.weight", {h.hiddenDim, h.dim}, true},
        {"norm.weight", {h.dim}, false},
        {"", {h.maxLength, h.headSize()}, false},
    };
    if (!h.tied)
        parts.push_back({"output.weight", {h.vocabulary, h.dim}, false});
    return parts;
}

std::optional<Header> parseHeader(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    int64_t values[7];
    for (int64_t& value : values) {
        const auto number = reader.number<int32_t>();
        if (!number)
            return std::nullopt;
        value = *number;
    }
    const bool tied = values[5] > 0;
    const Header h{values[0], values[1],           values[2], values[3],
                   values[4], std::abs(values[5]), values[6], tied};
    // Bounds that no real model meets keep all products below 2^63.
    constexpr int64_t kLargest = 1 << 24;
    for (const int64_t size :
         {h.dim, h.hiddenDim, h.layers, h.heads, h.keyValueHeads, h.vocabulary, h.maxLength})
        if (size <= 0 || size > kLargest)
            return std::nullopt;
    if (h.layers > 4096 || h.dim % h.heads != 0 || h.headSize() % 2 != 0 || h.heads % h.keyValueHeads != 0)
        return std::nullopt;
    uint64_t total = 0;
    for (const Part& part : partsOf(h))
        total += *checkedElementCount(part.shape) * (part.perLayer ? uint64_t(h.layers) : 1);
    return total * sizeof(float) == bytes.size() - kHeaderBytes ? std::optional(h) : std::nullopt;
}

}  // namespace

bool looksLikeLlama2c(std::span<const std::byte> bytes) {
    return parseHeader(bytes).has_value();
}

Result<std::shared_ptr<const TensorSource>> openLlama2c(const fs::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    const auto header = parseHeader(file->bytes());
    if (!header)
        return fail(ErrorCode::InvalidFile, "the header's sizes do not give the file's length", path.string(),
                    "Only version 0 of llama2.c's format can be read");
    std::vector<TableEntry> entries;
    size_t at = kHeaderBytes;
    for (const Part& part : partsOf(*header)) {
        const uint64_t bytes = *checkedElementCount(part.shape) * sizeof(float);
        for (int64_t layer = 0; layer < (part.perLayer ? header->layers : 1); ++layer, at += bytes) {
            if (part.name.empty())
                continue;
            std::string name = fmt::format(fmt::runtime(part.name), layer);
            entries.push_back({TensorInfo{std::move(name), DType::F32, part.shape, bytes, path},
                               file->bytes().subspan(at, bytes),
                               file,
                               {}});
        }
    }
    std::map<std::string, std::string> metadata{
        {"dim", std::to_string(header->dim)},
        {"hidden_dim", std::to_string(header->hiddenDim)},
        {"n_layers", std::to_string(header->layers)},
        {"n_heads", std::to_string(header->heads)},
        {"n_kv_heads", std::to_string(header->keyValueHeads)},
        {"vocab_size", std::to_string(header->vocabulary)},
        {"max_seq_len", std::to_string(header->maxLength)},
        {"tied_embeddings", header->tied ? "true" : "false"},
    };
    return makeTableSource(std::move(entries), std::move(metadata), path.string());
}

}  // namespace vitrine
