#include "core/claims/language_ground.h"

#include "core/base/check.h"
#include "core/base/paths.h"
#include "core/claims/ground_text.h"
#include "core/language/calibration_windows.h"
#include "core/text/tokenizer_identity.h"

#include <algorithm>
#include <cstdlib>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLongestWindow = 256, kEvaluationWindows = 64, kEvaluationBatch = 8;

}  // namespace

std::map<std::string, double> HeldOutLoss::metrics() const {
    std::map<std::string, double> metrics{{"loss", mean}};
    if (ofText.size() > 1)
        for (const auto& [name, loss] : ofText)
            metrics["loss on " + name] = loss;
    return metrics;
}

Result<HeldOutLoss> LanguageGround::heldOutLoss(const LanguageModel& candidate, JobContext& job) const {
    HeldOutLoss loss;
    JobContext quiet(job.stopToken(), {});  // the stage is the experiment's
    for (const LanguageTrainingText& text : texts) {
        VITRINE_TRY(
            const PerplexityScore score,
            measurePerplexity(candidate, *text.tokens,
                              {.length = length, .batch = kEvaluationBatch, .limit = evaluationWindows},
                              quiet, text.heldOut));
        loss.ofText[text.name] = score.natsPerToken();
        loss.mean += score.natsPerToken() / double(texts.size());
    }
    return loss;
}

std::vector<at::Tensor> LanguageGround::calibration(int64_t windows, uint64_t seed, int64_t batch) const {
    return calibrationWindows(texts, windows, length, batch, seed, model->decoder().device());
}

LanguageGround LanguageGround::with(const std::vector<std::string>& names) const {
    LanguageGround some = *this;
    some.texts.clear();
    for (const std::string& name : names) {
        const auto found =
            std::find_if(texts.begin(), texts.end(), [&](const auto& text) { return text.name == name; });
        VITRINE_CHECK(found != texts.end(), "the ground has no text of this name");
        some.texts.push_back(*found);
    }
    return some;
}

Result<void> LanguageGround::validate() const {
    if (texts.empty())
        return fail(ErrorCode::InvalidArgument, "there is no text to measure on");
    if (length < 2 || length > model->config().contextLength)
        return fail(ErrorCode::InvalidArgument, fmt::format("windows of {} tokens; the model takes 2 to {}",
                                                            length, model->config().contextLength));
    for (const LanguageTrainingText& text : texts) {
        VITRINE_TRY_VOID(checkVocabulary(*model, text.tokens->info().vocabulary, "text " + text.name));
        if (text.training.count < length + 1 || text.heldOut.count < length)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} tokens to learn from and {} held out; a window has {}",
                                    text.training.count, text.heldOut.count, length),
                        "text " + text.name, "Give a longer text");
    }
    return {};
}

LanguageGroundFiles ownLanguageFiles() {
    const char* own = std::getenv("VITRINE_SAMPLES");
    const fs::path samples = own && *own ? fs::path(own) : userCacheFolder() / "samples-1";
    return {resourcesFolder() / "models" / "vitrine_lm",
            {samples / "texts" / "bible.txt", samples / "texts" / "documentation.txt"},
            0.02};
}

Result<LanguageGround> openLanguageGround(const LanguageGroundFiles& files, const std::string& device,
                                          JobContext& job) {
    VITRINE_TRY_VOID(checkInstalled(files.model, "the language model"));
    LanguageGround ground;
    LoadOptions options;
    options.device = at::Device(device);
    options.dtype = at::kFloat;
    VITRINE_TRY(ground.model, loadLanguageModel(files.model, options));
    VITRINE_TRY(const Tokenizer tokenizer, openTokenizer(files.model));
    VITRINE_TRY(const std::string identity, tokenizerIdentity(files.model));
    for (const fs::path& file : files.texts) {
        VITRINE_TRY(ground.texts.emplace_back(),
                    openGroundText(file, tokenizer, identity, files.heldOut, job));
    }
    ground.length = std::min(kLongestWindow, ground.model->config().contextLength);
    ground.evaluationWindows = kEvaluationWindows;
    VITRINE_TRY_VOID(ground.validate());
    return ground;
}

Result<LanguageGround> openLanguageGround(const std::string& device, JobContext& job) {
    return openLanguageGround(ownLanguageFiles(), device, job);
}

}  // namespace vitrine
