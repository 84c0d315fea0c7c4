#include "core/base/result.h"

#include <gmock/gmock.h>

#include <new>
#include <stdexcept>
#include <system_error>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename Exception>
Error errorOf(const Exception& exception) {
    try {
        throw exception;
    } catch (...) {
        return errorFromCurrentException("encoding");
    }
}

TEST(Errors, OutOfMemoryTellsHowMuchAndWhatToLower) {
    const Error host = errorOf(std::runtime_error(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to "
        "allocate 48000000000 bytes. Error code 12 (Cannot allocate memory)\nframe #0: c10"));
    EXPECT_EQ(host.code, ErrorCode::OutOfMemory);
    EXPECT_THAT(host.text(), HasSubstr("tried to allocate 48.0 GB"));
    EXPECT_THAT(host.text(), HasSubstr("Lower the resolution"));
    EXPECT_THAT(host.text(), Not(HasSubstr("alloc_cpu")));
    const Error device = errorOf(std::runtime_error(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"));
    EXPECT_EQ(device.code, ErrorCode::OutOfMemory);
    EXPECT_THAT(device.text(), HasSubstr("2.00 GiB"));
    EXPECT_EQ(errorOf(std::bad_alloc()).code, ErrorCode::OutOfMemory);
    EXPECT_THAT(errorOf(std::bad_alloc()).text(), HasSubstr("encoding"));
}

TEST(Errors, SystemErrorsOfMemoryAndDiskAreTold) {
    const auto failed = [](std::errc code) { return errorOf(std::system_error(std::make_error_code(code))); };
    // What std::thread throws where there is no memory for another stack.
    EXPECT_EQ(failed(std::errc::resource_unavailable_try_again).code, ErrorCode::OutOfMemory);
    EXPECT_EQ(failed(std::errc::no_space_on_device).code, ErrorCode::DiskFull);
    EXPECT_THAT(failed(std::errc::no_space_on_device).text(), HasSubstr("Free some space"));
    EXPECT_EQ(failed(std::errc::permission_denied).code, ErrorCode::IoFailure);
}

TEST(Errors, OtherExceptionsKeepTheirFirstLine) {
    const Error error = errorOf(std::runtime_error("expected a 4-D tensor\nframe #0: at::native"));
    EXPECT_EQ(error.code, ErrorCode::Internal);
    EXPECT_THAT(error.text(), HasSubstr("expected a 4-D tensor"));
    EXPECT_THAT(error.text(), Not(HasSubstr("frame")));
}

}  // namespace
}  // namespace vitrine
