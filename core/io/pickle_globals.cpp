#include "core/io/pickle.h"

#include <algorithm>
#include <array>

namespace vitrine {
namespace {

// Callables whose calls are kept as data, and names that are data themselves.
constexpr std::array kCallables = {
    "collections OrderedDict",
    "torch Size",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_parameter_with_state",
    "torch._tensor _rebuild_from_type_v2",
    "torch._utils _rebuild_qtensor",
    "torch._utils _rebuild_sparse_tensor",
    "torch._utils _rebuild_meta_tensor_no_storage",
    "torch._utils _rebuild_device_tensor_from_numpy",
    "torch device",
    "torch.serialization _get_layout",
    "builtins set",
    "__builtin__ set",
};
constexpr std::array kNames = {
    "torch Tensor",
    "torch.nn.parameter Parameter",
    "torch.nn.parameter Buffer",
    "torch per_tensor_affine",
    "torch per_channel_affine",
    "torch per_channel_affine_float_qparams",
    "torch per_tensor_symmetric",
    "torch per_channel_symmetric",
    "torch strided",
    "torch sparse_coo",
};
constexpr std::array kTypes = {"float32", "float64", "float16", "bfloat16",  "float8_e4m3fn", "float8_e5m2",
                               "int8",    "int16",   "int32",   "int64",     "uint8",         "uint16",
                               "uint32",  "uint64",  "bool",    "complex64", "complex128",    "qint8",
                               "quint8",  "qint32",  "float",   "double",    "half",          "long",
                               "int",     "short"};

}  // namespace

bool isCallableGlobal(const std::string& global) {
    return std::find(kCallables.begin(), kCallables.end(), global) != kCallables.end();
}

bool isAllowedGlobal(const std::string& global) {
    if (isCallableGlobal(global) || std::find(kNames.begin(), kNames.end(), global) != kNames.end())
        return true;
    const size_t space = global.find(' ');
    const std::string_view module = std::string_view(global).substr(0, space);
    const std::string_view name = std::string_view(global).substr(space + 1);
    if (module == "torch" && std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end())
        return true;
    const bool storageModule = module == "torch" || module == "torch.storage" || module == "torch.cuda";
    return storageModule && name.ends_with("Storage") && name.find('.') == std::string_view::npos;
}

}  // namespace vitrine
