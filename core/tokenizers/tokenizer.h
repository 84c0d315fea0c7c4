// Text to token ids and back. A Tokenizer is a value: copies share the immutable vocabulary, and every
// function may be called from several threads. Reads tokenizer.json; SentencePiece models (tokenizer.model,
// spiece.model); vocab.json + merges.txt; tekken.json; vocab.txt; CLIP's bpe_simple_vocab_16e6.txt(.gz); GGUF
// vocabularies. See tokenizer_files.h for what is looked for in a folder, and in which order.
#pragma once

#include "core/base/result.h"
#include "core/tokenizers/aligned_text.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

struct EncodeOptions {
    bool addSpecialTokens = true;  // the start and end tokens that the tokenizer's files ask for
    bool withPieces = false;       // fill Encoding::pieces
    bool matchAddedTokens =
        true;  // "<|endoftext|>" in the text becomes that token; false: it is read as text
};

struct Encoding {
    std::vector<int64_t> ids;
    // Bytes of the text that each token was made of; {0, 0} for tokens that stand for none.
    std::vector<ByteRange> offsets;
    // With withPieces: each token as written in the vocabulary; for an unknown one the text it stands for.
    std::vector<std::string> pieces;
};

struct DecodeOptions {
    bool skipSpecialTokens = false;
};

// Ids of the tokens with a role, where the files name one.
struct SpecialTokenIds {
    std::optional<int64_t> bos, eos, pad, unknown, cls, sep, mask;
};

class Tokenizer {
  public:
    // What a kind of tokenizer implements; `text` is valid UTF-8 and offsets count its bytes.
    class Implementation;
    explicit Tokenizer(std::shared_ptr<const Implementation> implementation);

    // Broken UTF-8 is read as U+FFFD. InvalidArgument for texts above 1 GiB.
    Result<Encoding> encode(std::string_view text, const EncodeOptions& options = {}) const;
    // InvalidArgument for an id outside the vocabulary. The result is valid UTF-8.
    Result<std::string> decode(const std::vector<int64_t>& ids, const DecodeOptions& options = {}) const;

    // One above the largest id, added tokens included.
    int64_t vocabularySize() const;
    std::optional<int64_t> tokenToId(std::string_view token) const;
    std::optional<std::string> idToToken(int64_t id) const;
    bool isSpecial(int64_t id) const;
    const SpecialTokenIds& specialTokens() const;
    // "model_max_length" of tokenizer_config.json, where it is a usable number.
    std::optional<int64_t> maxLength() const;
    // Kind of model and file: "BPE (tokenizer.json)".
    const std::string& description() const;

  private:
    std::shared_ptr<const Implementation> implementation_;
};

class Tokenizer::Implementation {
  public:
    virtual ~Implementation() = default;
    virtual Result<Encoding> encode(const AlignedText& text, const EncodeOptions& options) const = 0;
    virtual Result<std::string> decode(const std::vector<int64_t>& ids,
                                       const DecodeOptions& options) const = 0;
    virtual int64_t vocabularySize() const = 0;
    virtual std::optional<int64_t> tokenToId(std::string_view token) const = 0;
    virtual std::optional<std::string> idToToken(int64_t id) const = 0;
    virtual bool isSpecial(int64_t id) const = 0;

    SpecialTokenIds special;
    std::optional<int64_t> maxLength;
    std::string description;
};

// Opens a file, or the tokenizer of a model folder. NotFound lists the file names that are looked for.
Result<Tokenizer> openTokenizer(const std::filesystem::path& path);

}  // namespace vitrine
