#include "core/models/language/decoder_linear.h"

namespace vitrine {

LinearGroup groupOf(LinearRole role) {
    switch (role) {
        case LinearRole::Query:
        case LinearRole::Key:
        case LinearRole::Value:
            return LinearGroup::QueryKeyValue;
        case LinearRole::Out:
            return LinearGroup::Out;
        case LinearRole::Gate:
        case LinearRole::Up:
            return LinearGroup::GateUp;
        case LinearRole::Down:
            return LinearGroup::Down;
        default:
            return LinearGroup::Replacement;
    }
}

const char* roleName(LinearRole role) {
    switch (role) {
        case LinearRole::Query:
            return "q_proj";
        case LinearRole::Key:
            return "k_proj";
        case LinearRole::Value:
            return "v_proj";
        case LinearRole::Out:
            return "o_proj";
        case LinearRole::Gate:
            return "gate_proj";
        case LinearRole::Up:
            return "up_proj";
        case LinearRole::Down:
            return "down_proj";
        case LinearRole::AttentionLinear:
            return "linear_attn";
        case LinearRole::FeedForwardLinear:
            return "linear_mlp";
    }
    return "";
}

DecoderLinear::DecoderLinear(LinearPlace place, int64_t in, int64_t out, bool bias)
    : nn::Linear(in, out, bias), place_(place) {}

}  // namespace vitrine
