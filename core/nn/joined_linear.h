// Several projections of one input, computed as one matrix product. The parts stay registered under their own
// names; join() lays their weights behind one another in memory, so that nothing is stored twice.
#pragma once

#include "core/nn/layers.h"

#include <memory>
#include <vector>

namespace vitrine::nn {

class JoinedLinear {
  public:
    JoinedLinear() = default;
    explicit JoinedLinear(std::vector<std::shared_ptr<Linear>> parts) : parts_(std::move(parts)) {}

    // Call after weights were loaded; parts without bias get zeros in the joined one.
    void join();
    // x (..., in) -> (..., sum of outs). Falls back to one product per part when gradients are wanted or the
    // parts were given other storage since join() (moved to another device, say).
    at::Tensor forward(const at::Tensor& x) const;

  private:
    bool isJoined() const;
    std::vector<std::shared_ptr<Linear>> parts_;
    at::Tensor weight_, bias_;
};

}  // namespace vitrine::nn
