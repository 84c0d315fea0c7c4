#include "core/compress/sparse_speed.h"

#include "kernels/compression_operators.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr double kGain = 1.05;  // below this factor it is not called a gain

Result<SparseSpeedRow> measure(const at::Tensor& dense, const kernels::Packed24& packed, int64_t tokens,
                               const SparseSpeedOptions& options, JobContext& job) {
    const auto x = at::randn({tokens, dense.size(1)}, at::TensorOptions(options.device)).to(options.type);
    // Waits for devices that compute on their own: one number is read back.
    const bool waits = !options.device.is_cpu();
    const auto finish = [waits](const at::Tensor& y) {
        if (waits)
            (void)y.flatten()[0].item<double>();
    };
    std::vector<PreparedWork> works{
        [&] { return [&] { finish(kernels::sparse24Linear(x, packed.values, packed.metadata)); }; },
        [&] { return [&] { finish(at::linear(x, dense)); }; }};
    // 16-bit products are slow on some processors: who wants speed there would compute in float32.
    const auto wideX = x.to(at::kFloat), wideWeight = dense.to(at::kFloat);
    if (options.type != at::kFloat)
        works.push_back([&] { return [&] { finish(at::linear(wideX, wideWeight)); }; });
    VITRINE_TRY(const std::vector<double> ms,
                medianMs(works, options.timing, [&] { return job.checkStop(); }));
    return SparseSpeedRow{dense.size(0), dense.size(1), tokens, *std::min_element(ms.begin() + 1, ms.end()),
                          ms.front()};
}

}  // namespace

Json SparseSpeedRow::json() const {
    return Json{{"outputs", outputs},  {"inputs", inputs},      {"tokens", tokens},
                {"dense_ms", denseMs}, {"packed_ms", packedMs}, {"speedup", speedup()}};
}

Result<std::vector<SparseSpeedRow>> measureSparseSpeed(std::vector<std::pair<int64_t, int64_t>> shapes,
                                                       const SparseSpeedOptions& options, JobContext& job) {
    const at::NoGradGuard plain;
    std::sort(shapes.begin(), shapes.end());
    shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
    std::vector<SparseSpeedRow> rows;
    job.beginStage("measuring 2:4 products", int64_t(shapes.size() * options.tokens.size()));
    for (const auto& [outputs, inputs] : shapes) {
        if (outputs < 1 || inputs < 4 || inputs % 4 != 0)
            return fail(ErrorCode::ShapeMismatch, fmt::format("{} inputs are no whole groups of 4", inputs));
        const auto weight = at::randn({outputs, inputs}, at::TensorOptions(options.device)).to(options.type);
        const auto masked = kernels::sparse24Apply(weight, kernels::sparse24Search(weight));
        const auto packed = kernels::sparse24Pack(masked);
        for (const int64_t tokens : options.tokens) {
            VITRINE_TRY(const SparseSpeedRow row, measure(masked, packed, tokens, options, job));
            rows.push_back(row);
            job.advance();
        }
    }
    return rows;
}

std::string sparseVerdict(const std::vector<SparseSpeedRow>& rows) {
    if (rows.empty())
        return "nothing was measured";
    const auto describe = [](const SparseSpeedRow& row) {
        return fmt::format("{} {} x {} x {}", row.tokens, row.tokens == 1 ? "token" : "tokens", row.outputs,
                           row.inputs);
    };
    const auto [worst, best] = std::minmax_element(
        rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.speedup() < b.speedup(); });
    const auto gains =
        std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.speedup() >= kGain; });
    if (gains == 0)
        return fmt::format("no gain here: at best {:.2f} times the dense speed ({})", best->speedup(),
                           describe(*best));
    return fmt::format(
        "a gain in {} of {} measurements: {:.2f} times the dense speed at best ({}), {:.2f} times at "
        "worst ({})",
        gains, rows.size(), best->speedup(), describe(*best), worst->speedup(), describe(*worst));
}

}  // namespace vitrine
