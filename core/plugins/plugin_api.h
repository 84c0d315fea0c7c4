// What a plugin sees of its host. A plugin is a folder with plugin.json and one shared library that exports
// two functions:
//
//   extern "C" int vitrinePluginApiVersion() { return vitrine::kPluginApiVersion; }
//   extern "C" void vitrineRegisterPlugin(vitrine::PluginHost& host) { host.addModelFamily(...); }
//
// Built-ins register through the same host. Bump kPluginApiVersion whenever this file or a type named here
// changes.
#pragma once

namespace vitrine {

inline constexpr int kPluginApiVersion = 3;

struct ModelFamily;       // core/models/model.h: kind "encoder"
struct FeatureUpsampler;  // core/features/upsampler_registry.h: kind "upsampler"
struct PointCloudReader;  // core/plugins/point_cloud_reader.h: kind "reader"

class PluginHost {
  public:
    virtual ~PluginHost() = default;
    virtual void addModelFamily(const ModelFamily& family) = 0;
    virtual void addUpsampler(const FeatureUpsampler& upsampler) = 0;
    virtual void addPointCloudReader(const PointCloudReader& reader) = 0;
};

}  // namespace vitrine
