#include "core/compress/calibration_statistics.h"

#include "core/io/safetensors.h"
#include "core/nn/weights.h"

namespace vitrine {
namespace {

constexpr int64_t kDoubleSums = 4096, kDoubleProducts = 1024;  // largest k
constexpr int64_t kChunkRows = 2048;  // tokens whose products are summed in one matrix product

at::Tensor stateTensor(const std::map<std::string, at::Tensor>& state, const std::string& name) {
    const auto found = state.find(name);
    return found == state.end() ? at::Tensor() : found->second;
}

std::string unfinishedText(const at::Tensor& rows, const at::Tensor& finite) {
    const auto bad = finite.logical_not();
    const auto perInput = bad.sum(0);
    return fmt::format("{} of {} numbers are NaN or infinite, first in input {} (of {})",
                       bad.sum().item<int64_t>(), rows.numel(), (perInput > 0).nonzero()[0].item<int64_t>(),
                       rows.size(1));
}

}  // namespace

LinearStatistics::LinearStatistics(int64_t inputs, MomentExtent extent) : inputs_(inputs), extent_(extent) {
    if (inputs <= 0)
        return;
    const auto wide = at::TensorOptions(at::kDouble);
    squares_ = at::zeros({inputs}, wide);
    magnitudes_ = at::zeros({inputs}, wide);
    if (extent == MomentExtent::Full)
        products_ = at::zeros({inputs, inputs}, inputs <= kDoubleSums ? at::kDouble : at::kFloat);
}

Result<void> LinearStatistics::add(const at::Tensor& x) {
    const at::NoGradGuard plain;
    if (!x.defined() || x.dim() < 1 || !x.is_floating_point())
        return fail(ErrorCode::InvalidArgument, "calibration needs floating inputs (..., k)");
    if (x.size(-1) != inputs_)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected {} inputs, found {}", inputs_, x.size(-1)));
    const auto all = x.detach().reshape({-1, inputs_});
    if (all.size(0) == 0)
        return {};
    if (const auto finite = all.isfinite(); !finite.all().item<bool>())
        return fail(ErrorCode::InvalidArgument, unfinishedText(all, finite), {},
                    "The model's own values overflow here: use float32 weights, or leave this text out.");
    if (products_.defined() && products_.device() != all.device()) {
        products_ = products_.to(all.device());
    }
    if (squares_.device() != all.device()) {
        squares_ = squares_.to(all.device());
        magnitudes_ = magnitudes_.to(all.device());
    }
    for (int64_t start = 0; start < all.size(0); start += kChunkRows) {
        const auto rows = all.slice(0, start, start + kChunkRows);
        const auto wide = rows.to(at::kDouble);
        squares_ += wide.square().sum(0);
        magnitudes_ += wide.abs().sum(0);
        if (!products_.defined())
            continue;
        const auto factors = inputs_ <= kDoubleProducts ? wide : rows.to(at::kFloat);
        if (factors.scalar_type() == products_.scalar_type())
            products_.addmm_(factors.t(), factors);
        else
            products_ += factors.t().matmul(factors);
    }
    tokens_ += all.size(0);
    return {};
}

Result<void> LinearStatistics::merge(const LinearStatistics& other) {
    if (other.inputs_ != inputs_ || other.extent_ != extent_)
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("expected statistics of {} inputs, found {}", inputs_, other.inputs_));
    if (inputs_ == 0)
        return {};
    tokens_ += other.tokens_;
    squares_ = squares_ + other.squares_.to(squares_.device());
    magnitudes_ = magnitudes_ + other.magnitudes_.to(magnitudes_.device());
    if (products_.defined())
        products_ = products_ + other.products_.to(products_.device());
    return {};
}

at::Tensor LinearStatistics::secondMoment() const {
    return products_.defined() && tokens_ > 0 ? products_ / double(tokens_) : at::Tensor();
}

at::Tensor LinearStatistics::diagonal() const {
    return squares_ / double(std::max<int64_t>(tokens_, 1));
}

at::Tensor LinearStatistics::meanMagnitude() const {
    return magnitudes_ / double(std::max<int64_t>(tokens_, 1));
}

std::map<std::string, at::Tensor> LinearStatistics::state() const {
    std::map<std::string, at::Tensor> state{{"squares", squares_.cpu()},
                                            {"magnitudes", magnitudes_.cpu()},
                                            {"tokens", at::tensor({tokens_}, at::kLong)}};
    if (products_.defined())
        state["products"] = products_.cpu();
    return state;
}

Result<LinearStatistics> LinearStatistics::fromState(const std::map<std::string, at::Tensor>& state) {
    const auto squares = stateTensor(state, "squares"), magnitudes = stateTensor(state, "magnitudes"),
               tokens = stateTensor(state, "tokens"), products = stateTensor(state, "products");
    const auto isVector = [&](const at::Tensor& t) {
        return t.defined() && t.dim() == 1 && t.scalar_type() == at::kDouble && t.sizes() == squares.sizes();
    };
    if (!isVector(squares) || !isVector(magnitudes))
        return fail(ErrorCode::InvalidFile, "missing, or of another shape or type", "squares, magnitudes");
    if (!tokens.defined() || tokens.numel() != 1 || tokens.scalar_type() != at::kLong ||
        tokens.item<int64_t>() < 0)
        return fail(ErrorCode::InvalidFile, "missing, or no count", "tokens");
    const int64_t inputs = squares.size(0);
    LinearStatistics statistics(inputs, products.defined() ? MomentExtent::Full : MomentExtent::Diagonal);
    if (products.defined()) {
        if (products.sizes() != at::IntArrayRef({inputs, inputs}) ||
            products.scalar_type() != statistics.products_.scalar_type())
            return fail(ErrorCode::InvalidFile, fmt::format("expected [{0}, {0}]", inputs), "products");
        statistics.products_ = products.clone();
    }
    statistics.squares_ = squares.clone();
    statistics.magnitudes_ = magnitudes.clone();
    statistics.tokens_ = tokens.item<int64_t>();
    return statistics;
}

Result<void> CalibrationStatistics::add(const std::string& layer, const at::Tensor& x, int64_t batch) {
    auto [entry, fresh] = layers_.try_emplace(layer);
    if (fresh)
        entry->second = LinearStatistics(x.defined() && x.dim() > 0 ? x.size(-1) : 0, extent_);
    if (const auto added = entry->second.add(x); !added)
        return fail(added.error().in(fmt::format("{}, calibration batch {}", layer, batch)));
    return {};
}

Result<void> CalibrationStatistics::merge(const CalibrationStatistics& other) {
    for (const auto& [name, statistics] : other.layers_) {
        const auto [entry, fresh] = layers_.try_emplace(name, statistics);
        if (fresh)
            continue;
        if (const auto joined = entry->second.merge(statistics); !joined)
            return fail(joined.error().in(name));
    }
    return {};
}

const LinearStatistics* CalibrationStatistics::find(const std::string& layer) const {
    const auto found = layers_.find(layer);
    return found == layers_.end() ? nullptr : &found->second;
}

Result<void> CalibrationStatistics::save(const std::filesystem::path& file) const {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& [name, statistics] : layers_)
        for (const auto& [part, tensor] : statistics.state())
            tensors[name + "/" + part] = tensor;
    return writeTensors(file, tensors,
                        {{"kind", "calibration statistics"},
                         {"model", source.modelHash},
                         {"data", source.dataHash},
                         {"seed", std::to_string(source.seed)},
                         {"windows", std::to_string(source.windows)},
                         {"window_length", std::to_string(source.windowLength)}});
}

Result<CalibrationStatistics> CalibrationStatistics::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto stored, openSafetensors(file));
    const auto& metadata = stored->metadata();
    const auto text = [&](const char* key) {
        const auto found = metadata.find(key);
        return found == metadata.end() ? std::string() : found->second;
    };
    if (text("kind") != "calibration statistics")
        return fail(ErrorCode::InvalidFile, "these are no calibration statistics", file.string());
    VITRINE_TRY(const auto tensors, readAllTensors(*stored));
    std::map<std::string, std::map<std::string, at::Tensor>> parts;
    for (const auto& [name, tensor] : tensors) {
        const auto slash = name.rfind('/');
        if (slash == std::string::npos)
            return fail(ErrorCode::InvalidFile, fmt::format("tensor {} belongs to no layer", name),
                        file.string());
        parts[name.substr(0, slash)][name.substr(slash + 1)] = tensor;
    }
    CalibrationStatistics statistics;
    for (const auto& [name, state] : parts) {
        auto layer = LinearStatistics::fromState(state);
        if (!layer)
            return fail(layer.error().in(file.string() + ": " + name));
        statistics.extent_ = layer->extent();
        statistics.layers_.emplace(name, std::move(*layer));
    }
    statistics.source.modelHash = text("model");
    statistics.source.dataHash = text("data");
    statistics.source.seed = std::strtoull(text("seed").c_str(), nullptr, 10);
    statistics.source.windows = std::strtoll(text("windows").c_str(), nullptr, 10);
    statistics.source.windowLength = std::strtoll(text("window_length").c_str(), nullptr, 10);
    return statistics;
}

Result<void> CalibrationStatistics::checkModel(const std::string& modelHash) const {
    if (!source.modelHash.empty() && !modelHash.empty() && source.modelHash != modelHash)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("these statistics are of another model: expected {}, found {}", modelHash,
                                source.modelHash),
                    {}, "Calibrate this model anew.");
    return {};
}

}  // namespace vitrine
