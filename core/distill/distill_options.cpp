#include "core/distill/distill_options.h"

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

// clang-format off
constexpr const char* kSchema = R"json({"type": "object", "required": ["teachers", "images"], "properties": {
  "teachers": {"type": "array", "minItems": 1, "title": "Teachers", "items": {"type": "object", "required": ["name", "model"], "properties": {
    "name": {"type": "string", "minLength": 1, "title": "Name", "description": "of its adaptor in the student; no dots"},
    "model": {"type": "string", "minLength": 1, "title": "Model", "description": "model folder or weight file"},
    "adaptor": {"type": "string", "default": "", "title": "Adaptor", "description": "a head of a RADIO teacher; empty: backbone"},
    "summary": {"type": "boolean", "default": true, "title": "Learn its summary"},
    "summary_weight": {"type": "number", "minimum": 0, "default": 1, "title": "Weight of its summary"},
    "feature_weight": {"type": "number", "minimum": 0, "default": 1, "title": "Weight of its features"},
    "normalizer": {"type": "string", "enum": ["none", "global", "standardise", "pca-whiten", "zca", "hadamard-whiten", "phi-s"], "default": "phi-s", "title": "Normaliser", "description": "of its features, fitted at the start"},
    "side": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Resolution", "unit": "pixels", "description": "what it looks at; 0: the student's resolution"},
    "mosaic": {"type": "boolean", "default": false, "title": "Mosaic", "description": "fill its fixed size with several student pictures"}}}},
  "images": {"type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Pictures", "description": "pictures and folders of pictures"},
  "recursive": {"type": "boolean", "default": true, "title": "Folders below too"},
  "limit": {"type": "integer", "minimum": 0, "default": 0, "title": "Pictures at most", "description": "0: all"},
  "smallest_crop": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.35, "title": "Smallest crop", "description": "share of the short side"},
  "student": {"type": "object", "default": {}, "title": "Student", "properties": {
    "width": {"type": "integer", "minimum": 8, "maximum": 4096, "default": 192, "title": "Width"},
    "depth": {"type": "integer", "minimum": 1, "maximum": 64, "default": 6, "title": "Blocks"},
    "heads": {"type": "integer", "minimum": 1, "maximum": 64, "default": 3, "title": "Attention heads"},
    "patch_size": {"type": "integer", "minimum": 1, "maximum": 64, "default": 16, "title": "Patch", "unit": "pixels"},
    "position_grid": {"type": "integer", "minimum": 1, "maximum": 512, "default": 32, "title": "Position field", "unit": "patches", "description": "side of the square that positions are cropped from"},
    "registers": {"type": "integer", "minimum": 0, "maximum": 64, "default": 4, "title": "Registers"},
    "head_hidden": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Width of the adaptor heads", "description": "0: the widest teacher"},
    "head_inner": {"type": "integer", "minimum": 0, "maximum": 8, "default": 1, "title": "Inner blocks of the heads"}}},
  "partitions": {"type": "array", "minItems": 1, "title": "Partitions", "default": [{"sides": [224], "batch": 16}], "items": {"type": "object", "required": ["sides"], "properties": {
    "sides": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 8192}, "title": "Student resolutions", "unit": "pixels", "description": "one is drawn per step"},
    "batch": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 16, "title": "Batch", "unit": "pictures"},
    "teachers": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Teachers", "description": "empty: all"}}}},
  "summary_loss": {"type": "string", "enum": ["cosine", "angle", "mse"], "default": "cosine", "title": "Summary loss"},
  "feature_loss": {"type": "string", "enum": ["mse", "match", "cosine", "hybrid-mse", "hybrid-smooth-l1"], "default": "mse", "title": "Feature loss"},
  "grid_policy": {"type": "string", "enum": ["teacher", "larger"], "default": "teacher", "title": "Unequal grids", "description": "compare on the teacher's grid or on the larger one"},
  "balance": {"type": "string", "enum": ["equal", "adaloss"], "default": "equal", "title": "Balance of the losses"},
  "shift": {"type": "number", "minimum": 0, "maximum": 8, "default": 0, "title": "Shift", "unit": "patches", "description": "deviation of the crops' independent shifts; 0: aligned crops"},
  "mesa": {"type": "number", "minimum": 0, "default": 0, "title": "Self-consistency weight", "description": "needs a slow copy"},
  "slow_decay": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0, "title": "Decay of the slow copy", "description": "0: none"},
  "weight_noise": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "title": "Weight noise", "description": "deviation of DAMP"},
  "window_sizes": {"type": "array", "items": {"type": "integer", "minimum": 0}, "default": [], "title": "Window sizes", "unit": "patches", "description": "ViTDet windows, one is drawn per step; 0: global"},
  "steps": {"type": "integer", "minimum": 1, "default": 1000, "title": "Steps"},
  "statistics_batches": {"type": "integer", "minimum": 1, "default": 30, "title": "Batches for the statistics"},
  "trunk_frozen_steps": {"type": "integer", "minimum": 0, "default": 0, "title": "Steps with a frozen trunk"},
  "learning_rate": {"type": "number", "exclusiveMinimum": 0, "default": 0.001, "title": "Learning rate"},
  "warmup_steps": {"type": "integer", "minimum": 0, "default": 50, "title": "Warm-up steps"},
  "clip_norm": {"type": "number", "minimum": 0, "default": 1, "title": "Gradient norm limit", "description": "0: none"},
  "optimizer": {"type": "string", "enum": ["adamw", "lamb", "nadam"], "default": "adamw", "title": "Optimiser"},
  "weight_decay": {"type": "number", "minimum": 0, "default": 0.02, "title": "Weight decay"},
  "checkpoint_every": {"type": "integer", "minimum": 1, "default": 200, "title": "Steps between checkpoints"},
  "probe_every": {"type": "integer", "minimum": 0, "default": 200, "title": "Steps between probe pictures", "description": "0: none"},
  "probe_images": {"type": "array", "items": {"type": "string"}, "default": [], "title": "Probe pictures", "description": "empty: the first ones"},
  "output": {"type": "string", "default": "", "title": "Folder for the student", "description": "empty: the run's own folder"},
  "dtype": {"type": "string", "enum": ["float32", "bfloat16"], "default": "float32", "title": "Compute in"}}})json";
// clang-format on

StudentOptions studentFrom(const Json& settings, const std::vector<PartitionSettings>& partitions) {
    const Json& json = settings["student"];
    StudentOptions student;
    student.width = json["width"];
    student.depth = json["depth"];
    student.headCount = json["heads"];
    student.patchSize = json["patch_size"];
    student.positionGridSide = json["position_grid"];
    student.registers = json["registers"];
    student.headHidden = json["head_hidden"];
    student.headInnerBlocks = json["head_inner"];
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

Json distillSettingsSchema() {
    return Json::parse(kSchema);
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
        for (const int64_t side : partitions[i].sides) {
            if (side < student.patchSize || side % student.patchSize != 0)
                return refuse(
                    where + "/sides",
                    fmt::format("{} pixels are not a multiple of the patch of {}", side, student.patchSize),
                    fmt::format("Nearest: {}",
                                std::max(student.patchSize, (side + student.patchSize / 2) /
                                                                student.patchSize * student.patchSize)));
            for (const int64_t window : windowSizes)
                if (window > 0 && side % (student.patchSize * window) != 0)
                    return refuse("settings/window_sizes",
                                  fmt::format("windows of {} patches do not divide {} pixels", window, side));
        }
    }
    if (mesaWeight > 0 && slowDecay <= 0)
        return refuse("settings/mesa", "self-consistency needs a slow copy",
                      "Set slow_decay, for example to 0.9996");
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
    options.student = studentFrom(settings, options.partitions);
    options.summaryLoss = valueOf(kSummaryLosses, settings["summary_loss"]);
    options.featureLoss = valueOf(kFeatureLosses, settings["feature_loss"]);
    options.gridPolicy = valueOf(kGridPolicies, settings["grid_policy"]);
    options.balance = valueOf(kBalances, settings["balance"]);
    options.shiftDeviation = settings["shift"];
    options.mesaWeight = settings["mesa"];
    options.slowDecay = settings["slow_decay"];
    options.weightNoise = settings["weight_noise"];
    options.windowSizes = settings["window_sizes"].get<std::vector<int64_t>>();
    options.steps = settings["steps"];
    options.statisticsBatches = settings["statistics_batches"];
    options.trunkFrozenSteps = settings["trunk_frozen_steps"];
    options.learningRate = settings["learning_rate"];
    options.warmupSteps = settings["warmup_steps"];
    options.clipNorm = settings["clip_norm"];
    VITRINE_TRY(options.optimizer.kind, optimizerFromName(settings["optimizer"]));
    options.optimizer.weightDecay = settings["weight_decay"];
    options.computeType = settings["dtype"] == "bfloat16" ? at::kBFloat16 : at::kFloat;
    return options;
}

}  // namespace vitrine
