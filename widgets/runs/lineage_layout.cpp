#include "widgets/runs/lineage_layout.h"

#include <algorithm>
#include <functional>
#include <set>

namespace vitrine {
namespace {

class Builder {
  public:
    explicit Builder(const std::map<std::string, std::string>& names) : names_(names) {}

    int node(const std::string& kind, const std::string& reference, const std::string& label) {
        const std::string key = kind + ":" + reference;
        const auto [found, fresh] = index_.try_emplace(key, int(graph.nodes.size()));
        if (fresh) {
            const auto name = names_.find(reference);
            const std::string text = kind == "run" && name != names_.end() ? name->second
                                     : !label.empty()                      ? label
                                                                           : reference.substr(0, 16);
            graph.nodes.push_back({key, kind, reference, text, 0, 0});
        }
        return found->second;
    }

    void link(int from, int to) {
        if (from != to && links_.insert({from, to}).second)
            graph.links.push_back({from, to});
    }

    LineageGraph graph;

  private:
    const std::map<std::string, std::string>& names_;
    std::map<std::string, int> index_;
    std::set<std::pair<int, int>> links_;
};

// Longest way from a source; an edge back into a node that is being visited is not followed.
void setLayers(LineageGraph& graph) {
    std::vector<std::vector<int>> before(graph.nodes.size());
    for (const LineageLink& link : graph.links)
        before[link.to].push_back(link.from);
    std::vector<int> state(graph.nodes.size(), 0);
    const std::function<int(int)> layer = [&](int node) {
        if (state[node] == 2)
            return graph.nodes[node].layer;
        state[node] = 1;
        int deepest = 0;
        for (const int source : before[node])
            if (state[source] != 1)
                deepest = std::max(deepest, layer(source) + 1);
        state[node] = 2;
        return graph.nodes[node].layer = deepest;
    };
    for (int node = 0; node < int(graph.nodes.size()); ++node)
        layer(node);
}

void setRows(LineageGraph& graph) {
    std::map<int, std::vector<int>> layers;
    for (int node = 0; node < int(graph.nodes.size()); ++node)
        layers[graph.nodes[node].layer].push_back(node);
    const auto spread = [&](std::vector<int>& nodes) {
        for (int i = 0; i < int(nodes.size()); ++i)
            graph.nodes[nodes[i]].row = i - (double(nodes.size()) - 1) / 2;
    };
    for (auto& [layer, nodes] : layers)
        spread(nodes);
    std::vector<std::vector<int>> neighbours(graph.nodes.size());
    for (const LineageLink& link : graph.links) {
        neighbours[link.from].push_back(link.to);
        neighbours[link.to].push_back(link.from);
    }
    for (int sweep = 0; sweep < 4; ++sweep)
        for (auto& [layer, nodes] : layers) {
            std::map<int, double> centre;
            for (const int node : nodes) {
                double sum = 0;
                for (const int other : neighbours[node])
                    sum += graph.nodes[other].row;
                centre[node] =
                    neighbours[node].empty() ? graph.nodes[node].row : sum / double(neighbours[node].size());
            }
            std::stable_sort(nodes.begin(), nodes.end(), [&](int a, int b) { return centre[a] < centre[b]; });
            spread(nodes);
        }
}

}  // namespace

LineageGraph layoutLineage(const std::vector<LineageEdge>& edges, const std::string& focusRun,
                           const std::map<std::string, std::string>& runNames) {
    Builder builder(runNames);
    builder.node("run", focusRun, {});
    for (const LineageEdge& edge : edges) {
        const int run = builder.node("run", edge.run, {});
        const int other = builder.node(edge.kind, edge.reference, edge.label);
        edge.direction == "output" ? builder.link(run, other) : builder.link(other, run);
    }
    setLayers(builder.graph);
    setRows(builder.graph);
    return std::move(builder.graph);
}

}  // namespace vitrine
