#include "core/models/language/foreign_parts.h"

#include "core/io/dequantize.h"
#include "core/nn/weights.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <charconv>

namespace vitrine {

ForeignMetadata::ForeignMetadata(const ModelFolder& folder, std::string prefix)
    : map_(folder.weights->metadata()), where_(folder.path.string()), prefix_(std::move(prefix)) {}

Result<double> ForeignMetadata::number(const std::string& key) const {
    const auto value = find(key);
    if (!value)
        return fail(ErrorCode::InvalidFile, fmt::format("\"{}\" is missing or no number", prefix_ + key),
                    where_);
    return *value;
}

std::string ForeignMetadata::text(const std::string& key) const {
    return lookedUp(map_, key);
}

std::optional<double> ForeignMetadata::find(const std::string& key) const {
    const auto it = map_.find(prefix_ + key);
    double value = 0;
    if (it == map_.end())
        return std::nullopt;
    const char* end = it->second.data() + it->second.size();
    const auto [stop, error] = std::from_chars(it->second.data(), end, value);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

namespace {

Result<at::Tensor> decoded(const TensorBytes& stored) {
    constexpr int64_t kAtOnce = 1 << 16;  // whole blocks
    VITRINE_TRY_VOID(checkDecodable(stored));
    at::Tensor values = at::empty(stored.info.shape, at::kFloat);
    float* const out = values.mutable_data_ptr<float>();
    at::parallel_for(0, (values.numel() + kAtOnce - 1) / kAtOnce, 1, [&](int64_t begin, int64_t end) {
        const int64_t first = begin * kAtOnce, last = std::min(end * kAtOnce, values.numel());
        decodeElements(stored.info.dtype, stored.bytes, uint64_t(first),
                       std::span(out + first, size_t(last - first)));
    });
    return values;
}

}  // namespace

Result<at::Tensor> readFloats(const TensorSource& source, const std::string& name) {
    if (!source.find(name))
        return at::Tensor();
    VITRINE_TRY(const TensorBytes bytes, source.read(name));
    return torchType(bytes.info.dtype) ? tensorFromBytes(bytes) : decoded(bytes);
}

at::Tensor halvesFromPairs(const at::Tensor& weight, int64_t heads) {
    if (!weight.defined() || weight.size(0) % (2 * heads) != 0)
        return weight;  // the shape check names it
    const int64_t half = weight.size(0) / heads / 2;
    const auto shape = weight.sizes().vec();
    std::vector<int64_t> split{heads, half, 2};
    split.insert(split.end(), shape.begin() + 1, shape.end());
    return weight.reshape(split).transpose(1, 2).reshape(shape);
}

NameParts splitName(const std::string& name) {
    constexpr std::string_view kLayers = "model.layers.";
    NameParts parts;
    const size_t dot = name.rfind('.');
    parts.ending = name.substr(dot);
    parts.part = name.substr(0, dot);
    if (name.starts_with(kLayers)) {
        const size_t end = name.find('.', kLayers.size());
        parts.layer = std::stoll(name.substr(kLayers.size(), end - kLayers.size()));
        parts.part = name.substr(end + 1, dot - end - 1);
    }
    return parts;
}

std::string lookedUp(const std::map<std::string, std::string>& table, const std::string& key) {
    const auto it = table.find(key);
    return it == table.end() ? "" : it->second;
}

LayerSettings layerOf(int64_t heads, int64_t keyValueHeads, int64_t headWidth, int64_t intermediate) {
    LayerSettings layer;
    layer.attention.queryHeads = heads;
    layer.attention.keyValueHeads = keyValueHeads;
    layer.attention.headWidth = headWidth;
    layer.feedForward.intermediate = intermediate;
    return layer;
}

}  // namespace vitrine
