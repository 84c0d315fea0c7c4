// Tables of the claims board.
#pragma once

#include <QStringList>

class QTableWidget;
class QTableWidgetItem;

namespace vitrine {

// Read only, rows are chosen whole; `tips` explain the columns.
QTableWidget* claimTable(const QString& name, const QStringList& header, const QStringList& tips);
// Numbers stand on the right.
QTableWidgetItem* claimCell(const QString& text, bool number = false);

}  // namespace vitrine
