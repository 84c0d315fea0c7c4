// The page that shows a model with parts switched off: what a language model says, what an encoder sees.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "app/desktop/compress/compress_inspector.h"
#include "widgets/compress/what_if_view.h"

namespace vitrine {

// Masks and packed weights of plans for this model.
std::vector<MaskChoice> planMasks(const CompressController::Shown& runs, const QString& model);
std::vector<CompressedChoice> planWeights(const CompressController::Shown& runs, const QString& model);

// The first picture of the runs of this model; empty: none.
QString firstPicture(const CompressController::Shown& runs, const QString& model);

class WhatIfDesk : public QObject {
    Q_OBJECT
  public:
    WhatIfDesk(CompressController* controller, CompressInspector* inspector, WhatIfView* view,
               QObject* parent = nullptr);

    void setModel(const QString& path);
    void setPicture(const QString& path);
    void ask();

  private:
    void refresh();
    void askText(const PartsOff& off);
    void askPicture(const PartsOff& off);

    CompressController* controller_;
    CompressInspector* inspector_;
    WhatIfView* view_;
    QString model_;
};

}  // namespace vitrine
