#include "core/models/language/sentence_encoder.h"

#include "core/models/config_reader.h"
#include "core/models/tower_outputs.h"
#include "core/nn/functional.h"
#include "core/nn/joined_linear.h"
#include "core/nn/module_tree.h"
#include "core/nn/pre_norm_tower.h"

#include <cmath>

namespace vitrine {
namespace {

at::Tensor meanOverTokens(const at::Tensor& last, const at::Tensor& mask) {
    if (!mask.defined())
        return l2Normalized(last.mean(1));
    const at::Tensor weights = mask.to(last.device(), last.scalar_type()).unsqueeze(2);
    return l2Normalized((last * weights).sum(1) / weights.sum(1).clamp_min(1e-9));
}

// A block with the norms behind its parts: x = norm(x + attention(x)), x = norm(x + mlp(x)).
class BertBlock {
  public:
    BertBlock(torch::nn::Module& root, const std::string& name, const BertConfig& c) : heads_(c.heads) {
        const auto linear = [&](const char* part, int64_t in, int64_t out) {
            return nn::registerAt(root, name + part, std::make_shared<nn::Linear>(in, out));
        };
        query_ = linear("attention.self.query", c.width, c.width);
        key_ = linear("attention.self.key", c.width, c.width);
        value_ = linear("attention.self.value", c.width, c.width);
        out_ = linear("attention.output.dense", c.width, c.width);
        up_ = linear("intermediate.dense", c.width, c.intermediate);
        down_ = linear("output.dense", c.intermediate, c.width);
        norm1_ = nn::registerAt(root, name + "attention.output.LayerNorm",
                                std::make_shared<nn::LayerNorm>(c.width, c.epsilon));
        norm2_ = nn::registerAt(root, name + "output.LayerNorm",
                                std::make_shared<nn::LayerNorm>(c.width, c.epsilon));
        joined_ = nn::JoinedLinear({query_, key_, value_});
        activation_ = nn::activationByName(c.activation);
    }
    void finishLoading() { joined_.join(); }
    at::Tensor forward(const at::Tensor& x, const std::optional<at::Tensor>& mask) const {
        const auto parts = joined_.forward(x).chunk(3, 2);
        const at::Tensor q = nn::splitHeads(parts[0], heads_), k = nn::splitHeads(parts[1], heads_),
                         v = nn::splitHeads(parts[2], heads_);
        const at::Tensor mixed =
            nn::mergeHeads(nn::attention(q, k, v, 1.0 / std::sqrt(double(q.size(3))), mask));
        const at::Tensor y = norm1_->forward(x + out_->forward(mixed));
        return norm2_->forward(y + down_->forward(activation_(up_->forward(y))));
    }

  private:
    int64_t heads_;
    std::shared_ptr<nn::Linear> query_, key_, value_, out_, up_, down_;
    std::shared_ptr<nn::LayerNorm> norm1_, norm2_;
    nn::JoinedLinear joined_;
    nn::Activation activation_ = nullptr;
};

Result<BertConfig> configFrom(const Json& json) {
    ConfigReader reader(json, "config.json");
    BertConfig c;
    c.vocabulary = reader.count("vocab_size", c.vocabulary);
    c.width = reader.count("hidden_size", c.width);
    c.depth = reader.count("num_hidden_layers", c.depth);
    c.heads = reader.count("num_attention_heads", c.heads);
    c.intermediate = reader.count("intermediate_size", c.intermediate);
    c.contextLength = reader.count("max_position_embeddings", c.contextLength);
    c.tokenTypes = reader.count("type_vocab_size", c.tokenTypes);
    c.epsilon = reader.number("layer_norm_eps", c.epsilon);
    c.activation = reader.activation("hidden_act", c.activation);
    reader.requireDivides(c.heads, c.width);
    if (const std::string kind = reader.text("position_embedding_type", "absolute"); kind != "absolute")
        reader.addError(ErrorCode::Unsupported,
                        fmt::format("positions of the kind \"{}\" are not known", kind));
    VITRINE_TRY_VOID(reader.finish());
    return c;
}

Result<std::unique_ptr<Model>> load(const ModelFolder& folder, const LoadOptions& options) {
    VITRINE_TRY(const BertConfig config, configFrom(folder.config));
    auto model = std::make_unique<SentenceEncoder>(config);
    const std::string prefix = folder.weights->find("bert.embeddings.word_embeddings.weight") ? "bert." : "";
    LoadRules rules;
    rules.storedName = [prefix](const std::string& name) { return prefix + name; };
    // What sentence vectors do not need: stored positions, the pooler, heads of other tasks.
    VITRINE_TRY_VOID(loadWeights(*model->module(), *folder.weights, options, rules));
    model->finishLoading();
    return model;
}

}  // namespace

struct SentenceEncoder::Network : torch::nn::Module {
    explicit Network(const BertConfig& c) : torch::nn::Module("bert") {
        const auto embedding = [&](const char* name, int64_t count) {
            return nn::registerAt(*this, std::string("embeddings.") + name,
                                  std::make_shared<nn::Embedding>(count, c.width));
        };
        words = embedding("word_embeddings", c.vocabulary);
        positions = embedding("position_embeddings", c.contextLength);
        types = embedding("token_type_embeddings", c.tokenTypes);
        norm = nn::registerAt(*this, "embeddings.LayerNorm",
                              std::make_shared<nn::LayerNorm>(c.width, c.epsilon));
        for (int64_t i = 0; i < c.depth; ++i)
            blocks.emplace_back(*this, fmt::format("encoder.layer.{}.", i), c);
    }
    std::shared_ptr<nn::Embedding> words, positions, types;
    std::shared_ptr<nn::LayerNorm> norm;
    std::vector<BertBlock> blocks;
};

SentenceEncoder::SentenceEncoder(const BertConfig& config)
    : config_(config), network_(std::make_unique<Network>(config)) {}

SentenceEncoder::~SentenceEncoder() = default;

torch::nn::Module* SentenceEncoder::module() {
    return network_.get();
}

void SentenceEncoder::finishLoading() {
    for (BertBlock& block : network_->blocks)
        block.finishLoading();
}

Result<std::vector<at::Tensor>> SentenceEncoder::hiddenStates(const at::Tensor& ids,
                                                              const at::Tensor& mask) const {
    VITRINE_TRY_VOID(checkTokenIds(ids, mask, config_.contextLength, config_.vocabulary));
    const at::Device device = network_->words->weight.device();
    const at::Tensor tokens = ids.to(device, at::kLong);
    at::Tensor x = network_->words->forward(tokens) + network_->positions->weight.narrow(0, 0, ids.size(1)) +
                   network_->types->weight.select(0, 0);
    x = network_->norm->forward(x);
    std::optional<at::Tensor> seen;
    if (mask.defined())
        seen = nn::attentionMask(mask.to(device), false, x.scalar_type());
    std::vector<at::Tensor> states{x};
    for (const BertBlock& block : network_->blocks)
        states.push_back(x = block.forward(x, seen));
    return states;
}

Result<at::Tensor> SentenceEncoder::embed(const at::Tensor& ids, const at::Tensor& mask) const {
    VITRINE_TRY(const auto states, hiddenStates(ids, mask));
    return meanOverTokens(states.back(), mask);
}

Result<TensorMap> SentenceEncoder::runCall(const ModelCall& call) const {
    const at::Tensor ids = inputOf(call, {"input_ids"}), mask = inputOf(call, {"attention_mask"});
    if (!ids.defined())
        return fail(ErrorCode::InvalidArgument, "there is no input \"input_ids\"", "call " + call.id);
    VITRINE_TRY(const auto states, hiddenStates(ids, mask));
    TensorMap outputs;
    for (size_t i = 0; i < states.size(); ++i)
        outputs[fmt::format("hidden_states.{}", i)] = states[i];
    outputs["last_hidden_state"] = states.back();
    outputs["sentence_embedding"] = meanOverTokens(states.back(), mask);
    return selectOutputs(call, outputs);
}

SentenceEncoder* asSentenceEncoder(Model* model) {
    return dynamic_cast<SentenceEncoder*>(model);
}

ModelFamily sentenceEncoderFamily() {
    return {"bert", "BERT text encoders and sentence vectors (all-MiniLM-L6-v2)",
            [](const ModelFolder& folder) { return folder.modelType() == "bert"; }, load};
}

}  // namespace vitrine
