// Comparing a loaded model with the reference outputs of a folder: meta.json lists computations ("calls")
// with their inputs, expected outputs and tolerances.
#pragma once

#include "core/base/job_context.h"
#include "core/models/model.h"

namespace vitrine {

struct VerifyRow {
    std::string call;    // id of the computation
    std::string tensor;  // name of the expected output, or what else was compared ("cases")
    std::string shape;
    double maxError =
        0;  // largest |actual - expected|; for exact comparisons the number of differing elements
    double errorPerStd = 0;  // the same divided by the expected tensor's standard deviation
    double tolerance = 0;    // 0: must be equal
    bool passed = false;
    std::string note;      // why it failed or was skipped
    bool skipped = false;  // this build cannot compute it (media switched off)
};

// What a folder with reference outputs holds besides the model.
struct ReferenceData {
    Json meta;
    TensorMap inputs;
    TensorMap expected;

    // Reads meta.json, inputs.safetensors and expected.safetensors (the last two may be absent).
    static Result<ReferenceData> read(const std::filesystem::path& folder);
    // Tensor of either file, or null.
    const at::Tensor* find(const std::string& name) const;
    // Absolute tolerance that meta.json states for a tensor; 0 if none (then it must be equal).
    double tolerance(const std::string& name) const;
};

// Compares one tensor: integers exactly, floats within `tolerance` (NaN only where NaN is expected).
VerifyRow compareTensor(const std::string& call, const std::string& name, const at::Tensor& actual,
                        const at::Tensor& expected, double tolerance);

// Rows for outputs that could not be computed.
void addFailedRows(std::vector<VerifyRow>& rows, const std::string& id,
                   const std::vector<std::string>& outputs, const std::string& note);

// Runs one call of meta.json on the model and compares every output. A computation that fails or is not
// offered becomes failed rows, so that one report shows everything.
void compareCall(std::vector<VerifyRow>& rows, const Model& model, const Json& call,
                 const ReferenceData& data, const at::Device& device);

// True for a call that preprocesses a picture ("pre..."): those are about preprocessor_config.json, not about
// the model.
bool isPreprocessingCall(const Json& call);

}  // namespace vitrine
