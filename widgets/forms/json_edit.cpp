#include "widgets/forms/json_edit.h"

#include "widgets/base/theme.h"

#include <QFontDatabase>
#include <QLabel>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QSignalBlocker>
#include <QSyntaxHighlighter>
#include <QVBoxLayout>

namespace vitrine {
namespace {

class JsonColors : public QSyntaxHighlighter {
  public:
    using QSyntaxHighlighter::QSyntaxHighlighter;

  protected:
    void highlightBlock(const QString& line) override {
        static const QRegularExpression word(
            R"re(("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\b[0-9][0-9.eE+-]*)re");
        const ThemeColors& colors = Theme::instance().colors();
        for (auto found = word.globalMatch(line); found.hasNext();) {
            const auto match = found.next();
            const bool key = !match.captured(2).isEmpty(), text = !match.captured(1).isEmpty();
            setFormat(int(match.capturedStart()),
                      int(text ? match.capturedLength(1) : match.capturedLength()),
                      key    ? colors.accent
                      : text ? colors.good
                             : colors.warning);
        }
    }
};

}  // namespace

JsonEdit::JsonEdit(QWidget* parent) : QWidget(parent), edit_(new QPlainTextEdit), strip_(new QLabel) {
    edit_->setObjectName("recipeJson");
    edit_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    edit_->setLineWrapMode(QPlainTextEdit::NoWrap);
    edit_->setAccessibleName(tr("Recipe as JSON"));
    strip_->setObjectName("recipeJsonProblem");
    strip_->setWordWrap(true);
    strip_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(3);
    layout->addWidget(edit_, 1);
    layout->addWidget(strip_);
    auto* colors = new JsonColors(edit_->document());
    connect(&Theme::instance(), &Theme::changed, colors, &QSyntaxHighlighter::rehighlight);
    connect(&Theme::instance(), &Theme::changed, this, &JsonEdit::showStrip);
    connect(edit_, &QPlainTextEdit::textChanged, this, &JsonEdit::textChanged);
    showStrip();
}

QString JsonEdit::text() const {
    return edit_->toPlainText();
}

void JsonEdit::setJson(const Json& json) {
    const auto now = parseJson(edit_->toPlainText().toStdString(), "recipe");
    error_.clear();
    if (!now || *now != json) {
        const QSignalBlocker blocked(edit_);
        edit_->setPlainText(QString::fromStdString(json.dump(2, ' ', false, Json::error_handler_t::replace)));
    }
    showStrip();
}

void JsonEdit::setNotice(const QString& text) {
    notice_ = text;
    showStrip();
}

void JsonEdit::textChanged() {
    const auto read = parseJson(edit_->toPlainText().toStdString(), "the text");
    error_ = read ? QString() : QString::fromStdString(read.error().text());
    showStrip();
    if (read)
        emit edited(*read);
}

void JsonEdit::showStrip() {
    strip_->setText(error_.isEmpty() ? notice_ : error_);
    strip_->setVisible(!strip_->text().isEmpty());
    QPalette colors = palette();
    colors.setColor(QPalette::WindowText, Theme::instance().colors().bad);
    strip_->setPalette(colors);
}

}  // namespace vitrine
