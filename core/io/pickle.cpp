#include "core/io/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <unordered_map>

namespace vitrine {

using Kind = PickleValue::Kind;

namespace {

constexpr size_t kMaxValues = 50'000'000;
constexpr const char* kNotExecuted =
    "Nothing was executed. Save the plain state_dict, or safetensors, with the program that wrote the file";

// Callables whose calls are kept as data, and names that are data themselves.
constexpr std::array kCallables = {
    "collections OrderedDict",
    "torch Size",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_parameter_with_state",
    "torch._tensor _rebuild_from_type_v2",
    "torch._utils _rebuild_qtensor",
    "torch._utils _rebuild_sparse_tensor",
    "torch._utils _rebuild_meta_tensor_no_storage",
    "torch._utils _rebuild_device_tensor_from_numpy",
    "torch device",
    "torch.serialization _get_layout",
    "builtins set",
    "__builtin__ set",
};
constexpr std::array kNames = {
    "torch Tensor",
    "torch.nn.parameter Parameter",
    "torch.nn.parameter Buffer",
    "torch per_tensor_affine",
    "torch per_channel_affine",
    "torch per_channel_affine_float_qparams",
    "torch per_tensor_symmetric",
    "torch per_channel_symmetric",
    "torch strided",
    "torch sparse_coo",
};
constexpr std::array kTypes = {"float32", "float64", "float16", "bfloat16",  "float8_e4m3fn", "float8_e5m2",
                               "int8",    "int16",   "int32",   "int64",     "uint8",         "uint16",
                               "uint32",  "uint64",  "bool",    "complex64", "complex128",    "qint8",
                               "quint8",  "qint32",  "float",   "double",    "half",          "long",
                               "int",     "short"};

bool isCallable(const std::string& global) {
    return std::find(kCallables.begin(), kCallables.end(), global) != kCallables.end();
}

}  // namespace

bool isAllowedGlobal(const std::string& global) {
    if (isCallable(global) || std::find(kNames.begin(), kNames.end(), global) != kNames.end())
        return true;
    const size_t space = global.find(' ');
    const std::string_view module = std::string_view(global).substr(0, space);
    const std::string_view name = std::string_view(global).substr(space + 1);
    if (module == "torch" && std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end())
        return true;
    const bool storageModule = module == "torch" || module == "torch.storage" || module == "torch.cuda";
    return storageModule && name.ends_with("Storage") && name.find('.') == std::string_view::npos;
}

// The stack machine: one object per pickle.
class PickleMachine {
  public:
    PickleMachine(Pickle& pickle, ByteReader& reader) : pickle_(pickle), reader_(reader) {}

    Result<const PickleValue*> run() {
        for (;;) {
            const auto op = reader_.number<uint8_t>();
            if (!op)
                return failure("the pickle is truncated");
            if (*op == '.')
                break;
            if (!step(*op))
                return failure(problem_.empty() ? fmt::format("operation 0x{:02x} cannot be carried out", *op)
                                                : problem_);
        }
        if (stack_.empty() || stack_.back()->kind == Kind::Mark)
            return failure("the pickle leaves no value");
        return stack_.back();
    }

  private:
    Failure failure(const std::string& text) const {
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} (byte {} of the pickle)", text, reader_.position()), pickle_.where_,
                    problem_.empty() ? "The file is damaged: fetch it again" : kNotExecuted);
    }
    bool refuse(const std::string& global) {
        const size_t space = global.find(' ');
        problem_ = fmt::format("it would call {}.{}, which is not part of tensors", global.substr(0, space),
                               space == std::string::npos ? "" : global.substr(space + 1));
        return false;
    }

    // A new value on the stack, or null once there are too many.
    PickleValue* push(Kind kind) {
        if (pickle_.values_.size() >= kMaxValues)
            return nullptr;
        PickleValue& value = pickle_.values_.emplace_back();
        value.kind = kind;
        stack_.push_back(&value);
        return &value;
    }
    bool pushInteger(std::optional<int64_t> value, Kind kind = Kind::Int) {
        PickleValue* pushed = value ? push(kind) : nullptr;
        if (pushed)
            pushed->integer = *value;
        return pushed;
    }
    bool pushText(std::optional<std::string_view> text, Kind kind = Kind::Text) {
        PickleValue* pushed = text ? push(kind) : nullptr;
        if (pushed)
            pushed->text = *text;
        return pushed;
    }
    template <typename Length>
    bool pushSized(Kind kind) {
        const auto size = reader_.number<Length>();
        return size && pushText(reader_.text(uint64_t(*size)), kind);
    }
    bool pushFloat(std::optional<double> value) {
        PickleValue* pushed = value ? push(Kind::Float) : nullptr;
        if (pushed)
            pushed->number = *value;
        return pushed;
    }
    bool pushList(Kind kind, std::optional<std::vector<PickleValue*>> items) {
        PickleValue* pushed = items ? push(kind) : nullptr;
        if (pushed)
            pushed->items = std::move(*items);
        return pushed;
    }
    bool pushGlobal(std::optional<std::string_view> module, std::optional<std::string_view> name) {
        if (!module || !name)
            return false;
        std::string global = fmt::format("{} {}", *module, *name);
        return isAllowedGlobal(global) ? pushText(global, Kind::Global) : refuse(global);
    }

    PickleValue* pop() {
        if (stack_.empty() || stack_.back()->kind == Kind::Mark)
            return nullptr;
        PickleValue* value = stack_.back();
        stack_.pop_back();
        return value;
    }
    std::optional<std::vector<PickleValue*>> popCount(size_t count) {
        std::vector<PickleValue*> items(count);
        for (size_t i = count; i-- > 0;)
            if (!(items[i] = pop()))
                return std::nullopt;
        return items;
    }
    // Everything above the last mark, which goes too.
    std::optional<std::vector<PickleValue*>> popToMark() {
        size_t at = stack_.size();
        while (at > 0 && stack_[at - 1]->kind != Kind::Mark)
            --at;
        if (at == 0)
            return std::nullopt;
        std::vector<PickleValue*> items(stack_.begin() + std::ptrdiff_t(at), stack_.end());
        stack_.resize(at - 1);
        return items;
    }

    bool step(uint8_t op);
    bool stepScalar(uint8_t op);
    bool stepMemo(uint8_t op);
    bool append(std::optional<std::vector<PickleValue*>> items);
    bool setItems(std::optional<std::vector<PickleValue*>> items);
    bool reduce();
    bool build();
    bool decimalLine(bool isLong);
    bool longBytes(std::optional<std::string_view> bytes);
    bool store(std::optional<uint64_t> index);
    bool load(std::optional<uint64_t> index);
    std::optional<uint64_t> indexLine();

    Pickle& pickle_;
    ByteReader& reader_;
    std::vector<PickleValue*> stack_;
    std::unordered_map<uint64_t, PickleValue*> memo_;
    std::string problem_;
};

bool PickleMachine::decimalLine(bool isLong) {
    auto line = reader_.line();
    if (!line)
        return false;
    if (!isLong && (*line == "00" || *line == "01"))
        return pushInteger(*line == "01", Kind::Bool);
    if (isLong && line->ends_with('L'))
        line->remove_suffix(1);
    int64_t value = 0;
    const auto end = std::from_chars(line->data(), line->data() + line->size(), value);
    return end.ec == std::errc() && end.ptr == line->data() + line->size() && pushInteger(value);
}

// Little-endian two's complement; what exceeds 64 bits is kept as its bytes.
bool PickleMachine::longBytes(std::optional<std::string_view> bytes) {
    if (!bytes)
        return false;
    if (bytes->size() > 8)
        return pushText(bytes, Kind::Bytes);
    uint64_t value = !bytes->empty() && (bytes->back() & 0x80) ? ~uint64_t(0) : 0;
    std::memcpy(&value, bytes->data(), bytes->size());
    return pushInteger(int64_t(value));
}

bool PickleMachine::stepScalar(uint8_t op) {
    switch (op) {
        case 'N':
            return push(Kind::None);
        case 0x88:
            return pushInteger(1, Kind::Bool);
        case 0x89:
            return pushInteger(0, Kind::Bool);
        case 'J':
            return pushInteger(reader_.number<int32_t>());
        case 'K':
            return pushInteger(reader_.number<uint8_t>());
        case 'M':
            return pushInteger(reader_.number<uint16_t>());
        case 'I':
            return decimalLine(false);
        case 'L':
            return decimalLine(true);
        case 0x8a: {
            const auto size = reader_.number<uint8_t>();
            return size && longBytes(reader_.text(*size));
        }
        case 0x8b: {
            const auto size = reader_.number<int32_t>();
            return size && *size >= 0 && longBytes(reader_.text(uint64_t(*size)));
        }
        case 'G': {  // big-endian
            const auto bits = reader_.number<uint64_t>();
            return bits && pushFloat(std::bit_cast<double>(__builtin_bswap64(*bits)));
        }
        case 'F': {
            const auto line = reader_.line();
            double value = 0;
            return line &&
                   std::from_chars(line->data(), line->data() + line->size(), value).ec == std::errc() &&
                   pushFloat(value);
        }
        case 'V':
            return pushText(reader_.line());
        case 'S': {
            const auto line = reader_.line();
            return line && line->size() >= 2 && pushText(line->substr(1, line->size() - 2));
        }
        case 'X':
        case 'T':
            return pushSized<uint32_t>(Kind::Text);
        case 0x8c:
        case 'U':
            return pushSized<uint8_t>(Kind::Text);
        case 0x8d:
            return pushSized<uint64_t>(Kind::Text);
        case 'B':
            return pushSized<uint32_t>(Kind::Bytes);
        case 'C':
            return pushSized<uint8_t>(Kind::Bytes);
        case 0x8e:
        case 0x96:
            return pushSized<uint64_t>(Kind::Bytes);
        default:
            return false;
    }
}

bool PickleMachine::store(std::optional<uint64_t> index) {
    if (!index || stack_.empty() || stack_.back()->kind == Kind::Mark)
        return false;
    memo_[*index] = stack_.back();
    return true;
}

bool PickleMachine::load(std::optional<uint64_t> index) {
    const auto it = index ? memo_.find(*index) : memo_.end();
    if (it == memo_.end() || stack_.size() > kMaxValues)
        return false;
    stack_.push_back(it->second);
    return true;
}

std::optional<uint64_t> PickleMachine::indexLine() {
    const auto line = reader_.line();
    uint64_t value = 0;
    if (!line || std::from_chars(line->data(), line->data() + line->size(), value).ec != std::errc())
        return std::nullopt;
    return value;
}

bool PickleMachine::stepMemo(uint8_t op) {
    switch (op) {
        case 'p':
            return store(indexLine());
        case 'q':
            return store(reader_.number<uint8_t>());
        case 'r':
            return store(reader_.number<uint32_t>());
        case 0x94:
            return store(memo_.size());
        case 'g':
            return load(indexLine());
        case 'h':
            return load(reader_.number<uint8_t>());
        default:
            return load(reader_.number<uint32_t>());
    }
}

bool PickleMachine::append(std::optional<std::vector<PickleValue*>> items) {
    if (!items || stack_.empty() || stack_.back()->kind != Kind::List)
        return false;
    auto& list = stack_.back()->items;
    list.insert(list.end(), items->begin(), items->end());
    return true;
}

bool PickleMachine::setItems(std::optional<std::vector<PickleValue*>> items) {
    if (!items || items->size() % 2 != 0 || stack_.empty() || stack_.back()->kind != Kind::Dict)
        return false;
    for (size_t i = 0; i < items->size(); i += 2)
        stack_.back()->pairs.emplace_back((*items)[i], (*items)[i + 1]);
    return true;
}

bool PickleMachine::reduce() {
    PickleValue* arguments = pop();
    PickleValue* callable = pop();
    if (!arguments || !callable || arguments->kind != Kind::Tuple || callable->kind != Kind::Global)
        return false;
    if (!isCallable(callable->text))
        return refuse(callable->text);
    if (callable->text == "collections OrderedDict" && arguments->items.empty())
        return push(Kind::Dict);
    const bool wraps = arguments->items.size() == 1 && arguments->items[0]->isSequence();
    if (wraps && (callable->text == "torch Size" || callable->text.ends_with(" set")))
        return pushList(Kind::Tuple, arguments->items[0]->items);
    PickleValue* call = push(Kind::Call);
    if (call) {
        call->text = callable->text;
        call->items = arguments->items;
    }
    return call;
}

// State set on an object: attributes of dictionaries (_metadata) and of parameters say nothing about tensors.
bool PickleMachine::build() {
    const PickleValue* state = pop();
    return state && !stack_.empty() &&
           (stack_.back()->kind == Kind::Dict || stack_.back()->kind == Kind::Call);
}

bool PickleMachine::step(uint8_t op) {
    switch (op) {
        case 0x80:
            return reader_.take(1).has_value();
        case 0x95:  // frame: its length is of use to streaming readers only
            return reader_.take(8).has_value();
        case '(':
            return push(Kind::Mark);
        case '0':
            return pop();
        case '1':
            return popToMark().has_value();
        case '2':
            if (stack_.empty() || stack_.back()->kind == Kind::Mark || stack_.size() > kMaxValues)
                return false;
            stack_.push_back(stack_.back());
            return true;
        case ')':
            return push(Kind::Tuple);
        case 0x85:
        case 0x86:
        case 0x87:
            return pushList(Kind::Tuple, popCount(size_t(op - 0x84)));
        case 't':
        case 0x91:  // frozenset
            return pushList(Kind::Tuple, popToMark());
        case ']':
        case 0x8f:  // set
            return push(Kind::List);
        case 'l':
            return pushList(Kind::List, popToMark());
        case 'a':
            return append(popCount(1));
        case 'e':
        case 0x90:
            return append(popToMark());
        case '}':
            return push(Kind::Dict);
        case 'd': {
            auto items = popToMark();
            return push(Kind::Dict) && setItems(std::move(items));
        }
        case 's':
            return setItems(popCount(2));
        case 'u':
            return setItems(popToMark());
        case 'c': {
            const auto module = reader_.line();
            const auto name = module ? reader_.line() : std::nullopt;
            return pushGlobal(module, name);
        }
        case 0x93: {
            const PickleValue* name = pop();
            const PickleValue* module = pop();
            return name && module && pushGlobal(std::string_view(module->text), std::string_view(name->text));
        }
        case 'R':
            return reduce();
        case 'b':
            return build();
        case 'Q':
            return pushList(Kind::Persistent, popCount(1));
        case 0x81:
        case 0x92:
        case 'o':
        case 'i': {  // objects made by calling a class
            const auto module = op == 'i' ? reader_.line() : std::nullopt;
            const auto name = module ? reader_.line() : std::nullopt;
            for (size_t at = stack_.size(); at-- > 0 && !name;)
                if (stack_[at]->kind == Kind::Global)
                    return refuse(stack_[at]->text);
            return name && refuse(fmt::format("{} {}", *module, *name));
        }
        case 'p':
        case 'q':
        case 'r':
        case 0x94:
        case 'g':
        case 'h':
        case 'j':
            return stepMemo(op);
        default:
            return stepScalar(op);
    }
}

Result<const PickleValue*> Pickle::read(ByteReader& reader) {
    try {
        return PickleMachine(*this, reader).run();
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::OutOfMemory, "no memory for the pickle", where_);
    }
}

}  // namespace vitrine
