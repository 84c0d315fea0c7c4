#include "core/base/result.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <regex>
#include <system_error>

namespace vitrine {

const char* errorCodeName(ErrorCode code) {
    switch (code) {
        case ErrorCode::InvalidArgument:
            return "invalid_argument";
        case ErrorCode::NotFound:
            return "not_found";
        case ErrorCode::InvalidFile:
            return "invalid_file";
        case ErrorCode::UnknownFamily:
            return "unknown_family";
        case ErrorCode::ShapeMismatch:
            return "shape_mismatch";
        case ErrorCode::Unsupported:
            return "unsupported";
        case ErrorCode::OutOfMemory:
            return "out_of_memory";
        case ErrorCode::DiskFull:
            return "disk_full";
        case ErrorCode::PermissionDenied:
            return "permission_denied";
        case ErrorCode::Busy:
            return "busy";
        case ErrorCode::Cancelled:
            return "cancelled";
        case ErrorCode::IoFailure:
            return "io_failure";
        case ErrorCode::Internal:
            return "internal";
    }
    return "internal";
}

std::string Error::text() const {
    std::string out = where.empty() ? message : fmt::format("{}: {}", where, message);
    if (!hint.empty())
        out += fmt::format("{}{}", out.empty() || out.back() == '.' ? " " : ". ", hint);
    return out;
}

Error Error::in(std::string_view outer) const {
    Error copy = *this;
    copy.where = where.empty() ? std::string(outer) : fmt::format("{}: {}", outer, where);
    return copy;
}

namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// LibTorch throws c10::Error with a C++ stack behind the first line; only the first line speaks to a user.
std::string firstLine(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

// "2.00 GiB" of "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 ...", "1.5 GB" of "... you tried to
// allocate 1500000000 bytes ..."; empty for anything else.
std::string wantedMemory(const std::string& message) {
    static const std::regex pattern("tried to allocate ([0-9.]+) ([A-Za-z]+)", std::regex::icase);
    std::smatch found;
    if (!std::regex_search(message, found, pattern))
        return {};
    if (found[2] != "bytes")
        return found.str();
    const double bytes = std::strtod(found[1].str().c_str(), nullptr);
    return bytes >= 1e9 ? fmt::format("tried to allocate {:.1f} GB", bytes / 1e9)
                        : fmt::format("tried to allocate {:.1f} MB", bytes / 1e6);
}

Error outOfMemory(std::string_view doing, const std::string& message) {
    const std::string wanted = wantedMemory(message);
    return Error{ErrorCode::OutOfMemory,
                 wanted.empty() ? "not enough memory" : "not enough memory: " + wanted, std::string(doing),
                 "Lower the resolution, the batch or the number of pictures at once, or close other models "
                 "and programs"};
}

}  // namespace

Error errorFromCurrentException(std::string_view doing) {
    try {
        throw;
    } catch (const std::bad_alloc& e) {
        return outOfMemory(doing, e.what());
    } catch (const std::system_error& e) {
        // A thread that cannot start lacks memory for its stack, or the user may start no more of them.
        if (e.code() == std::errc::resource_unavailable_try_again || e.code() == std::errc::not_enough_memory)
            return outOfMemory(doing, e.what());
        if (e.code() == std::errc::no_space_on_device)
            return Error{ErrorCode::DiskFull, e.what(), std::string(doing), "Free some space and try again"};
        return Error{ErrorCode::IoFailure, e.what(), std::string(doing), {}};
    } catch (const std::exception& e) {
        std::string message = firstLine(e.what());
        if (contains(message, "out of memory") || contains(message, "can't allocate memory") ||
            contains(message, "Insufficient memory"))
            return outOfMemory(doing, message);
        return Error{ErrorCode::Internal, message, std::string(doing), {}};
    } catch (...) {
        return Error{ErrorCode::Internal, "an unknown exception", std::string(doing), {}};
    }
}

}  // namespace vitrine
