#include "core/engine/class_texts.h"

#include <set>

namespace vitrine {
namespace {

at::Tensor unitRows(const at::Tensor& rows) {
    return rows / rows.norm(2, {1}, true).clamp_min(1e-12);
}

Result<at::Tensor> classEmbedding(const StoredModel& model, const TextEncoder& text, const std::string& name,
                                  const std::vector<std::string>& templates) {
    std::vector<at::Tensor> ids, masks;
    for (std::string sentence : templates) {
        sentence.replace(sentence.find("{}"), 2, name);
        VITRINE_TRY(const TextTokens tokens, model.textTokens(sentence, text.contextLength()));
        ids.push_back(tokens.ids);
        if (tokens.mask.defined())
            masks.push_back(tokens.mask);
    }
    const at::Tensor mask = masks.empty() ? at::Tensor() : at::cat(masks).to(model.device);
    VITRINE_TRY(const at::Tensor embeddings, text.encodeText(at::cat(ids).to(model.device), mask));
    return unitRows(unitRows(embeddings.to(at::kCPU, at::kFloat)).mean(0, true));
}

}  // namespace

const TextEncoder* textSideOf(const StoredModel& model) {
    return model.textTokens ? model.model->textEncoder() : nullptr;
}

Result<void> checkTemplates(const std::vector<std::string>& templates, const std::string& where) {
    if (templates.empty())
        return fail(ErrorCode::InvalidArgument, "zero-shot needs a template", where,
                    "The plainest one is \"{}\"");
    for (const std::string& sentence : templates)
        if (sentence.find("{}") == std::string::npos)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the template \"{}\" has no place for the class", sentence), where,
                        "Write {} where the class belongs: \"a photo of a {}.\"");
    return {};
}

Result<void> checkClassTexts(const std::vector<std::string>& classes,
                             const std::vector<std::string>& templates) {
    if (classes.empty())
        return fail(ErrorCode::InvalidArgument, "zero-shot needs classes", "classes",
                    "Name them: \"a dog,a truck\"");
    const std::set<std::string> distinct(classes.begin(), classes.end());
    if (distinct.size() != classes.size() || distinct.contains(""))
        return fail(ErrorCode::InvalidArgument, "a class is empty or named twice", "classes");
    return checkTemplates(templates, "templates");
}

Result<at::Tensor> classEmbeddings(const StoredModel& model, const std::vector<std::string>& classes,
                                   const std::vector<std::string>& templates, JobContext& job) {
    const TextEncoder* text = textSideOf(model);
    VITRINE_CHECK(text, "the model has a text side");
    VITRINE_TRY_VOID(checkClassTexts(classes, templates));
    std::vector<at::Tensor> embeddings;
    job.beginStage("encoding classes", int64_t(classes.size()));
    for (const std::string& name : classes) {
        VITRINE_TRY_VOID(job.checkStop());
        VITRINE_TRY(embeddings.emplace_back(), classEmbedding(model, *text, name, templates));
        job.advance();
    }
    return at::cat(embeddings);
}

}  // namespace vitrine
