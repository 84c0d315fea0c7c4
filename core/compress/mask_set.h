// Masks of a model's weights as a file of their own: one set of weights, many masks. 2:4 masks take log2(6) /
// 4 = 0.65 bits a weight and are stored with three groups in a byte (base 6, 0.67 bits); all others as one
// bit a weight.
//
//   MaskSet masks;
//   VITRINE_TRY_VOID(masks.set("model.layers.0.mlp.up_proj.weight", mask));
//   masks.fingerprint = weightFingerprint(weights);      // of the dense weights
//   VITRINE_TRY_VOID(masks.save("math.masks.safetensors", {{"text", "mathematics"}}));
//   ...
//   VITRINE_TRY_VOID(masks.applyTo(weightsOfACopy));     // refused for another model
#pragma once

#include "core/base/result.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

using NamedTensors = std::map<std::string, at::Tensor>;

// SHA-256 over names, shapes and a sample of each tensor's elements as bfloat16: the same for a float32 and a
// bfloat16 copy of one checkpoint, another for other weights. 64 hexadecimal digits. Reads 512 elements of
// each tensor.
std::string weightFingerprint(const NamedTensors& weights);

class MaskSet {
  public:
    // mask (rows, columns) of 0 and 1, any type. ShapeMismatch for other shapes, InvalidArgument for other
    // values.
    Result<void> set(const std::string& tensor, const at::Tensor& mask);
    // uint8 (rows, columns). NotFound.
    Result<at::Tensor> mask(const std::string& tensor) const;
    bool is24(const std::string& tensor) const;
    std::vector<std::string> names() const;
    int64_t byteCount() const;  // of the masks in the file

    std::string fingerprint;                      // of the weights that the masks were made for
    std::map<std::string, std::string> metadata;  // free text: method, data, ...

    // One safetensors file.
    Result<void> save(const std::filesystem::path& file) const;
    static Result<MaskSet> load(const std::filesystem::path& file);

    // Sets masked weights to 0 in place. All is checked first: InvalidArgument for weights of another model
    // (their fingerprint), NotFound and ShapeMismatch name the tensor.
    Result<void> applyTo(NamedTensors& weights) const;

  private:
    struct Entry {
        int64_t rows = 0, columns = 0;
        bool base6 = false;
        at::Tensor bytes;  // uint8: (ceil(groups / 3)) or (rows, ceil(columns / 8))
    };
    at::Tensor decoded(const Entry& entry) const;
    std::map<std::string, Entry> entries_;
};

// How two masks of one tensor differ: part of the weights whose place in the mask changed.
double flippedPart(const at::Tensor& mask, const at::Tensor& other);

}  // namespace vitrine
