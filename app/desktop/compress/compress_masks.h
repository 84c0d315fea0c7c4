// The mask viewer's side of the workspace: which model and masks there are, asking the engine for what is
// chosen.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "app/desktop/compress/compress_inspector.h"
#include "widgets/compress/mask_panel.h"

namespace vitrine {

class MaskDesk : public QObject {
    Q_OBJECT
  public:
    MaskDesk(CompressController* controller, CompressInspector* inspector, MaskPanel* panel,
             QObject* parent = nullptr);

    // The model that is open; masks of runs of this model can be laid over it.
    void setModel(const QString& path);
    const QString& model() const { return model_; }
    // Masks as they were at steps of a run that learns them, of `model`.
    void setFrames(std::vector<MaskChoice> frames, const QString& model);
    // Empty fields stay as they are. NotFound names the tensors or masks that there are.
    Result<void> choose(const QString& tensor, const QString& mask, const QString& other,
                        const QString& colors);
    Result<void> save(const std::filesystem::path& file) const;

  signals:
    void failed(const QString& message);

  private:
    void readTensors();
    void refreshMasks();
    void ask();

    CompressController* controller_;
    CompressInspector* inspector_;
    MaskPanel* panel_;
    QString model_;
    QString wantedTensor_;  // asked for before the names were known
    MaskRequest asked_;
    std::vector<MaskChoice> frames_;
    QString framesOf_;
};

}  // namespace vitrine
