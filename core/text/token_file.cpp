#include "core/text/token_file.h"

#include "core/base/check.h"

#include <algorithm>
#include <cstring>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// Layout: magic, ids, padding to 8 bytes, starts (documents + 1 times 8 bytes), description as JSON, its
// length (8 bytes), magic again. The description stands at the end because its numbers are known only then.
constexpr std::string_view kMagic = "VTOKENS1";

int64_t idWidth(int64_t vocabulary) {
    return vocabulary <= 65536 ? 2 : 4;
}

Failure damaged(const fs::path& file, const std::string& what) {
    return fail(ErrorCode::InvalidFile, what, file.string(), "Remove it: it is made again from the text");
}

template <typename T>
int64_t idAt(const std::byte* ids, int64_t index) {
    T value;
    std::memcpy(&value, ids + index * int64_t(sizeof(T)), sizeof(T));
    return int64_t(value);
}

std::string_view textOf(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<TokenFileInfo> infoFrom(std::string_view text, const std::string& where) {
    VITRINE_TRY(const Json json, parseJson(text, where));
    TokenFileInfo info;
    VITRINE_TRY(info.corpusHash, jsonValue<std::string>(json, "corpus", where));
    VITRINE_TRY(info.tokenizerIdentity, jsonValue<std::string>(json, "tokenizer", where));
    VITRINE_TRY(info.vocabulary, jsonValue<int64_t>(json, "vocabulary", where));
    VITRINE_TRY(info.tokens, jsonValue<int64_t>(json, "tokens", where));
    VITRINE_TRY(info.documents, jsonValue<int64_t>(json, "documents", where));
    VITRINE_TRY(info.bytes, jsonValue<int64_t>(json, "bytes", where));
    return info;
}

}  // namespace

Result<std::shared_ptr<const TokenFile>> TokenFile::open(const fs::path& path) {
    auto result = std::make_shared<TokenFile>();
    VITRINE_TRY(result->file_, MappedFile::open(path));
    const auto bytes = result->file_->bytes();
    constexpr size_t kEnd = sizeof(uint64_t) + 8;
    if (bytes.size() < 8 + kEnd || textOf(bytes.first(8)) != kMagic || textOf(bytes.last(8)) != kMagic)
        return damaged(path, "this is no whole file of tokens");
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + bytes.size() - kEnd, sizeof(length));
    if (length > bytes.size() - 8 - kEnd)
        return damaged(path, "the description is longer than the file");
    const size_t descriptionAt = bytes.size() - kEnd - length;
    VITRINE_TRY(result->info_, infoFrom(textOf(bytes.subspan(descriptionAt, length)), path.string()));
    const TokenFileInfo& info = result->info_;
    result->width_ = idWidth(info.vocabulary);
    if (info.tokens < 0 || info.documents < 0 || info.vocabulary < 1 || info.tokens > int64_t(bytes.size()) ||
        info.documents > int64_t(bytes.size()))
        return damaged(path, "the description is impossible");
    const size_t startsAt = (8 + size_t(info.tokens * result->width_) + 7) / 8 * 8;
    if (startsAt + (size_t(info.documents) + 1) * 8 != descriptionAt)
        return damaged(path, "the description does not fit the file's length");
    result->ids_ = bytes.data() + 8;
    result->starts_ = bytes.data() + startsAt;
    for (int64_t i = 0; i < info.documents; ++i)
        if (result->documentStart(i) > result->documentStart(i + 1))
            return damaged(path, "the documents are out of order");
    if (result->documentStart(0) != 0 || result->documentStart(info.documents) != info.tokens)
        return damaged(path, "the documents do not cover the tokens");
    return result;
}

void TokenFile::read(int64_t first, std::span<int64_t> out) const {
    VITRINE_CHECK(first >= 0 && first + int64_t(out.size()) <= info_.tokens, "tokens outside the file");
    for (size_t i = 0; i < out.size(); ++i) {
        const int64_t at = first + int64_t(i);
        const int64_t id = width_ == 2 ? idAt<uint16_t>(ids_, at) : idAt<uint32_t>(ids_, at);
        // A damaged file must not lead outside an embedding table.
        out[i] = std::min(id, info_.vocabulary - 1);
    }
}

int64_t TokenFile::documentStart(int64_t index) const {
    uint64_t start = 0;
    std::memcpy(&start, starts_ + index * 8, sizeof(start));
    return int64_t(std::min<uint64_t>(start, uint64_t(info_.tokens) + 1));
}

Result<TokenFileWriter> TokenFileWriter::create(const fs::path& file, int64_t vocabulary) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error)
        return fail(errorFromErrno(error.value(), "make the folder", file.parent_path()));
    VITRINE_TRY(auto writer, AtomicFileWriter::create(file));
    TokenFileWriter result(std::move(writer));
    result.info_.vocabulary = vocabulary;
    result.starts_.push_back(0);
    VITRINE_TRY_VOID(result.writer_.write(kMagic));
    return result;
}

Result<void> TokenFileWriter::addDocument(std::span<const int64_t> ids, int64_t bytes) {
    const int64_t width = idWidth(info_.vocabulary);
    std::string packed(ids.size() * size_t(width), '\0');
    for (size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] < 0 || ids[i] >= info_.vocabulary)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("token id {} is outside the vocabulary of {}", ids[i], info_.vocabulary));
        const auto id = uint32_t(ids[i]);
        std::memcpy(packed.data() + i * size_t(width), &id, size_t(width));  // little-endian
    }
    info_.tokens += int64_t(ids.size());
    info_.bytes += bytes;
    ++info_.documents;
    starts_.push_back(uint64_t(info_.tokens));
    return writer_.write(packed);
}

Result<void> TokenFileWriter::finish(const std::string& corpusHash, const std::string& tokenizerIdentity) {
    const size_t written = 8 + size_t(info_.tokens * idWidth(info_.vocabulary));
    VITRINE_TRY_VOID(writer_.write(std::string((8 - written % 8) % 8, '\0')));
    VITRINE_TRY_VOID(
        writer_.write({reinterpret_cast<const char*>(starts_.data()), starts_.size() * sizeof(uint64_t)}));
    const std::string description =
        Json{{"corpus", corpusHash},   {"tokenizer", tokenizerIdentity}, {"vocabulary", info_.vocabulary},
             {"tokens", info_.tokens}, {"documents", info_.documents},   {"bytes", info_.bytes}}
            .dump();
    VITRINE_TRY_VOID(writer_.write(description));
    const uint64_t length = description.size();
    VITRINE_TRY_VOID(writer_.write({reinterpret_cast<const char*>(&length), sizeof(length)}));
    VITRINE_TRY_VOID(writer_.write(kMagic));
    return writer_.commit();
}

}  // namespace vitrine
