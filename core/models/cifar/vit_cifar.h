// A ViT for 32x32 pictures built of torch's TransformerEncoderLayer (post-norm, ReLU): tensor names
// transformer.layers.N.*, patch_embed.proj, cls_token, pos_embed, mlp_head. Sizes are read from the shapes;
// the head count from config.json
// ("num_attention_heads"), else width / 16.
#pragma once

#include "core/models/model.h"

namespace vitrine {

ModelFamily vitCifarFamily();

}  // namespace vitrine
