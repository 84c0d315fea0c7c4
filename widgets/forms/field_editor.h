// Editors of single values for forms. An editor never corrects what is typed: it hands on the text as the
// value, and the check of the form says what is wrong with it.
#pragma once

#include "widgets/forms/form_field.h"

#include <QWidget>

namespace vitrine {

class FieldEditor : public QWidget {
    Q_OBJECT
  public:
    using QWidget::QWidget;
    virtual Json value() const = 0;
    // Does not emit edited(). Keeps the place of the text cursor where the text stays.
    virtual void setValue(const Json& value) = 0;
    // The field itself, for focus and for the mark of a problem.
    virtual QWidget* field() = 0;
    void setBad(bool bad);

  signals:
    void edited();
    // The user asks to choose a path; `format`: as in the schema ("model", "pictures", "folder").
    void browseRequested(const QString& format);
};

// For any kind but objects and lists of objects. `name` becomes the object name of the field.
FieldEditor* makeFieldEditor(const Json& schema, const QString& name, QWidget* parent = nullptr);

}  // namespace vitrine
