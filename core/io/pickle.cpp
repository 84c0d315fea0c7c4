#include "core/io/pickle.h"

#include "core/io/pickle_machine.h"

#include <charconv>

namespace vitrine {

using Kind = PickleValue::Kind;

namespace {

constexpr const char* kNotExecuted =
    "Nothing was executed. Save the plain state_dict, or safetensors, with the program that wrote the file";

}  // namespace

Result<const PickleValue*> PickleMachine::run() {
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

Failure PickleMachine::failure(const std::string& text) const {
    return fail(ErrorCode::InvalidFile, fmt::format("{} (byte {} of the pickle)", text, reader_.position()),
                pickle_.where_, problem_.empty() ? "The file is damaged: fetch it again" : kNotExecuted);
}

bool PickleMachine::refuse(const std::string& global) {
    const size_t space = global.find(' ');
    problem_ = fmt::format("it would call {}.{}, which is not part of tensors", global.substr(0, space),
                           space == std::string::npos ? "" : global.substr(space + 1));
    return false;
}

bool PickleMachine::store(std::optional<uint64_t> index) {
    if (!index || stack_.empty() || stack_.back()->kind == Kind::Mark)
        return false;
    memo_[*index] = stack_.back();
    return true;
}

bool PickleMachine::load(std::optional<uint64_t> index) {
    const auto it = index ? memo_.find(*index) : memo_.end();
    if (it == memo_.end() || stack_.size() > kMaxPickleValues)
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
    if (!isCallableGlobal(callable->text))
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
            if (stack_.empty() || stack_.back()->kind == Kind::Mark || stack_.size() > kMaxPickleValues)
                return false;
            stack_.push_back(stack_.back());
            return true;
        default:
            return stepContainer(op);
    }
}

bool PickleMachine::stepContainer(uint8_t op) {
    switch (op) {
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
        default:
            return stepObject(op);
    }
}

bool PickleMachine::stepObject(uint8_t op) {
    switch (op) {
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
