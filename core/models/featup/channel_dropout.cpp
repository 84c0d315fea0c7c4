#include "core/models/featup/channel_dropout.h"

namespace vitrine::featup {

at::Tensor withoutChannels(const at::Tensor& map, double share, const at::Generator* random) {
    if (!random)
        return map;
    const at::Tensor draw = at::rand({map.size(0), map.size(1), 1, 1}, *random, at::TensorOptions());
    return map * (draw.ge(share).to(map.options()) / (1 - share));
}

}  // namespace vitrine::featup
