// The layers page's side of the workspace: which plans there are, their layers, spectra and measured speed.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "app/desktop/compress/compress_inspector.h"
#include "widgets/compress/layers_view.h"

namespace vitrine {

// Layers, format, rank and measured speed of a plan; spectra are read by the engine.
LayerResults layerResults(const CompressedRun& run, const std::string& plan);

class LayerDesk : public QObject {
    Q_OBJECT
  public:
    LayerDesk(CompressController* controller, CompressInspector* inspector, LayersView* view,
              QObject* parent = nullptr);

    // NotFound names the plans that there are.
    Result<void> choose(const QString& plan);

  signals:
    void failed(const QString& message);

  private:
    void refresh();
    void show(const CompressedRun& run, const std::string& plan);

    CompressController* controller_;
    CompressInspector* inspector_;
    LayersView* view_;
    QString plan_;
    std::filesystem::path spectraOf_;  // the file whose spectra are shown or asked for
};

}  // namespace vitrine
