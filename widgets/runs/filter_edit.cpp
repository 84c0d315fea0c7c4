#include "widgets/runs/filter_edit.h"

#include "widgets/runs/run_colors.h"

#include <QAbstractItemView>
#include <QCompleter>
#include <QKeyEvent>
#include <QLabel>
#include <QStringListModel>
#include <QTimer>
#include <QVBoxLayout>

namespace vitrine {

constexpr int kDelayMs = 120;

FilterEdit::FilterEdit(QWidget* parent)
    : QWidget(parent),
      edit_(new QLineEdit),
      error_(new QLabel),
      completer_(new QCompleter(this)),
      words_(new QStringListModel(this)),
      delay_(new QTimer(this)) {
    edit_->setObjectName("runFilter");
    edit_->setClearButtonEnabled(true);
    edit_->setPlaceholderText("Filter, e.g.  status = finished and metrics.val/loss < 0.3");
    edit_->setAccessibleName("Filter runs");
    edit_->setToolTip(
        "<p>Shows only the runs that match. A bare word looks in name, kind, notes, id and tags.</p>"
        "<p>Fields: id name kind status device notes error sweep parent tag starred seed created started "
        "ended "
        "duration (seconds), params.KEY, metrics.KEY (newest value)<br>"
        "Operators: = != &lt; &lt;= &gt; &gt;= ~ (contains) !~, combined by <i>and or not ( )</i></p>");
    error_->setObjectName("runFilterError");
    error_->setWordWrap(true);
    error_->hide();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(3);
    layout->addWidget(edit_);
    layout->addWidget(error_);
    setFocusProxy(edit_);

    completer_->setModel(words_);
    completer_->setWidget(edit_);
    completer_->setCaseSensitivity(Qt::CaseInsensitive);
    completer_->setFilterMode(Qt::MatchContains);
    connect(completer_, qOverload<const QString&>(&QCompleter::activated), this, [this](const QString& word) {
        const int start = edit_->cursorPosition() - int(wordBeforeCursor().size());
        QString text = edit_->text();
        text.replace(start, wordBeforeCursor().size(), word + ' ');
        edit_->setText(text);
        edit_->setCursorPosition(start + int(word.size()) + 1);
        delay_->start();
    });
    delay_->setSingleShot(true);
    delay_->setInterval(kDelayMs);
    connect(delay_, &QTimer::timeout, this, [this] { emit filterChanged(edit_->text()); });
    connect(edit_, &QLineEdit::textChanged, delay_, qOverload<>(&QTimer::start));
    connect(edit_, &QLineEdit::textEdited, this, &FilterEdit::complete);
    connect(edit_, &QLineEdit::returnPressed, this, [this] {
        delay_->stop();
        emit filterChanged(edit_->text());
    });
    edit_->installEventFilter(this);
}

void FilterEdit::setText(const QString& text) {
    edit_->setText(text);
}

void FilterEdit::setWords(const QStringList& words) {
    words_->setStringList(words);
}

void FilterEdit::setError(const QString& error) {
    error_->setText(error);
    error_->setVisible(!error.isEmpty());
    QPalette colors = palette();
    colors.setColor(QPalette::WindowText, errorColor(palette()));
    error_->setPalette(colors);
    edit_->setStyleSheet(error.isEmpty() ? QString()
                                         : QString("border-color: %1;").arg(errorColor(palette()).name()));
}

QString FilterEdit::error() const {
    return error_->isHidden() ? QString() : error_->text();
}

void FilterEdit::focusLine() {
    edit_->setFocus(Qt::ShortcutFocusReason);
    edit_->selectAll();
}

QString FilterEdit::wordBeforeCursor() const {
    const QString before = edit_->text().left(edit_->cursorPosition());
    int start = int(before.size());
    while (start > 0 && !QStringLiteral(" ()=<>!~\"").contains(before[start - 1]))
        --start;
    return before.mid(start);
}

void FilterEdit::complete() {
    const QString word = wordBeforeCursor();
    completer_->setCompletionPrefix(word);
    const bool exact = completer_->completionCount() == 1 && completer_->currentCompletion() == word;
    if (word.size() < 2 || completer_->completionCount() == 0 || exact) {
        completer_->popup()->hide();
        return;
    }
    completer_->complete();
}

bool FilterEdit::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape &&
        !edit_->text().isEmpty()) {
        edit_->clear();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void FilterEdit::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && error_ && !error_->isHidden()) {
        QPalette colors = palette();
        colors.setColor(QPalette::WindowText, errorColor(palette()));
        error_->setPalette(colors);
    }
}

}  // namespace vitrine
