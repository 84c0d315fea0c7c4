// Makes the maps of InspectEngine::render from cached features.
#pragma once

#include "core/engine/implicit_fits.h"
#include "core/engine/map_enlarger.h"
#include "core/features/pca.h"

namespace vitrine {

// Bases that were locked, by name.
using LockedBases = std::map<std::string, PcaBasis>;

class MapMaker {
  public:
    MapMaker(ModelStore& models, PictureEncoder& pictures, LockedBases& bases, int64_t tapsBytes)
        : models_(models),
          pictures_(pictures),
          bases_(bases),
          fitted_(int64_t(16) << 20),
          enlarger_(pictures, tapsBytes) {}

    Result<MapResult> make(const MapRequest& request, JobContext& job);
    void setLimit(int64_t bytes) { enlarger_.setLimit(bytes); }

  private:
    // Scalar values on a grid, before they are enlarged.
    struct Scalars {
        at::Tensor values;  // (h, w)
        std::string unit;
        ImageTransform transform;
        std::vector<RankedPatch> ranked;
    };

    // The place of the grid that a probe points at; InvalidArgument where the model saw nothing of it.
    struct Cell {
        int64_t row, column;
    };
    static Result<Cell> cellOf(const FeatureMap& map, const Probe& probe);

    Result<MapResult> makeNow(MapRequest request, JobContext& job);
    Result<MapResult> picture(const MapRequest& request);
    Result<MapResult> modelInput(const MapRequest& request, const StoredModel& model);
    Result<MapResult> colors(const MapRequest& request, const StoredModel& model);
    Result<MapResult> scalars(const MapRequest& request, const StoredModel& model);
    Result<Scalars> valuesOf(const MapRequest& request, const StoredModel& model);

    Result<Scalars> similarity(const MapRequest& request, const StoredModel& model);
    Result<Scalars> attention(const MapRequest& request, const StoredModel& model);
    Result<Scalars> disagreement(const MapRequest& request, const StoredModel& model);
    Result<Scalars> textHeat(const MapRequest& request, const StoredModel& model);
    Result<const PcaBasis*> basisFor(const MapRequest& request, const FeatureMap& map);
    // Colours of the three components, enlarged as asked.
    Result<at::Tensor> pcaPicture(const MapRequest& request, const StoredModel& model, const FeatureMap& map);
    Result<at::Tensor> clusterColors(const MapRequest& request, const FeatureMap& map);
    Result<at::Tensor> correspondenceColors(const MapRequest& request, const StoredModel& model,
                                            const FeatureMap& map);

    // Enlarged to the picture's size as asked; the time that it takes is added up.
    Result<at::Tensor> enlarge(const MapRequest& request, const StoredModel& model, const at::Tensor& map,
                               const ImageTransform& transform);
    // Fits the upsampler that the request names to its picture, whose fit then is the request's upsampler.
    // The model as it is found after that: maps that are made meanwhile may load it anew.
    Result<const StoredModel*> beginFit(MapRequest& request, const StoredModel* model);
    // The source with the file of the fit where its upsampler is one that is fitted to the picture; the fit
    // is made if there is none yet, and its time is added up.
    Result<FeatureSource> fitted(FeatureSource source, const StoredModel& model);
    // Features of a source; a trained upsampler's time is added up.
    Result<EncodedPicture> featuresOf(const StoredModel& model, const FeatureSource& source);

    ModelStore& models_;
    PictureEncoder& pictures_;
    LockedBases& bases_;
    ByteCache<PcaBasis> fitted_;
    MapEnlarger enlarger_;
    // Of the map being made. A fit lets other maps be made meanwhile: each has its own.
    struct Work {
        JobContext* job = nullptr;
        std::string fitName;  // upsampler that is fitted to each picture; empty: another one
        Json fit;             // report of the shown picture's
        bool encodedNow = false;
        double upsamplingSeconds = 0;
    };
    Work work_;
    std::map<std::string, KeptFit> fits_;  // by picture as stamped, model, framing and name
};

}  // namespace vitrine
