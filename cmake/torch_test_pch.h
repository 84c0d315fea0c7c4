// The precompiled header of tests that need LibTorch.
#pragma once
#include "cmake/torch_pch.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
