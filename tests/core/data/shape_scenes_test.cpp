#include "core/data/shape_scenes.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

at::Generator generator(uint64_t seed) {
    return at::make_generator<at::CPUGeneratorImpl>(seed);
}

double share(const at::Tensor& condition) {
    return condition.to(at::kDouble).mean().item<double>();
}

TEST(ShapeScenes, ShapesAndRangesAreThoseOfTheHeader) {
    const ScenePictures scenes = renderShapeScenes(drawShapeScenes(6, generator(1)), 32);
    EXPECT_EQ(scenes.pictures.sizes(), (at::IntArrayRef{6, 3, 32, 32}));
    EXPECT_GE(scenes.pictures.min().item<float>(), 0);
    EXPECT_LE(scenes.pictures.max().item<float>(), 1);
    for (const at::Tensor& map : {scenes.shapes, scenes.textures, scenes.objects})
        EXPECT_EQ(map.sizes(), (at::IntArrayRef{6, 32, 32}));
    EXPECT_LE(scenes.shapes.max().item<int64_t>(), kSceneShapeCount);
    EXPECT_LT(scenes.textures.max().item<int64_t>(), kSceneTextureCount);
    EXPECT_LE(scenes.objects.max().item<int64_t>(), kSceneSlots);
    EXPECT_TRUE(scenes.shapes.gt(0).equal(scenes.objects.gt(0)));
}

TEST(ShapeScenes, TheSameDrawGivesTheSamePictures) {
    const ScenePictures first = renderShapeScenes(drawShapeScenes(4, generator(7)), 48);
    const ScenePictures again = renderShapeScenes(drawShapeScenes(4, generator(7)), 48);
    const ScenePictures other = renderShapeScenes(drawShapeScenes(4, generator(8)), 48);
    EXPECT_TRUE(first.pictures.equal(again.pictures));
    EXPECT_TRUE(first.objects.equal(again.objects));
    EXPECT_FALSE(first.pictures.equal(other.pictures));
}

// Repainting one object in black and in white tells which pixels show it: those are the pixels of its label.
TEST(ShapeScenes, LabelsAreWhereTheObjectIsPainted) {
    ShapeScenes scenes = drawShapeScenes(40, generator(2));
    scenes.shadeX.zero_();
    scenes.shadeY.zero_();
    for (size_t slot = 0; slot < scenes.items.size(); ++slot) {
        const auto painted = [&](double value) {
            ShapeScenes copy = scenes;
            copy.items[slot].paint.first = at::full({40, 3}, value);
            copy.items[slot].paint.second = at::full({40, 3}, value);
            return renderShapeScenes(copy, 64);
        };
        const ScenePictures black = painted(0), white = painted(1);
        const at::Tensor shown = (white.pictures - black.pictures).mean(1);  // share of the object in a pixel
        const at::Tensor labelled = black.objects.eq(int64_t(slot) + 1);
        // A later object's soft edge may leave its label on a pixel that shows up to half of this one.
        EXPECT_EQ(shown.gt(0.5001).logical_and(labelled.logical_not()).sum().item<int64_t>(), 0);
        EXPECT_EQ(shown.lt(0.2).logical_and(labelled).sum().item<int64_t>(), 0);
        EXPECT_TRUE(black.shapes.masked_select(labelled).equal(
            (scenes.items[slot].shape.view({-1, 1, 1}) + 1).expand_as(black.shapes).masked_select(labelled)));
        EXPECT_TRUE(black.textures.masked_select(labelled).equal(scenes.items[slot]
                                                                     .paint.texture.view({-1, 1, 1})
                                                                     .expand_as(black.textures)
                                                                     .masked_select(labelled)));
    }
}

TEST(ShapeScenes, OneDrawAgreesAtTwoSizes) {
    const ShapeScenes scenes = drawShapeScenes(100, generator(3));
    const ScenePictures small = renderShapeScenes(scenes, 64), large = renderShapeScenes(scenes, 128);
    const at::Tensor shrunk = at::avg_pool2d(large.pictures, {2, 2}, {2, 2});
    EXPECT_LT((shrunk - small.pictures).abs().mean().item<double>(), 0.02);
    EXPECT_LT((shrunk - small.pictures).abs().gt(0.3).to(at::kDouble).mean().item<double>(), 0.01);
    // Pixels whose four halves agree have their label.
    const at::Tensor quarters = large.objects.view({100, 64, 2, 64, 2}).permute({0, 1, 3, 2, 4}).flatten(3);
    const at::Tensor uniform = quarters.eq(quarters.select(3, 0).unsqueeze(3)).all(3);
    EXPECT_GT(share(uniform), 0.85);
    EXPECT_GT(share(quarters.select(3, 0).eq(small.objects).masked_select(uniform)), 0.999);
    EXPECT_GE(share(small.dominant.eq(large.dominant)), 0.98);
}

TEST(ShapeScenes, AViewShowsItsPartOfTheScene) {
    const ShapeScenes scenes = drawShapeScenes(30, generator(4));
    const at::Tensor half = at::full({30}, 0.5);
    const SceneView view{half, at::zeros({30}), half};  // top right quarter
    const ScenePictures whole = renderShapeScenes(scenes, 128), part = renderShapeScenes(scenes, 64, &view);
    EXPECT_TRUE(part.objects.equal(whole.objects.narrow(1, 0, 64).narrow(2, 64, 64)));
    EXPECT_LT((part.pictures - whole.pictures.narrow(2, 0, 64).narrow(3, 64, 64)).abs().max().item<double>(),
              1e-3);
}

TEST(ShapeScenes, ClassesAndTexturesAreBalancedAndDominanceIsTheLargestArea) {
    const int64_t count = 3000;
    const ScenePictures scenes = renderShapeScenes(drawShapeScenes(count, generator(5)), 24);
    const at::Tensor classes = at::bincount(scenes.dominant, {}, kSceneShapeCount).to(at::kDouble) / count;
    EXPECT_GT(classes.min().item<double>(), 0.09);
    EXPECT_LT(classes.max().item<double>(), 0.16);
    const at::Tensor textures =
        at::bincount(scenes.textures.flatten(), {}, kSceneTextureCount).to(at::kDouble) /
        double(scenes.textures.numel());
    EXPECT_GT(textures.min().item<double>(), 0.17);
    EXPECT_LT(textures.max().item<double>(), 0.23);
    for (int64_t i = 0; i < 50; ++i) {
        const at::Tensor areas =
            at::bincount(scenes.shapes[i].flatten(), {}, kSceneShapeCount + 1).slice(0, 1);
        EXPECT_EQ(areas[scenes.dominant[i].item<int64_t>()].item<int64_t>(), areas.max().item<int64_t>());
    }
}

// Without tilt and other shapes in the way, every class covers the same area.
TEST(ShapeScenes, EveryClassCoversTheSameArea) {
    ShapeScenes scenes = drawShapeScenes(kSceneShapeCount, generator(6));
    for (size_t slot = 0; slot < scenes.items.size(); ++slot)
        scenes.items[slot].present.fill_(slot == 0);
    SceneItem& item = scenes.items[0];
    item.shape = at::arange(kSceneShapeCount, at::kLong);
    item.centreX.fill_(0.5);
    item.centreY.fill_(0.5);
    item.radius.fill_(0.25);
    const ScenePictures pictures = renderShapeScenes(scenes, 256);
    const at::Tensor areas = pictures.shapes.gt(0).to(at::kDouble).mean({1, 2});
    for (int64_t shape = 0; shape < kSceneShapeCount; ++shape)
        EXPECT_NEAR(areas[shape].item<double>(), 0.7 * 3.14159265 * 0.25 * 0.25, 0.004)
            << kSceneShapeNames[size_t(shape)];
}

TEST(ShapeScenes, BoundariesLieBetweenObjects) {
    at::Tensor objects = at::zeros({1, 4, 4}, at::kLong);
    objects[0].narrow(1, 2, 2).fill_(1);
    const at::Tensor boundary = objectBoundaries(objects);
    EXPECT_TRUE(boundary[0].select(1, 1).all().item<bool>());
    EXPECT_EQ(boundary.sum().item<int64_t>(), 4);
}

}  // namespace
}  // namespace vitrine
