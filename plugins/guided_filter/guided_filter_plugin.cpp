#include "core/features/upsampler_registry.h"
#include "core/plugins/plugin_api.h"
#include "plugins/guided_filter/guided_filter.h"

extern "C" int vitrinePluginApiVersion() {
    return vitrine::kPluginApiVersion;
}

extern "C" void vitrineRegisterPlugin(vitrine::PluginHost& host) {
    host.addUpsampler({"guided filter", "bicubic, then He et al.'s guided filter on the picture's colours",
                       [](const at::Tensor& features, const at::Tensor& guidance) {
                           return vitrine::guided::upsample(features, guidance);
                       },
                       true});
}
