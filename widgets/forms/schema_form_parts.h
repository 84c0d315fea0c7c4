// The inside of a form: rows and sections. For schema_form*.cpp only.
#pragma once

#include "widgets/forms/schema_form.h"

#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace vitrine {

struct SchemaForm::Section {
    QString title;
    QWidget* frame = nullptr;
    QToolButton* head = nullptr;
    QWidget* body = nullptr;
    QVBoxLayout* rows = nullptr;
    QLabel* notUsed = nullptr;     // what of it does not count now, and why
    std::vector<QWidget*> blocks;  // cards and sub-headings: shown where one of their rows is
    bool folded = false;
    int total = 0, shown = 0, changed = 0, bad = 0;

    void setFolded(bool fold);
    void reset();
    void count(bool isShown, bool isChanged, bool isBad);
    // `narrowed`: only some rows are shown; a folded section opens where it has one. `fixed`: lists cannot
    // grow or shrink.
    void showState(bool narrowed, bool fixed);
};

struct SchemaForm::Row {
    std::string path, key;
    Json::json_pointer pointer;
    Json schema;
    Section* section = nullptr;
    std::vector<QWidget*> parents;
    FieldEditor* editor = nullptr;
    QWidget* frame = nullptr;
    QLabel *label = nullptr, *problem = nullptr;
    QToolButton* back = nullptr;
    bool live = false, changed = false, bad = false;
    QString notUsed;  // why it does not count; empty: it does

    bool matches(const QString& filter) const;
    void show(const QString& problemText, const std::optional<Json>& original);
};

}  // namespace vitrine
