// Line for the filter language of the run table: completes fields and keys while typing, shows why a filter
// cannot be used under the line, and offers earlier filters.
#pragma once

#include <QLineEdit>
#include <QStringList>

class QCompleter;
class QLabel;
class QStringListModel;
class QTimer;

namespace vitrine {

class FilterEdit : public QWidget {
    Q_OBJECT
  public:
    explicit FilterEdit(QWidget* parent = nullptr);

    QString text() const { return edit_->text(); }
    void setText(const QString& text);
    // Fields and keys to complete.
    void setWords(const QStringList& words);
    // "": fine. Anything else is shown; the table keeps the last filter that worked.
    void setError(const QString& error);
    QString error() const;
    void focusLine();

  signals:
    // A moment after the last key, or at once on Return.
    void filterChanged(const QString& text);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void complete();
    QString wordBeforeCursor() const;

    QLineEdit* edit_;
    QLabel* error_;
    QCompleter* completer_;
    QStringListModel* words_;
    QTimer* delay_;
};

}  // namespace vitrine
