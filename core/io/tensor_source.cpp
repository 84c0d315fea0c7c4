#include "core/io/tensor_source.h"

#include "core/base/file.h"
#include "core/io/gguf.h"
#include "core/io/llama2c.h"
#include "core/io/natural_order.h"
#include "core/io/safetensors.h"
#include "core/io/table_source.h"
#include "core/io/torch_archive.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;

uint64_t TensorInfo::elementCount() const {
    return checkedElementCount(shape).value_or(0);
}

std::string TensorInfo::shapeText() const {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

const TensorInfo* TensorSource::find(const std::string& name) const {
    const std::vector<TensorInfo>& all = tensors();
    const auto it = std::lower_bound(
        all.begin(), all.end(), name,
        [](const TensorInfo& info, const auto& wanted) { return naturalLess(info.name, wanted); });
    return it != all.end() && it->name == name ? &*it : nullptr;
}

namespace {

// By its content; the extension decides only which reader explains what is wrong.
Result<std::shared_ptr<const TensorSource>> openFile(const fs::path& file) {
    if (file.extension() == ".json")
        return file.filename().string().find(".bin.index") != std::string::npos
                   ? openShardedTorch(file)
                   : openShardedSafetensors(file);
    VITRINE_TRY(const auto mapped, MappedFile::open(file));
    const auto bytes = mapped->bytes();
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                                 std::min<size_t>(bytes.size(), 9));
    if (start.starts_with("GGUF")) {
        VITRINE_TRY(GgufFile gguf, openGguf(file));
        return gguf.tensors;
    }
    if (looksLikeTorchZip(bytes))
        return openTorchZip(file);
    if (looksLikeTorchLegacy(bytes))
        return openTorchLegacy(file);
    if ((start.size() == 9 && start[8] == '{') || file.extension() == ".safetensors")
        return openSafetensors(file);
    if (looksLikeLlama2c(bytes))
        return openLlama2c(file);
    return fail(ErrorCode::InvalidFile, "the content is of no known tensor format", file.string(),
                "Readable are safetensors, torch.save (.pt, .pth, .bin), GGUF and llama2.c files");
}

bool isLlama2c(const fs::path& file) {
    const auto mapped = MappedFile::open(file);
    return mapped && looksLikeLlama2c((*mapped)->bytes());
}

// The first weight file of a folder in the order of preference that the header documents.
Result<fs::path> weightFileOf(const fs::path& folder) {
    for (const char* name :
         {"model.safetensors.index.json", "model.safetensors", "open_clip_model.safetensors"})
        if (std::error_code ignored; fs::exists(folder / name, ignored))
            return folder / name;
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        files.push_back(it->path());
    if (error)
        return fail(errorFromErrno(error.value(), "list", folder));
    std::sort(files.begin(), files.end());
    // One kind after the other; several files of a kind are a choice that only the user can make.
    static const std::vector<std::vector<std::string>> kKinds = {
        {".safetensors"}, {".pth", ".pt"}, {".gguf"}, {".bin"}};
    for (const auto& extensions : kKinds) {
        if (extensions.front() == ".pth")
            for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
                if (fs::exists(folder / name, error))
                    return folder / name;
        std::vector<fs::path> found;
        for (const fs::path& file : files)
            if (std::find(extensions.begin(), extensions.end(), file.extension()) != extensions.end())
                found.push_back(file);
        // A folder of a llama2.c model holds its tokenizer as a second .bin.
        if (extensions.front() == ".bin")
            std::erase_if(found, [](const fs::path& file) { return !isLlama2c(file); });
        if (found.size() == 1)
            return found.front();
        if (found.size() > 1)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("the folder holds {} weight files and no index that joins them ({}, {}, ...)",
                            found.size(), found[0].filename().string(), found[1].filename().string()),
                folder.string(), "Open one of the files by its path");
    }
    return fail(ErrorCode::NotFound, "the folder holds no weights", folder.string(),
                "Looked for *.safetensors, pytorch_model.bin, *.pth, *.pt, *.gguf and llama2.c's *.bin");
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> openTensors(const fs::path& fileOrFolder) {
    std::error_code error;
    if (!fs::is_directory(fileOrFolder, error))
        return openFile(fileOrFolder);
    VITRINE_TRY(const fs::path file, weightFileOf(fileOrFolder));
    return openFile(file);
}

}  // namespace vitrine
