#include "core/engine/classifier_settings.h"

#include "core/engine/labelled_sets.h"
#include "core/engine/settings_group.h"
#include "core/media/preprocess.h"

namespace vitrine {
namespace {

// clang-format off
constexpr const char* kPictures = R"json({
  "pictures": {"type": "string", "default": "", "title": "Pictures to learn", "description": "CIFAR-10 binary file, or a folder with a folder of pictures for each class; empty: procedural scenes of shapes."},
  "test": {"type": "string", "default": "", "title": "Test pictures", "description": "The same; empty: every fifth picture of each class, or further scenes."},
  "side": {"type": "integer", "minimum": 8, "maximum": 256, "default": 32, "title": "Side", "unit": "px", "description": "Pictures are resized to squares of it."},
  "scenes": {"type": "integer", "minimum": 64, "maximum": 1000000, "default": 8000, "title": "Scenes", "description": "Where no pictures are named."}})json";

constexpr const char* kNetwork = R"json({
  "network": {"type": "string", "enum": ["resnet", "vit"], "default": "resnet", "title": "Network", "description": "ResNet for small pictures, or a ViT."},
  "width": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 16, "title": "Width", "unit": "channels", "description": "ResNet: of the first stage; ViT: of a token."},
  "blocks_per_stage": {"type": "integer", "minimum": 1, "maximum": 18, "default": 3, "title": "Blocks of a stage", "description": "ResNet; 3: ResNet-20."},
  "patch": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4, "title": "Patch", "unit": "px", "description": "ViT."},
  "depth": {"type": "integer", "minimum": 1, "maximum": 48, "default": 6, "title": "Blocks", "description": "ViT."},
  "heads": {"type": "integer", "minimum": 1, "maximum": 64, "default": 8, "title": "Heads", "description": "ViT."},
  "mlp_width": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 256, "title": "MLP width", "unit": "neurons", "description": "ViT."}})json";

constexpr const char* kTraining = R"json({
  "batch": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 64, "title": "Batch", "unit": "pictures"},
  "shift": {"type": "integer", "minimum": 0, "maximum": 64, "default": 2, "title": "Shift", "unit": "px", "description": "Pictures are moved at random by as much at most."},
  "mirror": {"type": "boolean", "default": true, "title": "Mirror", "description": "Half of the pictures are mirrored."},
  "optimizer": {"type": "string", "enum": ["sgd", "adamw"], "default": "sgd", "title": "Optimiser", "description": "SGD with momentum for ResNets, AdamW for ViTs."},
  "momentum": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.9, "title": "Momentum"},
  "weight_decay": {"type": "number", "minimum": 0, "default": 0.0005, "title": "Weight decay", "description": "Not of norms and biases."}})json";
// clang-format on

PreprocessConfig squareOf(int64_t side) {
    PreprocessConfig config;
    config.kind = ProcessorKind::Vit;
    config.size = ImageSize{side, side};
    for (size_t channel = 0; channel < 3; ++channel) {
        config.mean[channel] = kPictureMean[channel];
        config.std[channel] = kPictureDeviation[channel];
    }
    return config;
}

Result<LabelledPictures> readPictures(const ClassifiedPictures& set, int64_t side, JobContext& job) {
    const PreprocessConfig config = squareOf(side);
    LabelledPictures read;
    read.classes = set.classes;
    read.labels = at::tensor(set.labels, at::kLong);
    read.pictures = at::empty({int64_t(set.paths.size()), 3, side, side});
    job.beginStage("reading pictures", int64_t(set.paths.size()));
    for (size_t index = 0; index < set.paths.size(); ++index) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY(const Image image, readSetPicture(set.paths[index]));
        VITRINE_TRY(const PreprocessedImage input, preprocess(image, config));
        const auto count = int64_t(input.pixels.size());
        read.pictures[int64_t(index)].view({-1}).copy_(
            at::from_blob(const_cast<float*>(input.pixels.data()), {count}, at::kFloat));
        job.advance();
    }
    return read;
}

}  // namespace

void addClassifierSettings(Json& properties) {
    addSettingsGroup(properties, kPictures, "Pictures");
    addSettingsGroup(properties, kNetwork, "Network");
    addSettingsGroup(properties, kTraining, "Training");
}

Result<ClassifierPictures> openClassifierPictures(const Json& settings, uint64_t seed, JobContext& job) {
    const std::string path = settings["pictures"], test = settings["test"];
    const int64_t side = settings["side"];
    if (path.empty()) {
        const int64_t count = settings["scenes"];
        return ClassifierPictures{shapeScenePictures(count, side, seed, "training"),
                                  shapeScenePictures(std::max<int64_t>(64, count / 4), side, seed, "test")};
    }
    VITRINE_TRY(const ClassifiedPictures all, openClassifiedPictures(path, {}, job));
    auto parts = std::pair(all, ClassifiedPictures{});
    if (test.empty()) {
        constexpr int64_t kEvery = 5;
        parts = splitEvery(all, kEvery);
    } else {
        VITRINE_TRY(ClassifiedPictures others, openClassifiedPictures(test, {}, job));
        VITRINE_TRY(parts.second, withClassesOf(all, std::move(others)));
    }
    ClassifierPictures pictures;
    VITRINE_TRY(pictures.training, readPictures(parts.first, side, job));
    VITRINE_TRY(pictures.test, readPictures(parts.second, side, job));
    if (pictures.test.count() == 0)
        return fail(ErrorCode::InvalidArgument,
                    "no class has five pictures, so that none are left to test with", path,
                    "Name test pictures of their own (settings.test)");
    return pictures;
}

Result<ClassifierShape> classifierShapeFrom(const Json& settings, int64_t classes) {
    ClassifierShape shape;
    shape.kind = settings["network"] == "vit" ? ClassifierKind::Vit : ClassifierKind::ResNet;
    shape.side = settings["side"];
    shape.classes = classes;
    shape.width = settings["width"];
    shape.blocksPerStage = settings["blocks_per_stage"];
    shape.patch = settings["patch"];
    shape.depth = settings["depth"];
    shape.heads = settings["heads"];
    shape.mlpWidth = settings["mlp_width"];
    VITRINE_TRY_VOID(shape.validate());
    return shape;
}

Result<SelectiveOptimizerOptions> classifierOptimizerFrom(const Json& settings) {
    SelectiveOptimizerOptions options;
    options.kind = settings["optimizer"] == "adamw" ? SelectiveOptimizerOptions::Kind::AdamW
                                                    : SelectiveOptimizerOptions::Kind::Sgd;
    options.momentum = settings["momentum"];
    options.weightDecay = settings["weight_decay"];
    return options;
}

BatchOptions classifierBatchFrom(const Json& settings) {
    return {settings["batch"], settings["shift"], settings["mirror"]};
}

Result<void> keepClassifier(RunContext& run, const ClassifierNetwork& network, const TensorList& weights,
                            const TensorList& buffers, const Json& note) {
    namespace fs = std::filesystem;
    const std::string wanted = run.settings()["output"];
    const fs::path folder =
        wanted.empty() ? run.project().runFolder(run.run().id) / "model" : fs::path(wanted);
    VITRINE_TRY_VOID(network.exportFolder(folder, weights, buffers, note.dump()));
    for (const char* file : {"config.json", "preprocessor_config.json", "model.safetensors"}) {
        VITRINE_TRY([[maybe_unused]] const StoredFile stored,
                    run.putArtifactFile(fmt::format("model/{}", file), folder / file,
                                        {.kind = "model", .mediaType = {}}));
    }
    run.log("model: " + folder.string());
    return {};
}

}  // namespace vitrine
