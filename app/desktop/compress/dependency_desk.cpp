#include "app/desktop/compress/dependency_desk.h"

#include "core/io/language_files.h"

#include <QFileInfo>

namespace vitrine {

DependencyDesk::DependencyDesk(CompressInspector* inspector, DependencyView* view, QObject* parent)
    : QObject(parent), inspector_(inspector), view_(view) {
    connect(view_, &DependencyView::edited, this, &DependencyDesk::ask);
}

void DependencyDesk::setModel(const QString& path) {
    model_ = path;
    view_->setModel(QFileInfo(path).fileName(), isLanguageModelPath(path.toStdString()));
    ask();
}

void DependencyDesk::ask() {
    if (model_.isEmpty())
        return;
    StructureQuestion question{model_.toStdString(), view_->kind(), view_->layer(), view_->number()};
    inspector_->ask<DependencyGroup>(
        "dependencies",
        [question](CompressEngine& engine, JobContext&) { return engine.dependencies(question); },
        [this](Result<DependencyGroup> group) {
            group ? view_->setGroup(*group) : view_->setProblem(QString::fromStdString(group.error().text()));
        });
}

}  // namespace vitrine
