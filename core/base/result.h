// Errors that a user can cause are values of this type: a missing file, a wrong shape, a full disk, a
// cancelled job. A programmer's mistake is VITRINE_CHECK (check.h); exceptions of other libraries are caught
// at four edges only (job runner, plugin call, command-line main, Qt event handler) and turned into an Error
// there.
#pragma once

#include <fmt/format.h>
#include <tl/expected.hpp>

#include <optional>
#include <string>
#include <utility>

namespace vitrine {

enum class ErrorCode {
    InvalidArgument,  // a value that the user gave is outside what is accepted
    NotFound,         // a file, key, run or tensor that was named does not exist
    InvalidFile,      // a file's content is damaged, hostile or not of the stated format
    UnknownFamily,    // a model, tokenizer or file kind that no reader is registered for
    ShapeMismatch,    // a tensor's shape differs from what the configuration says
    Unsupported,      // understood, but this build or device cannot do it
    OutOfMemory,
    DiskFull,
    PermissionDenied,
    Busy,  // locked by another process
    Cancelled,
    IoFailure,
    Internal  // an exception of another library, caught at an edge
};

// Name of `code` as it stands in JSON output and logs ("invalid_file").
const char* errorCodeName(ErrorCode code);

// One user-facing error. Read together: "<where>: <message>. <hint>".
struct Error {
    ErrorCode code = ErrorCode::Internal;
    std::string message;  // what is wrong, with expected and found values
    std::string where;    // path, JSON path or tensor name; may be empty
    std::string hint;     // what to do about it; may be empty

    // One paragraph for a person: where, message, hint.
    std::string text() const;
    // The same error seen from further out: `outer` is put in front of `where`.
    Error in(std::string_view outer) const;
};

template <typename T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

inline Failure fail(ErrorCode code, std::string message, std::string where = {}, std::string hint = {}) {
    return Failure(Error{code, std::move(message), std::move(where), std::move(hint)});
}

inline Failure fail(Error error) {
    return Failure(std::move(error));
}

// The error that the exception now in flight stands for (call inside a catch block only): out of memory, a
// LibTorch or OpenCV error, or Internal with its text.
Error errorFromCurrentException(std::string_view doing);

}  // namespace vitrine

// Assigns the value of a Result to `declaration`, or returns its error from the calling function:
//   VITRINE_TRY(auto image, readImage(path));
#define VITRINE_TRY_JOIN2(a, b) a##b
#define VITRINE_TRY_JOIN(a, b) VITRINE_TRY_JOIN2(a, b)
#define VITRINE_TRY_AS(temporary, declaration, ...)              \
    auto&& temporary = (__VA_ARGS__);                            \
    if (!temporary) [[unlikely]]                                 \
        return ::vitrine::Failure(std::move(temporary).error()); \
    declaration = std::move(*temporary)
#define VITRINE_TRY(declaration, ...) \
    VITRINE_TRY_AS(VITRINE_TRY_JOIN(tryResult, __LINE__), declaration, __VA_ARGS__)

// The same for a Result<void>.
#define VITRINE_TRY_VOID(...)                                        \
    do {                                                             \
        if (auto tryResult = (__VA_ARGS__); !tryResult) [[unlikely]] \
            return ::vitrine::Failure(std::move(tryResult).error()); \
    } while (false)
