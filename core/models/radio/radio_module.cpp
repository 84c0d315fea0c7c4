#include "core/models/radio/radio_module.h"

#include "core/base/check.h"
#include "core/models/radio/windowing.h"
#include "core/nn/recompute.h"

#include <algorithm>
#include <set>

namespace vitrine {
namespace {

// Tensors that the checkpoint stores as buffers under one name.
class Buffers : public torch::nn::Module {
  public:
    at::Tensor add(const std::string& name, const at::Tensor& value) { return register_buffer(name, value); }
};

}  // namespace

struct RadioModule::Parts {
    std::shared_ptr<PatchGenerator> patchGenerator;
    std::vector<std::shared_ptr<nn::VitBlock>> blocks;
    std::shared_ptr<nn::LayerNorm> finalNorm;
    std::map<std::string, std::shared_ptr<Adaptor>> adaptors;
    at::Tensor mean, std, summaryIndices;
    at::Tensor featureMean, featureTransform;
    at::Tensor alphas, rotation, means;  // of intermediate layers

    void buildTrunk(const RadioConfig& config, torch::nn::Module& trunk) {
        patchGenerator = trunk.register_module("patch_generator", std::make_shared<PatchGenerator>(config));
        const auto list = trunk.register_module("blocks", std::make_shared<torch::nn::Module>());
        for (int64_t i = 0; i < config.depth; ++i)
            blocks.push_back(list->register_module(std::to_string(i),
                                                   std::make_shared<nn::VitBlock>(config.blockOptions(i))));
        if (config.finalNorm)
            finalNorm = trunk.register_module(
                "norm", std::make_shared<nn::LayerNorm>(config.width, config.block.epsilon));
    }

    void buildBuffers(const RadioConfig& config, torch::nn::Module& body) {
        const auto conditioner = body.register_module("input_conditioner", std::make_shared<Buffers>());
        const auto values = [&](const std::vector<double>& list) {
            return at::tensor(list, at::kFloat).view({-1, 1, 1});
        };
        mean = conditioner->add("norm_mean", values(config.mean));
        std = conditioner->add("norm_std", values(config.std));
        summaryIndices = body.register_buffer("summary_idxs", at::tensor(config.summaryIndices, at::kLong));
        if (config.featureNormalizer) {
            const auto normalizer = body.register_module("feature_normalizer", std::make_shared<Buffers>());
            featureMean = normalizer->add("mean", at::zeros({config.width}));
            featureTransform = normalizer->add("tx", at::eye(config.width));
        }
        if (config.normalizedIntermediates > 0) {
            const auto normalizer =
                body.register_module("inter_feature_normalizer", std::make_shared<Buffers>());
            const int64_t count = config.normalizedIntermediates;
            alphas = normalizer->add("alphas", at::ones({count}));
            at::Tensor identity = at::eye(config.width);
            if (config.rotationPerLayer)
                identity = identity.repeat({count, 1, 1});
            rotation = normalizer->add("rotation", identity);
            means = normalizer->add("means", at::zeros({count, config.width}));
        }
    }
};

RadioModule::RadioModule(const RadioConfig& config) : config_(config), parts_(std::make_unique<Parts>()) {
    const auto body = register_module("radio_model", std::make_shared<torch::nn::Module>());
    parts_->buildBuffers(config_, *body);
    auto trunk = body->register_module("model", std::make_shared<torch::nn::Module>());
    if (config_.inner)
        trunk = trunk->register_module("inner", std::make_shared<torch::nn::Module>());
    parts_->buildTrunk(config_, *trunk);
    if (config_.adaptors.empty())
        return;
    const auto adaptors = body->register_module("adaptors", std::make_shared<torch::nn::Module>());
    for (const RadioAdaptorConfig& adaptor : config_.adaptors)
        parts_->adaptors[adaptor.name] =
            adaptors->register_module(adaptor.name, std::make_shared<Adaptor>(adaptor));
}

RadioModule::~RadioModule() = default;

const PatchGenerator& RadioModule::patchGenerator() const {
    return *parts_->patchGenerator;
}

at::Tensor RadioModule::condition(const at::Tensor& pixels) const {
    at::Tensor mean = parts_->mean, std = parts_->std;
    if (pixels.size(1) != mean.size(0)) {  // frames of a clip stacked along the channels
        const int64_t frames = pixels.size(1) / mean.size(0);
        mean = mean.repeat({frames, 1, 1});
        std = std.repeat({frames, 1, 1});
    }
    return pixels.to(at::kFloat)
        .sub(mean.to(at::kFloat))
        .div_(std.to(at::kFloat))
        .to(parts_->mean.scalar_type());
}

at::Tensor RadioModule::runBlocks(at::Tensor x, const RadioPass& pass) const {
    const int64_t depth = config_.depth, prefixCount = config_.prefixTokens();
    const int64_t side = pass.windowing.windowSize;
    const int64_t period = side > 0 ? pass.windowing.period(depth) : 1;
    at::Tensor prefix;  // set while the patches are in windows
    std::optional<nn::TokenReduction> fewer;
    if (config_.tokens && period == 1)
        fewer.emplace(*config_.tokens, depth, config_.inner ? 1 : config_.classTokens, prefixCount,
                      x.size(1) - prefixCount);
    const auto joined = [&](const at::Tensor& state) {
        if (fewer)
            return fewer->whole(state);
        return prefix.defined()
                   ? at::cat({prefix, radio::fromWindows(state, pass.gridHeight, pass.gridWidth, side)}, 1)
                   : state;
    };
    for (int64_t i = 0; i < depth; ++i) {
        const bool last = i == depth - 1;
        const int64_t phase = i % period;
        if (period > 1 && phase == 0 && !last) {
            prefix = x.narrow(1, 0, prefixCount);
            x = radio::toWindows(x.narrow(1, prefixCount, x.size(1) - prefixCount), pass.gridHeight,
                                 pass.gridWidth, side);
        } else if (prefix.defined() && (last || phase == period - 1)) {
            x = joined(x);
            prefix = at::Tensor();
        }
        const bool capture =
            pass.attention && std::find(pass.attentionBlocks.begin(), pass.attentionBlocks.end(), i) !=
                                  pass.attentionBlocks.end();
        at::Tensor probabilities;
        const auto& block = *parts_->blocks[size_t(i)];
        x = fewer            ? block.forwardReduced(x, *fewer, i)
            : pass.recompute ? nn::recomputed([&block](const at::Tensor& in) { return block.forward(in); }, x)
                             : block.forward(x, capture ? &probabilities : nullptr);
        if (capture)
            pass.attention->push_back(prefix.defined()
                                          ? radio::spreadWindowAttention(probabilities, pass.gridHeight,
                                                                         pass.gridWidth, side, prefixCount)
                                          : probabilities);
        if (pass.afterBlock && !pass.afterBlock(i, joined(x)))
            break;
    }
    x = joined(x);
    return parts_->finalNorm ? parts_->finalNorm->forward(x) : x;
}

at::Tensor RadioModule::runPacked(at::Tensor tokens, std::span<const int64_t> lengths) const {
    for (const auto& block : parts_->blocks)
        tokens = block->forwardPacked(tokens, lengths);
    return parts_->finalNorm ? parts_->finalNorm->forward(tokens) : tokens;
}

std::vector<at::Tensor> RadioModule::intermediates(const at::Tensor& tokens,
                                                   const IntermediatesRequest& request,
                                                   const RadioPass& pass) const {
    std::set<int64_t> wanted;
    for (const int64_t index : request.indices)
        wanted.insert(index < 0 ? index + config_.depth : index);
    const bool normalize = parts_->alphas.defined() && request.scheme != NormAlphaScheme::None;
    const int64_t prefixCount = config_.prefixTokens();
    // Normalised state of a block: prefix tokens pass untouched, and with weight 1.
    const auto normalized = [&](const at::Tensor& x, int64_t block, int64_t rotationOf) {
        if (!normalize)
            return x;
        const at::Tensor rotation =
            parts_->rotation.dim() == 3 ? parts_->rotation[rotationOf] : parts_->rotation;
        const at::Tensor patches = x.narrow(1, prefixCount, x.size(1) - prefixCount);
        return at::cat({x.narrow(1, 0, prefixCount), at::linear(patches - parts_->means[block], rotation)},
                       1);
    };
    const auto alpha = [&](int64_t block) {
        at::Tensor weights = at::ones({1, tokens.size(1), 1}, tokens.options());
        if (normalize)
            weights.narrow(1, prefixCount, tokens.size(1) - prefixCount).fill_(parts_->alphas[block]);
        return weights;
    };
    std::vector<at::Tensor> outputs;
    at::Tensor sum, alphaSum;
    int64_t count = 0;
    RadioPass run = pass;
    run.afterBlock = [&](int64_t block, const at::Tensor& x) {
        if (request.aggregation == LayerAggregation::Dense) {
            // A group is rotated as its last layer is.
            const at::Tensor y = normalized(x, block, *wanted.lower_bound(block));
            const bool post = request.scheme == NormAlphaScheme::PostAlpha;
            const at::Tensor weight = post ? alpha(block) : at::ones({1, 1, 1}, x.options());
            const at::Tensor term = post ? y : alpha(block) * y;
            sum = count ? sum + term : term;
            alphaSum = count ? alphaSum + weight : weight;
            ++count;
        }
        if (wanted.contains(block)) {
            at::Tensor y = request.aggregation == LayerAggregation::Dense
                               ? (alphaSum / double(count)) * sum / double(count)
                               : alpha(block) * normalized(x, block, block);
            outputs.push_back(request.finalNorm && parts_->finalNorm ? parts_->finalNorm->forward(y) : y);
            count = 0;
        }
        return block < *wanted.rbegin();
    };
    if (!wanted.empty())
        runBlocks(tokens, run);
    return outputs;
}

at::Tensor RadioModule::summaryOf(const at::Tensor& tokens) const {
    if (config_.inner)
        return tokens.select(1, 0);
    return tokens.index_select(1, parts_->summaryIndices).flatten(1);
}

at::Tensor RadioModule::classTokenFor(const at::Tensor& tokens, const Adaptor& adaptor) const {
    return tokens.select(1, config_.inner ? 0 : adaptor.headIndex());
}

at::Tensor RadioModule::normalizeFeatures(const at::Tensor& features) const {
    if (!parts_->featureTransform.defined())
        return features;
    return at::linear(features - parts_->featureMean, parts_->featureTransform);
}

const Adaptor* RadioModule::adaptor(const std::string& name) const {
    const auto it = parts_->adaptors.find(name);
    return it == parts_->adaptors.end() ? nullptr : it->second.get();
}

}  // namespace vitrine
