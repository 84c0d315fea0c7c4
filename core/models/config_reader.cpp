#include "core/models/config_reader.h"

#include "core/nn/layers.h"

namespace vitrine {

ConfigReader::ConfigReader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object())
        addError(ErrorCode::InvalidFile, "this part of the configuration must be an object");
}

bool ConfigReader::has(const std::string& key) const {
    return json_.is_object() && json_.contains(key) && !json_[key].is_null();
}

template <typename T>
T ConfigReader::take(const std::string& key, T fallback) {
    if (!has(key))
        return fallback;
    auto value = jsonValue<T>(json_, key, where_);
    if (value)
        return std::move(*value);
    if (!error_)
        error_ = value.error();
    return fallback;
}

int64_t ConfigReader::count(const std::string& key, int64_t fallback, int64_t least, int64_t most) {
    const int64_t value = take<int64_t>(key, fallback);
    if (value >= least && value <= most)
        return value;
    addError(ErrorCode::InvalidFile,
             fmt::format("\"{}\" must lie between {} and {}, found {}", key, least, most, value));
    return least;
}

double ConfigReader::number(const std::string& key, double fallback) {
    return take<double>(key, fallback);
}

bool ConfigReader::flag(const std::string& key, bool fallback) {
    return take<bool>(key, fallback);
}

std::string ConfigReader::text(const std::string& key, const std::string& fallback) {
    return take<std::string>(key, fallback);
}

std::vector<int64_t> ConfigReader::counts(const std::string& key, std::vector<int64_t> fallback) {
    return take<std::vector<int64_t>>(key, std::move(fallback));
}

std::vector<double> ConfigReader::numbers(const std::string& key, std::vector<double> fallback) {
    return take<std::vector<double>>(key, std::move(fallback));
}

nn::GridSize ConfigReader::size(const std::string& key, nn::GridSize fallback) {
    nn::GridSize size = fallback;
    if (has(key) && json_[key].is_array()) {
        const auto values = counts(key, {});
        if (values.size() == 2)
            size = {values[0], values[1]};
        else
            addError(ErrorCode::InvalidFile, fmt::format("\"{}\" must be a number or [height, width]", key));
    } else {
        size.height = take<int64_t>(key, fallback.height);
        size.width = has(key) ? size.height : fallback.width;
    }
    if (size.height >= 1 && size.width >= 1 && size.height <= (1 << 16) && size.width <= (1 << 16))
        return size;
    addError(ErrorCode::InvalidFile, fmt::format("\"{}\" must lie between 1 and 65536", key));
    return fallback;
}

std::string ConfigReader::activation(const std::string& key, const std::string& fallback) {
    std::string name = text(key, fallback);
    if (nn::isActivation(name))
        return name;
    addError(ErrorCode::Unsupported, fmt::format("\"{}\" names the unknown activation \"{}\"", key, name));
    return "gelu";
}

void ConfigReader::requireDivides(int64_t headCount, int64_t width) {
    if (width % headCount)
        addError(ErrorCode::InvalidFile,
                 fmt::format("the width {} is not a multiple of the {} attention heads", width, headCount));
}

void ConfigReader::refuse(const std::string& key, const std::string& what) {
    if (!has(key))
        return;
    const Json& value = json_[key];
    const bool isOff = (value.is_boolean() && !value.get<bool>()) || (value.is_string() && value == "") ||
                       (value.is_structured() && value.empty());
    if (!isOff)
        addError(ErrorCode::Unsupported, fmt::format("\"{}\" is set: {} cannot be loaded", key, what));
}

void ConfigReader::addError(ErrorCode code, const std::string& message, const std::string& hint) {
    if (!error_)
        error_ = Error{code, message, where_, hint};
}

Result<void> ConfigReader::finish() const {
    if (error_)
        return fail(*error_);
    return {};
}

}  // namespace vitrine
