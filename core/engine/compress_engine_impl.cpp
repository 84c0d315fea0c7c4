#include "core/engine/compress_engine_impl.h"

#include "core/base/stopwatch.h"
#include "core/engine/compress_costs.h"
#include "core/engine/language_hearing.h"
#include "core/engine/mask_views.h"
#include "core/engine/model_store.h"
#include "core/engine/picture_what_if.h"
#include "core/engine/recent_values.h"
#include "core/engine/switched_model.h"
#include "core/engine/text_stream.h"
#include "core/io/language_files.h"
#include "core/io/model_folder.h"
#include "core/io/safetensors.h"
#include "core/models/language/generation.h"
#include "core/nn/weights.h"

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr size_t kModelsKept = 3, kFilesKept = 4;

class CompressEngineImpl : public CompressEngine {
  public:
    Result<PlanCosts> costs(const fs::path& model, const Json& plans, const std::string& dtype) override {
        VITRINE_TRY(const auto type, dtypeFromTorchName(dtype));
        const auto bytes = int64_t(at::elementSize(type));
        if (!isLanguageModelPath(model)) {
            VITRINE_TRY(const CostBasis* const basis,
                        encoders_.get(model, "", [&] { return encoderCostBasis(model); }));
            return planCosts(*basis, plans, bytes);
        }
        VITRINE_TRY(LanguageModel * opened, bare(model));
        return planCosts(costBasis(opened->decoder()), plans, bytes);
    }

    Result<SizesCost> sizesCost(const fs::path& model, const SizesKept& sizes) override {
        VITRINE_TRY(LanguageModel * opened, bare(model));
        return costOfSizes(opened->config(), sizes);
    }

    Result<DependencyGroup> dependencies(const StructureQuestion& question) override {
        const Decoder* decoder = nullptr;
        if (isLanguageModelPath(question.model)) {
            VITRINE_TRY(LanguageModel * opened, bare(question.model));
            decoder = &opened->decoder();
        }
        return dependencyGroupOf(question, decoder);
    }

    Result<std::vector<std::string>> matrices(const fs::path& model) override {
        VITRINE_TRY(const ModelFolder folder, openModelFolder(model));
        if (!folder.weights)
            return fail(ErrorCode::NotFound, "there are no weights in this folder", model.string());
        std::vector<std::string> names;
        if (isForeign(folder)) {
            VITRINE_TRY(LanguageModel * opened, bare(model));
            for (const LayerShape& shape : layerShapes(opened->decoder()))
                names.push_back(shape.name + ".weight");
            return names;
        }
        for (const TensorInfo& tensor : folder.weights->tensors())
            if (tensor.shape.size() == 2 && tensor.shape[0] > 1 && tensor.shape[1] > 1)
                names.push_back(tensor.name);
        return names;
    }

    Result<std::vector<std::string>> maskedTensors(const fs::path& file) override {
        VITRINE_TRY(const MaskSet* masks, masksOf(file));
        return masks->names();
    }

    Result<MaskView> mask(const MaskRequest& request, JobContext& job) override {
        double seconds = 0;
        MaskView view;
        {
            const Stopwatch watch(seconds);
            const at::NoGradGuard plain;
            VITRINE_TRY(const at::Tensor weight, matrix(request.model, request.tensor));
            VITRINE_TRY_VOID(job.checkStop());
            VITRINE_TRY(at::Tensor mask, maskAs(request.mask, request.tensor, weight));
            if (!mask.defined())
                mask = at::ones(weight.sizes(), at::kByte);
            VITRINE_TRY(const at::Tensor other, maskAs(request.other, request.tensor, weight));
            VITRINE_TRY_VOID(job.checkStop());
            view = makeMaskView(request, weight, mask, other);
        }
        view.milliseconds = seconds * 1e3;
        return view;
    }

    Result<std::vector<LayerSpectrum>> spectra(const fs::path& file) override {
        VITRINE_TRY(const auto source, openSafetensors(file));
        VITRINE_TRY(const auto tensors, readAllTensors(*source));
        std::vector<LayerSpectrum> spectra;
        for (const TensorInfo& tensor : source->tensors()) {
            const size_t slash = tensor.name.rfind('/');
            if (slash == std::string::npos || tensor.name.substr(slash + 1) != "singular_values")
                continue;
            LayerSpectrum spectrum;
            spectrum.layer = tensor.name.substr(0, slash);
            spectrum.singularValues = doublesOf(tensors.at(tensor.name));
            for (const auto& [part, into] : {std::pair("/input_eigenvalues", &spectrum.inputEigenvalues),
                                             std::pair("/error_energy", &spectrum.errorEnergy)})
                if (const auto found = tensors.find(spectrum.layer + part); found != tensors.end())
                    *into = doublesOf(found->second);
            spectra.push_back(std::move(spectrum));
        }
        if (spectra.empty())
            return fail(ErrorCode::InvalidFile, "this file holds no spectra of repaired errors",
                        file.string());
        return spectra;
    }

    Result<Written> write(const WriteRequest& request, JobContext& job,
                          const std::function<void(const std::string&)>& onText) override {
        VITRINE_TRY(OpenedLanguage * language, languageOf(request.model, request.tokenizer));
        VITRINE_TRY(const std::vector<int64_t> ids, promptTokens(*language, request.prompt));
        GenerationOptions options;
        options.maxNewTokens = request.tokens;
        options.sampling.greedy = request.greedy;
        options.sampling.temperature = request.temperature;
        options.sampling.topK = request.topK;
        options.sampling.seed = request.seed;
        TextStream stream(language->tokenizer, ids);
        const auto sink = [&](int64_t id) {
            stream.add(id);
            if (onText)
                onText(stream.text());
            return true;
        };
        VITRINE_TRY(const Generation done, generate(*language->model, ids, options, job, sink));
        Written written;
        written.text = stream.text();
        VITRINE_TRY(written.continuation, language->tokenizer.decode(done.ids, {.skipSpecialTokens = true}));
        written.reason = reasonName(done.reason);
        written.tokens = int64_t(done.ids.size());
        written.tokensPerSecond =
            done.decodeSeconds > 0 ? double(done.ids.size() - 1) / done.decodeSeconds : 0;
        std::vector<int64_t> all = ids;
        all.insert(all.end(), done.ids.begin(), done.ids.end());
        written.natsPerToken = meanOf(tokenLosses(*language->model, all));
        return written;
    }

    Result<std::vector<TokenScore>> score(const fs::path& model, const std::string& tokenizer,
                                          const std::string& text) override {
        VITRINE_TRY(OpenedLanguage * language, languageOf(model, tokenizer));
        VITRINE_TRY(const std::vector<int64_t> ids, textTokens(*language, text));
        return tokenScores(*language, ids, tokenLosses(*language->model, ids));
    }

    Result<WhatIf> whatIf(const WhatIfRequest& request, JobContext& job) override {
        VITRINE_TRY(OpenedLanguage * language, languageOf(request.model, request.tokenizer));
        VITRINE_TRY(const std::vector<int64_t> ids, textTokens(*language, request.text));
        double seconds = 0;
        WhatIf answer;
        {
            const Stopwatch watch(seconds);
            const Heard before = hear(*language->model, ids);
            VITRINE_TRY_VOID(job.checkStop());
            SwitchedModel switched(*language->model);
            if (!request.compressed.empty()) {
                VITRINE_TRY(const CompressedWeights* weights, compressedOf(request.compressed));
                VITRINE_TRY_VOID(switched.useCompressed(*weights, request.rank));
            }
            if (!request.masks.empty()) {
                VITRINE_TRY(const MaskSet* masks, masksOf(request.masks));
                VITRINE_TRY_VOID(switched.applyMasks(*masks, request.maskedLayers));
            }
            VITRINE_TRY_VOID(switched.switchHeadsOff(request.headsOff));
            VITRINE_TRY_VOID(switched.switchOff(request.attentionOff, request.feedForwardOff));
            const Heard after = hear(*language->model, ids);
            compareHeard(*language, ids, before, after, answer);
        }
        answer.milliseconds = seconds * 1e3;
        return answer;
    }

    Result<PictureWhatIf> whatIf(const PictureWhatIfRequest& request, JobContext& job) override {
        LaidOver over{nullptr, nullptr};
        if (!request.compressed.empty()) {
            VITRINE_TRY(over.compressed, compressedOf(request.compressed));
        }
        if (!request.masks.empty()) {
            VITRINE_TRY(over.masks, masksOf(request.masks));
        }
        return pictures_.answer(request, over, job);
    }

  private:
    // Single files whose tensors have other names than the public ones.
    static bool isForeign(const ModelFolder& folder) {
        const auto family = ModelFamilies::instance().recognize(folder);
        return family && (*family == "llama2c" || *family == "gguf");
    }

    Result<LanguageModel*> bare(const fs::path& model) {
        VITRINE_TRY(auto* const found,
                    models_.get(model, "float32", [&] { return loadLanguageModel(model, {}); }));
        return found->get();
    }
    Result<OpenedLanguage*> languageOf(const fs::path& model, const std::string& tokenizer) {
        return languages_.get(model, tokenizer,
                              [&] { return openLanguage(model, tokenizer, "cpu", "float32"); });
    }
    Result<const MaskSet*> masksOf(const fs::path& file) {
        VITRINE_TRY(MaskSet* const masks, masks_.get(file, "", [&] { return MaskSet::load(file); }));
        return masks;
    }
    Result<const CompressedWeights*> compressedOf(const fs::path& file) {
        VITRINE_TRY(CompressedWeights* const weights,
                    compressed_.get(file, "", [&] { return CompressedWeights::load(file); }));
        return weights;
    }

    // float32 (rows, columns), contiguous.
    Result<at::Tensor> matrix(const fs::path& model, const std::string& name) {
        VITRINE_TRY(at::Tensor* const kept, weights_.get(model, name, [&] { return read(model, name); }));
        return *kept;
    }
    Result<at::Tensor> read(const fs::path& model, const std::string& name) {
        VITRINE_TRY(const ModelFolder folder, openModelFolder(model));
        at::Tensor weight;
        if (folder.weights && folder.weights->find(name)) {
            VITRINE_TRY(weight, readTensor(*folder.weights, name, {}));
        } else if (folder.weights && isForeign(folder)) {
            VITRINE_TRY(LanguageModel * opened, bare(model));
            for (const auto& linear : opened->decoder().linears())
                if (opened->decoder().linearName(linear->place()) + ".weight" == name)
                    weight = linear->weight.detach();
        }
        if (!weight.defined())
            return fail(ErrorCode::NotFound, fmt::format("the model has no tensor \"{}\"", name),
                        model.string(), "The model tree lists those that it has");
        if (weight.dim() != 2 || weight.numel() == 0)
            return fail(ErrorCode::ShapeMismatch,
                        fmt::format("expected a matrix, found [{}]", fmt::join(weight.sizes(), ", ")), name,
                        "Masks are shown of matrices (outputs, inputs)");
        return weight.to(at::kFloat).contiguous();
    }

    Result<at::Tensor> maskAs(const MaskSource& source, const std::string& tensor, const at::Tensor& weight) {
        const MaskSet* masks = nullptr;
        if (source.kind == MaskSource::Kind::File) {
            VITRINE_TRY(masks, masksOf(source.file));
        }
        VITRINE_TRY(const at::Tensor mask, maskFrom(source, tensor, weight, masks));
        return mask.defined() ? mask.contiguous() : mask;
    }

    Recent<std::unique_ptr<LanguageModel>> models_{1};
    Recent<OpenedLanguage> languages_{kModelsKept};
    Recent<MaskSet> masks_{kFilesKept};
    Recent<CompressedWeights> compressed_{1};
    Recent<at::Tensor> weights_{2};
    Recent<CostBasis> encoders_{1};
    PictureWhatIfMaker pictures_;
};

}  // namespace

std::unique_ptr<CompressEngine> makeCompressEngine() {
    return std::make_unique<CompressEngineImpl>();
}

}  // namespace vitrine
