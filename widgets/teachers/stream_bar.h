// The line above the pages of the Teachers workspace: what was measured, of which stream, and the normaliser
// that everything "after" is shown with.
#pragma once

#include <QStringList>
#include <QWidget>

class QComboBox;
class QLabel;

namespace vitrine {

class StreamBar : public QWidget {
    Q_OBJECT
  public:
    explicit StreamBar(QWidget* parent = nullptr);

    void setCaption(const QString& caption);
    void setStreams(const QStringList& names, int chosen);
    // False where all streams are shown at once.
    void setStreamShown(bool shown);
    void setNormalizers(const QStringList& names, const QString& chosen);

  signals:
    void streamChosen(const QString& name);
    void normalizerChosen(const QString& name);

  private:
    QLabel* caption_;
    QLabel* streamLabel_;
    QComboBox* streams_;
    QComboBox* normalizers_;
};

}  // namespace vitrine
