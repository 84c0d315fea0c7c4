#include "core/plugins/plugin_api.h"
#include "plugins/point_clouds/readers.h"

extern "C" int vitrinePluginApiVersion() {
    return vitrine::kPluginApiVersion;
}

extern "C" void vitrineRegisterPlugin(vitrine::PluginHost& host) {
    host.addPointCloudReader(vitrine::clouds::kittiReader());
    host.addPointCloudReader(vitrine::clouds::rgbdReader());
    host.addPointCloudReader(vitrine::clouds::plyReader());
    host.addPointCloudReader(vitrine::clouds::pcdReader());
}
