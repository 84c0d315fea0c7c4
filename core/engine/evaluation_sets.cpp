#include "core/engine/evaluation_sets.h"

#include "core/engine/class_texts.h"
#include "core/engine/picture_list.h"
#include "core/runs/run_context.h"

namespace vitrine {

constexpr int64_t kTestShare = 5;  // without a test set every fifth picture of a class is one of it

Result<EvaluationSets> openEvaluationSets(RunContext& run) {
    EvaluationSets sets;
    const Json& settings = run.settings();
    const std::string classification = settings["classification"], test = settings["test"],
                      labels = settings["labels"], segmentation = settings["segmentation"],
                      correspondence = settings["correspondence"];
    const std::string imitation = settings["imitation"];
    if (classification.empty() && segmentation.empty() && correspondence.empty() && imitation.empty())
        return fail(ErrorCode::InvalidArgument, "there is nothing to evaluate on", {},
                    "Name classified pictures (settings.classification), labelled pixels "
                    "(settings.segmentation), or pictures without labels (settings.correspondence, "
                    "settings.imitation)");
    if (settings["zero_shot"].get<bool>() && classification.empty())
        return fail(ErrorCode::InvalidArgument, "zero-shot needs pictures with classes",
                    "settings.classification",
                    "Name a folder with one folder of pictures for each class, called as the class is");
    if (settings["zero_shot"].get<bool>())
        VITRINE_TRY_VOID(
            checkTemplates(settings["templates"].get<std::vector<std::string>>(), "settings.templates"));
    if (imitation.empty() != settings["teachers"].empty())
        return fail(ErrorCode::InvalidArgument,
                    imitation.empty() ? "there are teachers, but no pictures to compare them on"
                                      : "there are pictures, but no teachers to compare with",
                    imitation.empty() ? "settings.imitation" : "settings.teachers",
                    "Name both: pictures, and the teacher of each adaptor head");
    if (!imitation.empty()) {
        VITRINE_TRY(const auto files,
                    listPictures({imitation}, {.limit = settings["imitation_limit"]}, &run.job()));
        for (const std::filesystem::path& file : files)
            sets.imitated.push_back(file.string());
        VITRINE_TRY_VOID(run.usedInput("data", imitation, fmt::format("{} pictures", sets.imitated.size())));
    }
    if (!correspondence.empty()) {
        VITRINE_TRY(const std::vector<std::filesystem::path> files,
                    listPictures({correspondence}, {}, &run.job()));
        for (const std::filesystem::path& file : files)
            sets.plain.push_back(file.string());
        VITRINE_TRY_VOID(
            run.usedInput("data", correspondence, fmt::format("{} pictures", sets.plain.size())));
    }
    if (!classification.empty()) {
        VITRINE_TRY(ClassifiedPictures all, openClassifiedPictures(classification, labels, run.job()));
        if (test.empty()) {
            std::tie(sets.training, sets.test) = splitEvery(all, kTestShare);
            sets.read = std::move(all);
            if (sets.test.paths.empty() && !settings["zero_shot"].get<bool>())
                return fail(
                    ErrorCode::InvalidArgument,
                    fmt::format("no class has {} pictures, of which one is kept for testing", kTestShare),
                    classification, "Give more pictures, or those for testing apart (settings.test)");
            if (sets.test.paths.empty())
                run.log(fmt::format("no kNN and no linear probe: no class has {} pictures", kTestShare));
        } else {
            VITRINE_TRY(ClassifiedPictures apart, openClassifiedPictures(test, labels, run.job()));
            VITRINE_TRY(sets.test, withClassesOf(all, std::move(apart)));
            sets.training = std::move(all);
            sets.read = sets.test;
        }
        VITRINE_TRY_VOID(
            run.usedInput("data", classification, fmt::format("{} pictures", sets.training.paths.size())));
    }
    if (!segmentation.empty()) {
        VITRINE_TRY(sets.segmentation, openSegmentationSet(segmentation, run.job()));
        VITRINE_TRY_VOID(
            run.usedInput("data", segmentation,
                          fmt::format("{} labelled pictures", sets.segmentation.training.pictures.size())));
    }
    return sets;
}

}  // namespace vitrine
