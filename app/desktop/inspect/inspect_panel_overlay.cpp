// What an InspectPanel tells its overlay: titles, controls, what is under the cursor.
#include "app/desktop/inspect/inspect_panel.h"

#include <QFileInfo>
#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

QString number(double value) {
    return QString::number(value, 'g', 5);
}

constexpr int kFittedComponents = 9;  // of a PCA basis
constexpr int kMostClusters = 24;

// The numbers that this kind of map takes.
std::vector<OverlayNumber> numbersOf(const PanelState& state, const EncoderInfo& info) {
    const auto tr = [](const char* text) { return InspectPanel::tr(text); };
    switch (state.kind) {
        case MapKind::Pca: {
            const int first = int(std::min<int64_t>(state.firstComponent, kFittedComponents - 3));
            return {{"components", tr("components"), 0, kFittedComponents / 3 - 1, first / 3,
                     QStringLiteral("%1–%2").arg(first + 1).arg(first + 3)}};
        }
        case MapKind::Attention:
            if (info.headCount > 1)
                return {{"head", tr("head"), -1, int(info.headCount) - 1, int(state.head),
                         state.head < 0 ? tr("mean") : QString()}};
            return {};
        case MapKind::Channel:
            return {{"channel",
                     tr("channel"),
                     0,
                     int(std::max<int64_t>(info.featureWidth, 1)) - 1,
                     int(state.channel),
                     {}}};
        case MapKind::Clusters:
            return {{"clusters", tr("clusters"), 2, kMostClusters, int(state.clusters), {}}};
        default:
            return {};
    }
}

}  // namespace

std::vector<int> resolutionsOf(const EncoderInfo& info) {
    const int preferred = int(std::min(info.preferredHeight, info.preferredWidth));
    if (info.fixedSize)
        return {preferred};
    const int64_t step = std::max<int64_t>(1, info.sizeMultiple);
    std::vector<int> sizes{preferred};
    for (const int64_t wanted :
         {96, 128, 160, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1536, 2048}) {
        const int64_t size = std::max(step, (wanted + step / 2) / step * step);
        if (info.maxSide == 0 || size <= info.maxSide)
            sizes.push_back(int(size));
    }
    std::sort(sizes.begin(), sizes.end());
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    return sizes;
}

std::vector<std::string> InspectPanel::upsamplerNames() const {
    std::vector<std::string> names = controller_->upsamplersFor(controller_->panel(index_));
    const std::string& used = controller_->panel(index_).upsampler;
    if (std::find(names.begin(), names.end(), used) == names.end())
        names.push_back(used);
    return names;
}

OverlayModel InspectPanel::overlayModel() const {
    const PanelState& state = controller_->panel(index_);
    const PanelContent& content = controller_->content(index_);
    const MapKindName& kind = mapKindName(state.kind);
    OverlayModel model;
    model.title = QStringLiteral("%1  %2").arg(index_ + 1).arg(tr(kind.title));
    if (state.kind == MapKind::Pca)
        model.title += QStringLiteral(" %1–%2").arg(state.firstComponent + 1).arg(state.firstComponent + 3);
    if (state.kind == MapKind::Attention && state.head >= 0)
        model.title += tr(" · head %1").arg(state.head);
    if (state.kind == MapKind::Channel)
        model.title += QStringLiteral(" %1").arg(state.channel);
    model.busy = content.busy;
    model.error = content.error;
    model.hint = content.hint;
    if (const auto image = controller_->image(); image && state.kind == MapKind::Image) {
        static const char* const types[] = {"8 bit", "16 bit", "float"};
        model.subtitle = QStringLiteral("%1×%2 px · %3 · %4 ch")
                             .arg(image->width())
                             .arg(image->height())
                             .arg(types[size_t(image->sampleType())])
                             .arg(image->channels());
        model.hasExposure = image->sampleType() == SampleType::F32;
    }
    if (controller_->isReadingSlowly()) {
        const ImageSize size = controller_->imageSize();
        model.busy = true;
        model.hint.clear();
        model.subtitle = tr("reading %1").arg(QFileInfo(controller_->picture()).fileName());
        if (size.width > 0)
            model.subtitle += tr(" · %1×%2 px").arg(size.width).arg(size.height);
        if (state.kind == MapKind::Image && controller_->preview())
            model.subtitle += tr(" · reduced until then");
    }
    model.exposure = exposure_;
    model.gamma = gamma_;
    const LoadedModel* loaded = controller_->modelOf(state);
    if (kind.needsModel && loaded) {
        model.hasControls = true;
        model.layer = int(state.layer);
        model.layerCount = int(loaded->info.layerCount);
        model.resolutions = resolutionsOf(loaded->info);
        const int wanted = state.resolution > 0
                               ? int(state.resolution)
                               : int(std::min(loaded->info.preferredHeight, loaded->info.preferredWidth));
        const auto nearest =
            std::min_element(model.resolutions.begin(), model.resolutions.end(),
                             [&](int a, int b) { return std::abs(a - wanted) < std::abs(b - wanted); });
        model.resolution = int(nearest - model.resolutions.begin());
        const std::vector<std::string> upsamplers = upsamplerNames();
        for (const std::string& name : upsamplers)
            model.upsamplers.append(upsamplerTitle(name));
        model.upsampler =
            int(std::find(upsamplers.begin(), upsamplers.end(), state.upsampler) - upsamplers.begin());
        if (content.result && content.result->upsamplingMilliseconds > 0)
            model.upsamplerNote = tr("enlarged in %1 ms · %2 MiB at most")
                                      .arg(content.result->upsamplingMilliseconds, 0, 'f', 1)
                                      .arg(double(content.result->peakBytes) / (1 << 20), 0, 'f', 1);
        if (content.result && content.result->provenance.contains("fit"))
            model.upsamplerNote +=
                tr("\nfitted in %1 s")
                    .arg(content.result->provenance["fit"]["seconds"].get<double>(), 0, 'f', 0);
        model.numbers = numbersOf(state, loaded->info);
        model.hasBasis = state.kind == MapKind::Pca;
        model.basisLocked = controller_->basisLocked();
        if (content.result) {
            const ImageTransform& transform = content.result->transform;
            model.subtitle =
                tr("%1 · %2 · %3×%4 patches · %5 ms")
                    .arg(QFileInfo(QString::fromStdString(loaded->path)).fileName(),
                         state.layer < 0 ? tr("final features") : tr("layer %1").arg(state.layer))
                    .arg(transform.gridWidth())
                    .arg(transform.gridHeight())
                    .arg(content.result->milliseconds, 0, 'f', content.result->milliseconds < 10 ? 1 : 0);
        }
    }
    // What is seen may be the other layer of a comparison, or the difference of both.
    const Layer& layer = view_->shownLayer();
    model.hasScale = !layer.isEmpty() && layer.display.scalar;
    model.hasScaleControls = kind.scalar && !view_->layer().isEmpty();
    model.unit = QString::fromStdString(layer.unit);
    model.chosenColorMap = state.colorMap;
    model.colorMap = layer.display.colorMap;
    model.range = layer.display.range;
    model.clipPercent = state.clipPercent;
    model.rangeLocked = sharedRange_.has_value();
    if (cursor_)
        model.readout = readoutAt(*cursor_);
    return model;
}

QStringList InspectPanel::readoutAt(QPointF inImage) const {
    QStringList lines;
    const Layer& layer = view_->shownLayer();
    QString head =
        QStringLiteral("x %1  y %2").arg(int(std::floor(inImage.x()))).arg(int(std::floor(inImage.y())));
    if (!layer.isEmpty() && layer.image != controller_->preview()) {
        const QPointF at = layer.layerFromImage(inImage);
        const int64_t x = int64_t(std::floor(at.x())), y = int64_t(std::floor(at.y()));
        if (x >= 0 && y >= 0 && x < layer.image->width() && y < layer.image->height()) {
            QStringList values;
            for (int channel = 0; channel < layer.image->channels(); ++channel)
                values.append(number(layer.image->value(x, y, channel)));
            head += "   " + values.join(' ');
            if (!layer.unit.empty())
                head += " " + QString::fromStdString(layer.unit);
        }
    }
    lines.append(head);
    if (shownResult_ && mapKindName(controller_->panel(index_).kind).needsModel) {
        const ImageTransform& transform = shownResult_->transform;
        const Point2 patch = transform.patchFromImage({inImage.x(), inImage.y()});
        const auto token = transform.tokenFromImage({inImage.x(), inImage.y()});
        lines.append(token ? QStringLiteral("patch %1, %2   token %3")
                                 .arg(int(std::floor(patch.x)))
                                 .arg(int(std::floor(patch.y)))
                                 .arg(*token)
                           : tr("outside the model's input"));
        for (size_t rank = 0; rank < shownResult_->ranked.size(); ++rank)
            if (const RankedPatch& each = shownResult_->ranked[rank];
                inImage.x() >= each.topLeft.x && inImage.x() < each.bottomRight.x &&
                inImage.y() >= each.topLeft.y && inImage.y() < each.bottomRight.y)
                lines.append(
                    tr("number %1 of the places that differ most: %2").arg(rank + 1).arg(number(each.value)));
        if (!shownResult_->probeFeatures.empty()) {
            QStringList values;
            for (size_t i = 0; i < std::min<size_t>(4, shownResult_->probeFeatures.size()); ++i)
                values.append(QString::number(double(shownResult_->probeFeatures[i]), 'f', 3));
            lines.append(tr("probe [%1 …]").arg(values.join(", ")));
        }
    }
    return lines;
}

}  // namespace vitrine
