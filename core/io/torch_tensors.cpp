#include "core/io/torch_tensors.h"

#include "core/io/torch_view.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

using Kind = PickleValue::Kind;

namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxVisits = 5'000'000;  // of shared branches too: ten nested lists can name 2^10 leaves
constexpr size_t kMaxNameBytes = 4096;
// A tensor expanded by zero strides may be larger than its storage, but not without bound.
constexpr uint64_t kMaxExpandedBytes = uint64_t(256) << 20;

std::optional<std::vector<int64_t>> integers(const PickleValue& value) {
    if (!value.isSequence() || value.items.size() > 64)
        return std::nullopt;
    std::vector<int64_t> list;
    for (const PickleValue* item : value.items) {
        if (item->kind != Kind::Int)
            return std::nullopt;
        list.push_back(item->integer);
    }
    return list;
}

class Collector {
  public:
    Collector(const StorageLookup& storages, std::filesystem::path file)
        : storages_(storages), file_(std::move(file)) {}

    Result<void> visit(const PickleValue& value, const std::string& name, int depth);
    Result<TorchTensors> finish() {
        if (!skipped_.empty())
            result_.metadata["skipped_tensors"] = skipped_;
        return std::move(result_);
    }

  private:
    Failure damaged(const std::string& what, const std::string& name) const {
        return fail(ErrorCode::InvalidFile, fmt::format("tensor \"{}\": {}", name, what), file_.string(),
                    "The file is damaged: fetch it again");
    }
    void skip(const std::string& name, const std::string& reason) {
        skipped_ += fmt::format("{}{} ({})", skipped_.empty() ? "" : ", ", name, reason);
    }
    Result<void> visitChildren(const PickleValue& value, const std::string& name, int depth);
    Result<void> call(const PickleValue& value, const std::string& name, int depth);
    Result<void> tensor(const PickleValue& value, const std::string& name, bool typed);
    Result<void> place(TorchView view, TorchStorage storage, const std::string& name);
    void note(const PickleValue& value, const std::string& name);

    const StorageLookup& storages_;
    std::filesystem::path file_;
    TorchTensors result_;
    std::string skipped_;
    size_t visits_ = 0;
};

Result<void> Collector::visit(const PickleValue& value, const std::string& name, int depth) {
    if (depth > kMaxDepth || ++visits_ > kMaxVisits || name.size() > kMaxNameBytes)
        return fail(ErrorCode::InvalidFile, "its data are nested too deeply or without end", file_.string());
    switch (value.kind) {
        case Kind::Dict:
        case Kind::List:
        case Kind::Tuple:
            return visitChildren(value, name, depth);
        case Kind::Call:
            return call(value, name, depth);
        default:
            note(value, name);
            return {};
    }
}

Result<void> Collector::visitChildren(const PickleValue& value, const std::string& name, int depth) {
    const auto below = [&name](const std::string& key) { return name.empty() ? key : name + "." + key; };
    for (size_t i = 0; i < value.items.size(); ++i)
        VITRINE_TRY_VOID(visit(*value.items[i], below(std::to_string(i)), depth + 1));
    // A key that is set twice has its last value, as in Python.
    std::map<std::string, size_t> last;
    const auto keyText = [](const PickleValue& key) -> std::optional<std::string> {
        if (key.kind == Kind::Text)
            return key.text;
        return key.kind == Kind::Int ? std::optional(std::to_string(key.integer)) : std::nullopt;
    };
    for (size_t i = 0; i < value.pairs.size(); ++i)
        if (const auto key = keyText(*value.pairs[i].first))
            last[*key] = i;
    for (size_t i = 0; i < value.pairs.size(); ++i) {
        const auto key = keyText(*value.pairs[i].first);
        if (key && last[*key] == i)
            VITRINE_TRY_VOID(visit(*value.pairs[i].second, below(*key), depth + 1));
    }
    return {};
}

// Scalars beside the tensors (epoch, version) are shown as metadata, as long as they are few and short.
void Collector::note(const PickleValue& value, const std::string& name) {
    constexpr size_t kMaxNotes = 1000, kMaxText = 1000;
    if (result_.metadata.size() >= kMaxNotes || name.empty())
        return;
    if (value.kind == Kind::Int)
        result_.metadata[name] = std::to_string(value.integer);
    else if (value.kind == Kind::Bool)
        result_.metadata[name] = value.integer ? "true" : "false";
    else if (value.kind == Kind::Float)
        result_.metadata[name] = fmt::format("{}", value.number);
    else if (value.kind == Kind::Text && value.text.size() <= kMaxText)
        result_.metadata[name] = value.text;
}

Result<void> Collector::call(const PickleValue& value, const std::string& name, int depth) {
    const std::string& callable = value.text;
    if (callable == "torch._utils _rebuild_tensor_v2" || callable == "torch._utils _rebuild_tensor")
        return tensor(value, name, false);
    if (callable == "torch._utils _rebuild_tensor_v3")
        return tensor(value, name, true);
    if (callable.starts_with("torch._utils _rebuild_parameter") && !value.items.empty())
        return visit(*value.items[0], name, depth + 1);
    if (callable == "collections OrderedDict" && value.items.size() == 1 && value.items[0]->isSequence()) {
        PickleValue dict;  // from a list of pairs
        dict.kind = Kind::Dict;
        for (PickleValue* pair : value.items[0]->items)
            if (pair->isSequence() && pair->items.size() == 2)
                dict.pairs.emplace_back(pair->items[0], pair->items[1]);
        return visit(dict, name, depth + 1);
    }
    if (callable == "torch._tensor _rebuild_from_type_v2" && value.items.size() >= 3 &&
        value.items[0]->kind == Kind::Global && value.items[2]->kind == Kind::Tuple) {
        PickleValue inner;  // a subclass of Tensor: the function and arguments that make the plain one
        inner.kind = Kind::Call;
        inner.text = value.items[0]->text;
        inner.items = value.items[2]->items;
        return visit(inner, name, depth + 1);
    }
    if (callable == "torch._utils _rebuild_qtensor")
        skip(name, "quantised");
    else if (callable.find("_rebuild_") != std::string::npos)
        skip(name, callable.substr(callable.find("_rebuild_") + 9));
    return {};
}

// Arguments of _rebuild_tensor*: storage, offset, shape, strides, ...; of v3 also the dtype as the seventh.
Result<void> Collector::tensor(const PickleValue& value, const std::string& name, bool typed) {
    const auto& arguments = value.items;
    if (arguments.size() < (typed ? 7u : 4u) || arguments[0]->kind != Kind::Persistent ||
        arguments[1]->kind != Kind::Int || arguments[1]->integer < 0)
        return damaged("it is not described as torch.save does", name);
    const PickleValue& id = *arguments[0]->items[0];
    auto shape = integers(*arguments[2]);
    auto strides = integers(*arguments[3]);
    // ("storage", type, key, device, elements, ...)
    if (!shape || !strides || shape->size() != strides->size() || !id.isSequence() || id.items.size() < 5 ||
        id.items[0]->text != "storage" || id.items[1]->kind != Kind::Global ||
        id.items[4]->kind != Kind::Int || id.items[4]->integer < 0)
        return damaged("it is not described as torch.save does", name);
    const auto storageType = torchDType(id.items[1]->text);
    const auto dtype =
        typed && arguments[6]->kind == Kind::Global ? torchDType(arguments[6]->text) : storageType;
    if (!dtype || !storageType) {
        skip(name, fmt::format("element type {}", (typed ? arguments[6] : id.items[1])->text));
        return {};
    }
    uint64_t elements = uint64_t(id.items[4]->integer), offset = uint64_t(arguments[1]->integer);
    // Legacy files: a storage can be a view (key, offset, elements) into a larger one.
    if (id.items.size() > 5 && id.items[5]->isSequence() && id.items[5]->items.size() == 3) {
        const PickleValue& start = *id.items[5]->items[1];
        if (start.kind != Kind::Int || start.integer < 0 ||
            __builtin_add_overflow(offset, uint64_t(start.integer), &offset))
            return damaged("its storage is an impossible view", name);
    }
    const auto bytes = byteCount(*storageType, elements);
    if (!bytes)
        return damaged("its storage has an impossible size", name);
    auto storage = storages_(id.items[2]->text, *bytes);
    if (!storage)
        return fail(storage.error().in(name));
    return place(TorchView{*dtype, offset, std::move(*shape), std::move(*strides)}, std::move(*storage),
                 name);
}

Result<void> Collector::place(TorchView view, TorchStorage storage, const std::string& name) {
    const auto count = checkedElementCount(view.shape);
    const std::optional<uint64_t> size = byteCount(view.dtype, count.value_or(UINT64_MAX));
    const auto last = count ? torchViewReach(view, *count) : std::nullopt;
    const uint64_t unit = *byteCount(view.dtype, 1);
    if (!count || !size || !last || *last > storage.byteCount / unit)
        return damaged(fmt::format("shape [{}] with strides [{}] from {} on leaves its storage of {} bytes",
                                   fmt::join(view.shape, ", "), fmt::join(view.strides, ", "), view.offset,
                                   storage.byteCount),
                       name);
    if (*size > storage.byteCount && *size > kMaxExpandedBytes) {
        skip(name, fmt::format("expanded to {} bytes", *size));
        return {};
    }
    TableEntry entry;
    entry.info = TensorInfo{name, view.dtype, view.shape, *size, file_};
    const bool contiguous = *count == 0 || isContiguous(view);
    if (contiguous && !storage.load) {
        entry.bytes = storage.bytes.subspan(*count == 0 ? 0 : view.offset * unit, *size);
        entry.owner = storage.owner;
    } else {
        entry.load = [view, storage]() -> Result<TensorBytes> {
            std::shared_ptr<const std::vector<std::byte>> made;
            auto bytes = storage.bytes;
            if (storage.load) {
                VITRINE_TRY(made, storage.load());
                bytes = *made;
            }
            auto owner = gatherTorchView(view, bytes);
            return TensorBytes{{}, *owner, owner};
        };
    }
    result_.entries.push_back(std::move(entry));
    return {};
}

}  // namespace

Result<TorchTensors> collectTorchTensors(const PickleValue& root, const StorageLookup& storages,
                                         const std::filesystem::path& file) {
    Collector collector(storages, file);
    // A file that holds one bare tensor.
    VITRINE_TRY_VOID(collector.visit(root, root.kind == Kind::Call ? "tensor" : "", 0));
    return collector.finish();
}

}  // namespace vitrine
