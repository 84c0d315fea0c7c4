// One source for the plugins that the manager is tested with; each is compiled with one of the definitions
// below.
#include "core/plugins/plugin_api.h"
#include "core/plugins/point_cloud_reader.h"

#include <cstdlib>
#include <stdexcept>

#ifdef WITHOUT_SYMBOLS
extern "C" int somethingElse() {
    return 0;
}
#else
extern "C" int vitrinePluginApiVersion() {
#ifdef OLD_VERSION
    return vitrine::kPluginApiVersion + 1;
#else
    return vitrine::kPluginApiVersion;
#endif
}

extern "C" void vitrineRegisterPlugin(vitrine::PluginHost& host) {
#ifdef THROWS
    throw std::runtime_error("no scanner attached");
#elif defined(ENDS)
    std::_Exit(42);
#else
    host.addPointCloudReader({"test reader", {".test"}, nullptr, nullptr});
#endif
}
#endif
