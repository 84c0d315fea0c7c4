#include "core/engine/picture_list.h"

#include "core/media/image_folder.h"

namespace vitrine {
namespace fs = std::filesystem;

Result<std::vector<fs::path>> listPictures(const std::vector<std::string>& paths,
                                           const PictureListOptions& options, JobContext* job) {
    std::vector<fs::path> pictures;
    for (const std::string& path : paths) {
        std::error_code problem;
        if (!fs::is_directory(path, problem)) {
            pictures.emplace_back(path);
            continue;
        }
        VITRINE_TRY(const ImageFolderList list, listImages(path, {.recursive = options.recursive}, job));
        pictures.insert(pictures.end(), list.images.begin(), list.images.end());
    }
    if (pictures.empty())
        return fail(ErrorCode::InvalidArgument, "there are no pictures among these paths",
                    paths.empty() ? std::string() : paths.front(),
                    options.recursive
                        ? "Name pictures or folders that hold some"
                        : "Name pictures, folders that hold some, or look below folders with --recursive");
    if (options.limit > 0 && int64_t(pictures.size()) > options.limit) {
        std::vector<fs::path> kept;
        for (int64_t index = 0; index < options.limit; ++index)
            kept.push_back(std::move(pictures[size_t(index) * pictures.size() / size_t(options.limit)]));
        pictures = std::move(kept);
    }
    return pictures;
}

}  // namespace vitrine
