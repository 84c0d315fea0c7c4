// The application object: times every event that the interface thread handles and logs those that took longer
// than 100 ms with their type and receiver; turns exceptions of libraries inside event handlers into an error
// that the window shows (one of the four edges where exceptions are caught).
#pragma once

#include "core/base/result.h"

#include <QApplication>
#include <QString>
#include <chrono>
#include <vector>

namespace vitrine {

struct Stall {
    QString event;     // "MouseMove"
    QString receiver;  // class and object name
    double milliseconds = 0;
    double computing =
        0;  // of those, what the interface thread itself used of a processor; the rest it waited
};

class Application : public QApplication {
    Q_OBJECT
  public:
    Application(int& argumentCount, char** arguments);

    bool notify(QObject* receiver, QEvent* event) override;

    // Events that took longer than the limit, oldest first; at most the last 200.
    const std::vector<Stall>& stalls() const { return stalls_; }
    void setStallLimit(std::chrono::milliseconds limit) { limit_ = limit; }
    // The event that computed longest since the start or the last reset, whatever the limit.
    const Stall& longestEvent() const { return longest_; }
    void resetLongestEvent() { longest_ = {}; }

  signals:
    void handlerFailed(const QString& message);

  private:
    std::vector<Stall> stalls_;
    Stall longest_;
    std::chrono::milliseconds limit_{100};
    int depth_ = 0;
};

}  // namespace vitrine
