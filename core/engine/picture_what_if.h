// What an encoder makes of one picture with parts of it switched off: answers of the Compress workspace.
#pragma once

#include "core/compress/compressed_weights.h"
#include "core/compress/encoder_checkpoint.h"
#include "core/compress/mask_set.h"
#include "core/engine/compress_engine.h"
#include "core/engine/model_store.h"
#include "core/engine/recent_values.h"

namespace vitrine {

// Read from the request's files; null: none.
struct LaidOver {
    const MaskSet* masks = nullptr;
    const CompressedWeights* compressed = nullptr;
};

class PictureWhatIfMaker {
  public:
    // One encoder and the pixels of one picture stay in memory. Errors: of loading and reading; Unsupported
    // for encoders that have no blocks to switch; InvalidArgument for parts that are not there.
    Result<PictureWhatIf> answer(const PictureWhatIfRequest& request, const LaidOver& over, JobContext& job);

  private:
    struct Seen {
        std::string picture;
        int64_t resolution = 0;
        at::Tensor pixels;
        EncoderOutput output;  // of the whole encoder
        at::Tensor classes;    // probabilities; undefined without a head
    };
    Result<const StoredModel*> opened(const std::filesystem::path& model);
    Result<const Seen*> seen(const StoredModel& model, const PictureWhatIfRequest& request, JobContext& job);

    ModelStore store_;
    std::filesystem::path path_;
    StoredShapes shapes_;
    std::optional<Seen> seen_;
    Recent<std::unique_ptr<Model>> reduced_{1};  // the same encoder with fewer tokens
};

}  // namespace vitrine
