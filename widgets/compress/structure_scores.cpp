#include "widgets/compress/structure_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace vitrine {

QVector<double> sortedScores(std::vector<double> scores) {
    std::sort(scores.begin(), scores.end(), std::greater<>());
    const double most = scores.empty() || scores[0] <= 0 ? 1 : scores[0];
    QVector<double> out;
    for (const double score : scores)
        out.append(score / most);
    return out;
}

double keptImportance(const std::vector<std::vector<double>>& lists, int kept) {
    double all = 0, stays = 0;
    for (std::vector<double> scores : lists) {
        std::sort(scores.begin(), scores.end(), std::greater<>());
        for (size_t index = 0; index < scores.size(); ++index) {
            all += scores[index];
            stays += int(index) < kept ? scores[index] : 0;
        }
    }
    return all > 0 ? stays / all : 1;
}

std::vector<int> removedBlocks(const std::vector<double>& influence, int kept) {
    std::vector<int> order(influence.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return influence[size_t(a)] < influence[size_t(b)]; });
    order.resize(size_t(std::max(0, int(influence.size()) - kept)));
    return order;
}

double rankAgreement(const std::vector<double>& a, const std::vector<double>& b) {
    double agree = 0, pairsA = 0, pairsB = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        for (size_t j = 0; j < i; ++j) {
            const double x = a[i] - a[j], y = b[i] - b[j];
            agree += double((x > 0) - (x < 0)) * double((y > 0) - (y < 0));
            pairsA += x != 0;
            pairsB += y != 0;
        }
    return pairsA > 0 && pairsB > 0 ? agree / std::sqrt(pairsA * pairsB)
                                    : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace vitrine
