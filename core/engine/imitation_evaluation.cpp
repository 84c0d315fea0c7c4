#include "core/engine/imitation_evaluation.h"

#include "core/distill/teacher_side.h"
#include "core/engine/pca_picture.h"
#include "core/media/image_reader.h"
#include "core/media/resample.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kShownSide = 224;  // pixels of the long side of each drawn map, at least

PictureSet setOf(const std::vector<std::string>& pictures, const EvaluationSettings& settings, int64_t side) {
    PictureSet set;
    set.paths = pictures;
    set.resolution = side;
    set.batchSize = settings.batch;
    return set;
}

Result<void> checkAdaptor(const StoredModel& model, const std::string& name, const char* whose) {
    const auto& known = model.description.info.adaptors;
    if (std::find(known.begin(), known.end(), name) != known.end())
        return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("the {} has no adaptor \"{}\" ({})", whose, name,
                            known.empty() ? "it has none" : fmt::format("it has {}", fmt::join(known, ", "))),
                model.description.path);
}

// The whole picture, squeezed to squares of these sides one after the other.
Result<Image> squeezedTo(const std::string& path, const std::vector<std::pair<int64_t, Resampling>>& sides) {
    VITRINE_TRY(const Image image, readImage(path));
    Image picture = image.toRgb8();
    for (const auto& [side, resampling] : sides)
        if (picture.width() != side || picture.height() != side) {
            VITRINE_TRY(picture, resize(picture, {side, side}, resampling));
        }
    return picture;
}

// The picture as the models see it: whole, squeezed to a square.
Result<Image> squeezed(const std::string& path) {
    return squeezedTo(path, {{kShownSide, Resampling::Bicubic}});
}

// From left to right, 8-bit RGB, on white.
Image besideEachOther(const std::vector<Image>& pictures) {
    constexpr int64_t kGap = 4;
    int64_t width = -kGap, height = 0;
    for (const Image& picture : pictures) {
        width += picture.width() + kGap;
        height = std::max(height, picture.height());
    }
    Image whole({width, height}, 3, SampleType::U8);
    for (int64_t y = 0; y < height; ++y)
        std::fill_n(whole.row<uint8_t>(y), 3 * width, uint8_t(255));
    int64_t left = 0;
    for (const Image& picture : pictures) {
        for (int64_t y = 0; y < picture.height(); ++y)
            std::copy_n(picture.row<uint8_t>(y), 3 * picture.width(), whole.row<uint8_t>(y) + 3 * left);
        left += picture.width() + kGap;
    }
    return whole;
}

// A basis for all maps of a teacher.
Result<PcaBasis> basisOf(const TeacherMaps& teacher, int64_t pictureCount) {
    std::vector<at::Tensor> tokens;
    for (const at::Tensor& map : teacher.features)
        if (map.defined() && int64_t(tokens.size()) < std::max<int64_t>(pictureCount, 1))
            tokens.push_back(map.flatten(1).t());
    VITRINE_TRY(PcaBasis basis, fitPca(at::cat(tokens)));
    basis.note = fmt::format("final features of {} at {} px", teacher.name, teacher.side);
    return basis;
}

}  // namespace

const char* teacherViewName(TeacherView view) {
    return view == TeacherView::Own ? "own" : "student";
}

int64_t squareSide(const StoredModel& model, int64_t resolution) {
    const EncoderInfo& info = model.description.info;
    return teacherSide(info,
                       resolution > 0 ? resolution : std::min(info.preferredHeight, info.preferredWidth));
}

ImitatedTeacher imitatedTeacherFrom(const Json& json) {
    return {json["name"], json["model"], json["adaptor"], json["layer"], json["side"]};
}

Result<TeacherMaps> mapsOfTeacher(const StoredModel& model, const ImitatedTeacher& teacher,
                                  const std::vector<std::string>& pictures,
                                  const EvaluationSettings& settings, int64_t studentSide, JobContext& job) {
    const EncoderInfo& info = model.description.info;
    if (!teacher.adaptor.empty())
        VITRINE_TRY_VOID(checkAdaptor(model, teacher.adaptor, "teacher"));
    if (teacher.layer > info.layerCount)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("layer {} of {}: -1 is the final features, 0 to {} are hidden states",
                                teacher.layer, info.layerCount, info.layerCount),
                    model.description.path);
    EncodeRequest request;
    if (!teacher.adaptor.empty())
        request.adaptors = {teacher.adaptor};
    else if (teacher.layer >= 0)
        request.layers = {teacher.layer};
    TeacherMaps maps;
    maps.name = teacher.name;
    maps.view = studentSide > 0 ? TeacherView::Student : TeacherView::Own;
    maps.side = squareSide(model, teacher.side > 0 ? teacher.side : studentSide);
    maps.features.resize(pictures.size());
    maps.summaries.resize(pictures.size());
    BatchSource source;
    source.models = {&model};
    source.square = true;
    source.stage = fmt::format("{} as the teacher {}", info.name, teacher.name);
    // As the pictures of a distillation come: the student's by a bicubic filter, the teacher's from those by
    // a bilinear one.
    std::vector<std::pair<int64_t, Resampling>> sides;
    if (studentSide > 0)
        sides = {{studentSide, Resampling::Bicubic}, {maps.side, Resampling::Bilinear}};
    else if (info.fixedSize)  // its preprocessing would crop or pad what is no square
        sides = {{maps.side, Resampling::Bicubic}};
    if (!sides.empty())
        source.read = [sides](const std::string& path) { return squeezedTo(path, sides); };
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        VITRINE_TRY(const EncoderOutput output,
                    model.model->encoder()->encode(batch.models.front().pixels, request));
        at::Tensor features = output.features, summary = output.summary;
        if (!teacher.adaptor.empty()) {
            features = output.adaptors.at(teacher.adaptor).features;
            summary = output.adaptors.at(teacher.adaptor).summary;
        } else if (teacher.layer >= 0) {
            features = output.layers.front().features;
            summary = at::Tensor();
        }
        features = features.to(at::kCPU, at::kFloat);
        for (size_t row = 0; row < batch.pictures.size(); ++row) {
            maps.features[batch.pictures[row]] = features[int64_t(row)].clone();
            if (summary.defined())
                maps.summaries[batch.pictures[row]] = summary[int64_t(row)].to(at::kCPU, at::kFloat).clone();
        }
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(setOf(pictures, settings, maps.side), source, job, maps.skipped, use));
    return maps;
}

Result<Imitations> imitate(const StoredModel& student, const std::vector<TeacherMaps>& teachers,
                           const std::vector<std::string>& pictures, const EvaluationSettings& settings,
                           int64_t pictureCount, JobContext& job) {
    Imitations imitations;
    EncodeRequest request;
    std::vector<PcaBasis> bases;
    for (const TeacherMaps& teacher : teachers) {
        VITRINE_TRY_VOID(checkAdaptor(student, teacher.name, "student"));
        request.adaptors.push_back(teacher.name);
        imitations.teachers.push_back({teacher.name, {}, {}});
        if (pictureCount > 0) {
            VITRINE_TRY(bases.emplace_back(), basisOf(teacher, pictureCount));
        }
    }
    std::vector<ImitationError> errors(teachers.size());
    BatchSource source;
    source.models = {&student};
    source.square = true;
    source.stage = student.description.info.name + ": heads against teachers";
    const auto draw = [&](size_t t, const std::string& path, const at::Tensor& said,
                          const at::Tensor& wanted) -> Result<void> {
        VITRINE_TRY(const Image picture, squeezed(path));
        VITRINE_TRY(const Image teacher, pcaPicture(wanted, bases[t], kShownSide));
        VITRINE_TRY(const Image learned, pcaPicture(said, bases[t], kShownSide));
        imitations.teachers[t].pictures.emplace_back(fs::path(path).stem().string(),
                                                     besideEachOther({picture, teacher, learned}));
        return {};
    };
    const auto one = [&](size_t t, size_t picture, const AdaptorOutput& said, int64_t row) -> Result<void> {
        const at::Tensor& wanted = teachers[t].features[picture];
        if (!wanted.defined())
            return {};
        const at::Tensor features = said.features[row].to(at::kCPU, at::kFloat);
        VITRINE_TRY_VOID(errors[t].addMaps(features.unsqueeze(0), wanted.unsqueeze(0)));
        const at::Tensor& summary = teachers[t].summaries[picture];
        // An image-text teacher's head may speak in the space of the texts: then there is nothing to compare.
        if (summary.defined() && said.summary.defined() && said.summary.size(1) == summary.size(0))
            VITRINE_TRY_VOID(errors[t].addSummaries(said.summary.narrow(0, row, 1), summary.unsqueeze(0)));
        if (int64_t(imitations.teachers[t].pictures.size()) < pictureCount)
            VITRINE_TRY_VOID(draw(t, pictures[picture], features, wanted));
        return {};
    };
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        VITRINE_TRY(const EncoderOutput output,
                    student.model->encoder()->encode(batch.models.front().pixels, request));
        for (size_t t = 0; t < teachers.size(); ++t)
            for (size_t row = 0; row < batch.pictures.size(); ++row)
                if (auto added =
                        one(t, batch.pictures[row], output.adaptors.at(teachers[t].name), int64_t(row));
                    !added)
                    return fail(added.error().in(teachers[t].name));
        return {};
    };
    VITRINE_TRY_VOID(
        forEachBatch(setOf(pictures, settings, settings.resolution), source, job, imitations.skipped, use));
    for (size_t t = 0; t < teachers.size(); ++t) {
        auto scores = errors[t].scores();
        if (!scores)
            return fail(scores.error().in(teachers[t].name));
        imitations.teachers[t].scores = *scores;
    }
    return imitations;
}

}  // namespace vitrine
