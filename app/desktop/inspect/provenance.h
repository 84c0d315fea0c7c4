// What made a viewport's picture, in words.
#pragma once

#include <QString>

namespace vitrine {

class InspectController;

// A page for the inspector dock.
QString provenanceHtml(const InspectController& controller, int panel);
// One line for figures: model, hash, layer, resolution, upsampler, picture, code version.
QString provenanceLine(const InspectController& controller, int panel);

}  // namespace vitrine
