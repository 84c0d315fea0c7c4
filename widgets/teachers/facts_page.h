// A page of the Teachers workspace about one stream of features: a line of facts with controls beside it, and
// below them views side by side, or a message why there is nothing to show.
#pragma once

#include <QWidget>

class QHBoxLayout;
class QLabel;
class QStackedWidget;

namespace vitrine {

class FactsPage : public QWidget {
    Q_OBJECT
  public:
    // Nothing is shown but a message.
    bool isEmpty() const;
    // Other content is on its way: what is shown stays until then.
    void showWaiting();
    // Why there is nothing to show. The controls can still be used.
    void setMessage(const QString& message);

  signals:
    // A context menu is wanted, at a place of the screen.
    void menuRequested(QPoint at);

  protected:
    // `name` names the page and its labels: "error" gives errorView, errorFacts and errorMessage.
    explicit FactsPage(const QString& name, QWidget* parent = nullptr);

    void addControl(QWidget* control);
    void addView(QWidget* view);
    void setFacts(const QString& facts);
    void showContent();
    // A message takes the place of what is shown: its data can go.
    virtual void dropContent() = 0;

  private:
    QLabel* facts_;
    QLabel* message_;
    QStackedWidget* pages_;
    QHBoxLayout *controls_, *content_;
};

}  // namespace vitrine
