// BERT as a text encoder (Devlin et al. 2019), and the sentence vectors of all-MiniLM-L6-v2 and its kin: the
// mean over the tokens of the last layer, of length one (Reimers and Gurevych 2019). Reads Hugging Face
// folders of model_type "bert", with or without the prefix "bert." and the pooler.
#pragma once

#include "core/models/model.h"

namespace vitrine {

struct BertConfig {
    int64_t vocabulary = 30522, width = 768, depth = 12, heads = 12, intermediate = 3072;
    int64_t contextLength = 512, tokenTypes = 2;
    double epsilon = 1e-12;
    std::string activation = "gelu";
};

class SentenceEncoder : public Model {
  public:
    explicit SentenceEncoder(const BertConfig& config);
    ~SentenceEncoder() override;

    std::string family() const override { return "bert"; }
    torch::nn::Module* module() override;
    const BertConfig& config() const { return config_; }
    // "input_ids", "attention_mask" -> "last_hidden_state", "hidden_states.k", "sentence_embedding".
    Result<TensorMap> runCall(const ModelCall& call) const override;

    // ids (B, T) and mask (B, T) of 0/1 or undefined -> hidden states 0..depth, each (B, T, width).
    // InvalidArgument for ids outside the vocabulary or more tokens than the context.
    Result<std::vector<at::Tensor>> hiddenStates(const at::Tensor& ids, const at::Tensor& mask) const;
    // (B, width), of length one.
    Result<at::Tensor> embed(const at::Tensor& ids, const at::Tensor& mask) const;
    void finishLoading();

  private:
    struct Network;
    BertConfig config_;
    std::unique_ptr<Network> network_;
};

SentenceEncoder* asSentenceEncoder(Model* model);
ModelFamily sentenceEncoderFamily();

}  // namespace vitrine
