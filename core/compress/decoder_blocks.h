// A decoder-only language model as blocks for the compression driver.
#pragma once

#include "core/compress/block_model.h"
#include "core/models/language/decoder.h"

namespace vitrine {

class DecoderBlocks : public BlockModel {
  public:
    // `batches`: ids (B, T) each. The decoder outlives this object.
    DecoderBlocks(Decoder& decoder, std::vector<at::Tensor> batches)
        : decoder_(decoder), batches_(std::move(batches)) {}

    int64_t depth() const override { return decoder_.depth(); }
    std::vector<BlockLinear> linears(int64_t block) const override;
    int64_t batches() const override { return int64_t(batches_.size()); }
    at::Tensor firstStream(int64_t batch) override;
    at::Tensor runBlock(int64_t block, int64_t batch, const at::Tensor& stream,
                        const InputSink& sink) override;
    void finishBlock(int64_t block) override;  // lays its projections together again

  private:
    Decoder& decoder_;
    std::vector<at::Tensor> batches_;
};

}  // namespace vitrine
