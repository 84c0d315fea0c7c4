// Shapes are star-shaped seen from their centre, so that an outline is a radius for each direction. Radii
// are looked up in tables that are made once: rendering is a few operations on whole batches of pictures.
#include "core/data/shape_scenes.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

namespace vitrine {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int64_t kDirections = 1024;  // of the tables
constexpr double kArea = 0.7 * kPi;    // of every outline, for radius 1
constexpr int64_t kLines = 3;
constexpr double kLargestTilt = kPi / 6;

// Radius of the outline in the direction of `angle`, [0, 2π); of any size.
using Outline = std::function<double(double angle)>;

Outline regularPolygon(int corners, double turn) {
    return [=](double angle) {
        const double sector = 2 * kPi / corners;
        return 1 / std::cos(std::fmod(angle + turn + 2 * kPi, sector) - sector / 2);
    };
}

// Straight lines between points of the radii `outer` and `inner`.
Outline star(int points, double inner) {
    return [=](double angle) {
        const double half = kPi / points;
        const double from = std::fmod(angle, 2 * half);
        const double a = from > half ? 2 * half - from : from;  // 0: at a point, half: in a notch
        // The segment from (1, 0) to inner·(cos half, sin half), cut by the ray of direction a.
        const double x = inner * std::cos(half) - 1, y = inner * std::sin(half);
        return y / (std::cos(a) * y - std::sin(a) * x);
    };
}

double crossRadius(double angle) {
    constexpr double arm = 0.36;
    const double c = std::abs(std::cos(angle)), s = std::abs(std::sin(angle));
    const double alongX = std::min(1 / std::max(c, 1e-9), arm / std::max(s, 1e-9));
    const double alongY = std::min(1 / std::max(s, 1e-9), arm / std::max(c, 1e-9));
    return std::max(alongX, alongY);
}

// A half disc seen from its centroid, flat side below.
double halfDiscRadius(double angle) {
    constexpr double centroid = 4 / (3 * kPi);
    const double s = std::sin(angle), flat = s < 0 ? -centroid / s : std::numeric_limits<double>::infinity();
    const double round = -centroid * s + std::sqrt(1 - centroid * centroid * (1 - s * s));
    return std::min(flat, round);
}

double ellipseRadius(double angle) {
    constexpr double ratio = 0.45;
    return ratio / std::hypot(ratio * std::cos(angle), std::sin(angle));
}

constexpr double kRingHole = 0.6;  // of its outer radius

struct OutlineTables {
    at::Tensor outer, inner;  // (classes, directions); inner is the hole of rings, below 0 elsewhere
};

OutlineTables makeTables() {
    const std::array<Outline, size_t(kSceneShapeCount)> outlines{[](double) { return 1.0; },
                                                                 regularPolygon(3, kPi / 2),
                                                                 regularPolygon(4, 0),
                                                                 star(5, 0.45),
                                                                 crossRadius,
                                                                 [](double) { return 1.0; },
                                                                 halfDiscRadius,
                                                                 ellipseRadius};
    OutlineTables tables{at::zeros({kSceneShapeCount, kDirections}),
                         at::zeros({kSceneShapeCount, kDirections})};
    for (size_t shape = 0; shape < outlines.size(); ++shape) {
        const double hole = std::string_view(kSceneShapeNames[shape]) == "ring" ? kRingHole : 0;
        double area = 0;
        std::vector<float> radii;
        for (int64_t step = 0; step < kDirections; ++step) {
            const double radius = outlines[shape](2 * kPi * (double(step) + 0.5) / kDirections);
            area += radius * radius * (1 - hole * hole) * kPi / kDirections;
            radii.push_back(float(radius));
        }
        const at::Tensor row = at::tensor(radii) * std::sqrt(kArea / area);
        tables.outer[int64_t(shape)].copy_(row);
        tables.inner[int64_t(shape)].copy_(hole > 0 ? row * hole : -row);
    }
    return tables;
}

const OutlineTables& outlineTables() {
    static const OutlineTables tables = makeTables();
    return tables;
}

// Draws of one batch, (N) or (N, 3) each.
class Draw {
  public:
    Draw(int64_t count, const at::Generator& random) : count_(count), random_(random) {}
    at::Tensor uniform(double from, double to) const {
        return from + (to - from) * at::rand({count_}, random_, at::TensorOptions());
    }
    at::Tensor colour() const { return at::rand({count_, 3}, random_, at::TensorOptions()); }
    at::Tensor below(int64_t end) const {
        return at::randint(0, end, {count_}, random_, at::TensorOptions(at::kLong));
    }
    // Colours from `darkest` on, over a range of `range`; the second is `least` to `most` away from the first
    // in each channel, towards the middle.
    ScenePaint paint(double darkest, double range, double least, double most) const {
        ScenePaint paint;
        paint.texture = below(kSceneTextureCount);
        paint.first = darkest + range * colour();
        const at::Tensor sign =
            at::where(paint.first.lt(darkest + range / 2), at::ones({}), at::full({}, -1.0));
        paint.second = paint.first + sign * (least + (most - least) * colour());
        paint.frequency = uniform(5, 9);
        paint.direction = uniform(0, kPi);
        paint.phase = uniform(0, 2 * kPi);
        paint.acrossPhase = uniform(0, 2 * kPi);
        return paint;
    }

  private:
    int64_t count_;
    const at::Generator& random_;
};

at::Tensor perPicture(const at::Tensor& values) {
    return values.view({-1, 1, 1});
}
at::Tensor perColour(const at::Tensor& colours) {
    return colours.view({-1, 3, 1, 1});
}

// A value in [0, 1] with steep but smooth flanks where `wave` crosses 0.
at::Tensor steep(const at::Tensor& wave) {
    return (wave * 2.5 + 0.5).clamp_(0, 1);
}

// Positions in the scene, from the centre of the paint: (N, side, side).
at::Tensor textureValues(const ScenePaint& paint, const at::Tensor& x, const at::Tensor& y) {
    const at::Tensor turn = perPicture(2 * kPi * paint.frequency);
    const at::Tensor cosine = perPicture(paint.direction.cos()), sine = perPicture(paint.direction.sin());
    const at::Tensor along = (turn * (cosine * x + sine * y) + perPicture(paint.phase)).sin();
    const at::Tensor across = (turn * (cosine * y - sine * x) + perPicture(paint.acrossPhase)).sin();
    const at::Tensor circles = (turn * (x.square() + y.square()).sqrt() + perPicture(paint.phase)).sin();
    const at::Tensor texture = perPicture(paint.texture);
    at::Tensor values = at::where(texture.eq(1), steep(along), at::zeros({}));
    values = at::where(texture.eq(2), steep(along * across), values);
    values = at::where(texture.eq(3), steep(along + across - 0.6), values);
    return at::where(texture.eq(4), steep(circles), values);
}

// (N, 3, side, side)
at::Tensor painted(const ScenePaint& paint, const at::Tensor& x, const at::Tensor& y) {
    const at::Tensor mix = textureValues(paint, x, y).unsqueeze(1);
    return perColour(paint.first) + mix * perColour(paint.second - paint.first);
}

// Share of each pixel that the item covers, from positions relative to its centre.
at::Tensor coverage(const SceneItem& item, const at::Tensor& x, const at::Tensor& y,
                    const at::Tensor& pixelsPerSide) {
    const OutlineTables& tables = outlineTables();
    const at::Tensor distance = (x.square() + y.square()).sqrt();
    const at::Tensor angle = (at::atan2(-y, x) - perPicture(item.tilt)) / (2 * kPi);
    const at::Tensor direction =
        ((angle - angle.floor()) * kDirections).to(at::kLong).clamp_(0, kDirections - 1);
    const at::Tensor place = perPicture(item.shape) * kDirections + direction;
    const at::Tensor radius = perPicture(item.radius);
    const at::Tensor inside = at::minimum(tables.outer.take(place) * radius - distance,
                                          distance - tables.inner.take(place) * radius);
    return (inside * pixelsPerSide + 0.5).clamp_(0, 1) * perPicture(item.present);
}

at::Tensor dominantClass(const at::Tensor& shapes) {
    std::vector<at::Tensor> areas;
    for (int64_t shape = 1; shape <= kSceneShapeCount; ++shape)
        areas.push_back(shapes.eq(shape).sum({1, 2}));
    return at::stack(areas, 1).argmax(1);
}

}  // namespace

ShapeScenes drawShapeScenes(int64_t count, const at::Generator& random) {
    const Draw draw(count, random);
    ShapeScenes scenes;
    scenes.ground = draw.paint(0, 0.5, 0.05, 0.2);  // grounds are darker than most shapes
    for (int64_t line = 0; line < kLines; ++line)
        scenes.lines.push_back(
            {draw.uniform(0, kPi), draw.uniform(-0.5, 0.5), draw.uniform(0.006, 0.016), draw.colour()});
    const at::Tensor shapeCount = 2 + draw.below(kSceneSlots - 1);
    const at::Tensor largest = draw.below(12).remainder(shapeCount);
    for (int64_t slot = 0; slot < kSceneSlots; ++slot) {
        const at::Tensor isLargest = largest.eq(slot);
        SceneItem item;
        item.present = shapeCount.gt(slot);
        item.shape = draw.below(kSceneShapeCount);
        item.centreX = at::where(isLargest, draw.uniform(0.3, 0.7), draw.uniform(0.08, 0.92));
        item.centreY = at::where(isLargest, draw.uniform(0.3, 0.7), draw.uniform(0.08, 0.92));
        item.radius = at::where(isLargest, draw.uniform(0.24, 0.34), draw.uniform(0.11, 0.18));
        item.tilt = draw.uniform(-kLargestTilt, kLargestTilt);
        item.paint = draw.paint(0.3, 0.7, 0.1, 0.35);
        scenes.items.push_back(std::move(item));
    }
    scenes.shadeX = draw.uniform(-0.5, 0.5);
    scenes.shadeY = draw.uniform(-0.5, 0.5);
    return scenes;
}

SceneView drawSceneViews(int64_t count, double smallest, const at::Generator& random) {
    const Draw draw(count, random);
    SceneView view;
    view.extent = draw.uniform(smallest, 1);
    view.left = draw.uniform(0, 1) * (1 - view.extent);
    view.top = draw.uniform(0, 1) * (1 - view.extent);
    return view;
}

ScenePictures renderShapeScenes(const ShapeScenes& scenes, int64_t side, const SceneView* view) {
    const int64_t count = scenes.count();
    const at::Tensor extent = view ? view->extent : at::ones({count});
    const at::Tensor axis = (at::arange(side, at::kFloat) + 0.5) / double(side);
    at::Tensor x = perPicture(extent) * axis.view({1, 1, side});
    at::Tensor y = perPicture(extent) * axis.view({1, side, 1});
    if (view) {
        x = x + perPicture(view->left);
        y = y + perPicture(view->top);
    }
    x = x.expand({count, side, side});
    y = y.expand({count, side, side});
    const at::Tensor pixelsPerSide = perPicture(double(side) / extent);

    ScenePictures result;
    at::Tensor picture = painted(scenes.ground, x - 0.5, y - 0.5);
    for (const SceneLine& line : scenes.lines) {
        const at::Tensor distance = (perPicture(line.direction.cos()) * (x - 0.5) +
                                     perPicture(line.direction.sin()) * (y - 0.5) - perPicture(line.offset))
                                        .abs();
        const at::Tensor covered =
            ((perPicture(line.halfWidth) - distance) * pixelsPerSide + 0.5).clamp_(0, 1).unsqueeze(1);
        picture = picture + covered * (perColour(line.colour) - picture);
    }
    result.shapes = at::zeros({count, side, side}, at::kLong);
    result.objects = at::zeros({count, side, side}, at::kLong);
    result.textures = perPicture(scenes.ground.texture).expand({count, side, side});
    for (size_t slot = 0; slot < scenes.items.size(); ++slot) {
        const SceneItem& item = scenes.items[slot];
        const at::Tensor itemX = x - perPicture(item.centreX), itemY = y - perPicture(item.centreY);
        const at::Tensor covered = coverage(item, itemX, itemY, pixelsPerSide);
        picture = picture + covered.unsqueeze(1) * (painted(item.paint, itemX, itemY) - picture);
        const at::Tensor seen = covered.ge(0.5);
        result.shapes = at::where(seen, perPicture(item.shape + 1), result.shapes);
        result.textures = at::where(seen, perPicture(item.paint.texture), result.textures);
        result.objects.masked_fill_(seen, int64_t(slot) + 1);
    }
    const at::Tensor light =
        1 + perPicture(scenes.shadeX) * (x - 0.5) + perPicture(scenes.shadeY) * (y - 0.5);
    result.pictures = (picture * light.unsqueeze(1)).clamp_(0, 1);
    result.textures = result.textures.contiguous();
    result.dominant = dominantClass(result.shapes);
    return result;
}

at::Tensor objectBoundaries(const at::Tensor& objects) {
    const int64_t height = objects.size(1), width = objects.size(2);
    at::Tensor boundary = at::zeros(objects.sizes(), at::kBool);
    boundary.narrow(2, 0, width - 1)
        .logical_or_(objects.narrow(2, 0, width - 1).ne(objects.narrow(2, 1, width - 1)));
    boundary.narrow(1, 0, height - 1)
        .logical_or_(objects.narrow(1, 0, height - 1).ne(objects.narrow(1, 1, height - 1)));
    return boundary;
}

}  // namespace vitrine
