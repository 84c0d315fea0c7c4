#include "widgets/runs/run_colors.h"

namespace vitrine {

QColor seriesColor(int index, const QPalette& palette) {
    // After Okabe and Ito (2008), with four more hues of equal weight.
    static const QColor dark[] = {"#56b4e9", "#e69f00", "#2fbf8f", "#f0e442", "#ff8a5b",
                                  "#d58fc0", "#8ea6ff", "#b5d56a", "#ff7b93", "#9fd8d8"};
    static const QColor light[] = {"#0072b2", "#b87a00", "#00805f", "#8a7d00", "#c94f00",
                                   "#a8518a", "#4456c7", "#5d7d11", "#c3304d", "#2f7f86"};
    const bool isDark = isDarkPalette(palette);
    const QColor color = isDark ? dark[index % 10] : light[index % 10];
    return index / 10 % 2 == 0 ? color : isDark ? color.darker(150) : color.lighter(145);
}

QColor statusColor(RunStatus status, const QPalette& palette) {
    const bool dark = isDarkPalette(palette);
    switch (status) {
        case RunStatus::Running:
            return dark ? QColor("#56b4e9") : QColor("#0072b2");
        case RunStatus::Finished:
            return dark ? QColor("#4cc38a") : QColor("#18794e");
        case RunStatus::Failed:
            return errorColor(palette);
        case RunStatus::Paused:
        case RunStatus::Interrupted:
            return dark ? QColor("#f0b429") : QColor("#946800");
        default:
            return secondaryColor(palette);
    }
}

QColor errorColor(const QPalette& palette) {
    return isDarkPalette(palette) ? QColor("#ff6369") : QColor("#cd2b31");
}

QColor differenceColor(const QPalette& palette) {
    return isDarkPalette(palette) ? QColor(240, 180, 41, 38) : QColor(240, 180, 41, 64);
}

QColor secondaryColor(const QPalette& palette) {
    return palette.color(QPalette::PlaceholderText);
}

}  // namespace vitrine
