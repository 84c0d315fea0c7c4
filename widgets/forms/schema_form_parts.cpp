// How a form is built from its schema.
#include "widgets/forms/schema_form_parts.h"

#include "widgets/base/icons.h"
#include "widgets/base/theme.h"

#include <QScrollArea>
#include <QScrollBar>

namespace vitrine {
namespace {

constexpr int kLabelWidth = 112;

QLabel* wrappedLabel(const QString& text, const char* role) {
    auto* label = new QLabel(text);
    label->setWordWrap(true);
    label->setProperty("role", role);
    return label;
}

QToolButton* smallButton(const QString& icon, const QString& tip, const QString& name) {
    auto* button = new QToolButton;
    button->setIcon(themedIcon(icon));
    button->setToolTip(tip);
    button->setObjectName(name);
    button->setAutoRaise(true);
    return button;
}

}  // namespace

void SchemaForm::Section::setFolded(bool fold) {
    folded = fold;
    body->setVisible(!fold);
    head->setArrowType(fold ? Qt::RightArrow : Qt::DownArrow);
}

void SchemaForm::Section::reset() {
    total = shown = changed = bad = 0;
    for (QWidget* block : blocks)
        block->setProperty("used", false);
}

void SchemaForm::Section::count(bool isShown, bool isChanged, bool isBad) {
    ++total;
    shown += isShown;
    changed += isChanged;
    bad += isBad;
}

void SchemaForm::Section::showState(bool narrowed, bool fixed) {
    frame->setVisible(narrowed ? shown > 0 : total > 0 || !blocks.empty());
    for (QWidget* block : blocks) {
        block->setVisible(block->property("used").toBool() ||
                          (!narrowed && block->property("list").toBool()));
        for (auto* button : block->findChildren<QToolButton*>())
            if (button->property("changesList").toBool())
                button->setVisible(!fixed);
    }
    body->setVisible(narrowed || !folded);
    head->setArrowType(narrowed || !folded ? Qt::DownArrow : Qt::RightArrow);
    QString text = title;
    if (bad)
        text += SchemaForm::tr("  ·  %1 wrong").arg(bad);
    else if (changed)
        text += SchemaForm::tr("  ·  %1 changed").arg(changed);
    head->setText(text);
}

bool SchemaForm::Row::matches(const QString& filter) const {
    if (filter.isEmpty())
        return true;
    for (const QString& text : {label->text(), QString::fromStdString(path), frame->toolTip(), section->title,
                                fieldText(editor->value())})
        if (text.contains(filter, Qt::CaseInsensitive))
            return true;
    return false;
}

void SchemaForm::Row::show(const QString& problemText, const std::optional<Json>& original) {
    bad = !problemText.isEmpty();
    const bool used = notUsed.isEmpty();
    const ThemeColors& theme = Theme::instance().colors();
    QPalette colors = frame->palette();
    colors.setColor(QPalette::WindowText, bad ? theme.bad : theme.secondaryText);
    problem->setPalette(colors);
    problem->setText(bad || used ? problemText : SchemaForm::tr("Not used while %1").arg(notUsed));
    problem->setVisible(bad || !used);
    editor->setBad(bad);
    editor->setEnabled(used || bad);
    // The mark of a change: its title in the accent colour, and the way back.
    QPalette labelColors = frame->palette();
    labelColors.setColor(QPalette::WindowText, !used     ? theme.disabledText
                                               : changed ? Theme::instance().accent()
                                                         : theme.text);
    label->setPalette(labelColors);
    QFont font = frame->font();
    font.setBold(changed && used);
    label->setFont(font);
    back->setEnabled(changed);
    back->setIcon(changed ? themedIcon("undo") : QIcon());
    if (original)
        back->setToolTip(
            SchemaForm::tr("Back to %1")
                .arg(fieldText(*original).isEmpty() ? SchemaForm::tr("empty") : fieldText(*original)));
}

SchemaForm::Section& SchemaForm::section(const QString& title) {
    for (const auto& each : sections_)
        if (each->title == title)
            return *each;
    auto made = std::make_unique<Section>();
    Section& out = *made;
    out.title = title;
    out.folded = folded_[title];
    out.frame = new QWidget;
    auto* layout = new QVBoxLayout(out.frame);
    layout->setContentsMargins(0, 0, 0, 4);
    layout->setSpacing(3);
    out.head = new QToolButton;
    out.head->setObjectName("section:" + title);
    out.head->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    out.head->setAutoRaise(true);
    out.head->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    QFont font = out.head->font();
    font.setBold(true);
    out.head->setFont(font);
    out.body = new QWidget;
    out.rows = new QVBoxLayout(out.body);
    out.rows->setContentsMargins(6, 0, 2, 0);
    out.rows->setSpacing(4);
    layout->addWidget(out.head);
    layout->addWidget(out.body);
    connect(out.head, &QToolButton::clicked, this, [this, &out] {
        folded_[out.title] = !out.folded;
        out.setFolded(!out.folded);
    });
    scroll_->widget()->layout()->addWidget(out.frame);
    sections_.push_back(std::move(made));
    return out;
}

void SchemaForm::rebuild() {
    const int place = scroll_->verticalScrollBar()->value();
    rows_.clear();
    listProblems_.clear();
    sections_.clear();
    auto* content = new QWidget;
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 4, 0);
    layout->setSpacing(2);
    scroll_->setWidget(content);  // deletes the former one
    content->setAutoFillBackground(false);
    scroll_->viewport()->setAutoFillBackground(false);
    for (const auto& [key, property] : schema_["properties"].items()) {
        // A section without rows stays hidden: the values of "settings" have groups of their own.
        Section& home = section(QString::fromStdString(property.value("group", std::string("Settings"))));
        buildRow(key, property, key, home.rows, home, false);
    }
    for (const auto& each : sections_) {
        each->notUsed = wrappedLabel({}, "secondary");
        each->notUsed->setObjectName("notUsed:" + each->title);
        each->rows->addWidget(each->notUsed);
    }
    layout->addStretch(1);
    check();
    scroll_->verticalScrollBar()->setValue(place);
}

void SchemaForm::build(const Json& schema, const std::string& path, QVBoxLayout* into, Section& section,
                       bool live) {
    if (!schema.contains("properties"))
        return;
    for (const auto& [key, property] : schema["properties"].items()) {
        const bool apart = property.contains("group");
        Section& home =
            apart ? this->section(QString::fromStdString(property["group"].get<std::string>())) : section;
        buildRow(key, property, path + "." + key, apart ? home.rows : into, home, live);
    }
}

void SchemaForm::buildRow(const std::string& key, const Json& schema, const std::string& path,
                          QVBoxLayout* into, Section& section, bool live) {
    live = live || schema.value("live", false);
    const FieldKind kind = fieldKindOf(schema);
    if (kind == FieldKind::ObjectList)
        return buildList(schema, path, into, section, live);
    if (kind == FieldKind::Object)
        return build(schema, path, into, section, live);
    const Json::json_pointer pointer = pointerOfPath(path);
    if (!value_.contains(pointer))
        return;
    auto row = std::make_unique<Row>();
    Row* made = row.get();
    made->path = path;
    made->key = key;
    made->pointer = pointer;
    made->schema = schema;
    made->section = &section;
    made->live = live;
    for (QWidget* parent = into->parentWidget(); parent && parent != section.body;
         parent = parent->parentWidget())
        made->parents.push_back(parent);
    made->frame = new QWidget;
    made->frame->setToolTip(fieldTip(key, schema));
    auto* whole = new QVBoxLayout(made->frame);
    whole->setContentsMargins(0, 0, 0, 0);
    whole->setSpacing(1);
    auto* line = new QHBoxLayout;
    line->setSpacing(6);
    made->label = new QLabel(fieldTitle(key, schema));
    made->label->setFixedWidth(kLabelWidth);
    made->label->setWordWrap(true);
    made->editor = makeFieldEditor(schema, QString::fromStdString("field:" + path));
    made->editor->setValue(value_.at(pointer));
    made->label->setBuddy(made->editor->field());
    made->editor->field()->setAccessibleName(made->label->text());
    made->editor->field()->setAccessibleDescription(made->frame->toolTip());
    made->back = smallButton("undo", {}, QString::fromStdString("reset:" + path));
    made->back->setFixedWidth(24);
    made->problem = wrappedLabel({}, "problem");
    made->problem->setObjectName(QString::fromStdString("problem:" + path));
    made->problem->setContentsMargins(kLabelWidth + 6, 0, 0, 0);
    line->addWidget(made->label);
    line->addWidget(made->editor, 1);
    line->addWidget(made->back);
    whole->addLayout(line);
    whole->addWidget(made->problem);
    into->addWidget(made->frame);
    connect(made->editor, &FieldEditor::edited, this, [this, made] { rowEdited(*made); });
    connect(made->editor, &FieldEditor::browseRequested, this, [this, made](const QString& format) {
        emit browseRequested(QString::fromStdString(made->path), format);
    });
    connect(made->back, &QToolButton::clicked, this, [this, made] {
        if (const auto original = originalOf(*made)) {
            made->editor->setValue(*original);
            rowEdited(*made);
        }
    });
    rows_.push_back(std::move(row));
}

void SchemaForm::buildList(const Json& schema, const std::string& path, QVBoxLayout* into, Section& section,
                           bool live) {
    const QString title = fieldTitle(path, schema);
    const Json& items = schema["items"];
    const Json list = value_.contains(pointerOfPath(path)) ? value_.at(pointerOfPath(path)) : Json::array();
    for (size_t i = 0; i < list.size(); ++i) {
        auto* card = new QFrame;
        card->setObjectName("formCard");
        card->setFrameShape(QFrame::StyledPanel);
        auto* rows = new QVBoxLayout(card);
        rows->setContentsMargins(8, 4, 4, 6);
        rows->setSpacing(4);
        auto* head = new QHBoxLayout;
        head->addWidget(wrappedLabel(QStringLiteral("%1 %2").arg(title).arg(i + 1), "section"), 1);
        auto* copy = smallButton("copy", tr("Another one like this"),
                                 QString::fromStdString(fmt::format("copy:{}[{}]", path, i)));
        auto* remove =
            smallButton("close", tr("Remove"), QString::fromStdString(fmt::format("remove:{}[{}]", path, i)));
        for (QToolButton* button : {copy, remove}) {
            button->setProperty("changesList", true);
            head->addWidget(button);
        }
        rows->addLayout(head);
        into->addWidget(card);
        section.blocks.push_back(card);
        connect(copy, &QToolButton::clicked, this,
                [this, path, i] { changeList(path, [i](Json& all) { all.push_back(Json(all[i])); }); });
        connect(remove, &QToolButton::clicked, this, [this, path, i] {
            changeList(path, [i](Json& all) { all.erase(all.begin() + std::ptrdiff_t(i)); });
        });
        build(items, fmt::format("{}[{}]", path, i), rows, section, live);
    }
    auto* add = new QToolButton;
    add->setObjectName(QString::fromStdString("add:" + path));
    add->setIcon(themedIcon("plus"));
    add->setText(tr("Add to: %1").arg(title));
    add->setToolTip(fieldTip(path, schema));
    add->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    add->setAutoRaise(true);
    auto* problem = wrappedLabel({}, "problem");
    problem->setObjectName(QString::fromStdString("problem:" + path));
    problem->hide();
    listProblems_[path] = problem;
    auto* line = new QWidget;
    auto* lineLayout = new QHBoxLayout(line);
    lineLayout->setContentsMargins(0, 0, 0, 0);
    lineLayout->addWidget(add);
    lineLayout->addWidget(problem, 1);
    line->setProperty("list", true);
    add->setProperty("changesList", true);
    section.blocks.push_back(line);
    into->addWidget(line);
    connect(add, &QToolButton::clicked, this,
            [this, path, items] { changeList(path, [&](Json& all) { all.push_back(freshEntry(items)); }); });
}

}  // namespace vitrine
