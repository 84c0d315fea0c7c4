#include "core/engine/implicit_fits.h"

#include "core/base/cache_folder.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/paths.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Counts up when equal settings give another fit than before.
constexpr int kVersion = 1;
constexpr double kDefaultGb = 1;
constexpr double kJustUsedSeconds = 60;  // another process may be about to open it
constexpr const char* kExtension = ".safetensors";

// The report of a whole and readable fit.
std::optional<Json> reportIn(const fs::path& file) {
    std::error_code problem;
    if (!fs::exists(file, problem))
        return std::nullopt;
    const auto folder = openModelFolder(file);
    if (folder && featup::looksLikeImplicit(*folder))
        if (const auto facts = featup::implicitFactsFrom(*folder))
            return facts->report;
    log::warn("{} is no fit any more and is made again", file.string());
    return std::nullopt;
}

// The fit that was just made stays, whatever its size.
void removeOldFits(const fs::path& folder, int64_t limitBytes) {
    const auto files = cacheFiles(folder, kExtension);
    if (files)
        removeLongestUnused(*files, limitBytes, secondsNow() - kJustUsedSeconds);
    else
        log::warn("old fits are not removed: {}", files.error().text());
}

}  // namespace

Result<int64_t> fitCacheLimit() {
    return cacheLimitFrom("VITRINE_FIT_CACHE_LIMIT", kDefaultGb);
}

double KeptFit::seconds() const {
    return report.value("view_seconds", 0.0) + report.value("step_seconds", 0.0);
}

ImplicitEncoder implicitEncoderOf(const StoredModel& model) {
    ImplicitEncoder encoder;
    encoder.name = model.description.info.name;
    encoder.identity = model.description.identity;
    encoder.patchSize = model.description.info.patchSize;
    encoder.features = [&model](const at::Tensor& pictures) -> Result<at::Tensor> {
        VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pictures, {}));
        return output.features;
    };
    return encoder;
}

fs::path implicitFitFile(const StoredModel& model, const at::Tensor& picture,
                         const ImplicitOptions& options) {
    const std::string key =
        fmt::format("{}|{}|{}|{}|{}", kVersion, model.description.identity, model.description.dtype,
                    featup::pictureStamp(picture), implicitName(options));
    return userCacheFolder() / "featup" / (sha256Hex(key).substr(0, 32) + kExtension);
}

Result<KeptFit> implicitFit(const StoredModel& model, ImplicitEncoder encoder, const at::Tensor& picture,
                            const ImplicitOptions& options, JobContext& job) {
    KeptFit kept;
    kept.file = implicitFitFile(model, picture, options);
    VITRINE_TRY(const int64_t limitBytes, fitCacheLimit());
    if (auto report = reportIn(kept.file)) {
        markUsed(kept.file);
        kept.report = std::move(*report);
        return kept;
    }
    VITRINE_TRY(const auto fitter, ImplicitFitter::create(options, std::move(encoder), picture));
    VITRINE_TRY(kept.report, fitter->fit(job));
    std::error_code problem;
    fs::create_directories(kept.file.parent_path(), problem);
    if (problem)
        return fail(errorFromErrno(problem.value(), "make the folder", kept.file.parent_path()));
    VITRINE_TRY_VOID(fitter->write(kept.file, kept.report));
    kept.fittedNow = true;
    removeOldFits(kept.file.parent_path(), limitBytes);
    return kept;
}

}  // namespace vitrine
