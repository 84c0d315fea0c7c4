#include "core/io/safetensors_header.h"

#include "core/base/json.h"
#include "core/io/table_source.h"

#include <algorithm>
#include <unordered_set>

namespace vitrine {
namespace {

// Reads the header as a stream of events: no tree is built, nesting is bounded, and a name that occurs twice
// is seen (a tree would keep one of the two silently).
class HeaderEvents final : public nlohmann::json_sax<Json> {
  public:
    SafetensorsHeader header;
    std::string problem;

    bool null() override { return scalar("null"); }
    bool boolean(bool) override { return scalar("a truth value"); }
    bool number_float(number_float_t, const string_t&) override { return scalar("a fraction"); }
    bool number_integer(number_integer_t value) override {
        // nlohmann calls this one for negative numbers only.
        return place_ == Place::Shape || place_ == Place::Offsets
                   ? refuse(fmt::format("{} of tensor \"{}\" holds {}", key_, name_, value))
                   : scalar("a number");
    }
    bool number_unsigned(number_unsigned_t value) override;
    bool string(string_t& value) override;
    bool binary(binary_t&) override { return refuse("binary value"); }
    bool start_object(size_t) override;
    bool end_object() override;
    bool start_array(size_t) override;
    bool end_array() override;
    bool key(string_t& value) override;
    bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
        std::string reason = error.what();
        if (const auto colon = reason.find(": "); colon != std::string::npos)
            reason = reason.substr(colon + 2);
        return refuse(fmt::format("the header is not valid JSON at byte {}: {}", position, reason));
    }

  private:
    enum class Place { Outside, Top, Metadata, Tensor, Shape, Offsets };

    bool refuse(std::string text) {
        if (problem.empty())
            problem = std::move(text);
        return false;
    }
    // A value where none of that kind belongs; unknown keys of a tensor may hold any scalar.
    bool scalar(const char* what) {
        if (place_ == Place::Tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets")
            return true;
        return refuse(fmt::format("found {} at \"{}\" of \"{}\"", what, key_, name_));
    }

    Place place_ = Place::Outside;
    std::string name_, key_;
    SafetensorsHeader::Tensor tensor_;
    bool hasDtype_ = false, hasShape_ = false;
    std::vector<uint64_t> offsets_;
    std::unordered_set<std::string> seen_;
};

bool HeaderEvents::number_unsigned(number_unsigned_t value) {
    if (place_ == Place::Shape) {
        if (value > uint64_t(INT64_MAX) || tensor_.shape.size() >= 64)
            return refuse(fmt::format("tensor \"{}\" has an impossible shape", name_));
        tensor_.shape.push_back(int64_t(value));
        return true;
    }
    if (place_ == Place::Offsets) {
        offsets_.push_back(value);
        return offsets_.size() <= 2 ||
               refuse(fmt::format("tensor \"{}\" has more than two data_offsets", name_));
    }
    return scalar("a number");
}

bool HeaderEvents::string(string_t& value) {
    if (place_ == Place::Metadata) {
        header.metadata[key_] = value;
        return true;
    }
    if (place_ != Place::Tensor || key_ != "dtype")
        return scalar("a string");
    const auto dtype = dtypeFromName(value);
    // The GGUF block formats have names here for display; safetensors knows none of them.
    if (!dtype || elementsPerBlock(*dtype) > 1)
        return refuse(fmt::format("tensor \"{}\" has the unknown dtype \"{}\"", name_, value));
    tensor_.dtype = *dtype;
    return hasDtype_ = true;
}

bool HeaderEvents::start_object(size_t) {
    if (place_ == Place::Outside) {
        place_ = Place::Top;
        return true;
    }
    if (place_ != Place::Top)
        return refuse(fmt::format("\"{}\" is nested deeper than the format allows", name_));
    if (name_ == "__metadata__") {
        place_ = Place::Metadata;
        return true;
    }
    place_ = Place::Tensor;
    tensor_ = {.name = name_, .shape = {}};
    hasDtype_ = hasShape_ = false;
    offsets_.clear();
    return true;
}

bool HeaderEvents::end_object() {
    if (place_ == Place::Tensor) {
        if (!hasDtype_ || !hasShape_ || offsets_.size() != 2)
            return refuse(fmt::format("tensor \"{}\" lacks dtype, shape or two data_offsets", name_));
        tensor_.begin = offsets_[0];
        tensor_.end = offsets_[1];
        header.tensors.push_back(std::move(tensor_));
    }
    place_ = place_ == Place::Top ? Place::Outside : Place::Top;
    return true;
}

bool HeaderEvents::start_array(size_t) {
    if (place_ == Place::Tensor && key_ == "shape" && !hasShape_)
        place_ = Place::Shape;
    else if (place_ == Place::Tensor && key_ == "data_offsets" && offsets_.empty())
        place_ = Place::Offsets;
    else
        return refuse(fmt::format("a list where none belongs, at \"{}\" of \"{}\"", key_, name_));
    return true;
}

bool HeaderEvents::end_array() {
    hasShape_ = hasShape_ || place_ == Place::Shape;
    place_ = Place::Tensor;
    return true;
}

bool HeaderEvents::key(string_t& value) {
    if (place_ != Place::Top) {
        key_ = value;
        return true;
    }
    name_ = value;
    key_.clear();
    return seen_.insert(value).second || refuse(fmt::format("\"{}\" is listed twice", value));
}

// What is wrong with the tensors' sizes and places, or nothing.
std::string layoutProblem(const std::vector<SafetensorsHeader::Tensor>& tensors, uint64_t dataSize) {
    uint64_t at = 0;
    for (const auto& tensor : tensors) {
        const auto count = checkedElementCount(tensor.shape);
        const auto bytes = count ? byteCount(tensor.dtype, *count) : std::nullopt;
        if (!bytes)
            return fmt::format("tensor \"{}\" has an impossible size: [{}] of {}", tensor.name,
                               fmt::join(tensor.shape, ", "), dtypeName(tensor.dtype));
        if (tensor.end < tensor.begin || tensor.end - tensor.begin != *bytes)
            return fmt::format("tensor \"{}\": [{}] of {} takes {} bytes, but its data_offsets are {} to {}",
                               tensor.name, fmt::join(tensor.shape, ", "), dtypeName(tensor.dtype), *bytes,
                               tensor.begin, tensor.end);
        if (tensor.end > dataSize)
            return fmt::format("tensor \"{}\" ends at byte {} of the data, the file has {}: it is truncated",
                               tensor.name, tensor.end, dataSize);
        if (tensor.begin != at)
            return tensor.begin < at
                       ? fmt::format("tensor \"{}\" overlaps the one before it (starts at {}, not {})",
                                     tensor.name, tensor.begin, at)
                       : fmt::format("there is a gap of {} bytes before tensor \"{}\"", tensor.begin - at,
                                     tensor.name);
        at = tensor.end;
    }
    return at == dataSize ? std::string()
                          : fmt::format("{} bytes after the last tensor belong to none", dataSize - at);
}

}  // namespace

Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view text, uint64_t dataSize,
                                                 const std::string& where) {
    const char* hint = "The file is damaged or not safetensors: fetch it again";
    HeaderEvents events;
    if (text.empty() || text.front() != '{')
        return fail(ErrorCode::InvalidFile, "the header does not start with '{'", where, hint);
    if (!Json::sax_parse(text.begin(), text.end(), &events))
        return fail(ErrorCode::InvalidFile, events.problem, where, hint);
    std::sort(events.header.tensors.begin(), events.header.tensors.end(), [](const auto& a, const auto& b) {
        return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
    });
    if (std::string problem = layoutProblem(events.header.tensors, dataSize); !problem.empty())
        return fail(ErrorCode::InvalidFile, std::move(problem), where, hint);
    return std::move(events.header);
}

}  // namespace vitrine
