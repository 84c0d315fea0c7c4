// What the nearest pictures of each picture say about its class: weighted kNN, leave one out (Wu et al. 2018,
// as in DINO and RADIO), picture by picture. Plain arithmetic on NeighborLists; no LibTorch.
#pragma once

#include "core/engine/analysis.h"

#include <string>
#include <vector>

namespace vitrine {

struct LabelVotes {
    struct Picture {
        std::string path;
        std::string label;    // its own class
        std::string chosen;   // the class that its neighbours name; empty without a labelled neighbour
        double share = 0;     // of the votes, that the chosen class got
        std::string nearest;  // path of the nearest one
        bool isRight() const { return label == chosen; }
    };
    std::vector<Picture> pictures;     // those with a class, in the given order
    std::vector<std::string> classes;  // natural order
    std::vector<int64_t> confusion;    // classes x classes: own class down, chosen class across
    int64_t voters = 0;                // neighbours that voted at most
    bool averaged = false;             // as NeighborLists::averaged
    std::vector<SkippedPicture> skipped;

    int64_t rightCount() const;
    // Share of the largest class: what always naming it would get right.
    double largestShare() const;
    int64_t at(size_t label, size_t chosen) const { return confusion[label * classes.size() + chosen]; }
};

// `lists`: nearest pictures with their labels; `labels`: the class of each of `paths`, "" unknown. A vote
// weighs exp(cosine / temperature); of equally strong classes the one that comes first in `paths` is chosen,
// as Analysis::neighbors does. InvalidArgument if fewer than two pictures have a class.
Result<LabelVotes> votesOf(const NeighborLists& lists, const std::vector<std::string>& paths,
                           const std::vector<std::string>& labels, double temperature);

// picture,class,chosen,share,nearest
std::string csvOf(const LabelVotes& votes);

}  // namespace vitrine
