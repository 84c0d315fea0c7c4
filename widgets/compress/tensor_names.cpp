#include "widgets/compress/tensor_names.h"

#include <QRegularExpression>

namespace vitrine {

bool isLookedUp(const QString& tensor) {
    for (const char* part :
         {"embed", "tok_", "token_embd", "wte", "wpe", "position", "pos_", "cls_token", "mask_token"})
        if (tensor.contains(QLatin1String(part)))
            return true;
    return false;
}

int firstPrunable(const QStringList& tensors) {
    static const QRegularExpression inBlock(QStringLiteral("(^|\\.)(blocks|layers?|h)\\.\\d+\\."));
    int other = -1;
    for (int index = 0; index < int(tensors.size()); ++index) {
        const QString& name = tensors[index];
        if (isLookedUp(name))
            continue;
        if (inBlock.match(name).hasMatch() && !name.contains(QLatin1String("adaptors.")))
            return index;
        if (other < 0)
            other = index;
    }
    return std::max(0, other);
}

}  // namespace vitrine
