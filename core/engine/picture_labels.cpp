#include "core/engine/picture_labels.h"

#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/base/nearest.h"

#include <algorithm>
#include <unordered_map>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Position of the first of `names` in the header, or `otherwise`.
size_t columnOf(const std::vector<std::string>& header, std::initializer_list<const char*> names,
                size_t otherwise) {
    for (const char* name : names)
        if (const auto it = std::find(header.begin(), header.end(), name); it != header.end())
            return size_t(it - header.begin());
    return otherwise;
}

std::string slashed(const std::string& path) {
    return fs::path(path).lexically_normal().generic_string();
}

}  // namespace

Result<std::vector<std::string>> labelsFromCsv(const fs::path& file, const std::string& column,
                                               const std::vector<std::string>& pictures) {
    VITRINE_TRY(const std::string content, readFile(file, size_t(256) << 20));
    std::string_view text = content;
    if (text.starts_with("\xef\xbb\xbf"))
        text.remove_prefix(3);
    const std::vector<std::string> header = takeCsvRecord(text);
    if (header.size() < 2)
        return fail(ErrorCode::InvalidFile, "a label file has a header line and at least two columns",
                    file.string(), "For instance: file,label");
    const size_t nameAt = columnOf(header, {"file", "path", "picture", "image"}, 0);
    size_t labelAt = columnOf(header, {"label", "class"}, nameAt == 0 ? 1 : 0);
    if (!column.empty()) {
        const auto it = std::find(header.begin(), header.end(), column);
        if (it == header.end()) {
            const auto nearest = nearestName(column, header);
            return fail(ErrorCode::NotFound, fmt::format("there is no column \"{}\"", column), file.string(),
                        nearest ? fmt::format("Did you mean \"{}\"?", *nearest)
                                : fmt::format("Columns are {}", fmt::join(header, ", ")));
        }
        labelAt = size_t(it - header.begin());
    }
    std::unordered_map<std::string, std::string> classes;
    while (!text.empty()) {
        const std::vector<std::string> fields = takeCsvRecord(text);
        if (fields.size() > std::max(nameAt, labelAt))
            classes.emplace(slashed(fields[nameAt]), fields[labelAt]);
    }
    std::vector<std::string> labels;
    bool any = false;
    for (const std::string& picture : pictures) {
        // "photos/a/1.jpg", then "a/1.jpg", then "1.jpg": the file may name any of them.
        std::string name = slashed(picture);
        auto found = classes.find(name);
        for (size_t slash = name.find('/'); found == classes.end() && slash != std::string::npos;
             slash = name.find('/')) {
            name.erase(0, slash + 1);
            found = classes.find(name);
        }
        labels.push_back(found == classes.end() ? std::string() : found->second);
        any = any || !labels.back().empty();
    }
    if (!any)
        return fail(
            ErrorCode::NotFound, "the file names not one of the pictures", file.string(),
            fmt::format("Its column \"{}\" should hold names such as {}", header[nameAt],
                        pictures.empty() ? "dog.jpg" : fs::path(pictures.front()).filename().string()));
    return labels;
}

std::vector<std::string> labelsFromFolders(const std::vector<std::string>& pictures) {
    std::vector<std::string> labels;
    labels.reserve(pictures.size());
    std::error_code problem;
    for (const std::string& picture : pictures)
        labels.push_back(fs::absolute(picture, problem).lexically_normal().parent_path().filename().string());
    return labels;
}

}  // namespace vitrine
