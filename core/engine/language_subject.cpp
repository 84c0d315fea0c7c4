// A language model and its texts as a subject of compression.
#include "core/compress/decoder_blocks.h"
#include "core/engine/calibration_texts.h"
#include "core/engine/compress_subject.h"
#include "core/engine/compressed_model.h"
#include "core/engine/model_store.h"

namespace vitrine {
namespace {

class LanguageSubject : public CompressSubject {
  public:
    explicit LanguageSubject(RunContext& run) : run_(run) {}

    Result<void> load() override {
        model_.reset();
        const std::string path = run_.settings()["model"];
        run_.job().beginStage("loading the model", 1);
        LoadOptions options;
        VITRINE_TRY(options.device, deviceFromName(run_.recipe().value("device", "cpu")));
        VITRINE_TRY(options.dtype, dtypeFromTorchName(run_.settings()["dtype"]));
        VITRINE_TRY(model_, loadLanguageModel(path, options));
        VITRINE_TRY(const auto folder, openModelFolder(path));
        VITRINE_TRY(identity_, folder.identity());
        run_.job().advance();
        return {};
    }
    void unload() override { model_.reset(); }

    Result<void> openData() override {
        VITRINE_TRY(texts_, openCalibrationTexts(*model_, run_.settings(), run_.seed(), run_.job()));
        dataHash_ = texts_.dataHash;
        VITRINE_TRY_VOID(run_.usedInput(
            "data", texts_.dataHash, fmt::format("{} windows of {} tokens", texts_.windows, texts_.length)));
        return run_.usedInput("data", texts_.evaluation->info().corpusHash, "evaluation texts");
    }

    Result<std::unique_ptr<BlockModel>> blocks() override {
        return std::make_unique<DecoderBlocks>(model_->decoder(), texts_.batches);
    }

    Result<SubjectScore> measure() override {
        VITRINE_TRY(const auto score, measurePerplexity(*model_, *texts_.evaluation, texts_.perplexity,
                                                        run_.job(), texts_.evaluationRange));
        return SubjectScore{
            {{"perplexity", score.perplexity()},
             {"nats_per_token", score.natsPerToken()},
             {"bits_per_byte", score.bitsPerByte()},
             {"key", score.key()},
             {"predicted_tokens", score.predicted}},
            {{"perplexity", score.perplexity()}, {"nats per token", score.natsPerToken()}},
            score.natsPerToken(),
            fmt::format("perplexity {:.4f}, {:.4f} nats per token", score.perplexity(), score.natsPerToken()),
            score.seconds};
    }

    Result<void> save(const std::filesystem::path& folder, CompressedWeights& weights,
                      const Json& lineage) override {
        const std::string tokenizer = run_.settings()["tokenizer"];
        SaveLanguageModelOptions options;
        VITRINE_TRY(options.type, dtypeFromTorchName(run_.settings()["output_dtype"]));
        options.tokenizerFrom = tokenizer.empty() ? run_.settings()["model"].get<std::string>() : tokenizer;
        options.lineage = lineage;
        return saveCompressedModel(*model_, weights, folder, options);
    }

    std::vector<std::string> scoreColumns() const override {
        return {"perplexity", "nats_per_token", "difference_to_dense", "bits_per_byte"};
    }
    double denseBits() const override { return 8. * double(at::elementSize(model_->decoder().type())); }
    Json calibration() const override { return {{"windows", texts_.windows}, {"length", texts_.length}}; }

  private:
    RunContext& run_;
    std::unique_ptr<LanguageModel> model_;
    CalibrationTexts texts_;
};

}  // namespace

std::unique_ptr<CompressSubject> languageSubject(RunContext& run) {
    return std::make_unique<LanguageSubject>(run);
}

}  // namespace vitrine
