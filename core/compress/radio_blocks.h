// A RADIO-like ViT as blocks for the compression driver: four linear layers a block (packed qkv, proj, two of
// the MLP). Attention is global, also in models that window it elsewhere: the layers see the same kind of
// inputs.
#pragma once

#include "core/compress/block_model.h"
#include "core/models/radio/radio_module.h"
#include "core/nn/vit_block.h"

#include <memory>

namespace vitrine {

class RadioBlocks : public BlockModel {
  public:
    // `pictures`: pixels (B, 3, H, W) in [0, 1], one batch each, sides multiples of the patch. The module
    // outlives this object.
    RadioBlocks(RadioModule& module, std::vector<at::Tensor> pictures);

    int64_t depth() const override { return int64_t(blocks_.size()); }
    std::vector<BlockLinear> linears(int64_t block) const override;
    int64_t batches() const override { return int64_t(pictures_.size()); }
    at::Tensor firstStream(int64_t batch) override;
    at::Tensor runBlock(int64_t block, int64_t batch, const at::Tensor& stream,
                        const InputSink& sink) override;

  private:
    struct Block {
        std::string name;
        std::shared_ptr<nn::VitBlock> whole;
        std::shared_ptr<nn::LayerNorm> norm1, norm2, mlpNorm;
        std::shared_ptr<nn::Linear> qkv, proj, first, second;
        at::Tensor scale, scale2;  // LayerScale of attention and MLP, undefined where there is none
    };
    // What the block's linear layers see; group 0 to 3 in the order of the computation.
    void show(const Block& block, const at::Tensor& x, const InputSink& sink) const;

    RadioModule& module_;
    std::vector<at::Tensor> pictures_;
    std::vector<Block> blocks_;
};

}  // namespace vitrine
