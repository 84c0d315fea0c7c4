// The page that lets two models write side by side.
#pragma once

#include "app/desktop/compress/compress_controller.h"
#include "app/desktop/compress/compress_inspector.h"
#include "widgets/compress/write_view.h"

namespace vitrine {

// The dense model of the shown runs (or the open one), and every plan whose model was kept.
std::vector<WriterChoice> writerChoices(const CompressController::Shown& runs, const QString& model);
// The same file or folder, however it is written.
bool isSamePath(const QString& a, const QString& b);

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

}  // namespace vitrine
