// The control socket of a running job: a Unix domain socket (mode 0600; the peer must be the same user or
// root) that takes one JSON object a line and answers with one. Lines over 64 KiB, garbage and clients that
// neither send nor read are cut off without disturbing the job or other clients.
#pragma once

#include "core/base/json.h"
#include "core/runs/project.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace vitrine {

// Where the socket of a run lies: in its folder, or, where that path is too long for a socket (107 bytes), in
// $XDG_RUNTIME_DIR/vitrine, else /tmp/vitrine-UID.
std::filesystem::path controlSocketPath(const Project& project, const std::string& runId);

class ControlServer {
  public:
    // Called on the server's own thread.
    using Handler = std::function<Json(const Json& request)>;

    // Listens at `path`, replacing a socket that a dead process left there.
    static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& path, Handler handler);
    virtual ~ControlServer() = default;  // stops the thread and removes the socket
};

// Sends one request and waits for the answer. Errors: NotFound if nothing listens there; Busy if no answer
// came in time; the job's own refusal (InvalidArgument).
Result<Json> sendControl(const std::filesystem::path& path, const Json& request, double timeoutSeconds = 5);

}  // namespace vitrine
