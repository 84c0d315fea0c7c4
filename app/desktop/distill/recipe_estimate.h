// What a recipe would take, asked of the command line (`vitrine run --dry-run`) in a process of its own: it
// loads the teachers and measures a step, which the window must not do. Interface thread only.
#pragma once

#include "core/base/json.h"

#include <QObject>
#include <QProcess>
#include <filesystem>

namespace vitrine {

class RecipeEstimate : public QObject {
    Q_OBJECT
  public:
    explicit RecipeEstimate(QObject* parent = nullptr);
    ~RecipeEstimate() override;

    // Asks; one question at a time (Busy). Then told() or failed().
    Result<void> ask(const std::filesystem::path& project, const Json& recipe);
    void cancel();
    bool isAsking() const { return process_.state() != QProcess::NotRunning; }

  signals:
    void told(const Json& estimate);
    void failed(const QString& message);
    void stateChanged();

  private:
    void finish(bool ended);

    QProcess process_;
    std::filesystem::path file_;
    bool cancelled_ = false;
};

}  // namespace vitrine
