// What the analysis dock asks for, as plain data: goes to the session and into commands.
#pragma once

#include "core/base/json.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine {

enum class AnalysisKind { Compare, Rank, Neighbors, Knn, ZeroShot, Pattern };

struct AnalysisSettings {
    AnalysisKind kind = AnalysisKind::Compare;
    std::string modelPath;  // folder; empty: the first model that fits
    std::string
        otherPath;  // Compare: folder of the second; empty: the first one other than the model, or itself
    bool places = true;  // Compare: a sample is a place of a picture; otherwise a whole picture
    int64_t views = 4;   // Rank: augmented views of each picture for LiDAR; 0: without
    int64_t count = 6;   // Neighbors
    std::string labels =
        "folders";        // Knn: classes are the names of the pictures' folders, or of this CSV file
    int64_t voters = 20;  // Knn: neighbours that vote
    std::string classes;  // ZeroShot: separated by commas
    std::string sentence = "a photo of a {}.";  // ZeroShot: {} stands for the class
    int64_t layer = -1;                         // Pattern: hidden state; -1: the final features
    bool operator==(const AnalysisSettings&) const = default;

    Json toJson() const;
    // Unknown or missing fields keep their defaults.
    static AnalysisSettings fromJson(const Json& json);
    // Names of the classes, without blanks around them and without empty ones.
    std::vector<std::string> classNames() const;
};

// Name in the session and in commands ("rank"), what the user reads, and the command that starts it from the
// palette.
struct AnalysisKindName {
    AnalysisKind kind;
    const char* name;
    const char* title;
    const char* tip;
    const char* command;
    const char* summary;
};
const std::vector<AnalysisKindName>& analysisKinds();
const AnalysisKindName& analysisKindName(AnalysisKind kind);

}  // namespace vitrine
