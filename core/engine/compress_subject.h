// What the job "compress" works on: a language model with texts, or an encoder with pictures, behind one
// interface. A subject holds one model at a time; every plan begins with the stored weights.
#pragma once

#include "core/compress/block_model.h"
#include "core/compress/compressed_weights.h"
#include "core/compress/compression_plan.h"
#include "core/compress/mask_set.h"
#include "core/compress/vit_structures.h"
#include "core/runs/run_context.h"

#include <memory>

namespace vitrine {

// How good the model at hand is. `row` holds what tables and reports tell of it.
struct SubjectScore {
    Json row = Json::object();
    std::map<std::string, double> metrics;  // name of a series -> value
    double loss = 0;                        // what the best plan has least of
    std::string text;                       // "perplexity 12.3, 2.51 nats per token"
    double seconds = 0;
    Json times = Json::object();  // what else took how long: "encoding_seconds" of a picture
};

class CompressSubject {
  public:
    virtual ~CompressSubject() = default;

    // The model with its stored weights, in the place of the one before. Errors of loading.
    virtual Result<void> load() = 0;
    virtual void unload() = 0;
    // What is calibrated on and measured with; once, with the model loaded. Errors of reading.
    virtual Result<void> openData() = 0;
    // Of the model at hand, on the calibration data (none before openData).
    virtual Result<std::unique_ptr<BlockModel>> blocks() = 0;
    // `rows` (outputs, ...) of a layer, a weight or its mask, under the names and in the parts in which the
    // checkpoint stores it.
    virtual NamedTensors stored(const std::string& layer, const at::Tensor& rows) const;
    virtual Result<SubjectScore> measure() = 0;
    // Writes the model at hand as a folder that any program opens, and compressed.safetensors beside it.
    virtual Result<void> save(const std::filesystem::path& folder, CompressedWeights& weights,
                              const Json& lineage) = 0;

    // Cuts whole structures out of the stored model: the smaller one is written to `folder` and is the model
    // at hand from then on. What the row says of its size. Unsupported where the subject has no structures.
    virtual Result<Json> cut(const VitStructurePlan& plan, const std::filesystem::path& folder,
                             const Json& lineage);

    // Names in a row that tell how good it is, in the order of the table.
    virtual std::vector<std::string> scoreColumns() const = 0;
    virtual double denseBits() const = 0;  // of a weight, as it is stored here
    const std::string& identity() const { return identity_; }
    const std::string& dataHash() const { return dataHash_; }
    // What it is calibrated on, for lineages: {"windows": 128, "length": 256}.
    virtual Json calibration() const = 0;

  protected:
    std::string identity_, dataHash_;
};

// By the settings' "model": an encoder where a family of encoders recognises it, else a language model.
// Unsupported for encoders that cannot be compressed; InvalidArgument for an encoder without pictures.
Result<std::unique_ptr<CompressSubject>> openCompressSubject(RunContext& run);

std::unique_ptr<CompressSubject> languageSubject(RunContext& run);
std::unique_ptr<CompressSubject> encoderSubject(RunContext& run);

}  // namespace vitrine
