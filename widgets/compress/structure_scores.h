// How much the structures of a model matter, and what is read from their scores.
#pragma once

#include <QString>
#include <QVector>
#include <map>
#include <vector>

namespace vitrine {

// Larger scores matter more.
struct StructureScores {
    std::vector<double> channels;
    std::vector<std::vector<double>> neurons, heads;  // by layer; empty: it has none
    std::map<QString, std::vector<double>> blocks,
        parts;                                       // by metric; parts: 2i attention, 2i+1 feed-forward
    std::vector<double> streamNorms;                 // in front of each block and at the end
    std::vector<std::vector<double>> streamCosines;  // between those streams
};

// Scores of a list, the largest first, as parts of the largest.
QVector<double> sortedScores(std::vector<double> scores);
// Part of the sum of scores that the `kept` largest have, over all lists together; 1 of none.
double keptImportance(const std::vector<std::vector<double>>& lists, int kept);
// Blocks that go if `kept` stay by a metric, the least important first.
std::vector<int> removedBlocks(const std::vector<double>& influence, int kept);
// Kendall's τ-b of two metrics; NaN of constant ones.
double rankAgreement(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace vitrine
