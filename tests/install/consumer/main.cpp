// main.cpp - a program of somebody else: prints ok, and nothing that it does not print itself.
#include <cstdio>

#include <fovea/core/error.h>
#include <fovea/core/shape.h>

int main() {
  const fovea::Shape shape{2, 3, 4, 5};
  if (shape.elements() != 120) return 1;
  try {
    static_cast<void>(fovea::checked_mul(std::int64_t{1} << 40, std::int64_t{1} << 40));
    return 1;
  } catch (const fovea::Error&) {  // an exception of the library is caught by its type
  }
  std::puts("ok");
}
