#include "core/engine/calibration_texts.h"

#include "core/base/hash.h"
#include "core/distill/random_stream.h"
#include "core/engine/language_store.h"
#include "core/text/tokenizer_identity.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kLongest = 2048;
constexpr double kHeldOut = 0.1;

std::vector<fs::path> pathsOf(const Json& list) {
    std::vector<fs::path> paths;
    for (const auto& path : list.get<std::vector<std::string>>())
        paths.emplace_back(path);
    return paths;
}

class Opener {
  public:
    Opener(const LanguageModel& model, const Json& settings, uint64_t seed, JobContext& job)
        : model_(model), settings_(settings), seed_(seed), job_(job) {}

    Result<CalibrationTexts> open() {
        const int64_t wanted = settings_["length"], context = model_.config().contextLength;
        if (wanted == 1 || wanted > context)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("expected windows of 2 to {} tokens, found {}", context, wanted),
                        "settings.length");
        texts_.length = wanted > 0 ? wanted : std::min(context, kLongest);
        texts_.perplexity.length = texts_.length;
        texts_.perplexity.documents = settings_["documents"];
        texts_.perplexity.limit = settings_["evaluation_windows"];
        texts_.perplexity.batch = settings_["batch"];
        VITRINE_TRY(tokenizerPath_,
                    tokenizerOf(settings_["model"].get<std::string>(), settings_["tokenizer"]));
        const auto calibration = pathsOf(settings_["calibration"]),
                   evaluation = pathsOf(settings_["evaluation"]);
        if (evaluation.empty() && calibration.empty())
            return fail(ErrorCode::InvalidArgument, "there is no text to evaluate on", "settings.evaluation",
                        "Name evaluation texts, or calibration texts of which a tenth is held out.");
        TokenRange range;
        std::shared_ptr<const TokenFile> calibrated;
        if (!calibration.empty()) {
            VITRINE_TRY(calibrated, tokens(calibration));
            range = {0, calibrated->info().tokens};
        }
        if (!evaluation.empty()) {
            VITRINE_TRY(texts_.evaluation, tokens(evaluation));
            texts_.evaluationRange = {0, texts_.evaluation->info().tokens};
        } else {
            const auto split = splitTail(*calibrated, kHeldOut);
            range = split.training;
            texts_.evaluation = calibrated;
            texts_.evaluationRange = split.heldOut;
        }
        if (calibrated) {
            VITRINE_TRY_VOID(drawWindows(*calibrated, range));
        } else {
            VITRINE_TRY_VOID(writeWindows());
        }
        return std::move(texts_);
    }

  private:
    Result<std::shared_ptr<const TokenFile>> tokens(const std::vector<fs::path>& paths) {
        VITRINE_TRY(const auto tokenizer, openTokenizer(tokenizerPath_));
        VITRINE_TRY(const auto identity, tokenizerIdentity(tokenizerPath_));
        VITRINE_TRY_VOID(checkVocabulary(model_, tokenizer.vocabularySize(), tokenizerPath_.string()));
        VITRINE_TRY(const auto corpus, openCorpus(paths, tokenizer, identity, {}, job_));
        return corpus.tokens;
    }

    void take(std::vector<std::vector<int64_t>> windows) {
        Sha256 hash;
        for (const auto& window : windows)
            hash.update(std::as_bytes(std::span(window)));
        texts_.dataHash = hash.hexDigest();
        texts_.windows = int64_t(windows.size());
        const int64_t batch = settings_["batch"];
        for (size_t start = 0; start < windows.size(); start += size_t(batch)) {
            std::vector<at::Tensor> rows;
            for (size_t index = start; index < std::min(start + size_t(batch), windows.size()); ++index)
                rows.push_back(at::tensor(at::ArrayRef<int64_t>(windows[index]), at::kLong));
            texts_.batches.push_back(at::stack(rows));
        }
    }

    Result<void> drawWindows(const TokenFile& file, TokenRange range) {
        if (range.count < texts_.length)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the calibration texts have {} tokens, a window takes {}", range.count,
                                    texts_.length),
                        "settings.calibration", "Name longer texts or choose a smaller length.");
        std::vector<std::vector<int64_t>> windows;
        for (int64_t index = 0; index < settings_["windows"].get<int64_t>(); ++index) {
            std::vector<int64_t> ids(static_cast<size_t>(texts_.length));
            file.read(randomWindow(range, texts_.length, randomHash(seed_, index, "calibration")), ids);
            windows.push_back(std::move(ids));
        }
        take(std::move(windows));
        return {};
    }

    // Ids (rows, length), sampled at temperature 1; `draw` tells one group of rows from another.
    Result<at::Tensor> written(int64_t start, int64_t rows, int64_t draw) {
        const Decoder& decoder = model_.decoder();
        auto generator = randomStream(seed_, draw, "calibration");
        KeyValueCache cache(texts_.length);
        auto ids = at::empty({rows, texts_.length}, at::kLong);
        auto last = at::full({rows, 1}, start, at::kLong);
        for (int64_t place = 0; place < texts_.length; ++place) {
            VITRINE_TRY_VOID(job_.checkStop());
            ids.select(1, place).copy_(last.select(1, 0));
            if (place + 1 == texts_.length)
                break;
            const auto logits = decoder.logits(last.to(decoder.device()), {.cache = &cache});
            last =
                at::multinomial(logits.select(1, -1).cpu().to(at::kFloat).softmax(-1), 1, false, generator);
        }
        return ids;
    }

    // What the model itself finds likely: for models whose training text is not at hand.
    Result<void> writeWindows() {
        const auto start = model_.config().bos;
        if (!start)
            return fail(ErrorCode::InvalidArgument, "the model names no start token to write texts from",
                        "settings.calibration", "Name calibration texts.");
        const at::NoGradGuard plain;
        const int64_t count = settings_["windows"], side = settings_["batch"];
        std::vector<std::vector<int64_t>> windows;
        job_.beginStage("writing calibration texts", count);
        for (int64_t first = 0; first < count; first += side) {
            VITRINE_TRY(const auto ids, written(*start, std::min(side, count - first), first));
            for (int64_t row = 0; row < ids.size(0); ++row) {
                const int64_t* from = ids.const_data_ptr<int64_t>() + row * texts_.length;
                windows.emplace_back(from, from + texts_.length);
            }
            job_.advance(ids.size(0));
        }
        take(std::move(windows));
        return {};
    }

    const LanguageModel& model_;
    const Json& settings_;
    uint64_t seed_;
    JobContext& job_;
    fs::path tokenizerPath_;
    CalibrationTexts texts_;
};

}  // namespace

Result<CalibrationTexts> openCalibrationTexts(const LanguageModel& model, const Json& settings, uint64_t seed,
                                              JobContext& job) {
    return Opener(model, settings, seed, job).open();
}

}  // namespace vitrine
