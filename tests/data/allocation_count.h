// allocation_count.h - how often operator new was called in this process.
#pragma once

#include <cstdint>

namespace fovea::test {

std::int64_t allocation_count();

}  // namespace fovea::test
