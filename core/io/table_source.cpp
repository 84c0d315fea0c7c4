#include "core/io/table_source.h"

#include "core/base/nearest.h"
#include "core/io/natural_order.h"

#include <algorithm>
#include <cstring>

namespace vitrine {
namespace {

class TableSource final : public TensorSource {
  public:
    TableSource(std::vector<TableEntry> entries, std::map<std::string, std::string> metadata,
                std::string where)
        : entries_(std::move(entries)), metadata_(std::move(metadata)), where_(std::move(where)) {
        infos_.reserve(entries_.size());
        for (const TableEntry& entry : entries_)
            infos_.push_back(entry.info);
    }

    const std::vector<TensorInfo>& tensors() const override { return infos_; }
    const std::map<std::string, std::string>& metadata() const override { return metadata_; }
    Result<TensorBytes> read(const std::string& name) const override;

  private:
    std::vector<TableEntry> entries_;
    std::vector<TensorInfo> infos_;
    std::map<std::string, std::string> metadata_;
    std::string where_;
};

// Copies bytes that start at an address their element type may not have: other readers of memory maps would
// have to do it each.
TensorBytes aligned(TensorBytes tensor) {
    const uintptr_t alignment = std::clamp<uintptr_t>(uintptr_t(bitsPerElement(tensor.info.dtype)) / 8, 1, 8);
    if (reinterpret_cast<uintptr_t>(tensor.bytes.data()) % alignment == 0)
        return tensor;
    auto copy = std::make_shared<std::vector<std::byte>>(tensor.bytes.begin(), tensor.bytes.end());
    tensor.bytes = *copy;
    tensor.owner = copy;
    return tensor;
}

Result<TensorBytes> TableSource::read(const std::string& name) const {
    const TensorInfo* info = find(name);
    if (!info) {
        std::vector<std::string> names;
        names.reserve(infos_.size());
        for (const TensorInfo& known : infos_)
            names.push_back(known.name);
        const auto near = nearestName(name, names);
        return fail(ErrorCode::NotFound, fmt::format("there is no tensor \"{}\"", name), where_,
                    near ? fmt::format("Did you mean \"{}\"?", *near)
                         : fmt::format("The file holds {} tensors", names.size()));
    }
    const TableEntry& entry = entries_[size_t(info - infos_.data())];
    if (entry.load) {
        try {
            VITRINE_TRY(TensorBytes made, entry.load());
            made.info = entry.info;
            return made;
        } catch (const std::bad_alloc&) {
            return fail(ErrorCode::OutOfMemory, fmt::format("no memory for {} bytes", info->byteCount), name);
        }
    }
    return aligned(TensorBytes{entry.info, entry.bytes, entry.owner});
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> makeTableSource(std::vector<TableEntry> entries,
                                                            std::map<std::string, std::string> metadata,
                                                            const std::string& where) {
    const auto byName = [](const TableEntry& a, const TableEntry& b) {
        return naturalLess(a.info.name, b.info.name);
    };
    std::sort(entries.begin(), entries.end(), byName);
    for (size_t i = 1; i < entries.size(); ++i)
        if (entries[i].info.name == entries[i - 1].info.name)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("the tensor \"{}\" is listed twice", entries[i].info.name), where,
                        "Fetch the file again, or write it anew from its source");
    return std::make_shared<const TableSource>(std::move(entries), std::move(metadata), where);
}

std::optional<uint64_t> checkedElementCount(std::span<const int64_t> shape) {
    // A zero anywhere makes the product zero, yet the other dimensions must not overflow either.
    uint64_t product = 1;
    bool empty = false;
    for (const int64_t size : shape) {
        if (size < 0)
            return std::nullopt;
        if (size == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, uint64_t(size), &product) || product >> 63)
            return std::nullopt;
    }
    return empty ? 0 : product;
}

}  // namespace vitrine
