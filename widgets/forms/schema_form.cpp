#include "widgets/forms/schema_form.h"

#include "widgets/base/icons.h"
#include "widgets/base/theme.h"
#include "widgets/forms/schema_form_parts.h"

#include <QScrollArea>
#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

namespace vitrine {

SchemaForm::SchemaForm(QWidget* parent) : QWidget(parent), scroll_(new QScrollArea), general_(new QLabel) {
    general_->setObjectName("formProblem");
    general_->setWordWrap(true);
    general_->hide();
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addWidget(general_);
    layout->addWidget(scroll_, 1);
    connect(&Theme::instance(), &Theme::changed, this, &SchemaForm::refreshRows);
}

SchemaForm::~SchemaForm() = default;

void SchemaForm::setSchema(const Json& schema) {
    schema_ = schema;
    value_ = completeForForm(Json::object(), schema_);
    outside_.clear();
    rebuild();
}

namespace {

// Whether both have lists of objects of the same lengths at the same places: then the same rows fit.
bool sameShape(const Json& schema, const Json& a, const Json& b) {
    if (fieldKindOf(schema) == FieldKind::ObjectList) {
        if (!a.is_array() || !b.is_array() || a.size() != b.size())
            return false;
        for (size_t i = 0; i < a.size(); ++i)
            if (!sameShape(schema["items"], a[i], b[i]))
                return false;
        return true;
    }
    if (!schema.contains("properties"))
        return true;
    if (!a.is_object() || !b.is_object())
        return false;
    for (const auto& [key, property] : schema["properties"].items())
        if (a.contains(key) != b.contains(key) || (a.contains(key) && !sameShape(property, a[key], b[key])))
            return false;
    return true;
}

}  // namespace

void SchemaForm::setValue(const Json& value) {
    const Json complete = completeForForm(value, schema_);
    const bool fits = !rows_.empty() && sameShape(schema_, value_, complete);
    value_ = complete;
    outside_.clear();
    if (!fits)
        return rebuild();
    for (const auto& row : rows_)
        if (value_.contains(row->pointer))
            row->editor->setValue(value_.at(row->pointer));
    check();
}

void SchemaForm::setBaseline(std::optional<Json> baseline) {
    baseline_ = std::move(baseline);
    if (baseline_)
        baseline_ = completeForForm(*baseline_, schema_);
    refreshRows();
}

SchemaForm::Row* SchemaForm::rowAt(const std::string& path) {
    for (const auto& row : rows_)
        if (row->path == path)
            return row.get();
    return nullptr;
}

std::optional<Json> SchemaForm::originalOf(const Row& row) const {
    if (baseline_)
        return baseline_->contains(row.pointer) ? std::optional(baseline_->at(row.pointer)) : std::nullopt;
    return row.schema.contains("default") ? std::optional(row.schema["default"]) : std::nullopt;
}

std::vector<std::pair<std::string, Json>> SchemaForm::changes() const {
    std::vector<std::pair<std::string, Json>> out;
    for (const auto& row : rows_)
        if (const auto original = originalOf(*row);
            original && value_.contains(row->pointer) && value_.at(row->pointer) != *original)
            out.emplace_back(row->path, value_.at(row->pointer));
    return out;
}

void SchemaForm::rowEdited(Row& row) {
    value_[row.pointer] = row.editor->value();
    outside_.erase(row.path);
    check();
    emit edited();
}

void SchemaForm::changeList(const std::string& path, const std::function<void(Json&)>& change) {
    Json& list = value_[pointerOfPath(path)];
    if (!list.is_array())
        list = Json::array();
    change(list);
    // The button that was pressed is among what is made anew.
    QTimer::singleShot(0, this, [this] {
        rebuild();
        emit edited();
    });
}

void SchemaForm::choosePath(const QString& path, const QString& chosen) {
    Row* row = rowAt(path.toStdString());
    if (!row)
        return;
    Json value = chosen.toStdString();
    if (fieldKindOf(row->schema) == FieldKind::TextList) {
        value = row->editor->value();
        if (std::find(value.begin(), value.end(), chosen.toStdString()) == value.end())
            value.push_back(chosen.toStdString());
    }
    row->editor->setValue(value);
    rowEdited(*row);
}

bool SchemaForm::setProblem(const std::string& path, const QString& message) {
    if (!rowAt(path))
        return false;
    outside_[path] = message;
    refreshRows();
    return true;
}

void SchemaForm::setFurtherProblems(std::vector<SchemaProblem> problems) {
    further_ = std::move(problems);
    refreshRows();
}

void SchemaForm::showField(const std::string& path) {
    Row* row = rowAt(path);
    if (!row)
        return;
    row->section->setFolded(false);
    row->editor->field()->setFocus();
    // Once the layout knows where it stands.
    QTimer::singleShot(0, this, [this, path] {
        if (Row* shown = rowAt(path))
            scroll_->ensureWidgetVisible(shown->frame, 0, 60);
    });
}

void SchemaForm::setFilter(const QString& text) {
    filter_ = text.trimmed();
    showRows();
}

void SchemaForm::setOnlyChanged(bool only) {
    onlyChanged_ = only;
    showRows();
}

void SchemaForm::setOnlyLive(bool only) {
    onlyLive_ = only;
    showRows();
}

void SchemaForm::check() {
    problems_ = validateJson(value_, schema_);
    refreshRows();
}

void SchemaForm::refreshRows() {
    std::map<std::string, QString> texts;
    QStringList unplaced;
    std::vector<SchemaProblem> problems = problems_;
    problems.insert(problems.end(), further_.begin(), further_.end());
    for (const SchemaProblem& problem : problems) {
        const std::string path = problem.path.starts_with("$.") ? problem.path.substr(2) : problem.path;
        QString text = QString::fromStdString(problem.message);
        if (!problem.hint.empty())
            text += " (" + QString::fromStdString(problem.hint) + ")";
        // A bad entry of a list is told at the list.
        std::string place = path;
        while (!rowAt(place) && !listProblems_.contains(place) && place.ends_with("]"))
            place = place.substr(0, place.rfind('['));
        if (rowAt(place) || listProblems_.contains(place))
            texts[place] += (texts[place].isEmpty() ? "" : "\n") + text;
        else
            unplaced.append(QString::fromStdString(path) + ": " + text);
    }
    for (const auto& [path, text] : outside_)
        texts[path] += (texts[path].isEmpty() ? "" : "\n") + text;
    for (const auto& row : rows_) {
        const auto original = originalOf(*row);
        row->notUsed = reasonNotUsed(schema_, value_, row->path);
        row->changed = original && value_.contains(row->pointer) && value_.at(row->pointer) != *original;
        row->show(texts[row->path], original);
    }
    for (const auto& [path, label] : listProblems_) {
        QPalette colors = palette();
        colors.setColor(QPalette::WindowText, Theme::instance().colors().bad);
        label->setPalette(colors);
        label->setText(texts[path]);
        label->setVisible(!texts[path].isEmpty());
    }
    general_->setText(unplaced.join('\n'));
    general_->setVisible(!unplaced.isEmpty());
    QPalette colors = palette();
    colors.setColor(QPalette::WindowText, Theme::instance().colors().bad);
    general_->setPalette(colors);
    showRows();
}

void SchemaForm::showRows() {
    for (const auto& section : sections_)
        section->reset();
    for (const auto& row : rows_) {
        const bool used = row->notUsed.isEmpty(), changed = row->changed && used;
        const bool shown = (!onlyLive_ || row->live) && (!onlyChanged_ || changed || row->bad) &&
                           (used || row->bad || !filter_.isEmpty()) && row->matches(filter_);
        row->frame->setVisible(shown);
        row->section->count(shown, changed, row->bad);
        for (QWidget* parent : row->parents)
            if (shown)
                parent->setProperty("used", true);
    }
    const bool narrowed = !filter_.isEmpty() || onlyChanged_ || onlyLive_;
    for (const auto& section : sections_)
        section->showState(narrowed, onlyLive_);
    showNotUsed(narrowed);
}

void SchemaForm::showNotUsed(bool narrowed) {
    for (const auto& section : sections_) {
        std::vector<std::pair<QString, QStringList>> reasons;  // in the order of the rows
        for (const auto& row : rows_) {
            if (row->section != section.get() || row->notUsed.isEmpty() || row->bad)
                continue;
            auto known = std::find_if(reasons.begin(), reasons.end(),
                                      [&](const auto& each) { return each.first == row->notUsed; });
            if (known == reasons.end())
                known = reasons.insert(reasons.end(), {row->notUsed, {}});
            known->second.append(row->label->text());
        }
        QStringList lines;
        for (const auto& [reason, titles] : reasons)
            lines.append(tr("Not used while %1: %2").arg(reason, titles.join(", ")));
        section->notUsed->setText(lines.join('\n'));
        section->notUsed->setVisible(!narrowed && !lines.isEmpty());
    }
}

}  // namespace vitrine
