// The post-norm ViT of core/models/cifar as blocks for the compression driver: four linear layers a block
// (packed queries, keys and values; their output; two of the MLP).
#pragma once

#include "core/compress/block_model.h"
#include "core/models/model.h"

#include <map>

namespace vitrine {

class PostNormBlocks : public BlockModel {
  public:
    // `pictures`: pixels (B, 3, H, W) as the encoder takes them, one batch each. The model outlives this
    // object.
    PostNormBlocks(Model& model, std::vector<at::Tensor> pictures);

    int64_t depth() const override;
    std::vector<BlockLinear> linears(int64_t block) const override;
    int64_t batches() const override { return int64_t(pictures_.size()); }
    at::Tensor firstStream(int64_t batch) override;
    at::Tensor runBlock(int64_t block, int64_t batch, const at::Tensor& stream,
                        const InputSink& sink) override;

  private:
    const at::Tensor& parameter(int64_t block, const char* name) const;

    Model& model_;
    std::vector<at::Tensor> pictures_;
    std::map<std::string, at::Tensor> parameters_;
};

}  // namespace vitrine
