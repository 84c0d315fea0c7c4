#include "core/engine/neighbor_votes.h"

#include "core/base/check.h"
#include "core/base/csv.h"
#include "core/io/natural_order.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace vitrine {
namespace {

// The strongest class and its share of the votes. `order`: place of each class's first picture.
LabelVotes::Picture vote(const NeighborLists::Row& row, double temperature,
                         const std::unordered_map<std::string, size_t>& order) {
    std::unordered_map<std::string, double> weights;
    double total = 0;
    for (const Neighbor& neighbor : row.nearest) {
        if (neighbor.label.empty())
            continue;
        const double weight = std::exp((neighbor.cosine - 1) / temperature);
        weights[neighbor.label] += weight;
        total += weight;
    }
    const auto rankOf = [&order](const std::string& label) {
        const auto it = order.find(label);
        return it == order.end() ? std::numeric_limits<size_t>::max() : it->second;
    };
    LabelVotes::Picture result;
    result.path = row.query;
    result.nearest = row.nearest.empty() ? std::string() : row.nearest.front().path;
    double best = -1;
    for (const auto& [label, weight] : weights)
        if (weight > best || (weight == best && rankOf(label) < rankOf(result.chosen))) {
            best = weight;
            result.chosen = label;
        }
    result.share = total > 0 ? best / total : 0;
    return result;
}

}  // namespace

int64_t LabelVotes::rightCount() const {
    return std::count_if(pictures.begin(), pictures.end(),
                         [](const Picture& each) { return each.isRight(); });
}

double LabelVotes::largestShare() const {
    std::unordered_map<std::string, int64_t> counts;
    int64_t most = 0;
    for (const Picture& picture : pictures)
        most = std::max(most, ++counts[picture.label]);
    return pictures.empty() ? 0 : double(most) / double(pictures.size());
}

Result<LabelVotes> votesOf(const NeighborLists& lists, const std::vector<std::string>& paths,
                           const std::vector<std::string>& labels, double temperature) {
    VITRINE_CHECK(paths.size() == labels.size(), "one label for each picture");
    std::unordered_map<std::string, std::string> labelOf;
    std::unordered_map<std::string, size_t> order;
    for (size_t index = 0; index < paths.size(); ++index)
        if (!labels[index].empty()) {
            labelOf.emplace(paths[index], labels[index]);
            order.emplace(labels[index], index);
        }
    LabelVotes votes;
    votes.averaged = lists.averaged;
    votes.skipped = lists.skipped;
    for (const NeighborLists::Row& row : lists.rows) {
        const auto label = labelOf.find(row.query);
        if (label == labelOf.end())
            continue;
        LabelVotes::Picture picture = vote(row, temperature, order);
        picture.label = label->second;
        votes.voters = std::max(votes.voters, int64_t(row.nearest.size()));
        votes.pictures.push_back(std::move(picture));
    }
    if (votes.pictures.size() < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} of {} pictures have a class: two are needed", votes.pictures.size(),
                                paths.size()),
                    "labels", "Put the pictures into one folder for each class, or give a CSV file");
    if (order.size() < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("all {} pictures are of one class, \"{}\": two are needed",
                                votes.pictures.size(), order.begin()->first),
                    "labels", "Open the folder above the classes' folders, or give a CSV file");
    for (const auto& [label, first] : order)
        votes.classes.push_back(label);
    std::sort(votes.classes.begin(), votes.classes.end(),
              [](const std::string& a, const std::string& b) { return naturalLess(a, b); });
    std::unordered_map<std::string, size_t> place;
    for (const std::string& name : votes.classes)
        place.emplace(name, place.size());
    votes.confusion.assign(votes.classes.size() * votes.classes.size(), 0);
    for (const LabelVotes::Picture& picture : votes.pictures)
        if (!picture.chosen.empty())
            ++votes.confusion[place[picture.label] * votes.classes.size() + place[picture.chosen]];
    return votes;
}

std::string csvOf(const LabelVotes& votes) {
    std::string csv = "picture,class,chosen,share,nearest\n";
    for (const LabelVotes::Picture& picture : votes.pictures)
        csv += fmt::format("{},{},{},{:.9g},{}\n", csvField(picture.path), csvField(picture.label),
                           csvField(picture.chosen), picture.share, csvField(picture.nearest));
    return csv;
}

}  // namespace vitrine
