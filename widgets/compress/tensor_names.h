// What the names of tensors tell about them.
#pragma once

#include <QStringList>

namespace vitrine {

// Embeddings and positions: looked up or added, not multiplied.
bool isLookedUp(const QString& tensor);
// The first matrix of a block, which plans prune; else the first that is not looked up; 0 if there is none.
int firstPrunable(const QStringList& tensors);

}  // namespace vitrine
