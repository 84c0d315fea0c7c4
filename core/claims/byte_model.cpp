#include "core/claims/byte_model.h"

#include "core/base/check.h"
#include "core/base/paths.h"
#include "core/claims/ground_text.h"
#include "core/claims/structured_students.h"
#include "core/language/trained_tokenizer.h"
#include "core/text/tokenizer_identity.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <tuple>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kVocabulary = 257, kLength = 96, kBatch = 12, kEvaluationWindows = 96;
constexpr double kHeldOut = 0.02, kLearningRate = 3e-3;

Result<std::vector<LanguageTrainingText>> openTexts(const std::vector<fs::path>& files, JobContext& job) {
    const fs::path folder = userCacheFolder() / "tokenizers" / "bytes";
    // Without merges there is nothing to learn from a text.
    VITRINE_TRY_VOID(writeTrainedTokenizer(folder, {}, {.vocabulary = kVocabulary}, job));
    VITRINE_TRY(const Tokenizer tokenizer, openTokenizer(folder));
    VITRINE_TRY(const std::string identity, tokenizerIdentity(folder));
    std::vector<LanguageTrainingText> texts;
    for (const fs::path& file : files) {
        VITRINE_TRY(texts.emplace_back(), openGroundText(file, tokenizer, identity, kHeldOut, job));
    }
    return texts;
}

Result<std::unique_ptr<LanguageModel>> train(std::vector<LanguageTrainingText> texts,
                                             const ClaimRequest& request, const ByteModelTraining& training) {
    VITRINE_CHECK(training.learnt <= int64_t(texts.size()), "more texts are to be learnt than there are");
    if (training.learnt > 0)
        texts.erase(texts.begin() + training.learnt, texts.end());
    LanguageTrainingOptions options;
    options.model = byteModelConfig();
    options.seed = uint64_t(request.seed);
    options.device = at::Device(request.device);
    options.length = kLength;
    options.batch = kBatch;
    options.steps = scaledSteps(training.steps, request);
    options.warmup = options.steps / 20;
    options.learningRate = kLearningRate;
    options.finalRate = kLearningRate * training.finalShare;
    VITRINE_TRY(auto trainer, LanguageTrainer::create(options, texts));
    request.job->beginStage("training the byte model", options.steps);
    while (trainer->step() < options.steps) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY([[maybe_unused]] const LanguageStepReport report, trainer->train());
        request.job->advance();
    }
    return trainer->takeModel();
}

Result<LanguageGround> openGround(const std::vector<fs::path>& texts, const ClaimRequest& request) {
    LanguageGround ground;
    VITRINE_TRY(ground.texts, openTexts(texts, *request.job));
    ground.length = kLength;
    ground.evaluationWindows = kEvaluationWindows;
    return ground;
}

// Models of this process, by what they were trained with.
class SharedModels {
  public:
    using Key = std::tuple<std::vector<std::string>, int64_t, double, std::string>;
    using Model = std::shared_ptr<const LanguageModel>;

    static SharedModels& ofProcess() {
        static SharedModels shared;
        return shared;
    }

    // What `make` gives, made once: who asks while it is being made waits.
    Result<Model> get(const Key& key, JobContext& job,
                      const std::function<Result<std::unique_ptr<LanguageModel>>()>& make) {
        {
            std::unique_lock lock(mutex_);
            while (beingMade_.contains(key)) {
                VITRINE_TRY_VOID(job.checkStop());
                changed_.wait_for(lock, std::chrono::milliseconds(200));
            }
            if (const auto found = models_.find(key); found != models_.end())
                return found->second;
            beingMade_.insert(key);
        }
        const Making making{*this, key};
        VITRINE_TRY(Model model, make());
        const std::lock_guard lock(mutex_);
        models_.emplace(key, model);
        return model;
    }

  private:
    // Ends however it ends: those who wait then make it themselves.
    struct Making {
        SharedModels& shared;
        const Key& key;
        ~Making() {
            const std::lock_guard lock(shared.mutex_);
            shared.beingMade_.erase(key);
            shared.changed_.notify_all();
        }
    };

    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<Key> beingMade_;
    std::map<Key, Model> models_;
};

}  // namespace

DecoderConfig byteModelConfig() {
    LayerSettings layer;
    layer.attention.queryHeads = 4;
    layer.attention.keyValueHeads = 4;
    layer.attention.headWidth = 32;
    layer.feedForward.intermediate = 352;
    DecoderConfig config;
    config.vocabulary = kVocabulary;
    config.width = 128;
    config.contextLength = kLength;
    config.epsilon = 1e-5;
    config.layers.assign(6, layer);
    config.bos = 0;
    config.eos = {0};
    return config;
}

Result<LanguageGround> trainByteModel(const std::vector<fs::path>& texts, const ClaimRequest& request,
                                      const ByteModelTraining& training) {
    VITRINE_TRY(LanguageGround ground, openGround(texts, request));
    VITRINE_TRY(ground.model, train(ground.texts, request, training));
    VITRINE_TRY_VOID(ground.validate());
    return ground;
}

Result<LanguageGround> sharedByteModel(const std::vector<fs::path>& texts, const ClaimRequest& request) {
    VITRINE_TRY(LanguageGround ground, openGround(texts, request));
    std::vector<std::string> contents;
    for (const LanguageTrainingText& text : ground.texts)
        contents.push_back(text.tokens->info().corpusHash);
    VITRINE_TRY(ground.model, SharedModels::ofProcess().get(
                                  {contents, request.seed, request.scale, request.device}, *request.job,
                                  [&] { return train(ground.texts, request, {}); }));
    VITRINE_TRY_VOID(ground.validate());
    return ground;
}

}  // namespace vitrine
