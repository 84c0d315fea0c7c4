#include "core/distill/distill_options.h"

#include "core/distill/student_levels.h"
#include "core/distill/student_rules.h"

#include <algorithm>
#include <array>
#include <set>

namespace vitrine {
namespace {

template <typename Value, size_t N>
using Names = std::array<std::pair<const char*, Value>, N>;

constexpr Names<SummaryLoss, 3> kSummaryLosses{
    {{"cosine", SummaryLoss::Cosine}, {"angle", SummaryLoss::Angle}, {"mse", SummaryLoss::Mse}}};
constexpr Names<FeatureLoss, 5> kFeatureLosses{{{"match", FeatureLoss::Match},
                                                {"cosine", FeatureLoss::Cosine},
                                                {"mse", FeatureLoss::Mse},
                                                {"hybrid-mse", FeatureLoss::HybridMse},
                                                {"hybrid-smooth-l1", FeatureLoss::HybridSmoothL1}}};
constexpr Names<GridPolicy, 2> kGridPolicies{
    {{"larger", GridPolicy::Larger}, {"teacher", GridPolicy::Teacher}}};
constexpr Names<TeacherCacheUse, 3> kCacheUses{
    {{"auto", TeacherCacheUse::Auto}, {"on", TeacherCacheUse::On}, {"off", TeacherCacheUse::Off}}};
constexpr Names<StudentTrunk, 4> kTrunks{{{"vit", StudentTrunk::Vit},
                                          {"convolutional", StudentTrunk::Convolutional},
                                          {"eradio", StudentTrunk::Eradio},
                                          {"mambavision", StudentTrunk::MambaVision}}};
constexpr Names<LossBalance, 2> kBalances{{{"equal", LossBalance::Equal}, {"adaloss", LossBalance::AdaLoss}}};

template <typename Value, size_t N>
Value valueOf(const Names<Value, N>& names, const std::string& wanted) {
    for (const auto& [name, value] : names)
        if (wanted == name)
            return value;
    return names[0].second;  // the schema lists the same names: others never come here
}

template <typename Value, size_t N>
const char* nameOf(const Names<Value, N>& names, Value wanted) {
    for (const auto& [name, value] : names)
        if (wanted == value)
            return name;
    return "";
}

Failure refuse(const std::string& where, const std::string& message, const std::string& hint = {}) {
    return fail(ErrorCode::InvalidArgument, message, where, hint);
}

Result<StudentOptions> studentFrom(const Json& settings, const std::vector<PartitionSettings>& partitions) {
    const Json& json = settings["student"];
    StudentOptions student;
    student.trunk = valueOf(kTrunks, json["trunk"]);
    student.startFrom = json["start_from"].get<std::string>();
    student.trunkRate = json["trunk_rate"];
    student.width = json["width"];
    student.depth = json["depth"];
    student.headCount = json["heads"];
    student.patchSize = json["patch_size"];
    student.positionGridSide = json["position_grid"];
    student.registers = json["registers"];
    student.headHidden = json["head_hidden"];
    student.headInnerBlocks = json["head_inner"];
    student.spectral = json["spectral"];
    if (student.hasLevels()) {
        student.patchSize = levelStudentPatch(student.trunk);
        student.depths = json["depths"].get<std::vector<int64_t>>();
        student.window = json["window"];
        if (const std::string variant = json["variant"]; variant != "own") {
            VITRINE_TRY(const StudentVariant known, studentVariant(student.trunk, variant));
            student.width = known.width;
            student.depths = known.depths;
        }
    }
    int64_t largest = 0;
    for (const PartitionSettings& partition : partitions)
        largest = std::max(largest, *std::max_element(partition.sides.begin(), partition.sides.end()));
    student.preferredSide = largest;
    return student;
}

}  // namespace

const char* summaryLossName(SummaryLoss loss) {
    return nameOf(kSummaryLosses, loss);
}
const char* featureLossName(FeatureLoss loss) {
    return nameOf(kFeatureLosses, loss);
}

Result<void> DistillOptions::validate() const {
    VITRINE_TRY_VOID(student.validate());
    if (teachers.empty())
        return refuse("settings/teachers", "a student needs at least one teacher");
    if (partitions.empty())
        return refuse("settings/partitions", "there is no partition");
    std::set<std::string> names;
    for (const TeacherSettings& teacher : teachers)
        names.insert(teacher.name);
    for (size_t i = 0; i < partitions.size(); ++i) {
        const std::string where = fmt::format("settings/partitions/{}", i);
        for (const std::string& name : partitions[i].teachers)
            if (!names.contains(name))
                return refuse(where + "/teachers", fmt::format("there is no teacher \"{}\"", name));
        if (partitions[i].sides.empty() || partitions[i].batch < 1)
            return refuse(where, "a partition needs a resolution and a batch");
        const std::string trunk = studentTrunkKey(student.trunk);
        const auto refused = [&](const std::string& place, const Result<void>& checked) {
            return refuse(place, checked.error().message, checked.error().hint);
        };
        if (const auto batch = checkBatch(trunk, partitions[i].batch); !batch)
            return refused(where + "/batch", batch);
        for (const int64_t side : partitions[i].sides) {
            if (const auto fits = checkSide(trunk, student.patchSize, side); !fits)
                return refused(where + "/sides", fits);
            for (const int64_t window : windowSizes)
                if (const auto fits = checkWindow(trunk, student.patchSize, window, side); !fits)
                    return refused("settings/window_sizes", fits);
        }
    }
    if (mesaWeight > 0 && slowDecay <= 0)
        return refuse("settings/mesa", "self-consistency needs a slow copy",
                      "Set slow_decay, for example to 0.9996");
    if (views < 0)
        return refuse("settings/views", "a picture cannot have fewer than no fixed views");
    if (steps < 1 || learningRate <= 0)
        return refuse("settings/steps", "steps and learning rate must be positive");
    return {};
}

Result<DistillOptions> distillOptionsFrom(const Json& settings) {
    DistillOptions options;
    for (const Json& json : settings["teachers"]) {
        TeacherSettings teacher;
        teacher.name = json["name"];
        teacher.summaryWeight = json["summary_weight"];
        teacher.featureWeight = json["feature_weight"];
        VITRINE_TRY(teacher.normalizer, normalizerFromName(json["normalizer"]));
        teacher.side = json["side"];
        teacher.mosaic = json["mosaic"];
        options.teachers.push_back(std::move(teacher));
    }
    for (const Json& json : settings["partitions"])
        options.partitions.push_back({json["sides"].get<std::vector<int64_t>>(),
                                      json.value("batch", int64_t(16)),
                                      json.value("teachers", std::vector<std::string>())});
    VITRINE_TRY(options.student, studentFrom(settings, options.partitions));
    options.summaryLoss = valueOf(kSummaryLosses, settings["summary_loss"]);
    options.featureLoss = valueOf(kFeatureLosses, settings["feature_loss"]);
    options.gridPolicy = valueOf(kGridPolicies, settings["grid_policy"]);
    options.balance = valueOf(kBalances, settings["balance"]);
    options.shiftDeviation = settings["shift"];
    options.degrade = settings["degrade"];
    options.mesaWeight = settings["mesa"];
    options.slowDecay = settings["slow_decay"];
    options.weightNoise = settings["weight_noise"];
    options.windowSizes = settings["window_sizes"].get<std::vector<int64_t>>();
    options.views = settings["views"];
    options.teacherCache = valueOf(kCacheUses, settings["teacher_cache"]);
    options.teacherCacheBytes = int64_t(settings["teacher_cache_limit"].get<double>() * 1e9);
    options.teacherType = settings["teacher_dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
    options.steps = settings["steps"];
    options.statisticsBatches = settings["statistics_batches"];
    options.trunkFrozenSteps = settings["trunk_frozen_steps"];
    options.learningRate = settings["learning_rate"];
    options.warmupSteps = settings["warmup_steps"];
    options.clipNorm = settings["clip_norm"];
    options.recompute = settings["recompute"];
    VITRINE_TRY(options.optimizer.kind, optimizerFromName(settings["optimizer"]));
    options.optimizer.weightDecay = settings["weight_decay"];
    options.computeType = settings["dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
    return options;
}

}  // namespace vitrine
