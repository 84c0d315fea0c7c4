// The convolutional encoders of JAFAR, over a whole map or over strips of its rows: a map as large as the
// picture and `width` deep is large (512 MB of 1024 pixels a side), and so is every step's copy of it.
#pragma once

#include "core/nn/layers.h"

#include <array>
#include <memory>
#include <vector>

namespace vitrine::featsharp {

inline constexpr int64_t kJafarGroups = 8;
inline constexpr double kJafarNormEpsilon = 1e-5;

// A map (B, C, H, W) as strips of its rows, from the top. One strip is the whole map.
using Strips = std::vector<at::Tensor>;

// Mean and variance within the groups of a map that comes in strips.
class GroupMoments {
  public:
    void add(const at::Tensor& strip);
    at::Tensor mean() const;  // (B, groups), float64
    at::Tensor rate() const;  // 1 / sqrt(variance + ε), likewise

  private:
    at::Tensor sum_, squareSum_;  // of x; of x² + ε
    int64_t pixels_ = 0;
};

class JafarBlock;

// A convolution (reflected borders, no bias) and two residual blocks of 1x1 convolutions.
class JafarEncoder : public torch::nn::Module {
  public:
    // By block, of its two norms.
    using Moments = std::array<std::array<GroupMoments, 2>, 2>;

    JafarEncoder(int64_t in, int64_t width, int64_t kernel);
    ~JafarEncoder() override;
    at::Tensor forward(const at::Tensor& x) const;

    // The same in steps. The map with the borders that the convolution needs.
    at::Tensor bordered(const at::Tensor& x) const;
    // The convolution: rows [first, first + count) of the result.
    at::Tensor start(const at::Tensor& bordered, int64_t first, int64_t count) const;
    // The blocks, in place. Several strips share the norms' statistics, which cost one more pass over each
    // norm's input and are known to no gradient. One strip takes the plain way and leaves the moments empty.
    Moments finish(Strips& strips) const;
    // The blocks once more for one of several strips.
    at::Tensor again(const at::Tensor& started, const Moments& moments) const;

  private:
    int64_t border_;
    std::shared_ptr<nn::Conv2d> first_;
    std::array<std::shared_ptr<JafarBlock>, 2> blocks_;
};

}  // namespace vitrine::featsharp
