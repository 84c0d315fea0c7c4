// JSON as text with coloured keys and a strip that says why it cannot be read.
#pragma once

#include "core/base/json.h"

#include <QWidget>

class QLabel;
class QPlainTextEdit;

namespace vitrine {

class JsonEdit : public QWidget {
    Q_OBJECT
  public:
    explicit JsonEdit(QWidget* parent = nullptr);

    // Does not emit edited(). A text that already stands for `json` stays as the user wrote it.
    void setJson(const Json& json);
    QString text() const;
    // Beside what the text itself shows: problems of the content.
    void setNotice(const QString& text);

  signals:
    void edited(const vitrine::Json& json);  // only where the text reads as JSON

  private:
    void textChanged();
    void showStrip();

    QPlainTextEdit* edit_;
    QLabel* strip_;
    QString error_, notice_;
};

}  // namespace vitrine
