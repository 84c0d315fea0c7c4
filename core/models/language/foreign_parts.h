// What the readers of llama2.c's and GGUF's layouts share.
#pragma once

#include "core/models/language/decoder_config.h"
#include "core/models/model.h"

namespace vitrine {

// Numbers and texts of a file's flattened metadata; `prefix` is put before the keys of numbers.
class ForeignMetadata {
  public:
    // `folder` must outlive this.
    ForeignMetadata(const ModelFolder& folder, std::string prefix);

    Result<double> number(const std::string& key) const;  // InvalidFile names a key that is missing
    double numberOr(const std::string& key, double fallback) const { return find(key).value_or(fallback); }
    std::string text(const std::string& key) const;  // empty: missing

  private:
    std::optional<double> find(const std::string& key) const;

    const std::map<std::string, std::string>& map_;
    std::string where_, prefix_;
};

// A tensor of the file, undefined if there is none of that name. Plain types are a view of the mapped file,
// which must not be written to; quantised blocks are decoded to float32 by all threads, straight from the
// file.
Result<at::Tensor> readFloats(const TensorSource& source, const std::string& name);

// Rows of a query or key projection from neighbouring rotary pairs (2i, 2i+1) to halves (i, i + d/2). What is
// undefined or does not fit `heads` is returned as it is.
at::Tensor halvesFromPairs(const at::Tensor& weight, int64_t heads);

// "model.layers.3.mlp.up_proj.weight" -> {3, "mlp.up_proj", ".weight"}; other names keep index -1.
struct NameParts {
    int64_t layer = -1;
    std::string part, ending;
};
NameParts splitName(const std::string& name);

// Empty if `table` has no such key.
std::string lookedUp(const std::map<std::string, std::string>& table, const std::string& key);

LayerSettings layerOf(int64_t heads, int64_t keyValueHeads, int64_t headWidth, int64_t intermediate);

}  // namespace vitrine
