// Reads a RadioConfig from its JSON and from the stored shapes, section by section: what all blocks are
// (radio_block_config.cpp), and everything in front of them and after them (radio_config.cpp).
#pragma once

#include "core/models/radio/radio_config.h"

namespace vitrine {

class RadioConfigReader {
  public:
    RadioConfigReader(const Json& json, const TensorSource& source, const RadioLayout& layout);
    Result<RadioConfig> read();

  private:
    const TensorInfo* stored(const std::string& name) const { return layout_.find(source_, name); }
    bool has(const std::string& name) const { return stored(name) != nullptr; }
    int64_t dimension(const std::string& name, size_t index) const;
    static Failure contradiction(const std::string& where, const std::string& what, int64_t configured,
                                 int64_t stored);

    Result<void> readSizes();
    Result<void> readBlock();
    Result<void> readBlockSizes();
    int64_t hiddenOf(const std::string& block) const;
    void readLayerScale();
    Result<void> readPatchGenerator();
    Result<void> readPositionMode();
    Result<void> readLibraryTokens();
    Result<void> readPublishedTokens();
    Result<void> readResolution();
    Result<void> readWindowing();
    Result<void> readNormalizers();
    Result<void> readTokenReduction();
    Result<void> checkSummaryIndices();

    const Json& json_;
    const TensorSource& source_;
    const RadioLayout& layout_;
    const Json& args_;
    const Json& kwargs_;
    bool library_;  // the form of the later library, not the published one
    RadioConfig config_;
};

}  // namespace vitrine
