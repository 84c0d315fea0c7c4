// Pictures with known answers, for evaluation: classes of whole pictures, and classes of every pixel.
#pragma once

#include "core/base/job_context.h"
#include "core/media/image.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine {

// Pictures and the class of each. A picture is a file, or a record of a CIFAR binary file ("test.bin#17").
struct ClassifiedPictures {
    std::vector<std::string> paths;
    std::vector<int64_t> labels;  // of each; index into classes
    std::vector<std::string> classes;
};

// `source`: a CIFAR-10 binary file (records of 1 + 3072 bytes; class names from a batches.meta.txt beside
// it), a folder with one folder of pictures for each class, or, with `labelFile`, a folder of pictures that
// the CSV file names (labelsFromCsv). Errors: as reading and listing; InvalidFile (a .bin of another size),
// InvalidArgument (fewer than two classes).
Result<ClassifiedPictures> openClassifiedPictures(const std::filesystem::path& source,
                                                  const std::filesystem::path& labelFile, JobContext& job);
// The test set with the class numbers of `training`: InvalidArgument for a class that training does not have.
Result<ClassifiedPictures> withClassesOf(const ClassifiedPictures& training, ClassifiedPictures test);
// Every `nth` picture of each class goes to the second of the two.
std::pair<ClassifiedPictures, ClassifiedPictures> splitEvery(const ClassifiedPictures& all, int64_t nth);

// readImage, or the record of a CIFAR binary file.
Result<Image> readSetPicture(const std::string& path);

// Pictures and label pictures (8-bit grey, the class of each pixel; other values: unlabelled).
struct LabelledPixels {
    std::vector<std::string> pictures, labels;  // paths, one label picture for each picture
};

struct SegmentationSet {
    LabelledPixels training, test;
    std::vector<std::string> classes;
};

// A folder with train/, train_labels/, test/, test_labels/ (label pictures are named as the pictures, as PNG)
// and classes.csv (columns id and name, ids from 0 on). NotFound (a folder, file or label picture that is
// missing), InvalidFile (class ids with gaps).
Result<SegmentationSet> openSegmentationSet(const std::filesystem::path& folder, JobContext& job);

}  // namespace vitrine
