#include "core/engine/kept_comparison.h"

#include "core/engine/pca_picture.h"
#include "core/media/image_writer.h"

namespace vitrine {

constexpr int64_t kShownSide = 224;  // pixels of the kept pictures, at least

Result<void> keepPcaPicture(RunContext& run, const std::string& name, const at::Tensor& map,
                            const PcaBasis& basis) {
    VITRINE_TRY(const Image image, pcaPicture(map, basis, kShownSide));
    VITRINE_TRY(const std::string png, encodeImage(image, ".png"));
    VITRINE_TRY([[maybe_unused]] const StoredFile kept,
                run.putArtifact(name + ".png", png,
                                {.kind = "picture",
                                 .mediaType = "image/png",
                                 .provenance = {{"map", "pca"}, {"basis", "the encoder's own"}}}));
    return {};
}

Result<void> keepComparison(RunContext& run, const std::string& name, const Json& result,
                            const std::string& csv, const Json& times) {
    struct File {
        std::string name;
        const char *kind, *mediaType;
        std::string content;
    };
    for (const File& file : {File{name + ".json", "report", "application/json", result.dump(2) + "\n"},
                             File{name + ".csv", "table", "text/csv", csv},
                             File{"times.json", "log", "application/json", times.dump(2) + "\n"}}) {
        VITRINE_TRY(
            [[maybe_unused]] const StoredFile kept,
            run.putArtifact(file.name, file.content, {.kind = file.kind, .mediaType = file.mediaType}));
    }
    return {};
}

}  // namespace vitrine
