#include "core/engine/engine_plugins.h"

#include "core/base/paths.h"
#include "core/features/upsampler_registry.h"
#include "core/models/model.h"

#include <stdexcept>

namespace vitrine {
namespace {

class EnginePluginHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily& family) override { ModelFamilies::instance().add(family); }
    void addUpsampler(const FeatureUpsampler& upsampler) override {
        UpsamplerRegistry::instance().add(upsampler);
    }
    void addPointCloudReader(const PointCloudReader&) override {
        throw std::invalid_argument("a plugin of kind \"encoder\" or \"upsampler\" must not add readers");
    }
};

}  // namespace

const PluginManager& loadEnginePlugins() {
    static const PluginManager manager = [] {
        PluginManager plugins(userStateFolder() / "plugins.json");
        plugins.discover(PluginManager::searchFolders());
        EnginePluginHost host;
        plugins.load(host, true);
        return plugins;
    }();
    return manager;
}

}  // namespace vitrine
