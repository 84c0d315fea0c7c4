// Plugins that need LibTorch: loaded once, with the engine.
#pragma once

#include "core/plugins/plugin_manager.h"

namespace vitrine {

// Discovers and loads encoder and upsampler plugins at the first call.
const PluginManager& loadEnginePlugins();

}  // namespace vitrine
