#include "core/models/language/language_model.h"

#include "core/models/language/generation.h"
#include "core/models/tower_outputs.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/ranges.h>

#include <cmath>

namespace vitrine {
namespace {

// Hidden states as transformers counts them: 0 in front of the first block, k behind block k, the last one
// behind the final norm.
class StateCollector : public DecoderObserver {
  public:
    StateCollector(TensorMap& outputs, int64_t depth) : outputs_(outputs), depth_(depth) {}
    void onBlock(int64_t block, const at::Tensor& in, const at::Tensor&) override {
        outputs_[fmt::format("hidden_states.{}", block)] = in;
    }
    void onFinalNorm(const at::Tensor& y) override { outputs_[fmt::format("hidden_states.{}", depth_)] = y; }

  private:
    TensorMap& outputs_;
    int64_t depth_;
};

Result<TensorMap> generationCall(const LanguageModel& model, const ModelCall& call, const at::Tensor& ids) {
    if (ids.size(0) != 1)
        return fail(ErrorCode::Unsupported, "generation is compared for one sequence at a time",
                    "call " + call.id);
    GenerationOptions options;
    options.keepLogits = true;
    VITRINE_TRY(options.maxNewTokens,
                jsonValue<int64_t>(call.arguments, "max_new_tokens", "call " + call.id));
    VITRINE_TRY(const bool sampled, jsonValueOr<bool>(call.arguments, "do_sample", false, "call " + call.id));
    if (sampled)
        return fail(ErrorCode::Unsupported, "random draws of another program cannot be compared",
                    "call " + call.id);
    const at::Tensor prompt = ids.cpu().to(at::kLong).contiguous();
    const std::vector<int64_t> start(prompt.const_data_ptr<int64_t>(),
                                     prompt.const_data_ptr<int64_t>() + prompt.numel());
    JobContext job;
    VITRINE_TRY(const Generation generation, generate(model, start, options, job));
    const at::Tensor fresh = at::tensor(generation.ids, at::kLong).unsqueeze(0);
    return TensorMap{{"sequences", at::cat({prompt, fresh}, 1)},
                     {"new_ids", fresh},
                     {"logits", generation.logits.unsqueeze(0)}};
}

}  // namespace

LanguageModel::LanguageModel(DecoderConfig config) : decoder_(std::make_shared<Decoder>(std::move(config))) {}

Result<void> LanguageModel::checkIds(const at::Tensor& ids) const {
    return checkTokenIds(ids, {}, config().contextLength, config().vocabulary);
}

Result<TensorMap> LanguageModel::runCall(const ModelCall& call) const {
    const at::Tensor ids = inputOf(call, {"input_ids"});
    if (!ids.defined())
        return fail(ErrorCode::InvalidArgument, "there is no input \"input_ids\"", "call " + call.id);
    VITRINE_TRY_VOID(checkIds(ids));
    if (call.arguments.contains("max_new_tokens")) {
        VITRINE_TRY(const TensorMap outputs, generationCall(*this, call, ids));
        return selectOutputs(call, outputs);
    }
    const at::Tensor mask = inputOf(call, {"attention_mask"});
    VITRINE_TRY_VOID(checkTokenIds(ids, mask, config().contextLength, config().vocabulary));
    TensorMap outputs;
    StateCollector collector(outputs, decoder_->depth());
    at::Tensor logits = decoder_->logits(ids, {.attentionMask = mask, .observer = &collector});
    if (mask.defined())
        logits = logits * mask.to(logits.device(), logits.scalar_type()).unsqueeze(2);
    outputs["logits"] = logits;
    return selectOutputs(call, outputs);
}

std::unique_ptr<LanguageModel> LanguageModel::clone() const {
    at::NoGradGuard noGrad;
    auto copy = std::make_unique<LanguageModel>(config());
    const auto source = decoder_->named_parameters();
    for (auto& entry : copy->decoder().named_parameters()) {
        const at::Tensor& from = source[entry.key()];
        entry.value().set_data(from.detach().clone());
        entry.value().set_requires_grad(from.requires_grad());
    }
    copy->decoder().joinProjections();
    return copy;
}

Result<std::unique_ptr<LanguageModel>> createLanguageModel(const DecoderConfig& config, uint64_t seed,
                                                           double deviation) {
    VITRINE_TRY_VOID(config.validate());
    auto model = std::make_unique<LanguageModel>(config);
    at::NoGradGuard noGrad;
    at::Generator generator = at::detail::createCPUGenerator(seed);
    const double residual = deviation / std::sqrt(2.0 * double(std::max<int64_t>(1, config.depth())));
    for (auto& entry : model->decoder().named_parameters()) {
        at::Tensor& parameter = entry.value();
        const std::string& name = entry.key();
        const bool intoStream = name.find("o_proj") != std::string::npos ||
                                name.find("down_proj") != std::string::npos ||
                                name.find("linear_") != std::string::npos;
        if (parameter.dim() >= 2)
            parameter.normal_(0.0, intoStream ? residual : deviation, generator);
        else if (name.ends_with("bias"))
            parameter.zero_();
        else
            parameter.fill_(
                config.norm == NormKind::LayerNorm1P && name.find("_norm.") == std::string::npos ? 0.0 : 1.0);
    }
    model->decoder().joinProjections();
    return model;
}

LanguageModel* asLanguageModel(Model* model) {
    return dynamic_cast<LanguageModel*>(model);
}

}  // namespace vitrine
