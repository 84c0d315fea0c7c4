// A group of processes that train one model together, over LibTorch's c10d (Gloo). Every process calls the
// same operations in the same order; each blocks until all have.
//
//   VITRINE_TRY(const auto place, worldPlaceFromEnvironment());
//   VITRINE_TRY(const auto world, World::join(*place));
//   VITRINE_TRY_VOID(world->average(gradients));
#pragma once

#include "core/base/result.h"
#include "core/runs/world_place.h"

#include <ATen/ATen.h>

#include <map>
#include <memory>

namespace vitrine {

class World {
  public:
    // Waits until all processes are there. Errors: IoFailure after five minutes, with the address.
    static Result<std::unique_ptr<World>> join(const WorldPlace& place);
    ~World();

    int rank() const;
    int size() const;
    bool isFirst() const { return rank() == 0; }

    // An error of any operation is IoFailure: another process ended or the network broke; the group is then
    // useless.

    // Replaces each tensor by its mean over the processes, bit for bit the same on all. Equal shapes and
    // types (floating point) everywhere; they travel as one buffer.
    Result<void> average(const std::vector<at::Tensor>& tensors);
    // Replaces `tensors` and `text` by those of the first process; the others need not know names or shapes.
    Result<void> share(std::map<std::string, at::Tensor>& tensors);
    Result<void> share(std::string& text);

  private:
    struct Group;
    explicit World(std::unique_ptr<Group> group);
    std::unique_ptr<Group> group_;
};

}  // namespace vitrine
