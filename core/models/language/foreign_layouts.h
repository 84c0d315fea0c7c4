// Language models in layouts of other programs: llama2.c's and GGUF's. Their configuration is made from the
// file's own header, and their tensors are brought into the order and under the names of Hugging Face
// folders.
#pragma once

#include "core/models/language/decoder_config.h"
#include "core/models/model.h"

namespace vitrine {

bool isLlama2c(const ModelFolder& folder);
Result<DecoderConfig> llama2cConfig(const ModelFolder& folder);
// As LoadRules::derive: the tensor of a Hugging Face name, undefined if the file has none.
Result<at::Tensor> llama2cTensor(const std::string& name, const DecoderConfig& config,
                                 const TensorSource& source);

bool isGgufDecoder(const ModelFolder& folder);
Result<DecoderConfig> ggufConfig(const ModelFolder& folder);
Result<at::Tensor> ggufTensor(const std::string& name, const DecoderConfig& config,
                              const TensorSource& source);

}  // namespace vitrine
