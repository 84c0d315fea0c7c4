#include "core/io/gguf.h"

#include "core/base/file.h"
#include "core/io/byte_reader.h"
#include "core/io/gguf_types.h"
#include "core/io/table_source.h"

#include <bit>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kDefaultAlignment = 32;
constexpr int kMaxArrayDepth = 4;

enum ValueType : uint32_t {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
    kValueTypes
};
// Fewest bytes that a value of each type takes: bounds a claimed array length before memory is spent on it.
constexpr uint64_t kLeastBytes[kValueTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

class GgufReader {
  public:
    explicit GgufReader(std::shared_ptr<const MappedFile> file)
        : file_(std::move(file)), reader_(file_->bytes()) {}
    Result<GgufFile> read();

  private:
    Failure damaged(const std::string& what) const {
        return fail(ErrorCode::InvalidFile, fmt::format("{} (at byte {})", what, reader_.position()),
                    file_->path().string(), "The file is damaged: fetch it again");
    }
    template <typename T>
    Result<Json> number() {
        const auto value = reader_.number<T>();
        if (!value)
            return damaged("the metadata is truncated");
        return Json(*value);
    }
    Result<std::string> string();
    Result<Json> value(uint32_t type, int depth);
    Result<Json> array(int depth);
    Result<void> readHeader();
    Result<void> readMetadata();
    Result<void> readTensor();
    Result<void> placeTensors();
    std::map<std::string, std::string> flattened() const;

    std::shared_ptr<const MappedFile> file_;
    ByteReader reader_;
    GgufFile result_;
    uint64_t tensorCount_ = 0, pairCount_ = 0;
    std::vector<TableEntry> entries_;
    std::vector<uint64_t> offsets_;
    std::string skipped_;
};

Result<std::string> GgufReader::string() {
    const auto size = reader_.number<uint64_t>();
    const auto text = size ? reader_.text(*size) : std::nullopt;
    if (!text)
        return damaged("a text is longer than the file");
    return std::string(*text);
}

Result<Json> GgufReader::array(int depth) {
    const auto type = reader_.number<uint32_t>();
    const auto count = reader_.number<uint64_t>();
    if (!type || !count || *type >= kValueTypes || *count > reader_.remaining() / kLeastBytes[*type])
        return damaged("an array is of an unknown type or longer than the file");
    if (depth >= kMaxArrayDepth)
        return damaged("arrays are nested too deeply");
    Json list = Json::array();
    list.get_ref<Json::array_t&>().reserve(size_t(*count));
    for (uint64_t i = 0; i < *count; ++i) {
        VITRINE_TRY(Json item, value(*type, depth + 1));
        list.push_back(std::move(item));
    }
    return list;
}

Result<Json> GgufReader::value(uint32_t type, int depth) {
    switch (type) {
        case U8:
            return number<uint8_t>();
        case I8:
            return number<int8_t>();
        case U16:
            return number<uint16_t>();
        case I16:
            return number<int16_t>();
        case U32:
            return number<uint32_t>();
        case I32:
            return number<int32_t>();
        case F32:
            return number<float>();
        case U64:
            return number<uint64_t>();
        case I64:
            return number<int64_t>();
        case F64:
            return number<double>();
        case Bool: {
            const auto byte = reader_.number<uint8_t>();
            if (!byte || *byte > 1)
                return damaged("a truth value is neither 0 nor 1");
            return Json(*byte == 1);
        }
        case String: {
            VITRINE_TRY(std::string text, string());
            return Json(std::move(text));
        }
        case Array:
            return array(depth);
        default:
            return damaged(fmt::format("unknown metadata type {}", type));
    }
}

Result<void> GgufReader::readHeader() {
    const auto magic = reader_.text(4);
    const auto version = reader_.number<uint32_t>();
    if (!magic || *magic != "GGUF" || !version)
        return damaged("not a GGUF file");
    if (*version != 2 && *version != 3)
        return fail(ErrorCode::Unsupported,
                    (*version & 0xffff) == 0 ? "this GGUF file is big-endian"
                                             : fmt::format("GGUF version {}; 2 and 3 can be read", *version),
                    file_->path().string(), "Convert it with a current llama.cpp");
    result_.version = *version;
    const auto tensors = reader_.number<uint64_t>();
    const auto pairs = reader_.number<uint64_t>();
    // A tensor's entry takes 24 bytes at least, a pair 13.
    if (!tensors || !pairs || *tensors > reader_.remaining() / 24 || *pairs > reader_.remaining() / 13)
        return damaged("the header claims more entries than the file can hold");
    tensorCount_ = *tensors;
    pairCount_ = *pairs;
    return {};
}

Result<void> GgufReader::readMetadata() {
    // Filled aside: looking for a duplicate in an ordered JSON object is linear in its size.
    std::map<std::string, Json> pairs;
    std::vector<std::string> order;
    for (uint64_t i = 0; i < pairCount_; ++i) {
        VITRINE_TRY(std::string key, string());
        const auto type = reader_.number<uint32_t>();
        if (!type)
            return damaged("the metadata is truncated");
        VITRINE_TRY(Json item, value(*type, 0));
        if (!pairs.emplace(key, std::move(item)).second)
            return damaged(fmt::format("the key \"{}\" occurs twice", key));
        order.push_back(std::move(key));
    }
    Json::object_t& object = result_.metadata.get_ref<Json::object_t&>();
    for (const std::string& key : order)
        object.std::vector<std::pair<const std::string, Json>>::emplace_back(key, std::move(pairs.at(key)));
    return {};
}

Result<void> GgufReader::readTensor() {
    TableEntry entry;
    VITRINE_TRY(entry.info.name, string());
    const auto dimensions = reader_.number<uint32_t>();
    if (!dimensions || *dimensions > 8)
        return damaged(fmt::format("tensor \"{}\" has an impossible number of dimensions", entry.info.name));
    for (uint32_t i = 0; i < *dimensions; ++i) {
        const auto size = reader_.number<uint64_t>();
        if (!size || *size > uint64_t(INT64_MAX))
            return damaged(fmt::format("tensor \"{}\" has an impossible shape", entry.info.name));
        entry.info.shape.insert(entry.info.shape.begin(), int64_t(*size));
    }
    const auto type = reader_.number<uint32_t>();
    const auto offset = reader_.number<uint64_t>();
    const auto count = checkedElementCount(entry.info.shape);
    if (!type || !offset || !count)
        return damaged(fmt::format("tensor \"{}\" has an impossible shape or place", entry.info.name));
    const auto dtype = dtypeOfGgml(*type);
    if (!dtype) {
        skipped_ +=
            fmt::format("{}{} ({})", skipped_.empty() ? "" : ", ", entry.info.name, ggmlTypeName(*type));
        return {};
    }
    // Blocks run along the last dimension and may not straddle two rows.
    const uint64_t row = entry.info.shape.empty() ? 1 : uint64_t(entry.info.shape.back());
    const auto bytes = byteCount(*dtype, *count);
    if (!bytes || !byteCount(*dtype, row))
        return damaged(
            fmt::format("tensor \"{}\": rows of {} values do not fill whole blocks of {} ({} values)",
                        entry.info.name, row, dtypeName(*dtype), elementsPerBlock(*dtype)));
    entry.info.dtype = *dtype;
    entry.info.byteCount = *bytes;
    entry.info.file = file_->path();
    entries_.push_back(std::move(entry));
    offsets_.push_back(*offset);
    return {};
}

Result<void> GgufReader::placeTensors() {
    uint64_t alignment = kDefaultAlignment;
    if (const auto given = result_.metadata.find("general.alignment"); given != result_.metadata.end()) {
        if (!given->is_number_unsigned() || !std::has_single_bit(given->get<uint64_t>()) ||
            given->get<uint64_t>() > (1u << 20))
            return damaged("general.alignment is not a power of two");
        alignment = given->get<uint64_t>();
    }
    const uint64_t dataStart = (reader_.position() + alignment - 1) / alignment * alignment;
    const auto all = file_->bytes();
    for (size_t i = 0; i < entries_.size(); ++i) {
        TableEntry& entry = entries_[i];
        if (offsets_[i] % alignment != 0)
            return damaged(fmt::format("tensor \"{}\" is not aligned to {}", entry.info.name, alignment));
        if (dataStart > all.size() || offsets_[i] > all.size() - dataStart ||
            entry.info.byteCount > all.size() - dataStart - offsets_[i])
            return damaged(
                fmt::format("tensor \"{}\" ends behind the file's end: it is truncated", entry.info.name));
        entry.bytes = all.subspan(dataStart + offsets_[i], entry.info.byteCount);
        entry.owner = file_;
    }
    return {};
}

std::map<std::string, std::string> GgufReader::flattened() const {
    constexpr size_t kMaxListed = 32;
    std::map<std::string, std::string> texts;
    for (const auto& [key, value] : result_.metadata.items()) {
        if (value.is_string())
            texts[key] = value.get<std::string>();
        else if (value.is_array() && value.size() > kMaxListed)
            texts[key] = fmt::format("[{} values]", value.size());
        else
            texts[key] = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    if (!skipped_.empty())
        texts["skipped_tensors"] = skipped_;
    return texts;
}

Result<GgufFile> GgufReader::read() {
    VITRINE_TRY_VOID(readHeader());
    VITRINE_TRY_VOID(readMetadata());
    for (uint64_t i = 0; i < tensorCount_; ++i)
        VITRINE_TRY_VOID(readTensor());
    VITRINE_TRY_VOID(placeTensors());
    VITRINE_TRY(result_.tensors, makeTableSource(std::move(entries_), flattened(), file_->path().string()));
    return std::move(result_);
}

}  // namespace

Result<GgufFile> openGguf(const fs::path& path) {
    VITRINE_TRY(auto file, MappedFile::open(path));
    return GgufReader(std::move(file)).read();
}

}  // namespace vitrine
