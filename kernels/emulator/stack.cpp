// stack.cpp - see stack.h.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/sanitizer.h>
#include <fovea/kernels/emulator/stack.h>

#include <sys/mman.h>

namespace fovea::emulator {
namespace {

constexpr std::size_t kPage = 4096;
// A kernel's frame is its "registers", a few KiB; sanitizers make frames several times larger.
constexpr std::size_t kUsable = kAddressSanitizer ? 256 * 1024 : 64 * 1024;
// A thread's hot frames span about 1 KiB: 16 colours of 1 KiB fill a 32 KiB cache half.
constexpr std::size_t kColours = 16;
constexpr std::size_t kColourStep = 1024 + 64;
constexpr std::size_t kShiftRoom = 5 * kPage;
static_assert(kColours * kColourStep <= kShiftRoom);
constexpr std::size_t kMapped = kPage + kUsable + kShiftRoom;

}  // namespace

Stack::Stack(std::size_t colour) : shift_{(colour % kColours) * kColourStep} {
  void* p = mmap(nullptr, kMapped, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    throw OutOfMemory("emulator: no memory for a thread's stack of 64 KiB; run fewer host threads");
  }
  pages_ = static_cast<std::byte*>(p);
  // Without the guard (the kernel's limit of mappings is reached) only overflows go unnoticed.
  static_cast<void>(mprotect(pages_, kPage, PROT_NONE));
}

Stack::~Stack() {
  unpoison(bottom(), bytes());  // frames left behind; the address range may be handed out again
  munmap(pages_, kMapped);
}

void* Stack::bottom() const { return pages_ + kPage; }
void* Stack::top() const { return pages_ + kMapped - shift_; }
std::size_t Stack::bytes() const { return kMapped - kPage - shift_; }

}  // namespace fovea::emulator
