#include "core/engine/compress_subject.h"

#include "core/compress/encoder_blocks.h"
#include "core/models/model.h"

namespace vitrine {

NamedTensors CompressSubject::stored(const std::string& layer, const at::Tensor& rows) const {
    return {{layer + ".weight", rows}};
}

Result<Json> CompressSubject::cut(const VitStructurePlan&, const std::filesystem::path&, const Json&) {
    return fail(ErrorCode::Unsupported, "structures of a language model are cut by another job",
                "settings.structures", "Run a recipe of the kind \"prune-structures\"");
}

Result<std::unique_ptr<CompressSubject>> openCompressSubject(RunContext& run) {
    const std::string path = run.settings()["model"];
    // What cannot be opened as a folder of tensors may be a language model in another form (llama2.c, GGUF).
    const auto folder = openModelFolder(path);
    const auto family =
        folder && folder->weights ? ModelFamilies::instance().recognize(*folder) : std::nullopt;
    if (family && isCompressibleEncoder(*family)) {
        if (run.settings()["pictures"].empty())
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("an encoder ({}) is compressed with pictures, but none are named", *family),
                "settings.pictures", "Name files or folders of pictures");
        return encoderSubject(run);
    }
    if (!run.settings()["pictures"].empty())
        return fail(ErrorCode::Unsupported,
                    family
                        ? fmt::format("models of the family \"{}\" are not compressed with pictures", *family)
                        : std::string("no family of encoders knows this model"),
                    path, "ViTs of the families radio and vit_cifar are");
    return languageSubject(run);
}

}  // namespace vitrine
