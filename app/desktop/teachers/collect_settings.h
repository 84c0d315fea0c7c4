// What statistics are collected of: the form of the Teachers workspace as plain data.
#pragma once

#include "core/base/json.h"

#include <QString>
#include <vector>

namespace vitrine {

// A model, or a picture or folder of pictures, that is offered; `chosen` are those that are used.
struct CollectInput {
    QString path;
    bool chosen = true;
};

struct CollectSettings {
    std::vector<CollectInput> models, pictures;
    QString layers = "-1";   // "-1, 3, 6": hidden states; -1: the final features
    QString adaptors;        // "clip, sam"; "*": all that a model has
    int64_t resolution = 0;  // model pixels of the short side; 0: what each model prefers
    int64_t limit = 0;       // pictures at most; 0: all
    int64_t batch = 8;       // pictures
    bool recursive = false;  // folders below too
    bool exact = false;      // covariance in float64

    // Adds a model or pictures, chosen; one that is there is chosen again.
    void add(const QString& path, bool model);

    Json toJson() const;
    // Keys that are missing or wrong keep the defaults.
    static CollectSettings fromJson(const Json& json);
    // Recipe of the job kind teacher-statistics. InvalidArgument names what is missing.
    Result<Json> recipe() const;
};

// A model folder, or a folder or file of weights of a known small network.
bool looksLikeModel(const QString& path);

}  // namespace vitrine
