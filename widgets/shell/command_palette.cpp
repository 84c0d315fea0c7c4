#include "widgets/shell/command_palette.h"

#include "widgets/base/fuzzy_match.h"
#include "widgets/base/icons.h"
#include "widgets/shell/command_center.h"

#include <QGraphicsDropShadowEffect>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QProcess>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

std::vector<PaletteEntry> searchCommands(CommandCenter& commands, const QString& query) {
    std::vector<PaletteEntry> entries;
    for (const auto& [name, spec] : commands.registry().specs()) {
        const QString title = QString::fromStdString(spec.summary);
        const auto byTitle = fuzzyMatch(query, title);
        const auto byName = fuzzyMatch(query, QString::fromStdString(name));
        if (!byTitle && !byName)
            continue;
        const int score = std::max(byTitle ? byTitle->score + 4 : INT_MIN, byName ? byName->score : INT_MIN);
        entries.push_back({name, title, commands.shortcut(name).toString(QKeySequence::NativeText), score});
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const PaletteEntry& a, const PaletteEntry& b) { return a.score > b.score; });
    return entries;
}

Result<Json> parseArguments(const QString& text) {
    Json arguments = Json::object();
    for (const QString& part : QProcess::splitCommand(QString(text).replace('\'', '"'))) {
        const qsizetype equals = part.indexOf('=');
        if (equals <= 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("'{}' is not of the form key=value", part.toStdString()));
        const std::string value = part.mid(equals + 1).toStdString();
        Json parsed = Json::parse(value, nullptr, false);
        arguments[part.left(equals).toStdString()] = parsed.is_discarded() ? Json(value) : parsed;
    }
    return arguments;
}

CommandPalette::CommandPalette(CommandCenter* commands, QWidget* window)
    : QFrame(window), commands_(commands), edit_(new QLineEdit), list_(new QListWidget), hint_(new QLabel) {
    setObjectName("commandPalette");
    setStyleSheet(
        "QFrame#commandPalette { background: palette(window); border: 1px solid palette(mid); "
        "border-radius: 9px; } QListWidget { border: none; }");
    edit_->setObjectName("paletteEdit");
    edit_->setMinimumHeight(32);
    list_->setObjectName("paletteList");
    list_->setIconSize({16, 16});
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    hint_->setProperty("role", "secondary");
    hint_->setWordWrap(true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 10, 10, 10);
    layout->addWidget(edit_);
    layout->addWidget(list_);
    layout->addWidget(hint_);
    edit_->installEventFilter(this);
    window->installEventFilter(this);
    connect(edit_, &QLineEdit::textChanged, this, &CommandPalette::refresh);
    connect(list_, &QListWidget::itemClicked, this, &CommandPalette::accept);
    hide();
}

void CommandPalette::open() {
    pending_.clear();
    edit_->clear();
    edit_->setPlaceholderText(tr("Search commands"));
    refresh();
    const QSize area = parentWidget()->size();
    const int width = std::min(620, area.width() - 60), height = std::min(430, area.height() - 120);
    setGeometry((area.width() - width) / 2, 72, width, height);
    show();
    raise();
    edit_->setFocus();
}

void CommandPalette::refresh() {
    list_->setVisible(pending_.empty());
    if (!pending_.empty())
        return;
    hint_->setText(tr("↑ ↓ choose    Enter run    Esc close"));
    list_->clear();
    for (const PaletteEntry& entry : searchCommands(*commands_, edit_->text())) {
        const CommandSpec* spec = commands_->registry().find(entry.name);
        const bool inWindow = spec && spec->home == CommandHome::Window;
        auto* item =
            new QListWidgetItem(themedIcon(inWindow ? commands_->iconOf(entry.name) : "play"), QString());
        item->setData(Qt::UserRole, QString::fromStdString(entry.name));
        item->setToolTip(QString::fromStdString(entry.name));
        item->setSizeHint({0, 30});
        list_->addItem(item);
        auto* row = new QWidget;
        row->setAttribute(Qt::WA_TransparentForMouseEvents);
        auto* line = new QHBoxLayout(row);
        line->setContentsMargins(30, 0, 10, 0);
        line->addWidget(new QLabel(entry.title), 1);
        auto* keys = new QLabel(inWindow ? entry.shortcut : QString::fromStdString("vitrine " + entry.name));
        keys->setProperty("role", "secondary");
        line->addWidget(keys);
        list_->setItemWidget(item, row);
    }
    list_->setCurrentRow(0);
}

void CommandPalette::chooseArguments(const std::string& name) {
    pending_ = name;
    const CommandSpec* spec = commands_->registry().find(name);
    QStringList known;
    const Json properties = spec->arguments.value("properties", Json::object());
    for (const auto& [key, schema] : properties.items())
        known.append(QStringLiteral("%1=  %2").arg(QString::fromStdString(key),
                                                   QString::fromStdString(schema.value("description", ""))));
    edit_->clear();
    edit_->setPlaceholderText(QString::fromStdString(name) + tr("  key=value …"));
    hint_->setText(known.join('\n'));
    refresh();
}

void CommandPalette::accept() {
    if (!pending_.empty()) {
        const auto arguments = parseArguments(edit_->text());
        if (!arguments)
            return hint_->setText(QString::fromStdString(arguments.error().text()));
        hide();
        commands_->run(pending_, *arguments);
        return;
    }
    const QListWidgetItem* item = list_->currentItem();
    if (!item)
        return;
    const std::string name = item->data(Qt::UserRole).toString().toStdString();
    const CommandSpec* spec = commands_->registry().find(name);
    const bool needsArguments = spec->arguments.contains("required") && !spec->arguments["required"].empty();
    if (needsArguments ||
        (spec->home != CommandHome::Window && !spec->arguments.value("properties", Json::object()).empty()))
        return chooseArguments(name);
    hide();
    commands_->run(name);
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
    if (watched == edit_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const int row = list_->currentRow(), count = list_->count();
        switch (key->key()) {
            case Qt::Key_Down:
                list_->setCurrentRow(std::min(row + 1, count - 1));
                return true;
            case Qt::Key_Up:
                list_->setCurrentRow(std::max(row - 1, 0));
                return true;
            case Qt::Key_Return:
            case Qt::Key_Enter:
                accept();
                return true;
            case Qt::Key_Escape:
                hide();
                return true;
            default:
                break;
        }
    }
    if (watched == edit_ && event->type() == QEvent::FocusOut)
        hide();
    return QFrame::eventFilter(watched, event);
}

}  // namespace vitrine
