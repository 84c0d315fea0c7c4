// What made a viewport's picture, in words.
#pragma once

#include <QString>

namespace vitrine {

class InspectController;

// A page for the inspector dock.
QString provenanceHtml(const InspectController& controller, int panel);
// The shell command that makes the panel's map again from the files; empty where the command line cannot (no
// map, a locked basis, attention of the class token).
QString provenanceCommand(const InspectController& controller, int panel);
// One line for figures: model, hash, layer, resolution, upsampler, picture, code version.
QString provenanceLine(const InspectController& controller, int panel);

}  // namespace vitrine
