#include "core/engine/picture_what_if.h"

#include "core/base/stopwatch.h"
#include "core/compress/feature_difference.h"
#include "core/engine/encoder_views.h"
#include "core/engine/picture_batches.h"
#include "core/engine/switched_encoder.h"
#include "core/features/pca.h"
#include "core/media/color_map.h"
#include "core/nn/token_reduction.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kClassesShown = 8;
constexpr double kSmallestScale = 0.05;  // of the picture of changes: smaller ones stay dark

EncodeRequest wholeRequest(const VisionEncoder& encoder) {
    EncodeRequest request;
    request.adaptors = encoder.info().adaptors;
    return request;
}

std::shared_ptr<const Image> imageOf(const at::Tensor& pixels) {  // (h, w, 3) uint8
    const at::Tensor bytes = pixels.contiguous();
    auto image = std::make_shared<Image>(ImageSize{bytes.size(1), bytes.size(0)}, 3, SampleType::U8);
    std::copy_n(bytes.const_data_ptr<uint8_t>(), bytes.numel(), reinterpret_cast<uint8_t*>(image->data()));
    return image;
}

// values (h, w) from 0 to `most`.
std::shared_ptr<const Image> heatOf(const at::Tensor& values, double most) {
    auto image = std::make_shared<Image>(ImageSize{values.size(1), values.size(0)}, 3, SampleType::U8);
    const at::Tensor plain = values.to(at::kFloat).contiguous();
    const float* value = plain.const_data_ptr<float>();
    for (int64_t y = 0; y < image->height(); ++y)
        for (int64_t x = 0; x < image->width(); ++x, ++value) {
            const Rgb8 color = colorOf(ColorMap::Magma, *value, 0, most);
            uint8_t* pixel = image->row<uint8_t>(y) + 3 * x;
            pixel[0] = color.r;
            pixel[1] = color.g;
            pixel[2] = color.b;
        }
    return image;
}

Result<at::Tensor> classesOf(const Model& model, const at::Tensor& pixels) {
    if (!model.classifier())
        return at::Tensor();
    VITRINE_TRY(const at::Tensor logits, model.classifier()->classify(pixels));
    return logits[0].to(at::kDouble).softmax(0);
}

Result<void> compare(const EncoderOutput& before, const EncoderOutput& after, PictureWhatIf& answer) {
    const at::Tensor was = before.features[0].to(at::kFloat), is = after.features[0].to(at::kFloat);
    VITRINE_TRY(const PcaBasis basis, fitPca(cellsOf(before.features), {.components = 3}));
    VITRINE_TRY(const at::Tensor wasPca, projectOnBasis(basis, was));
    VITRINE_TRY(const at::Tensor isPca, projectOnBasis(basis, is));
    answer.before = imageOf(pcaColors(basis, wasPca));
    answer.after = imageOf(pcaColors(basis, isPca));
    const at::Tensor change = (1 - at::cosine_similarity(was, is, 0, 1e-8)).clamp_min(0);
    answer.largestChange = std::max(kSmallestScale, change.max().item<double>());
    answer.change = heatOf(change, answer.largestChange);
    answer.featureError = relativeSquare(cellsOf(after.features), cellsOf(before.features));
    answer.featureCosine = meanCosine(cellsOf(after.features), cellsOf(before.features));
    if (before.summary.defined())
        answer.summaryCosine = meanCosine(after.summary, before.summary);
    for (const auto& [name, part] : before.adaptors) {
        PictureWhatIf::Adaptor adaptor{name};
        const AdaptorOutput& now = after.adaptors.at(name);
        if (part.features.defined())
            adaptor.featureError = relativeSquare(cellsOf(now.features), cellsOf(part.features));
        if (part.summary.defined())
            adaptor.summaryCosine = meanCosine(now.summary, part.summary);
        answer.adaptors.push_back(std::move(adaptor));
    }
    return {};
}

void compareClasses(const at::Tensor& before, const at::Tensor& after, PictureWhatIf& answer) {
    if (!before.defined())
        return;
    const at::Tensor larger = at::maximum(before, after);
    const at::Tensor order = std::get<1>(larger.topk(std::min(kClassesShown, larger.numel())));
    for (int64_t place = 0; place < order.numel(); ++place) {
        const auto number = order[place].item<int64_t>();
        answer.classes.push_back(
            {fmt::format("class {}", number), before[number].item<double>(), after[number].item<double>()});
    }
}

}  // namespace

Result<const StoredModel*> PictureWhatIfMaker::opened(const fs::path& model) {
    if (model != path_) {
        for (const LoadedModel& each : store_.list())
            store_.unload(each.id);
        seen_.reset();
        path_.clear();
    }
    VITRINE_TRY(const StoredModel* stored, store_.load(model, "cpu", "float32"));
    if (path_.empty()) {
        VITRINE_TRY(const ModelFolder folder, openModelFolder(model));
        shapes_ = plainShapes(*folder.weights);
        path_ = model;
    }
    return stored;
}

Result<const PictureWhatIfMaker::Seen*> PictureWhatIfMaker::seen(const StoredModel& model,
                                                                 const PictureWhatIfRequest& request,
                                                                 JobContext& job) {
    if (seen_ && seen_->picture == request.picture && seen_->resolution == request.resolution)
        return &*seen_;
    PictureSet set;
    set.paths = {request.picture};
    set.resolution = request.resolution;
    BatchSource source;
    source.models = {&model};
    source.stage = "reading the picture";
    source.read = readSetPicture;
    Seen fresh{request.picture, request.resolution, {}, {}, {}};
    std::vector<SkippedPicture> skipped;
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        fresh.pixels = batch.models.front().pixels.clone();
        return {};
    };
    const auto read = forEachBatch(set, source, job, skipped, use);
    if (!read)
        return fail(read.error().in(request.picture));
    const VisionEncoder& encoder = *model.model->encoder();
    VITRINE_TRY(fresh.output, encoder.encode(fresh.pixels, wholeRequest(encoder)));
    VITRINE_TRY(fresh.classes, classesOf(*model.model, fresh.pixels));
    seen_ = std::move(fresh);
    return &*seen_;
}

Result<PictureWhatIf> PictureWhatIfMaker::answer(const PictureWhatIfRequest& request, const LaidOver& over,
                                                 JobContext& job) {
    const at::NoGradGuard plain;
    double seconds = 0;
    PictureWhatIf answer;
    {
        const Stopwatch watch(seconds);
        VITRINE_TRY(const StoredModel* stored, opened(request.model));
        VITRINE_TRY(const Seen* before, seen(*stored, request, job));
        VITRINE_TRY_VOID(job.checkStop());
        Model* model = stored->model.get();
        if (request.tokens < 1) {
            nn::TokenReductionSettings tokens;
            tokens.kept = request.tokens;
            VITRINE_TRY(tokens.method, nn::tokenMethodFromName(request.tokenMethod));
            VITRINE_TRY_VOID(tokens.validate());
            const auto load = [&]() -> Result<std::unique_ptr<Model>> {
                VITRINE_TRY(ModelFolder folder, openModelFolder(request.model));
                folder.config["token_reduction"] = tokens.json();
                return ModelFamilies::instance().load(folder, {});
            };
            VITRINE_TRY(auto* const reduced, reduced_.get(request.model, tokens.json().dump(), load));
            model = reduced->get();
        }
        VITRINE_TRY(const auto switched, SwitchedEncoder::open(*model, shapes_));
        if (over.compressed)
            VITRINE_TRY_VOID(switched->useCompressed(*over.compressed, request.rank));
        if (over.masks)
            VITRINE_TRY_VOID(switched->applyMasks(*over.masks, request.maskedLayers));
        VITRINE_TRY_VOID(switched->switchHeadsOff(request.headsOff));
        VITRINE_TRY_VOID(switched->switchOff(request.attentionOff, request.feedForwardOff));
        const VisionEncoder& encoder = *model->encoder();
        VITRINE_TRY(const EncoderOutput after, encoder.encode(before->pixels, wholeRequest(encoder)));
        VITRINE_TRY_VOID(compare(before->output, after, answer));
        VITRINE_TRY(const at::Tensor classes, classesOf(*model, before->pixels));
        compareClasses(before->classes, classes, answer);
        answer.layers = switched->layers();
        for (int64_t layer = 0; layer < answer.layers; ++layer)
            answer.heads = std::max(answer.heads, switched->heads(layer));
    }
    answer.milliseconds = seconds * 1e3;
    return answer;
}

}  // namespace vitrine
