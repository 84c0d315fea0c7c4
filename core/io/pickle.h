// A restricted interpreter of Python pickles (protocols 0 to 5): it builds plain data and the few callables
// of torch.save that describe tensors, symbolically. It calls nothing: any other callable is refused by name.
#pragma once

#include "core/base/result.h"
#include "core/io/byte_reader.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace vitrine {

struct PickleValue {
    enum class Kind {
        None,
        Bool,
        Int,
        Float,
        Text,
        Bytes,
        Tuple,
        List,
        Dict,
        Global,
        Call,
        Persistent,
        Mark
    };
    Kind kind = Kind::None;
    int64_t integer = 0;  // Int, Bool
    double number = 0;    // Float
    std::string
        text;  // Text, Bytes (a whole number above 64 bits too), Global: "module name", Call: the same
    // Tuple, List: the items; Call: its arguments; Persistent: one item, the id.
    std::vector<PickleValue*> items;
    std::vector<std::pair<PickleValue*, PickleValue*>> pairs;  // Dict

    bool isSequence() const { return kind == Kind::Tuple || kind == Kind::List; }
};

// One or several pickles read from one stream, each ended by STOP. Values live as long as the object.
class Pickle {
  public:
    explicit Pickle(std::string where) : where_(std::move(where)) {}

    // Interprets one pickle from the reader's position. InvalidFile: damaged, or needs a callable that is not
    // part of the tensor subset (named).
    Result<const PickleValue*> read(ByteReader& reader);

    // Every value made so far, in order of making.
    const std::deque<PickleValue>& values() const { return values_; }

  private:
    friend class PickleMachine;
    std::string where_;
    std::deque<PickleValue> values_;
};

// Whether `global` ("torch FloatStorage") is one of the names that may occur.
bool isAllowedGlobal(const std::string& global);
// Whether a call of it is kept as data.
bool isCallableGlobal(const std::string& global);

}  // namespace vitrine
