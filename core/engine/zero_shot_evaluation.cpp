#include "core/engine/zero_shot_evaluation.h"

#include "core/engine/class_texts.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kTop = 5;

// (B, D) in the space of the texts.
Result<at::Tensor> embeddingsOf(const StoredModel& model, const TextReading& reading,
                                const at::Tensor& pixels) {
    if (reading.adaptor.empty())
        return textSideOf(model)->imageEmbedding(pixels);
    EncodeRequest request;
    request.adaptors = {reading.adaptor};
    VITRINE_TRY(const EncoderOutput output, model.model->encoder()->encode(pixels, request));
    const at::Tensor& summary = output.adaptors.at(reading.adaptor).summary;
    if (!summary.defined())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the adaptor \"{}\" has no summary to compare with texts", reading.adaptor),
                    model.description.path);
    return summary;
}

}  // namespace

Result<TextReading> textReadingOf(const StoredModel& model, const StoredModel* texts,
                                  const std::string& adaptor) {
    if (adaptor.empty() && textSideOf(model))
        return TextReading{&model, ""};
    const std::vector<std::string>& heads = model.description.info.adaptors;
    std::vector<std::string> fitting;
    for (const std::string& head : heads)
        if (adaptor.empty()
                ? head.find("clip") != std::string::npos || head.find("siglip") != std::string::npos
                : head == adaptor)
            fitting.push_back(head);
    if (fitting.size() != 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the model has {} that texts could be compared with ({})",
                                !adaptor.empty()  ? fmt::format("no adaptor \"{}\"", adaptor)
                                : fitting.empty() ? "neither a text side nor an adaptor"
                                                  : "several adaptors",
                                heads.empty() ? std::string("no adaptors")
                                              : fmt::format("adaptors: {}", fmt::join(heads, ", "))),
                    model.description.path, "Name the adaptor (settings.text_adaptor)");
    if (!texts || !textSideOf(*texts))
        return fail(ErrorCode::InvalidArgument,
                    texts ? "this model has no text side, or its tokenizer is missing"
                          : "a model whose texts the adaptor's classes are read in is needed",
                    texts ? texts->description.path : model.description.path,
                    "Name a CLIP or SigLIP folder (settings.text_model)");
    return TextReading{texts, fitting.front()};
}

Result<ZeroShotScores> classifyByTexts(const StoredModel& model, const TextReading& reading,
                                       const ClassifiedPictures& pictures,
                                       const std::vector<std::string>& templates,
                                       const EvaluationSettings& settings, JobContext& job) {
    VITRINE_TRY(const at::Tensor texts, classEmbeddings(*reading.texts, pictures.classes, templates, job));
    const auto classCount = int64_t(pictures.classes.size());
    PictureSet set;
    set.paths = pictures.paths;
    set.resolution = settings.resolution;
    set.batchSize = settings.batch;
    BatchSource source;
    source.models = {&model};
    source.stage = model.description.info.name + ": zero-shot";
    source.read = readSetPicture;
    ZeroShotScores scores;
    scores.confusion = at::zeros({classCount, classCount}, at::kLong);
    int64_t right = 0, near = 0;
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        VITRINE_TRY(at::Tensor seen, embeddingsOf(model, reading, batch.models.front().pixels));
        seen = seen.to(at::kCPU, at::kFloat);
        if (seen.size(1) != texts.size(1))
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("pictures have embeddings of {} values, texts of {}", seen.size(1),
                                    texts.size(1)),
                        model.description.path,
                        fmt::format("Is {} the text model that \"{}\" was taught by?",
                                    reading.texts->description.path, reading.adaptor));
        // Softmax and sigmoid rank alike: the cosines decide.
        const at::Tensor cosines = seen.matmul(texts.t()) / seen.norm(2, {1}, true).clamp_min(1e-12);
        const at::Tensor order = cosines.argsort(true, 1, true);
        for (size_t row = 0; row < batch.pictures.size(); ++row) {
            const int64_t truth = pictures.labels[batch.pictures[row]];
            scores.confusion[truth][order[int64_t(row)][0]] += 1;
            const int64_t rank = order[int64_t(row)].eq(truth).nonzero().item<int64_t>();
            right += rank == 0;
            near += rank < kTop;
        }
        scores.count += int64_t(batch.pictures.size());
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(set, source, job, scores.skipped, use));
    scores.top1 = double(right) / double(scores.count);
    scores.top5 = double(near) / double(scores.count);
    scores.chance =
        double(scores.confusion.sum(1).max().item<int64_t>()) / double(std::max<int64_t>(1, scores.count));
    return scores;
}

}  // namespace vitrine
