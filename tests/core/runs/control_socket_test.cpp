#include "core/runs/control_socket.h"

#include "core/runs/project.h"
#include "core/runs/run_control.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

// A bare connection that sends `bytes` and gives what comes back within a second.
std::string talk(const std::filesystem::path& path, const std::string& bytes) {
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval second{1, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    for (size_t sent = 0; sent < bytes.size();) {
        const ssize_t put = ::send(descriptor, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (put <= 0)
            break;
        sent += size_t(put);
    }
    std::string out;
    char buffer[4096];
    while (out.find('\n') == std::string::npos) {
        const ssize_t got = ::recv(descriptor, buffer, sizeof buffer, 0);
        if (got <= 0)
            break;
        out.append(buffer, size_t(got));
    }
    ::close(descriptor);
    return out;
}

TEST(ControlSocket, SurvivesGarbageHugeLinesAndSlowClients) {
    TemporaryFolder folder;
    const auto path = folder / "c.sock";
    RunControl control("x", {{"lr", 1}},
                       {{"type", "object"}, {"properties", {{"lr", {{"type", "number"}}}}}});
    auto server = ControlServer::start(path, [&](const Json& request) { return control.handle(request); });
    ASSERT_TRUE(server) << server.error().text();
    EXPECT_EQ(ControlServer::start(path, {}).error().code, ErrorCode::Busy);
    std::vector<int> idle;  // clients that connect and say nothing
    for (int i = 0; i < 5; ++i) {
        idle.push_back(::socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        EXPECT_EQ(::connect(idle.back(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::send(idle.back(), "{\"comm", 6, 0), 6);
    }
    EXPECT_THAT(talk(path, std::string("\x00\xff\xfe{{{\n", 7)), HasSubstr("not valid JSON"));
    EXPECT_THAT(talk(path, "[1,2]\n"), HasSubstr("command"));
    EXPECT_THAT(talk(path, std::string(300000, 'x')), HasSubstr("too long"));
    EXPECT_THAT(talk(path, std::string(50000, '[') + "\n"), HasSubstr("nested too deeply"));
    EXPECT_THAT(talk(path, "{\"command\":\"set\",\"key\":\"lr\",\"value\":\"fast\"}\n"),
                HasSubstr("expected number"));
    EXPECT_THAT(talk(path, "{\"command\":\"set\",\"key\":\"[9999999999999999999999]\",\"value\":1}\n"),
                HasSubstr("\"ok\":false"));
    EXPECT_TRUE(sendControl(path, {{"command", "status"}}));
    for (const int descriptor : idle)
        ::close(descriptor);
    server->reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(sendControl(path, {{"command", "status"}}).error().code, ErrorCode::NotFound);
}

TEST(ControlSocket, LongProjectPathsUseTheRuntimeFolder) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / std::string(100, 'd'));
    ASSERT_TRUE(project);
    const auto path = controlSocketPath(*project, "abc");
    EXPECT_LT(path.string().size(), 108u);
    EXPECT_EQ(path.filename(), "abc.sock");
}

}  // namespace
}  // namespace vitrine
