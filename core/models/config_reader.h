// Reading many fields of a configuration with the first error kept: read all, then ask for the error once.
#pragma once

#include "core/base/json.h"
#include "core/nn/position_cache.h"

#include <optional>

namespace vitrine {

class ConfigReader {
  public:
    // `json` must outlive the reader; anything but an object is an error. `where` names the section in
    // errors.
    ConfigReader(const Json& json, std::string where);

    bool has(const std::string& key) const;  // present and not null
    // Absent or null keys give the fallback.
    int64_t count(const std::string& key, int64_t fallback, int64_t least = 1, int64_t most = 1 << 20);
    double number(const std::string& key, double fallback);
    bool flag(const std::string& key, bool fallback);
    std::string text(const std::string& key, const std::string& fallback);
    std::vector<int64_t> counts(const std::string& key, std::vector<int64_t> fallback);
    std::vector<double> numbers(const std::string& key, std::vector<double> fallback);
    // One number for both or [height, width].
    nn::GridSize size(const std::string& key, nn::GridSize fallback);
    // Name of an activation that this build knows.
    std::string activation(const std::string& key, const std::string& fallback);
    // `width` must be a multiple of `headCount`.
    void requireDivides(int64_t headCount, int64_t width);
    // Unsupported if `key` holds anything but null, false or an empty value.
    void refuse(const std::string& key, const std::string& what);
    void addError(ErrorCode code, const std::string& message, const std::string& hint = {});

    const std::string& where() const { return where_; }
    // The first error, if any.
    Result<void> finish() const;

  private:
    template <typename T>
    T take(const std::string& key, T fallback);
    const Json& json_;
    std::string where_;
    std::optional<Error> error_;
};

}  // namespace vitrine
