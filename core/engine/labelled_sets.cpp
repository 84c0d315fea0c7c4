#include "core/engine/labelled_sets.h"

#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/engine/picture_labels.h"
#include "core/engine/picture_list.h"
#include "core/media/image_reader.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kCifarSide = 32;
constexpr size_t kCifarRecord = 1 + 3 * size_t(kCifarSide * kCifarSide);

// The labels as numbers, classes in natural (sorted) order; pictures without one are left out.
Result<ClassifiedPictures> numbered(const std::vector<std::string>& paths,
                                    const std::vector<std::string>& labels, const fs::path& where) {
    std::map<std::string, int64_t> numbers;
    for (const std::string& label : labels)
        if (!label.empty())
            numbers.emplace(label, 0);
    if (numbers.size() < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} classes were found, at least two are needed", numbers.size()),
                    where.string(),
                    "Give a folder with one folder of pictures for each class, or a CSV file of labels");
    ClassifiedPictures set;
    for (auto& [label, number] : numbers) {
        number = int64_t(set.classes.size());
        set.classes.push_back(label);
    }
    for (size_t index = 0; index < paths.size(); ++index)
        if (!labels[index].empty()) {
            set.paths.push_back(paths[index]);
            set.labels.push_back(numbers[labels[index]]);
        }
    return set;
}

Result<ClassifiedPictures> openCifar(const fs::path& file) {
    VITRINE_TRY(const std::string content, readFile(file, size_t(1) << 30));
    if (content.empty() || content.size() % kCifarRecord != 0)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("a CIFAR-10 binary file holds records of {} bytes, this one has {} bytes",
                                kCifarRecord, content.size()),
                    file.string());
    std::vector<std::string> names;
    if (const auto meta = readFile(file.parent_path() / "batches.meta.txt", 1 << 16)) {
        std::string_view rest = *meta;
        while (!rest.empty()) {
            const size_t end = std::min(rest.find('\n'), rest.size());
            if (std::string name(rest.substr(0, end)); !name.empty() && name != "\r")
                names.push_back(name);
            rest.remove_prefix(std::min(rest.size(), end + 1));
        }
    }
    std::vector<std::string> paths, labels;
    for (size_t record = 0; record < content.size() / kCifarRecord; ++record) {
        const auto number = size_t(uint8_t(content[record * kCifarRecord]));
        paths.push_back(fmt::format("{}#{}", file.string(), record));
        labels.push_back(number < names.size() ? names[number] : fmt::format("class {}", number));
    }
    return numbered(paths, labels, file);
}

Result<Image> readCifarRecord(const fs::path& file, size_t record) {
    std::ifstream stream(file, std::ios::binary);
    std::array<char, kCifarRecord> bytes;
    stream.seekg(std::streamoff(record * kCifarRecord));
    if (!stream.read(bytes.data(), std::streamsize(bytes.size())))
        return fail(ErrorCode::InvalidFile, fmt::format("record {} cannot be read", record), file.string());
    Image image({kCifarSide, kCifarSide}, 3, SampleType::U8);
    for (int64_t y = 0; y < kCifarSide; ++y)
        for (int64_t x = 0; x < kCifarSide; ++x)
            for (int64_t channel = 0; channel < 3; ++channel)
                image.row<uint8_t>(y)[x * 3 + channel] =
                    uint8_t(bytes[size_t(1 + (channel * kCifarSide + y) * kCifarSide + x)]);
    return image;
}

std::vector<std::string> asText(const std::vector<fs::path>& paths) {
    return {paths.begin(), paths.end()};
}

Result<LabelledPixels> pixelsOf(const fs::path& pictures, const fs::path& labels, JobContext& job) {
    LabelledPixels set;
    for (const fs::path& folder : {pictures, labels})
        if (std::error_code problem; !fs::is_directory(folder, problem))
            return fail(ErrorCode::NotFound, "no such folder", folder.string(),
                        "A segmentation set has train, train_labels, test and test_labels");
    VITRINE_TRY(const auto list, listPictures({pictures.string()}, {}, &job));
    for (const fs::path& picture : list) {
        const fs::path label = labels / picture.filename().replace_extension(".png");
        if (std::error_code problem; !fs::exists(label, problem))
            return fail(ErrorCode::NotFound, "this picture has no label picture", label.string());
        set.pictures.push_back(picture.string());
        set.labels.push_back(label.string());
    }
    return set;
}

Result<std::vector<std::string>> classNames(const fs::path& file) {
    VITRINE_TRY(const std::string content, readFile(file, 1 << 20));
    std::string_view text = content;
    const auto header = takeCsvRecord(text);
    const auto id = std::find(header.begin(), header.end(), "id"),
               name = std::find(header.begin(), header.end(), "name");
    if (id == header.end() || name == header.end())
        return fail(ErrorCode::InvalidFile, "the columns \"id\" and \"name\" are needed", file.string());
    std::map<int64_t, std::string> names;
    while (!text.empty()) {
        const auto fields = takeCsvRecord(text);
        const size_t idAt = size_t(id - header.begin()), nameAt = size_t(name - header.begin());
        int64_t number = -1;
        if (fields.size() <= std::max(idAt, nameAt))
            continue;
        std::from_chars(fields[idAt].data(), fields[idAt].data() + fields[idAt].size(), number);
        names.emplace(number, fields[nameAt]);
    }
    std::vector<std::string> list;
    for (const auto& [number, text] : names) {
        if (number != int64_t(list.size()))
            return fail(ErrorCode::InvalidFile,
                        fmt::format("class ids count from 0 without gaps; {} is missing", list.size()),
                        file.string());
        list.push_back(text);
    }
    // What is called so is no class to be told apart (CamVid's 11).
    if (!list.empty() &&
        (list.back() == "Unlabelled" || list.back() == "Void" || list.back() == "unlabelled"))
        list.pop_back();
    return list;
}

}  // namespace

Result<ClassifiedPictures> openClassifiedPictures(const fs::path& source, const fs::path& labelFile,
                                                  JobContext& job) {
    if (source.extension() == ".bin")
        return openCifar(source);
    VITRINE_TRY(const auto pictures, listPictures({source.string()}, {.recursive = labelFile.empty()}, &job));
    const std::vector<std::string> paths = asText(pictures);
    if (labelFile.empty())
        return numbered(paths, labelsFromFolders(paths), source);
    VITRINE_TRY(const auto labels, labelsFromCsv(labelFile, "", paths));
    return numbered(paths, labels, labelFile);
}

Result<ClassifiedPictures> withClassesOf(const ClassifiedPictures& training, ClassifiedPictures test) {
    for (int64_t& label : test.labels) {
        const std::string& name = test.classes[size_t(label)];
        const auto known = std::find(training.classes.begin(), training.classes.end(), name);
        if (known == training.classes.end())
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("the test pictures have a class \"{}\" that the training pictures lack", name));
        label = known - training.classes.begin();
    }
    test.classes = training.classes;
    return test;
}

std::pair<ClassifiedPictures, ClassifiedPictures> splitEvery(const ClassifiedPictures& all, int64_t nth) {
    std::pair<ClassifiedPictures, ClassifiedPictures> parts;
    parts.first.classes = parts.second.classes = all.classes;
    std::vector<int64_t> seen(all.classes.size());
    for (size_t index = 0; index < all.paths.size(); ++index) {
        ClassifiedPictures& part = ++seen[size_t(all.labels[index])] % nth == 0 ? parts.second : parts.first;
        part.paths.push_back(all.paths[index]);
        part.labels.push_back(all.labels[index]);
    }
    return parts;
}

Result<Image> readSetPicture(const std::string& path) {
    const size_t mark = path.rfind(".bin#");
    if (mark == std::string::npos)
        return readImage(path);
    size_t record = 0;
    std::from_chars(path.data() + mark + 5, path.data() + path.size(), record);
    return readCifarRecord(path.substr(0, mark + 4), record);
}

Result<SegmentationSet> openSegmentationSet(const fs::path& folder, JobContext& job) {
    SegmentationSet set;
    VITRINE_TRY(set.training, pixelsOf(folder / "train", folder / "train_labels", job));
    VITRINE_TRY(set.test, pixelsOf(folder / "test", folder / "test_labels", job));
    VITRINE_TRY(set.classes, classNames(folder / "classes.csv"));
    return set;
}

}  // namespace vitrine
