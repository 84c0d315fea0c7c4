#include "core/compress/compression_driver.h"

#include "core/base/freed_memory.h"
#include "core/base/stopwatch.h"

#include <map>
#include <set>

namespace vitrine {
namespace {

class Driver {
  public:
    Driver(BlockModel& model, const CompressionPlan& plan, JobContext& job, const LayerSink& sink)
        : model_(model), plan_(plan), job_(job), sink_(sink) {}

    Result<DriverReport> run() {
        VITRINE_TRY_VOID(checkPlan(model_, plan_));
        if (model_.batches() < 1)
            return fail(ErrorCode::InvalidArgument, "there is no text to calibrate on", {},
                        "Give a text of at least one window.");
        for (int64_t batch = 0; batch < model_.batches(); ++batch)
            streams_.push_back(model_.firstStream(batch));
        job_.beginStage("compressing blocks", model_.depth());
        for (int64_t block = 0; block < model_.depth(); ++block) {
            VITRINE_TRY_VOID(compressBlock(block));
            job_.advance();
        }
        return report_;
    }

  private:
    Result<void> compressBlock(int64_t block) {
        std::vector<BlockLinear> chosen;
        std::set<int> groups;
        for (auto& linear : model_.linears(block))
            if (!plan_.skips(linear.name)) {
                groups.insert(linear.group);
                chosen.push_back(linear);
            }
        if (plan_.trueSequential) {
            for (const int group : groups)
                VITRINE_TRY_VOID(compressGroups(block, chosen, {group}));
        } else if (!groups.empty()) {
            VITRINE_TRY_VOID(compressGroups(block, chosen, groups));
        }
        model_.finishBlock(block);
        if (block + 1 == model_.depth())
            return {};
        const Stopwatch watch(report_.rerunSeconds);
        for (int64_t batch = 0; batch < model_.batches(); ++batch) {
            VITRINE_TRY_VOID(job_.checkStop());
            auto& stream = streams_[size_t(batch)];
            stream = model_.runBlock(block, batch, stream, {});
        }
        return {};
    }

    Result<void> compressGroups(int64_t block, const std::vector<BlockLinear>& linears,
                                const std::set<int>& groups) {
        std::map<int, LinearStatistics> statistics;
        VITRINE_TRY_VOID(calibrate(block, linears, groups, statistics));
        const Stopwatch watch(report_.compressionSeconds);
        for (const int group : groups) {
            const auto& found = statistics.at(group);
            std::optional<InverseFactor> factor;
            if (plan_.sweeps()) {
                auto made = inverseFactor(found, {plan_.damping, plan_.actOrder});
                if (!made)
                    return fail(made.error().in(nameOf(linears, group)));
                factor = std::move(*made);
            }
            for (const auto& linear : linears)
                if (linear.group == group)
                    VITRINE_TRY_VOID(compressOne(block, linear, found, factor ? &*factor : nullptr));
            statistics.at(group) = LinearStatistics();  // its memory is free for the next
            factor.reset();
            releaseFreedMemory();
        }
        return {};
    }

    Result<void> compressOne(int64_t block, const BlockLinear& linear, const LinearStatistics& statistics,
                             const InverseFactor* factor) {
        VITRINE_TRY_VOID(job_.checkStop());
        VITRINE_TRY(auto layer, compressLayer(linear.name, linear.weight, statistics, factor, plan_,
                                              plan_.seed * 1000003 + uint64_t(done_++)));
        layer.report.block = block;
        {
            const at::NoGradGuard plain;
            at::Tensor weight = linear.weight;
            // New storage: the old one may be a file that is mapped read-only.
            weight.set_data(layer.weight.to(weight.device(), weight.scalar_type()).contiguous());
        }
        return sink_(std::move(layer));
    }

    Result<void> calibrate(int64_t block, const std::vector<BlockLinear>& linears,
                           const std::set<int>& groups, std::map<int, LinearStatistics>& statistics) {
        const Stopwatch watch(report_.calibrationSeconds);
        const auto extent = plan_.needsFullMoments() ? MomentExtent::Full : MomentExtent::Diagonal;
        int64_t bytes = 0;
        for (const int group : groups)
            for (const auto& linear : linears)
                if (linear.group == group && !statistics.contains(group)) {
                    const int64_t inputs = linear.weight.size(1);
                    statistics.emplace(group, LinearStatistics(inputs, extent));
                    bytes += extent == MomentExtent::Full ? inputs * inputs * (inputs <= 4096 ? 8 : 4)
                                                          : 16 * inputs;
                }
        report_.largestStatisticsBytes = std::max(report_.largestStatisticsBytes, bytes);
        for (int64_t batch = 0; batch < model_.batches(); ++batch) {
            VITRINE_TRY_VOID(job_.checkStop());
            Result<void> state;
            model_.runBlock(block, batch, streams_[size_t(batch)], [&](int group, const at::Tensor& x) {
                const auto found = statistics.find(group);
                if (found == statistics.end() || !state)
                    return;
                if (const auto added = found->second.add(x); !added)
                    state = fail(added.error().in(
                        fmt::format("{}, calibration batch {}", nameOf(linears, group), batch)));
            });
            if (!state)
                return state;
        }
        for (const auto& [group, one] : statistics)
            if (one.tokens() == 0)
                return fail(ErrorCode::Internal, "the model showed no inputs of this layer",
                            nameOf(linears, group));
            else
                report_.tokens = one.tokens();
        return {};
    }

    static std::string nameOf(const std::vector<BlockLinear>& linears, int group) {
        for (const auto& linear : linears)
            if (linear.group == group)
                return linear.name;
        return {};
    }

    BlockModel& model_;
    const CompressionPlan& plan_;
    JobContext& job_;
    const LayerSink& sink_;
    std::vector<at::Tensor> streams_;
    DriverReport report_;
    int64_t done_ = 0;
};

}  // namespace

Result<void> checkPlan(const BlockModel& model, const CompressionPlan& plan) {
    VITRINE_TRY_VOID(plan.validate());
    for (int64_t block = 0; block < model.depth(); ++block)
        for (const auto& linear : model.linears(block)) {
            if (plan.skips(linear.name))
                continue;
            if (plan.prunes())
                if (const auto fits = plan.pattern.checkFits(linear.weight.sizes()); !fits)
                    return fail(fits.error().in(linear.name));
            const int64_t most = std::min(linear.weight.size(0), linear.weight.size(1));
            if (plan.lowRank && plan.rank > most)
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("rank {} is larger than the matrix of {} x {} allows ({})", plan.rank,
                                        linear.weight.size(0), linear.weight.size(1), most),
                            linear.name, "Choose a smaller rank.");
        }
    return {};
}

Result<DriverReport> compressModel(BlockModel& model, const CompressionPlan& plan, JobContext& job,
                                   const LayerSink& sink) {
    const at::NoGradGuard plain;
    return Driver(model, plan, job, sink).run();
}

}  // namespace vitrine
