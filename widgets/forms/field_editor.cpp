#include "widgets/forms/field_editor.h"

#include "widgets/base/icons.h"
#include "widgets/base/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDragEnterEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QSignalBlocker>
#include <QToolButton>
#include <QUrl>
#include <cmath>

namespace vitrine {
namespace {

QHBoxLayout* rowOf(QWidget* widget) {
    auto* row = new QHBoxLayout(widget);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(4);
    return row;
}

QToolButton* browseButton(FieldEditor* editor, const QString& format) {
    auto* button = new QToolButton;
    button->setIcon(themedIcon(format == "pictures" ? "plus" : "folder"));
    button->setToolTip(format == "pictures" ? FieldEditor::tr("Add pictures or a folder of pictures")
                       : format == "model"  ? FieldEditor::tr("Choose a model folder")
                                            : FieldEditor::tr("Choose a folder"));
    QObject::connect(button, &QToolButton::clicked, editor,
                     [editor, format] { emit editor->browseRequested(format); });
    return button;
}

// Numbers, texts and lists of numbers in one line. Arrow keys step whole numbers by one and others by a
// tenth of their size.
class LineEditor : public FieldEditor {
  public:
    LineEditor(const Json& schema, const QString& name, QWidget* parent)
        : FieldEditor(parent), kind_(fieldKindOf(schema)), edit_(new QLineEdit) {
        edit_->setObjectName(name);
        edit_->installEventFilter(this);
        auto* row = rowOf(this);
        row->addWidget(edit_, 1);
        if (schema.contains("unit")) {
            auto* unit = new QLabel(QString::fromStdString(schema["unit"].get<std::string>()));
            unit->setProperty("role", "secondary");
            row->addWidget(unit);
        }
        if (schema.contains("format"))
            row->addWidget(browseButton(this, QString::fromStdString(schema["format"].get<std::string>())));
        if (schema.contains("const"))
            edit_->setReadOnly(true);
        connect(edit_, &QLineEdit::textEdited, this, &FieldEditor::edited);
    }

    Json value() const override { return fieldValue(edit_->text(), kind_); }
    void setValue(const Json& value) override {
        if (this->value() != value)
            edit_->setText(fieldText(value));
    }
    QWidget* field() override { return edit_; }

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override {
        if (event->type() == QEvent::KeyPress &&
            (kind_ == FieldKind::Integer || kind_ == FieldKind::Number)) {
            const int key = static_cast<QKeyEvent*>(event)->key();
            if (key == Qt::Key_Up || key == Qt::Key_Down) {
                step(key == Qt::Key_Up ? 1 : -1);
                return true;
            }
        }
        return FieldEditor::eventFilter(watched, event);
    }

  private:
    void step(int direction) {
        const Json now = value();
        if (!now.is_number())
            return;
        Json next;
        if (kind_ == FieldKind::Integer) {
            next = now.get<int64_t>() + direction;
        } else {
            const double number = now;
            const double unit =
                number == 0 ? 0.1 : std::pow(10, std::floor(std::log10(std::abs(number))) - 1);
            // Through text, so that 0.35 and 0.01 make 0.36 and not its nearest double.
            next = QString::number(number + direction * unit, 'g', 6).toDouble();
        }
        edit_->setText(fieldText(next));
        emit edited();
    }

    FieldKind kind_;
    QLineEdit* edit_;
};

class FlagEditor : public FieldEditor {
  public:
    FlagEditor(const QString& name, QWidget* parent) : FieldEditor(parent), box_(new QCheckBox) {
        box_->setObjectName(name);
        rowOf(this)->addWidget(box_, 1);
        connect(box_, &QCheckBox::toggled, this, &FieldEditor::edited);
    }
    Json value() const override { return box_->isChecked(); }
    void setValue(const Json& value) override {
        const QSignalBlocker blocked(box_);
        box_->setChecked(value == true);
    }
    QWidget* field() override { return box_; }

  private:
    QCheckBox* box_;
};

// A list whose wheel scrolls the form, not the choice.
class CalmCombo : public QComboBox {
  protected:
    void wheelEvent(QWheelEvent* event) override { event->ignore(); }
};

class ChoiceEditor : public FieldEditor {
  public:
    ChoiceEditor(const Json& schema, const QString& name, QWidget* parent)
        : FieldEditor(parent), combo_(new CalmCombo) {
        combo_->setObjectName(name);
        combo_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        for (const Json& choice : schema["enum"]) {
            values_.push_back(choice);
            combo_->addItem(fieldText(choice));
        }
        rowOf(this)->addWidget(combo_, 1);
        connect(combo_, &QComboBox::currentIndexChanged, this, &FieldEditor::edited);
    }
    Json value() const override {
        const int index = combo_->currentIndex();
        return index < 0 ? Json() : values_[size_t(index)];
    }
    // What is no choice is shown all the same: the check names it.
    void setValue(const Json& value) override {
        const QSignalBlocker blocked(combo_);
        auto at = std::find(values_.begin(), values_.end(), value);
        if (at == values_.end()) {
            values_.push_back(value);
            combo_->addItem(fieldText(value));
            at = std::prev(values_.end());
        }
        combo_->setCurrentIndex(int(at - values_.begin()));
    }
    QWidget* field() override { return combo_; }

  private:
    QComboBox* combo_;
    std::vector<Json> values_;
};

// Paths and names, one a line; files may be dropped on it.
class LinesEdit : public QPlainTextEdit {
  protected:
    void dragEnterEvent(QDragEnterEvent* event) override {
        event->mimeData()->hasUrls() ? event->acceptProposedAction() : QPlainTextEdit::dragEnterEvent(event);
    }
    void dragMoveEvent(QDragMoveEvent* event) override {
        event->mimeData()->hasUrls() ? event->acceptProposedAction() : QPlainTextEdit::dragMoveEvent(event);
    }
    void insertFromMimeData(const QMimeData* source) override {
        if (!source->hasUrls())
            return QPlainTextEdit::insertFromMimeData(source);
        for (const QUrl& url : source->urls())
            if (url.isLocalFile())
                appendPlainText(url.toLocalFile());
    }
};

class LinesEditor : public FieldEditor {
  public:
    LinesEditor(const Json& schema, const QString& name, QWidget* parent)
        : FieldEditor(parent), edit_(new LinesEdit) {
        edit_->setObjectName(name);
        edit_->setTabChangesFocus(true);
        edit_->setLineWrapMode(QPlainTextEdit::NoWrap);
        edit_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
        auto* row = rowOf(this);
        row->addWidget(edit_, 1);
        if (schema.contains("format"))
            row->addWidget(browseButton(this, QString::fromStdString(schema["format"].get<std::string>())), 0,
                           Qt::AlignTop);
        connect(edit_, &QPlainTextEdit::textChanged, this, [this] {
            fit();
            emit edited();
        });
        fit();
    }
    Json value() const override { return fieldValue(edit_->toPlainText(), FieldKind::TextList); }
    void setValue(const Json& value) override {
        if (this->value() == value)
            return;
        const QSignalBlocker blocked(edit_);
        QStringList lines;
        if (value.is_array())
            for (const Json& each : value)
                lines.append(fieldText(each));
        else
            lines.append(fieldText(value));
        edit_->setPlainText(lines.join('\n'));
        fit();
    }
    QWidget* field() override { return edit_; }

  private:
    void fit() {
        const int lines = std::clamp(edit_->blockCount(), 1, 5);
        edit_->setFixedHeight(edit_->fontMetrics().lineSpacing() * lines + 12);
    }

    LinesEdit* edit_;
};

}  // namespace

void FieldEditor::setBad(bool bad) {
    // Style sheets are slow: only where something changes.
    const QString sheet =
        bad ? QStringLiteral("QLineEdit, QPlainTextEdit, QComboBox, QCheckBox { border: 1px solid %1; }")
                  .arg(Theme::instance().colors().bad.name())
            : QString();
    if (field()->styleSheet() != sheet)
        field()->setStyleSheet(sheet);
}

FieldEditor* makeFieldEditor(const Json& schema, const QString& name, QWidget* parent) {
    switch (fieldKindOf(schema)) {
        case FieldKind::Flag:
            return new FlagEditor(name, parent);
        case FieldKind::Choice:
            return new ChoiceEditor(schema, name, parent);
        case FieldKind::TextList:
            return new LinesEditor(schema, name, parent);
        default:
            return new LineEditor(schema, name, parent);
    }
}

}  // namespace vitrine
