#include "core/distill/teacher.h"

#include "core/distill/teacher_side.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace vitrine {
namespace {

// First picture of the batch with a value that is not finite; -1 if there is none.
int64_t firstBadPicture(const at::Tensor& values) {
    if (!values.defined() || at::isfinite(values.sum()).item<bool>())
        return -1;
    const at::Tensor bad = at::isfinite(values.flatten(1)).all(1).logical_not();
    return bad.any().item<bool>() ? bad.to(at::kByte).argmax(0).item<int64_t>() : -1;
}

class EncoderTeacher : public Teacher {
  public:
    EncoderTeacher(std::shared_ptr<SharedPasses> passes, EncoderTeacherOptions options)
        : passes_(std::move(passes)), options_(std::move(options)) {
        if (!options_.mean.empty()) {
            mean_ = at::tensor(options_.mean, at::kFloat).view({1, 3, 1, 1});
            std_ = at::tensor(options_.std, at::kFloat).view({1, 3, 1, 1});
        }
        identity_ = fmt::format("{} adaptor \"{}\" layer {} mean {} std {} {}", options_.identity,
                                options_.adaptor, options_.layer, fmt::join(options_.mean, " "),
                                fmt::join(options_.std, " "), options_.useSummary ? "summary" : "");
    }

    // Widths are what a first look gives: adaptor heads do not all state theirs.
    Result<void> measure() {
        const EncoderInfo& info = passes_->model().encoder()->info();
        const int64_t side = nearestSide(std::min(info.preferredHeight, info.preferredWidth));
        EncodeRequest request;
        if (!options_.adaptor.empty())
            request.adaptors = {options_.adaptor};
        if (options_.layer >= 0)
            request.layers = {options_.layer};
        passes_->want(request);
        VITRINE_TRY(const TeacherOutput first, compute(at::full({1, 3, side, side}, 0.5)));
        summaryWidth_ = first.summary.defined() ? first.summary.size(1) : 0;
        featureWidth_ = first.features.size(1);
        cellPixels_ = std::max<int64_t>(1, side / first.features.size(3));
        return {};
    }

    const std::string& name() const override { return options_.name; }
    const std::string& identity() const override { return identity_; }
    int64_t summaryWidth() const override { return summaryWidth_; }
    int64_t featureWidth() const override { return featureWidth_; }
    int64_t cellPixels() const override { return cellPixels_; }

    int64_t nearestSide(int64_t side) const override {
        return teacherSide(passes_->model().encoder()->info(), side);
    }

  protected:
    Result<TeacherOutput> compute(const at::Tensor& pixels) const override {
        const at::Tensor input =
            mean_.defined() ? (pixels - mean_.to(pixels.device())) / std_.to(pixels.device()) : pixels;
        VITRINE_TRY(const EncoderOutput output, passes_->encode(input));
        TeacherOutput result{output.summary, output.features};
        if (!options_.adaptor.empty()) {
            const AdaptorOutput& adaptor = output.adaptors.at(options_.adaptor);
            result = {adaptor.summary, adaptor.features};
        }
        if (options_.layer >= 0)
            result.features = passes_->layerOf(output, options_.layer);
        if (!options_.useSummary)
            result.summary = at::Tensor();
        return result;
    }

  private:
    std::shared_ptr<SharedPasses> passes_;
    EncoderTeacherOptions options_;
    std::string identity_;
    at::Tensor mean_, std_;
    int64_t summaryWidth_ = 0, featureWidth_ = 0, cellPixels_ = 1;
};

class FunctionTeacher : public Teacher {
  public:
    explicit FunctionTeacher(FunctionTeacherOptions options) : options_(std::move(options)) {}
    const std::string& name() const override { return options_.name; }
    const std::string& identity() const override {
        return options_.identity.empty() ? options_.name : options_.identity;
    }
    int64_t summaryWidth() const override { return options_.summaryWidth; }
    int64_t featureWidth() const override { return options_.featureWidth; }
    int64_t cellPixels() const override { return options_.cellPixels; }
    int64_t nearestSide(int64_t side) const override {
        if (options_.fixedSide > 0)
            return options_.fixedSide;
        const int64_t cell = options_.cellPixels;
        return std::max(cell, (side + cell / 2) / cell * cell);
    }

  protected:
    Result<TeacherOutput> compute(const at::Tensor& pixels) const override {
        return options_.compute(pixels);
    }

  private:
    FunctionTeacherOptions options_;
};

}  // namespace

Result<TeacherOutput> Teacher::look(const at::Tensor& pixels, int64_t firstPicture) const {
    const at::NoGradGuard noGrad;
    auto output = compute(pixels);
    if (!output)
        return fail(output.error().in(fmt::format("teacher {}", name())));
    for (at::Tensor* part : {&output->summary, &output->features}) {
        if (const int64_t bad = firstBadPicture(*part); bad >= 0)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("its {} of picture {} of the batch are not finite",
                            part == &output->summary ? "summary values" : "features", firstPicture + bad),
                fmt::format("teacher {}", name()),
                "Leave this picture or teacher out, or compute in float32");
        if (part->defined())
            *part = part->to(at::kFloat).contiguous();
    }
    return output;
}

void SharedPasses::want(const EncodeRequest& request) {
    std::set<int64_t> layers(wanted_.layers.begin(), wanted_.layers.end());
    layers.insert(request.layers.begin(), request.layers.end());
    wanted_.layers.assign(layers.begin(), layers.end());
    std::set<std::string> adaptors(wanted_.adaptors.begin(), wanted_.adaptors.end());
    adaptors.insert(request.adaptors.begin(), request.adaptors.end());
    wanted_.adaptors.assign(adaptors.begin(), adaptors.end());
    pixels_ = at::Tensor();
}

Result<EncoderOutput> SharedPasses::encode(const at::Tensor& pixels) {
    if (!pixels_.defined() || pixels_.device() != pixels.device() || !at::equal(pixels_, pixels)) {
        pixels_ = at::Tensor();
        VITRINE_TRY(output_, model_->encoder()->encode(pixels, wanted_));
        pixels_ = pixels;
    }
    return output_;
}

const at::Tensor& SharedPasses::layerOf(const EncoderOutput& output, int64_t layer) const {
    const auto at = std::lower_bound(wanted_.layers.begin(), wanted_.layers.end(), layer);
    return output.layers[size_t(at - wanted_.layers.begin())].features;
}

Result<std::unique_ptr<Teacher>> makeEncoderTeacher(std::shared_ptr<const Model> model,
                                                    EncoderTeacherOptions options) {
    return makeEncoderTeacher(std::make_shared<SharedPasses>(std::move(model)), std::move(options));
}

Result<std::unique_ptr<Teacher>> makeEncoderTeacher(std::shared_ptr<SharedPasses> passes,
                                                    EncoderTeacherOptions options) {
    if (!passes->model().encoder())
        return fail(ErrorCode::Unsupported, "this model is no vision encoder", options.name);
    auto teacher = std::make_unique<EncoderTeacher>(std::move(passes), std::move(options));
    const at::NoGradGuard noGrad;
    VITRINE_TRY_VOID(teacher->measure());
    return std::unique_ptr<Teacher>(std::move(teacher));
}

std::unique_ptr<Teacher> makeFunctionTeacher(FunctionTeacherOptions options) {
    return std::make_unique<FunctionTeacher>(std::move(options));
}

}  // namespace vitrine
