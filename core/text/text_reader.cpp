#include "core/text/text_reader.h"

#include "core/base/file.h"
#include "core/base/json.h"

#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <set>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSeparator = "<|endoftext|>";
constexpr size_t kMaxBytes = size_t(16) << 30;

bool isText(const fs::path& file) {
    static const std::set<std::string> known{".txt", ".text", ".md", ".rst", ".jsonl", ".gz"};
    return known.contains(file.extension().string());
}

// In the order of their names.
std::vector<fs::path> filesBelow(const fs::path& folder, std::error_code& error) {
    std::vector<fs::path> files;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->is_regular_file(error) && isText(it->path()))
            files.push_back(it->path());
    std::sort(files.begin(), files.end());
    return files;
}

Result<std::string> inflate(const std::string& packed, const fs::path& file) {
    const auto broken = [&](const char* what) {
        return fail(ErrorCode::InvalidFile, what, file.string(), "The file is damaged: fetch it again");
    };
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 32) != Z_OK)
        return fail(ErrorCode::OutOfMemory, "the text cannot be unpacked", file.string());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = uInt(packed.size());
    std::string text;
    std::array<char, 1 << 16> buffer;
    int state = Z_OK;
    while (state != Z_STREAM_END && text.size() <= kMaxBytes) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = uInt(buffer.size());
        state = ::inflate(&stream, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END)
            break;
        text.append(buffer.data(), buffer.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    if (state != Z_STREAM_END)
        return broken("the compressed text is damaged or too large");
    return text;
}

std::string_view stripped(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\f\v";
    const size_t begin = text.find_first_not_of(kSpace);
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Result<void> give(std::string_view text, const TextOptions& options,
                  const std::function<Result<void>(std::string_view)>& take) {
    const std::string_view document = options.strip ? stripped(text) : text;
    return document.empty() ? Result<void>() : take(document);
}

Result<void> readPlain(std::string_view text, const TextOptions& options,
                       const std::function<Result<void>(std::string_view)>& take) {
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(kSeparator, at), text.size());
        VITRINE_TRY_VOID(give(text.substr(at, end - at), options, take));
        at = end + (end < text.size() ? kSeparator.size() : 1);
    }
    return {};
}

Result<void> readLines(std::string_view text, const fs::path& file, const TextOptions& options,
                       const std::function<Result<void>(std::string_view)>& take) {
    int64_t number = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = stripped(text.substr(at, end - at));
        at = end + 1;
        ++number;
        if (line.empty())
            continue;
        const std::string where = fmt::format("{}: line {}", file.string(), number);
        VITRINE_TRY(const Json json, parseJson(line, where));
        if (!json.is_object() || !json.contains(options.field) || !json[options.field].is_string()) {
            std::vector<std::string> keys;
            if (json.is_object())
                for (const auto& [key, value] : json.items())
                    keys.push_back(key);
            return fail(ErrorCode::InvalidFile,
                        fmt::format("the line has no text in the field \"{}\"", options.field), where,
                        keys.empty() ? "Each line must be an object"
                                     : fmt::format("It has {}", fmt::join(keys, ", ")));
        }
        const std::string document = json[options.field];
        VITRINE_TRY_VOID(give(document, options, take));
    }
    return {};
}

}  // namespace

Result<std::vector<fs::path>> listTexts(const std::vector<fs::path>& paths) {
    std::vector<fs::path> files;
    for (const fs::path& path : paths) {
        std::error_code error;
        if (!fs::exists(path, error))
            return fail(ErrorCode::NotFound, "there is no such file or folder", path.string());
        if (!fs::is_directory(path, error)) {
            files.push_back(path);
            continue;
        }
        const std::vector<fs::path> found = filesBelow(path, error);
        if (error)
            return fail(errorFromErrno(error.value(), "list the folder", path));
        if (found.empty())
            return fail(ErrorCode::NotFound, "the folder holds no text", path.string(),
                        "Looked for .txt, .text, .md, .rst, .jsonl, and any of them as .gz");
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

Result<void> readDocuments(const fs::path& file, const TextOptions& options,
                           const std::function<Result<void>(std::string_view)>& take) {
    VITRINE_TRY(std::string text, readFile(file, kMaxBytes));
    fs::path name = file;
    if (name.extension() == ".gz") {
        VITRINE_TRY(text, inflate(text, file));
        name.replace_extension();
    }
    if (text.find('\0') != std::string::npos)
        return fail(ErrorCode::InvalidFile, "this is no text: it holds zero bytes", file.string());
    return name.extension() == ".jsonl" ? readLines(text, file, options, take)
                                        : readPlain(text, options, take);
}

}  // namespace vitrine
