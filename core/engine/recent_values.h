// What was read from files last, so that it is not read again at each click.
#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <list>
#include <string>

namespace vitrine {

// By path and time of change; `how` tells apart what was made of the same file. Pointers hold until the next
// get().
template <typename Value>
class Recent {
  public:
    explicit Recent(size_t most) : most_(most) {}

    template <typename Make>
    Result<Value*> get(const std::filesystem::path& path, const std::string& how, const Make& make) {
        std::error_code ignored;
        const auto file = std::filesystem::is_directory(path, ignored) ? path / "config.json" : path;
        const auto time = std::filesystem::last_write_time(file, ignored);
        for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
            if (entry->path == path && entry->how == how && entry->time == time) {
                entries_.splice(entries_.begin(), entries_, entry);
                return &entries_.front().value;
            }
        // Before the new one is made: two large models need not be in memory at once.
        while (entries_.size() >= most_)
            entries_.pop_back();
        auto made = make();
        if (!made)
            return fail(made.error());
        entries_.push_front({path, how, time, std::move(*made)});
        return &entries_.front().value;
    }

  private:
    struct Entry {
        std::filesystem::path path;
        std::string how;
        std::filesystem::file_time_type time;
        Value value;
    };
    size_t most_;
    std::list<Entry> entries_;
};

}  // namespace vitrine
