#include "core/compress/layer_offload.h"

namespace vitrine {

Result<void> LayerOffload::add(const std::string& name, CompressedLinear layer) {
    bytesInMemory_ += layer.byteCount();
    inMemory_.layers.insert_or_assign(name, std::move(layer));
    return bytesInMemory_ > largestBytes_ ? offload() : Result<void>();
}

Result<void> LayerOffload::offload() {
    const auto file = folder_ / "packed_layers.tmp";
    const auto mapped = [&]() -> Result<CompressedWeights> {
        VITRINE_TRY_VOID(inMemory_.save(file));
        return CompressedWeights::load(file);
    }();
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    if (!mapped)
        return fail(mapped.error().in("packed layers on their way to disk"));
    for (const auto& [name, layer] : mapped->layers)
        offloaded_.layers.insert_or_assign(name, layer);
    bytesOffloaded_ += bytesInMemory_;
    bytesInMemory_ = 0;
    inMemory_ = CompressedWeights();
    return {};
}

CompressedWeights LayerOffload::take() {
    CompressedWeights all = std::exchange(offloaded_, {});
    all.layers.merge(inMemory_.layers);
    inMemory_ = CompressedWeights();
    bytesInMemory_ = bytesOffloaded_ = 0;
    return all;
}

}  // namespace vitrine
