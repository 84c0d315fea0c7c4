// The pages that let models speak: two models side by side, and one with parts switched off.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "app/desktop/compress/compress_inspector.h"
#include "widgets/compress/what_if_view.h"
#include "widgets/compress/write_view.h"

namespace vitrine {

// The dense model of the shown runs (or the open one), and every plan whose model was kept.
std::vector<WriterChoice> writerChoices(const CompressController::Shown& runs, const QString& model);
// The same file or folder, however it is written.
bool isSamePath(const QString& a, const QString& b);
// Masks and packed weights of plans for this model.
std::vector<MaskChoice> planMasks(const CompressController::Shown& runs, const QString& model);
std::vector<CompressedChoice> planWeights(const CompressController::Shown& runs, const QString& model);

class WriteDesk : public QObject {
    Q_OBJECT
  public:
    WriteDesk(CompressController* controller, CompressInspector* inspector, WriteView* view,
              QObject* parent = nullptr);

    void setModel(const QString& path);
    Result<void> write();
    void stop();

  private:
    void refresh();
    void ask(int side);
    void show(int side, const Written& written);
    void compare();

    CompressController* controller_;
    CompressInspector* inspector_;
    WriteView* view_;
    QString model_;
    std::array<Written, 2> written_;
    std::array<bool, 2> done_{};
};

class WhatIfDesk : public QObject {
    Q_OBJECT
  public:
    WhatIfDesk(CompressController* controller, CompressInspector* inspector, WhatIfView* view,
               QObject* parent = nullptr);

    void setModel(const QString& path);
    void ask();

  private:
    void refresh();

    CompressController* controller_;
    CompressInspector* inspector_;
    WhatIfView* view_;
    QString model_;
};

}  // namespace vitrine
