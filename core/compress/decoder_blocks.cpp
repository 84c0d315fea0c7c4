#include "core/compress/decoder_blocks.h"

#include "core/models/language/decoder_block.h"

namespace vitrine {
namespace {

class Observer : public DecoderObserver {
  public:
    explicit Observer(const InputSink& sink) : sink_(sink) {}
    void onInput(int64_t, LinearGroup group, const at::Tensor& x) override { sink_(int(group), x); }

  private:
    const InputSink& sink_;
};

}  // namespace

std::vector<BlockLinear> DecoderBlocks::linears(int64_t block) const {
    std::vector<BlockLinear> list;
    for (const auto& linear : decoder_.block(block)->linears())
        list.push_back({decoder_.linearName(linear->place()), linear->weight, int(linear->group())});
    return list;
}

at::Tensor DecoderBlocks::firstStream(int64_t batch) {
    return decoder_.embed(batches_.at(size_t(batch)));
}

at::Tensor DecoderBlocks::runBlock(int64_t block, int64_t batch, const at::Tensor& stream,
                                   const InputSink& sink) {
    Observer observer(sink);
    PassOptions options;
    if (sink)
        options.observer = &observer;
    return decoder_.runBlock(block, stream, decoder_.begin(batches_.at(size_t(batch)), options));
}

void DecoderBlocks::finishBlock(int64_t block) {
    decoder_.block(block)->joinProjections();
}

}  // namespace vitrine
