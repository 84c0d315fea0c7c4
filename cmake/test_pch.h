// The precompiled header of tests that need neither LibTorch nor Qt.
#pragma once
#include "cmake/common_pch.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
