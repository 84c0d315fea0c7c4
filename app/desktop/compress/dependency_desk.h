// The page that shows what goes with a channel, head or hidden unit of the open model.
#pragma once

#include "app/desktop/compress/compress_inspector.h"
#include "widgets/compress/dependency_view.h"

namespace vitrine {

class DependencyDesk : public QObject {
    Q_OBJECT
  public:
    DependencyDesk(CompressInspector* inspector, DependencyView* view, QObject* parent = nullptr);

    void setModel(const QString& path);
    void ask();

  private:
    CompressInspector* inspector_;
    DependencyView* view_;
    QString model_;
};

}  // namespace vitrine
