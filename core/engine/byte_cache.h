// Values kept up to a limit of bytes; the least recently used go first.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>

namespace vitrine {

template <typename Value>
class ByteCache {
  public:
    explicit ByteCache(int64_t limitBytes) : limit_(limitBytes) {}

    // The value of `key`, now the most recently used; null if there is none.
    const Value* find(const std::string& key) {
        const auto it = entries_.find(key);
        if (it == entries_.end())
            return nullptr;
        order_.splice(order_.begin(), order_, it->second.position);
        return &it->second.value;
    }
    // Keeps `value`; one that alone is over the limit is kept until the next insertion.
    const Value& insert(const std::string& key, Value value, int64_t bytes) {
        erase(key);
        order_.push_front(key);
        const auto it = entries_.emplace(key, Entry{std::move(value), bytes, order_.begin()}).first;
        total_ += bytes;
        trim();
        return it->second.value;
    }
    void erase(const std::string& key) {
        const auto it = entries_.find(key);
        if (it == entries_.end())
            return;
        total_ -= it->second.bytes;
        order_.erase(it->second.position);
        entries_.erase(it);
    }
    void setLimit(int64_t limitBytes) {
        limit_ = limitBytes;
        trim();
    }
    int64_t totalBytes() const { return total_; }
    size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        Value value;
        int64_t bytes;
        std::list<std::string>::iterator position;
    };
    void trim() {
        while (total_ > limit_ && entries_.size() > 1) {
            const std::string oldest = order_.back();
            erase(oldest);
        }
    }

    int64_t limit_;
    int64_t total_ = 0;
    std::list<std::string> order_;
    std::map<std::string, Entry> entries_;
};

}  // namespace vitrine
