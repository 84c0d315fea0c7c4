// Pictures on disk as the source of a training run. Each is decoded once and kept small (8-bit, short side a
// little above what training asks for) as long as memory allows; batches are cropped and resized by a few
// threads ahead of the trainer.
#pragma once

#include "core/distill/picture_source.h"
#include "core/media/image.h"

#include <filesystem>
#include <memory>

namespace vitrine {

struct FolderPictureOptions {
    int64_t largestSide = 256;   // of batches that will be asked for, pixels
    double smallestCrop = 0.35;  // share of the short side
    bool flips = true;
    int64_t cacheBytes = int64_t(2) << 30;
    size_t threadCount = 2;
};

// Errors: InvalidArgument if the list is empty.
Result<std::unique_ptr<PictureSource>> openFolderPictures(std::vector<std::filesystem::path> files,
                                                          const FolderPictureOptions& options);

}  // namespace vitrine
