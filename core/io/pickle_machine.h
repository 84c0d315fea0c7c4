// The stack machine inside Pickle.
#pragma once

#include "core/io/pickle.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_map>

namespace vitrine {

inline constexpr size_t kMaxPickleValues = 50'000'000;

// One object per pickle; values go to the Pickle that made it.
class PickleMachine {
  public:
    PickleMachine(Pickle& pickle, ByteReader& reader) : pickle_(pickle), reader_(reader) {}

    Result<const PickleValue*> run();

  private:
    Failure failure(const std::string& text) const;
    // Notes the callable that is refused; false.
    bool refuse(const std::string& global);

    // A new value on the stack, or null once there are too many.
    PickleValue* push(PickleValue::Kind kind) {
        if (pickle_.values_.size() >= kMaxPickleValues)
            return nullptr;
        PickleValue& value = pickle_.values_.emplace_back();
        value.kind = kind;
        stack_.push_back(&value);
        return &value;
    }
    bool pushInteger(std::optional<int64_t> value, PickleValue::Kind kind = PickleValue::Kind::Int) {
        PickleValue* pushed = value ? push(kind) : nullptr;
        if (pushed)
            pushed->integer = *value;
        return pushed;
    }
    bool pushText(std::optional<std::string_view> text, PickleValue::Kind kind = PickleValue::Kind::Text) {
        PickleValue* pushed = text ? push(kind) : nullptr;
        if (pushed)
            pushed->text = *text;
        return pushed;
    }
    template <typename Length>
    bool pushSized(PickleValue::Kind kind) {
        const auto size = reader_.number<Length>();
        return size && pushText(reader_.text(uint64_t(*size)), kind);
    }
    bool pushFloat(std::optional<double> value) {
        PickleValue* pushed = value ? push(PickleValue::Kind::Float) : nullptr;
        if (pushed)
            pushed->number = *value;
        return pushed;
    }
    bool pushList(PickleValue::Kind kind, std::optional<std::vector<PickleValue*>> items) {
        PickleValue* pushed = items ? push(kind) : nullptr;
        if (pushed)
            pushed->items = std::move(*items);
        return pushed;
    }
    bool pushGlobal(std::optional<std::string_view> module, std::optional<std::string_view> name) {
        if (!module || !name)
            return false;
        std::string global = fmt::format("{} {}", *module, *name);
        return isAllowedGlobal(global) ? pushText(global, PickleValue::Kind::Global) : refuse(global);
    }

    PickleValue* pop() {
        if (stack_.empty() || stack_.back()->kind == PickleValue::Kind::Mark)
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
        while (at > 0 && stack_[at - 1]->kind != PickleValue::Kind::Mark)
            --at;
        if (at == 0)
            return std::nullopt;
        std::vector<PickleValue*> items(stack_.begin() + std::ptrdiff_t(at), stack_.end());
        stack_.resize(at - 1);
        return items;
    }

    // One operation; false if it cannot be carried out. Each passes what it does not know to the next.
    bool step(uint8_t op);
    bool stepContainer(uint8_t op);
    bool stepObject(uint8_t op);
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

}  // namespace vitrine
