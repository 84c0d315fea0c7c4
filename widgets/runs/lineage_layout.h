// Places the graph of what a run was made from and what was made from it: layers from left to right by the
// longest way from a source, rows ordered so that few edges cross (barycentres; Sugiyama, Tagawa, Toda 1981).
#pragma once

#include "core/runs/run_store.h"

#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct LineageNode {
    std::string key;   // "run:ID" or "artifact:SHA"
    std::string kind;  // "run", "artifact", "model", "dataset"
    std::string reference;
    std::string label;
    int layer = 0;
    double row = 0;  // position within its layer, in node heights; layers are centred on 0
};

struct LineageLink {
    int from = 0, to = 0;  // indices of nodes
};

struct LineageGraph {
    std::vector<LineageNode> nodes;
    std::vector<LineageLink> links;
};

// `runNames`: labels of runs by id; others show their id. Cycles are cut where they close.
LineageGraph layoutLineage(const std::vector<LineageEdge>& edges, const std::string& focusRun,
                           const std::map<std::string, std::string>& runNames);

}  // namespace vitrine
