// A tokenised corpus in one memory-mapped file: ids of 16 or 32 bits, where each document begins, and what it
// was made of.
#pragma once

#include "core/base/file.h"
#include "core/base/json.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace vitrine {

struct TokenFileInfo {
    std::string corpusHash;         // SHA-256 over all documents
    std::string tokenizerIdentity;  // tokenizerIdentity()
    int64_t vocabulary = 0;         // ids lie below
    int64_t tokens = 0;
    int64_t documents = 0;
    int64_t bytes = 0;  // of the documents' text
};

class TokenFile {
  public:
    // InvalidFile for a damaged or truncated file, ids beyond the vocabulary included.
    static Result<std::shared_ptr<const TokenFile>> open(const std::filesystem::path& file);

    const TokenFileInfo& info() const { return info_; }
    // Tokens [first, first + out.size()) of all documents in a row. The range must lie inside.
    void read(int64_t first, std::span<int64_t> out) const;
    // Where document `index` begins; index = documents: the end.
    int64_t documentStart(int64_t index) const;

  private:
    std::shared_ptr<const MappedFile> file_;
    TokenFileInfo info_;
    int64_t width_ = 2;  // bytes of an id
    const std::byte* ids_ = nullptr;
    const std::byte* starts_ = nullptr;
};

// Writes piecewise; the file is there only after finish().
class TokenFileWriter {
  public:
    static Result<TokenFileWriter> create(const std::filesystem::path& file, int64_t vocabulary);
    Result<void> addDocument(std::span<const int64_t> ids, int64_t bytes);
    Result<void> finish(const std::string& corpusHash, const std::string& tokenizerIdentity);

  private:
    explicit TokenFileWriter(AtomicFileWriter writer) : writer_(std::move(writer)) {}
    AtomicFileWriter writer_;
    TokenFileInfo info_;
    std::vector<uint64_t> starts_;
};

}  // namespace vitrine
