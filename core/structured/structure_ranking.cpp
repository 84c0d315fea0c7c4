#include "core/structured/structure_ranking.h"

#include "core/compress/mask_set.h"
#include "core/models/language/decoder_block.h"

namespace vitrine {
namespace {

constexpr double kLeastNorm = 1e-12;

// Sums over tokens of what the static metrics of one sub-network are made of.
struct UpdateSums {
    double cosine = 0, relativeL1 = 0, relativeL2 = 0;

    // x in front, f what is added (B, T, n).
    void add(const at::Tensor& x, const at::Tensor& f) {
        const at::Tensor from = x.to(at::kFloat), change = f.to(at::kFloat);
        cosine += at::cosine_similarity(from, from + change, -1).sum(at::kDouble).item<double>();
        const auto ratio = [&](double power) {
            return (change.norm(power, -1) / from.norm(power, -1).clamp_min(kLeastNorm))
                .sum(at::kDouble)
                .item<double>();
        };
        relativeL1 += ratio(1);
        relativeL2 += ratio(2);
    }
};

class Collector : public DecoderObserver {
  public:
    Collector(StructureRanking& ranking, int64_t skip)
        : ranking_(ranking), skip_(skip), blocks_(size_t(ranking.depth())), parts_(blocks_.size() * 2) {}

    void onInput(int64_t block, LinearGroup group, const at::Tensor& x) override {
        if (group == LinearGroup::Down)
            ranking_.neurons[size_t(block)].add(seen(x));
        if (group == LinearGroup::Out)
            ranking_.heads[size_t(block)].add(seen(x));
    }
    void onNorm(int64_t block, SubLayer which, const at::Tensor& y) override {
        ranking_.norms[size_t(2 * block + int64_t(which))].add(seen(y));
    }
    void onFinalNorm(const at::Tensor& y) override { ranking_.norms.back().add(seen(y)); }
    void onUpdate(int64_t block, SubLayer which, const at::Tensor& x, const at::Tensor& update) override {
        parts_[size_t(2 * block + int64_t(which))].add(seen(x), seen(update));
    }
    void onBlock(int64_t block, const at::Tensor& in, const at::Tensor& out) override {
        if (block == 0)
            streams_.assign(1, seen(in).to(at::kFloat));
        streams_.push_back(seen(out).to(at::kFloat));
        blocks_[size_t(block)].add(seen(in), seen(out) - seen(in));
        if (block + 1 == ranking_.depth())
            addStreams();
    }

    int64_t tokens() const { return tokens_; }
    void finish() {
        const auto put = [&](const std::vector<UpdateSums>& sums, std::map<std::string, at::Tensor>& out) {
            const auto made = [&](auto value) {
                std::vector<double> values;
                for (const UpdateSums& sum : sums)
                    values.push_back(value(sum));
                return at::tensor(values, at::kDouble);
            };
            const double n = double(std::max<int64_t>(1, tokens_));
            // A part that is not there (no update was seen) changes nothing.
            out["cosine"] =
                made([&](const UpdateSums& sum) { return sum.relativeL2 == 0 ? 0.0 : 1 - sum.cosine / n; });
            out["relative_l1"] = made([&](const UpdateSums& sum) { return sum.relativeL1 / n; });
            out["relative_l2"] = made([&](const UpdateSums& sum) { return sum.relativeL2 / n; });
        };
        put(blocks_, ranking_.blocks);
        put(parts_, ranking_.parts);
        const double n = double(std::max<int64_t>(1, tokens_));
        ranking_.streamNorms = norms_ / n;
        ranking_.streamCosines = cosines_ / n;
    }

  private:
    at::Tensor seen(const at::Tensor& x) const { return x.narrow(1, skip_, x.size(1) - skip_); }
    void addStreams() {
        const auto count = int64_t(streams_.size());
        tokens_ += streams_[0].size(0) * streams_[0].size(1);
        if (!norms_.defined()) {
            norms_ = at::zeros({count}, at::kDouble);
            cosines_ = at::zeros({count, count}, at::kDouble);
        }
        std::vector<at::Tensor> rows;
        for (int64_t i = 0; i < count; ++i) {
            const at::Tensor flat = streams_[size_t(i)].flatten(0, 1);
            norms_[i] += flat.norm(2, -1).sum(at::kDouble).cpu();
            rows.push_back(flat / flat.norm(2, -1, true).clamp_min(kLeastNorm));
        }
        const at::Tensor units = at::stack(rows);  // (depth + 1, tokens, width)
        cosines_ += at::einsum("itw,jtw->ij", {units, units}).to(at::kCPU, at::kDouble);
        streams_.clear();
    }

    StructureRanking& ranking_;
    int64_t skip_, tokens_ = 0;
    std::vector<UpdateSums> blocks_, parts_;
    std::vector<at::Tensor> streams_;
    at::Tensor norms_, cosines_;
};

void addWeightNorms(const Decoder& decoder, StructureRanking& ranking) {
    for (int64_t i = 0; i < decoder.depth(); ++i) {
        const DecoderBlock& block = *decoder.block(i);
        const auto down = block.linear(LinearRole::Down), up = block.linear(LinearRole::Up);
        at::Tensor columns, rows;
        if (down) {
            columns = down->weight.detach().to(at::kCPU, at::kDouble).norm(2, 0);
            rows = up->weight.detach().to(at::kCPU, at::kDouble).norm(2, 1) * columns;
        }
        ranking.downNorms.push_back(columns);
        ranking.weightNorms.push_back(rows);
        const AttentionSettings& attention = block.settings().attention;
        ranking.headWidths.push_back(attention.kind == SubLayerKind::Standard ? attention.headWidth : 0);
    }
}

Result<void> checkFinite(const StructureRanking& ranking, size_t batch) {
    for (size_t block = 0; block < ranking.neurons.size(); ++block)
        for (const auto* axis : {&ranking.neurons, &ranking.heads})
            if (const at::Tensor scores = (*axis)[block].scores({});
                scores.defined() && !scores.isfinite().all().item<bool>())
                return fail(ErrorCode::InvalidArgument, "the activations are not finite",
                            fmt::format("block {}, calibration batch {}", block, batch),
                            "Calibrate with other texts, or load the model as float32");
    return {};
}

}  // namespace

std::string structureFingerprint(const LanguageModel& model) {
    NamedTensors weights;
    for (const auto& entry : model.decoder().named_parameters())
        weights[entry.key()] = entry.value().detach();
    return weightFingerprint(weights);
}

int64_t StructureRanking::width() const {
    return norms.empty() ? 0 : norms.back().size();
}

at::Tensor StructureRanking::neuronScores(int64_t block, const Aggregation& aggregation,
                                          NeuronScore kind) const {
    const auto index = size_t(block);
    if (kind == NeuronScore::WeightNorm)
        return weightNorms.at(index);
    const at::Tensor scores = neurons.at(index).scores(aggregation);
    return scores.defined() && kind == NeuronScore::TimesDownNorm ? scores * downNorms.at(index) : scores;
}

at::Tensor StructureRanking::headScores(int64_t block, const Aggregation& aggregation) const {
    const at::Tensor channels = heads.at(size_t(block)).scores(aggregation);
    const int64_t headWidth = headWidths.at(size_t(block));
    return channels.defined() && headWidth > 0 ? channels.view({-1, headWidth}).norm(2, 1) : at::Tensor();
}

at::Tensor StructureRanking::channelScores(const Aggregation& aggregation) const {
    at::Tensor sum;
    for (const AxisSums& norm : norms)
        if (const at::Tensor scores = norm.scores(aggregation); scores.defined())
            sum = sum.defined() ? sum + scores : scores;
    return sum;
}

Result<void> StructureRanking::checkModel(const LanguageModel& model) const {
    if (depth() != model.config().depth() || width() != model.config().width ||
        source.modelHash != structureFingerprint(model))
        return fail(ErrorCode::InvalidArgument, "the ranking was made of another model", "ranking",
                    "Rank the structures of this model, or open the one that the ranking names");
    return {};
}

Result<StructureRanking> rankStructures(const LanguageModel& model, const std::vector<at::Tensor>& batches,
                                        const RankingOptions& options, JobContext& job) {
    const at::NoGradGuard noGrad;
    const Decoder& decoder = model.decoder();
    if (batches.empty())
        return fail(ErrorCode::InvalidArgument, "there is no text to rank the structures on", "calibration");
    StructureRanking ranking;
    ranking.neurons.resize(size_t(decoder.depth()));
    ranking.heads.resize(size_t(decoder.depth()));
    ranking.norms.resize(size_t(2 * decoder.depth() + 1));
    addWeightNorms(decoder, ranking);
    Collector collector(ranking, options.skipTokens);
    job.beginStage("ranking structures", int64_t(batches.size()));
    for (size_t batch = 0; batch < batches.size(); ++batch) {
        VITRINE_TRY_VOID(job.checkStop());
        if (options.skipTokens < 0 || options.skipTokens >= batches[batch].size(1))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} tokens are skipped of windows of {}", options.skipTokens,
                                    batches[batch].size(1)),
                        "settings/skip_tokens");
        VITRINE_TRY_VOID(model.checkIds(batches[batch]));
        decoder.hidden(batches[batch], {.observer = &collector});
        VITRINE_TRY_VOID(checkFinite(ranking, batch));
        ranking.source.windows += batches[batch].size(0);
        ranking.source.windowLength = batches[batch].size(1);
        job.advance();
    }
    collector.finish();
    ranking.tokens = collector.tokens();
    ranking.source.modelHash = structureFingerprint(model);
    return ranking;
}

}  // namespace vitrine
