#include "core/runs/control_socket.h"

#include "core/base/file.h"
#include "core/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kMaxLineBytes = 64 << 10;
constexpr size_t kMaxPendingBytes = 1 << 20;
constexpr size_t kMaxClients = 32;
constexpr auto kIdleLimit = std::chrono::seconds(30);

class Descriptor {
  public:
    explicit Descriptor(int value = -1) : value_(value) {}
    Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Descriptor() {
        if (value_ >= 0)
            ::close(value_);
    }
    int get() const { return value_; }

  private:
    int value_;
};

Result<sockaddr_un> addressOf(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.string().size() >= sizeof address.sun_path)
        return fail(ErrorCode::InvalidArgument, "the path is too long for a socket", path.string());
    std::memcpy(address.sun_path, path.c_str(), path.string().size());
    return address;
}

Result<Descriptor> connectTo(const fs::path& path) {
    VITRINE_TRY(const sockaddr_un address, addressOf(path));
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0)
        return fail(errorFromErrno(errno, "open a socket", path));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            return fail(ErrorCode::NotFound, "no job listens here: it is not running", path.string());
        if (errno == EAGAIN)
            return fail(ErrorCode::Busy, "the job has too many waiting clients", path.string());
        return fail(errorFromErrno(errno, "connect to the job", path));
    }
    return socket;
}

struct Client {
    Descriptor socket;
    std::string in;
    std::string out;
    Clock::time_point lastSeen = Clock::now();
    bool closing = false;
};

class Server final : public ControlServer {
  public:
    Server(Descriptor listener, Descriptor wake, fs::path path, Handler handler)
        : listener_(std::move(listener)),
          wake_(std::move(wake)),
          path_(std::move(path)),
          handler_(std::move(handler)) {
        thread_ = std::thread([this] { loop(); });
    }

    ~Server() override {
        const uint64_t one = 1;
        while (::write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) {
        }
        thread_.join();
        ::unlink(path_.c_str());
    }

  private:
    void loop() {
        while (true) {
            std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
            if (clients_.size() >= kMaxClients)
                polled[1].events = 0;  // the rest waits in the kernel's queue
            for (const Client& client : clients_)
                polled.push_back(
                    {client.socket.get(), short(client.out.empty() ? POLLIN : POLLIN | POLLOUT), 0});
            if (::poll(polled.data(), polled.size(), clients_.empty() ? -1 : 1000) < 0 && errno != EINTR)
                return;
            if (polled[0].revents)
                return;
            size_t i = 2;
            for (auto client = clients_.begin(); client != clients_.end(); ++i) {
                const bool keep = serve(*client, polled[i].revents);
                client = keep ? std::next(client) : clients_.erase(client);
            }
            if (polled[1].revents & POLLIN)
                acceptClient();
        }
    }

    void acceptClient() {
        Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket.get() < 0)
            return;
        ucred peer{};
        socklen_t size = sizeof peer;
        const bool known = ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
        if (!known || (peer.uid != ::geteuid() && peer.uid != 0)) {
            log::warn("a control connection of user {} was refused", known ? int64_t(peer.uid) : -1);
            return;
        }
        clients_.push_back(Client{std::move(socket), {}, {}, Clock::now(), false});
    }

    // False: done with this client.
    bool serve(Client& client, short events) {
        if (events & (POLLIN | POLLHUP | POLLERR)) {
            char buffer[16384];
            const ssize_t got = ::recv(client.socket.get(), buffer, sizeof buffer, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
                return false;
            if (got > 0) {
                client.lastSeen = Clock::now();
                if (!client.closing)
                    client.in.append(buffer, size_t(got));
                answerLines(client);
            }
        }
        if (!client.out.empty()) {
            const ssize_t put =
                ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
            if (put < 0 && errno != EAGAIN && errno != EINTR)
                return false;
            if (put > 0) {
                client.out.erase(0, size_t(put));
                client.lastSeen = Clock::now();
            }
        }
        if (client.closing && client.out.empty())
            return false;
        return client.out.size() <= kMaxPendingBytes && Clock::now() - client.lastSeen < kIdleLimit;
    }

    void answerLines(Client& client) {
        size_t begin = 0;
        for (size_t end; (end = client.in.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const std::string_view line(client.in.data() + begin, end - begin);
            if (line.find_first_not_of(" \t\r") != std::string_view::npos)
                client.out += answer(line).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        }
        client.in.erase(0, begin);
        if (client.in.size() > kMaxLineBytes) {
            client.out += Json{{"ok", false},
                               {"error", {{"code", "invalid_argument"}, {"message", "the line is too long"}}}}
                              .dump() +
                          "\n";
            client.in.clear();
            client.closing = true;
        }
    }

    Json answer(std::string_view line) {
        try {
            // A deeply nested line is refused before it is parsed: the parser recurses when it frees it.
            if (std::count(line.begin(), line.end(), '[') + std::count(line.begin(), line.end(), '{') > 1000)
                return {{"ok", false},
                        {"error", {{"code", "invalid_argument"}, {"message", "nested too deeply"}}}};
            const Json request = Json::parse(line, nullptr, false);
            if (request.is_discarded())
                return {{"ok", false},
                        {"error", {{"code", "invalid_argument"}, {"message", "not valid JSON"}}}};
            return handler_(request);
        } catch (const std::exception& e) {
            return {{"ok", false}, {"error", {{"code", "internal"}, {"message", e.what()}}}};
        }
    }

    Descriptor listener_;
    Descriptor wake_;
    const fs::path path_;
    const Handler handler_;
    std::list<Client> clients_;  // used by the thread only
    std::thread thread_;
};

// The folder must be ours alone: another user must not be able to put a socket of his own there.
Result<void> makePrivateFolder(const fs::path& folder) {
    std::error_code error;
    if (folder.has_parent_path())
        fs::create_directories(folder.parent_path(), error);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(errorFromErrno(errno, "create the folder", folder));
    return {};
}

}  // namespace

fs::path controlSocketPath(const Project& project, const std::string& runId) {
    std::error_code ignored;
    fs::path inside = fs::absolute(project.runFolder(runId), ignored).lexically_normal() / "control.sock";
    if (inside.string().size() < sizeof(sockaddr_un::sun_path))
        return inside;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const fs::path folder = runtime && *runtime ? fs::path(runtime) / "vitrine"
                                                : fs::path(fmt::format("/tmp/vitrine-{}", ::geteuid()));
    return folder / (runId + ".sock");
}

Result<std::unique_ptr<ControlServer>> ControlServer::start(const fs::path& path, Handler handler) {
    VITRINE_TRY(const sockaddr_un address, addressOf(path));
    VITRINE_TRY_VOID(makePrivateFolder(path.parent_path()));
    struct stat folder {};
    if (::stat(path.parent_path().c_str(), &folder) != 0)
        return fail(errorFromErrno(errno, "open the folder", path.parent_path()));
    if ((folder.st_mode & S_IWOTH) && !(folder.st_mode & S_ISVTX))
        return fail(ErrorCode::PermissionDenied, "everybody may write into the folder of the control socket",
                    path.parent_path().string(), "Take that permission away: chmod o-w");
    if (connectTo(path))
        return fail(ErrorCode::Busy, "another process listens on this control socket", path.string());
    ::unlink(path.c_str());
    Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Linux takes the mode of the new socket file from the descriptor, so that it is never open to others.
    if (listener.get() < 0 || ::fchmod(listener.get(), 0600) != 0 ||
        ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(listener.get(), 16) != 0)
        return fail(errorFromErrno(errno, "open the control socket", path));
    Descriptor wake(::eventfd(0, EFD_CLOEXEC));
    if (wake.get() < 0)
        return fail(errorFromErrno(errno, "open the control socket", path));
    return std::unique_ptr<ControlServer>(
        new Server(std::move(listener), std::move(wake), path, std::move(handler)));
}

Result<Json> sendControl(const fs::path& path, const Json& request, double timeoutSeconds) {
    VITRINE_TRY(const Descriptor socket, connectTo(path));
    std::string out = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    std::string in;
    const auto deadline = Clock::now() + std::chrono::duration<double>(timeoutSeconds);
    while (in.find('\n') == std::string::npos) {
        const auto left = std::chrono::duration<double, std::milli>(deadline - Clock::now()).count();
        pollfd polled{socket.get(), short(out.empty() ? POLLIN : POLLIN | POLLOUT), 0};
        if (left <= 0 || ::poll(&polled, 1, int(left) + 1) == 0)
            return fail(ErrorCode::Busy, "the job did not answer in time", path.string());
        if (!out.empty() && (polled.revents & POLLOUT)) {
            const ssize_t put = ::send(socket.get(), out.data(), out.size(), MSG_NOSIGNAL);
            if (put < 0 && errno != EAGAIN && errno != EINTR)
                return fail(errorFromErrno(errno, "send to the job", path));
            out.erase(0, size_t(std::max<ssize_t>(0, put)));
        }
        if (polled.revents & (POLLIN | POLLHUP)) {
            char buffer[16384];
            const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
            if (got == 0)
                return fail(ErrorCode::IoFailure, "the job closed the connection", path.string());
            if (got > 0)
                in.append(buffer, size_t(got));
        }
    }
    VITRINE_TRY(Json answer, parseJson(std::string_view(in).substr(0, in.find('\n')), path.string()));
    if (answer.is_object() && answer.value("ok", true) == false) {
        const Json error = answer.value("error", Json::object());
        return fail(ErrorCode::InvalidArgument, error.value("message", "refused"), error.value("where", ""),
                    error.value("hint", ""));
    }
    return answer;
}

}  // namespace vitrine
