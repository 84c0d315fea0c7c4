#include "widgets/runs/sql_console.h"

#include "core/base/file.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSplitter>
#include <QTableView>

namespace vitrine {
namespace {

constexpr int kMaxHistory = 100;

const QList<SavedQuery>& examples() {
    static const QList<SavedQuery> list{
        {"Runs by status",
         "SELECT status, count(*) AS runs, avg(ended - started) AS mean_seconds\nFROM runs WHERE "
         "deleted_at IS NULL GROUP BY status ORDER BY runs DESC"},
        {"Newest value of every metric",
         "SELECT r.id, r.name, k.name AS metric, s.last_step, s.last_value\nFROM series s JOIN runs r ON "
         "r.number = "
         "s.run JOIN keys k ON k.id = s.key\nORDER BY r.created DESC, metric"},
        {"Largest stored files",
         "SELECT r.name AS run, a.name AS file, a.bytes / 1e6 AS megabytes\nFROM artifacts a "
         "JOIN runs r ON r.number = a.run ORDER BY a.bytes DESC LIMIT 100"},
        {"Tables", "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"}};
    return list;
}

}  // namespace

SqlConsole::SqlConsole(QWidget* parent)
    : QWidget(parent),
      editor_(new QPlainTextEdit),
      queries_(new QComboBox),
      run_(new QPushButton("Run")),
      export_(new QPushButton("Export CSV…")),
      status_(new QLabel),
      table_(new QTableView),
      model_(new SqlTableModel(this)) {
    editor_->setObjectName("sqlEditor");
    editor_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    editor_->setPlaceholderText("SELECT name, status FROM runs");
    editor_->setToolTip(
        "One SQL statement that reads (SQLite). Ctrl+Return runs it, Ctrl+Up and Ctrl+Down go through "
        "earlier ones.");
    editor_->setAccessibleName("SQL");
    editor_->setTabChangesFocus(true);
    editor_->installEventFilter(this);
    run_->setToolTip("Run the query  (Ctrl+Return)");
    export_->setToolTip("Save every row of the result");
    export_->setEnabled(false);
    queries_->setToolTip("Saved and earlier queries");
    queries_->setMinimumWidth(220);
    run_->setObjectName("sqlRun");
    status_->setObjectName("sqlStatus");
    status_->setWordWrap(true);
    status_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* save = new QPushButton("Save…");
    save->setToolTip("Keep this query under a name in the project");
    auto* remove = new QPushButton("Forget");
    remove->setToolTip("Remove the chosen saved query");
    auto* tools = new QHBoxLayout;
    for (QWidget* widget : {static_cast<QWidget*>(run_), static_cast<QWidget*>(queries_),
                            static_cast<QWidget*>(save), static_cast<QWidget*>(remove)})
        tools->addWidget(widget);
    tools->addWidget(status_, 1);
    tools->addWidget(export_);
    table_->setModel(model_);
    table_->setAccessibleName("Result");
    table_->setTabKeyNavigation(false);
    table_->setWordWrap(false);
    table_->setAlternatingRowColors(true);
    table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table_->verticalHeader()->setDefaultSectionSize(24);
    table_->horizontalHeader()->setDefaultSectionSize(140);
    table_->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    table_->setSortingEnabled(true);
    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(editor_);
    splitter->addWidget(table_);
    splitter->setSizes({110, 300});
    splitter->setStretchFactor(1, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->addLayout(tools);
    layout->addWidget(splitter, 1);
    connect(run_, &QPushButton::clicked, this, [this] { running_ ? emit stopRequested() : run(); });
    connect(export_, &QPushButton::clicked, this, &SqlConsole::exportCsv);
    connect(save, &QPushButton::clicked, this, &SqlConsole::saveQuery);
    connect(remove, &QPushButton::clicked, this, &SqlConsole::removeQuery);
    connect(queries_, &QComboBox::activated, this, [this](int index) {
        if (queries_->itemData(index).isValid())
            setSql(queries_->itemData(index).toString());
    });
    fillQueries();
}

void SqlConsole::setSql(const QString& sql) {
    editor_->setPlainText(sql);
}

QString SqlConsole::sql() const {
    return editor_->toPlainText();
}

void SqlConsole::run() {
    const QString text = sql().trimmed();
    if (text.isEmpty() || running_)
        return;
    history_.removeAll(text);
    history_.prepend(text);
    while (history_.size() > kMaxHistory)
        history_.removeLast();
    position_ = -1;
    fillQueries();
    setRunning(true);
    status_->setText("Running…");
    emit runRequested(text);
}

void SqlConsole::setRunning(bool running) {
    running_ = running;
    run_->setText(running ? "Stop" : "Run");
}

void SqlConsole::setResult(SqlTable table) {
    status_->setText(QString("%1 rows%2 in %3 ms")
                         .arg(table.rows.size())
                         .arg(table.truncated ? " (more were left out)" : "")
                         .arg(table.seconds * 1000, 0, 'f', table.seconds < 0.1 ? 1 : 0));
    table_->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    model_->setTable(std::move(table));
    export_->setEnabled(true);
    setRunning(false);
}

void SqlConsole::setError(const QString& error) {
    status_->setText(error);
    setRunning(false);
}

void SqlConsole::setSaved(const QList<SavedQuery>& queries) {
    saved_ = queries;
    fillQueries();
}

void SqlConsole::setHistory(const QStringList& history) {
    history_ = history;
    fillQueries();
}

void SqlConsole::fillQueries() {
    queries_->clear();
    queries_->addItem("Queries");
    for (const SavedQuery& query : saved_)
        queries_->addItem(QString("★ ") + query.name, query.sql);
    for (const SavedQuery& query : examples())
        queries_->addItem(query.name, query.sql);
    for (const QString& sql : history_.mid(0, 15))
        queries_->addItem(QString("↺ ") + sql.simplified().left(70), sql);
}

void SqlConsole::saveQuery() {
    if (sql().trimmed().isEmpty())
        return;
    bool accepted = false;
    const QString name =
        QInputDialog::getText(this, "Save query", "Name", QLineEdit::Normal, {}, &accepted).trimmed();
    if (!accepted || name.isEmpty())
        return;
    saved_.removeIf([&](const SavedQuery& query) { return query.name == name; });
    saved_.append({name, sql().trimmed()});
    fillQueries();
    emit savedChanged();
}

void SqlConsole::removeQuery() {
    const QString chosen = queries_->currentText();
    if (saved_.removeIf([&](const SavedQuery& query) { return QString("★ ") + query.name == chosen; })) {
        fillQueries();
        emit savedChanged();
    }
}

void SqlConsole::exportCsv() {
    const QString path = QFileDialog::getSaveFileName(this, "Export result", "result.csv", "CSV (*.csv)");
    if (path.isEmpty())
        return;
    const auto written = writeFileAtomically(path.toStdString(), model_->toCsv().toStdString());
    written ? status_->setText("Saved " + path) : emit failed(QString::fromStdString(written.error().text()));
}

void SqlConsole::step(int direction) {
    const int next = position_ + direction;
    if (next < -1 || next >= history_.size())
        return;
    if (position_ < 0)
        draft_ = sql();
    position_ = next;
    setSql(position_ < 0 ? draft_ : history_[position_]);
}

bool SqlConsole::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        auto* key = static_cast<QKeyEvent*>(event);
        if (key->modifiers() & Qt::ControlModifier) {
            if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter)
                return run_->isEnabled() ? run(), true : true;
            if (key->key() == Qt::Key_Up || key->key() == Qt::Key_Down)
                return step(key->key() == Qt::Key_Up ? 1 : -1), true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

}  // namespace vitrine
