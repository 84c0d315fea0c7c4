#include "core/distributed/world.h"

#include "core/base/check.h"
#include "core/base/json.h"

#include <ATen/Parallel.h>
// The wheel's Gloo back end is there, its own headers are not: see gloo_declarations/README.
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>

namespace vitrine {
namespace {

constexpr auto kJoinPatience = std::chrono::minutes(5);
// A process that is lost is noticed by its connection; the others may be paused for as long as a user likes.
constexpr auto kPatience = std::chrono::hours(24 * 7);

// First line, without the place in LibTorch's source.
std::string reasonOf(const std::exception& exception) {
    std::string reason = exception.what();
    reason = reason.substr(0, reason.find('\n'));
    if (const size_t place = reason.find("] "); reason.starts_with("[/") && place != std::string::npos)
        reason.erase(0, place + 2);
    return reason;
}

Error lost(const std::exception& exception, const WorldPlace& place) {
    return {ErrorCode::IoFailure,
            fmt::format("another of the {} processes was lost ({})", place.size, reasonOf(exception)),
            fmt::format("process {}", place.rank),
            "Its own messages say why it ended; start all of them again with --resume"};
}

bool isLoopback(const std::string& address) {
    return address == "localhost" || address.starts_with("127.");
}

}  // namespace

struct World::Group {
    WorldPlace place;
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;

    Result<void> wait(const c10::intrusive_ptr<c10d::Work>& work) {
        work->wait();
        return {};
    }
    Result<void> broadcast(at::Tensor tensor) {
        try {
            std::vector<at::Tensor> list{std::move(tensor)};
            return wait(gloo->broadcast(list));
        } catch (const std::exception& exception) {
            return fail(lost(exception, place));
        }
    }
};

World::World(std::unique_ptr<Group> group) : group_(std::move(group)) {}
World::~World() = default;

Result<std::unique_ptr<World>> World::join(const WorldPlace& place) {
    auto group = std::make_unique<Group>();
    group->place = place;
    try {
        c10d::TCPStoreOptions options;
        options.port = place.port;
        options.isServer = place.rank == 0 && !place.launcherServes;
        options.timeout = kJoinPatience;
        if (!place.launcherServes)
            options.numWorkers = size_t(place.size);
        group->store = c10::make_intrusive<c10d::PrefixStore>(
            "vitrine/" + place.attempt, c10::make_intrusive<c10d::TCPStore>(place.address, options));
        auto settings = c10d::ProcessGroupGloo::Options::create(kPatience);
        settings->devices.push_back(isLoopback(place.address)
                                        ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                        : c10d::ProcessGroupGloo::createDefaultDevice());
        group->gloo =
            c10::make_intrusive<c10d::ProcessGroupGloo>(group->store, place.rank, place.size, settings);
    } catch (const std::exception& exception) {
        return fail(ErrorCode::IoFailure,
                    fmt::format("the {} processes did not meet ({})", place.size, reasonOf(exception)),
                    fmt::format("process {} at {}:{}", place.rank, place.address, place.port),
                    "Are all of them started, and does every machine reach that address?");
    }
    return std::unique_ptr<World>(new World(std::move(group)));
}

int World::rank() const {
    return group_->place.rank;
}
int World::size() const {
    return group_->place.size;
}

Result<void> World::average(const std::vector<at::Tensor>& tensors) {
    const at::NoGradGuard noGrad;
    if (tensors.empty())
        return {};
    std::vector<at::Tensor> flat;
    flat.reserve(tensors.size());
    for (const at::Tensor& tensor : tensors)
        flat.push_back(tensor.reshape({-1}).to(at::kCPU, at::kFloat));
    std::vector<at::Tensor> buffer{at::cat(flat)};
    try {
        VITRINE_TRY_VOID(group_->wait(group_->gloo->allreduce(buffer)));
    } catch (const std::exception& exception) {
        return fail(lost(exception, group_->place));
    }
    buffer[0].div_(double(size()));
    int64_t offset = 0;
    for (const at::Tensor& tensor : tensors) {
        at::Tensor(tensor).copy_(buffer[0].narrow(0, offset, tensor.numel()).view(tensor.sizes()));
        offset += tensor.numel();
    }
    return {};
}

Result<void> World::share(std::string& text) {
    at::Tensor length = at::tensor({int64_t(text.size())}, at::kLong);
    VITRINE_TRY_VOID(group_->broadcast(length));
    text.resize(size_t(length.item<int64_t>()));
    if (text.empty())
        return {};
    return group_->broadcast(at::from_blob(text.data(), {int64_t(text.size())}, at::kByte));
}

Result<void> World::share(std::map<std::string, at::Tensor>& tensors) {
    const at::NoGradGuard noGrad;
    Json list = Json::array();
    if (isFirst())
        for (const auto& [name, tensor] : tensors)
            list.push_back(
                {{"name", name}, {"shape", tensor.sizes().vec()}, {"type", int(tensor.scalar_type())}});
    std::string text = list.dump();
    VITRINE_TRY_VOID(share(text));
    VITRINE_TRY(list, parseJson(text, "message of the first process"));
    std::map<std::string, at::Tensor> received;
    for (const Json& entry : list) {
        const std::string name = entry["name"];
        at::Tensor tensor = isFirst() ? tensors.at(name).detach().to(at::kCPU).contiguous()
                                      : at::empty(entry["shape"].get<std::vector<int64_t>>(),
                                                  at::ScalarType(entry["type"].get<int>()));
        // As bytes: Gloo does not know every type.
        if (tensor.numel() > 0)
            VITRINE_TRY_VOID(
                group_->broadcast(at::from_blob(tensor.data_ptr(), {int64_t(tensor.nbytes())}, at::kByte)));
        received[name] = tensor;
    }
    if (!isFirst())
        tensors = std::move(received);
    return {};
}

}  // namespace vitrine
