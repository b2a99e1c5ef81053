// tensor_test.cpp - owners of memory: who gives it back, and when.
#include <fovea/core/resource_adaptors.h>
#include <fovea/core/tensor.h>
#include <fovea/core/unique_handle.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace fovea {
namespace {

TEST(DefaultResource, AlignsEveryAllocation) {
  for (const Device device : {Device::cpu(), Device::emulated()}) {
    MemoryResource& memory = default_resource(device);
    EXPECT_EQ(memory.device(), device);
    const Stream stream(device);
    for (const std::size_t bytes : {1U, 255U, 257U, 100000U}) {
      void* p = memory.allocate(bytes, stream);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % kAllocationAlignment, 0U);
      memory.deallocate(p, bytes, stream);
    }
    EXPECT_EQ(memory.allocate(0, stream), nullptr);
  }
}

TEST(DefaultResource, SaysWhenThereIsNoRoom) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer ends the program at such a size instead of saying no";
#endif
  MemoryResource& memory = default_resource(Device::cpu());
  EXPECT_THROW(memory.allocate(std::size_t{1} << 60, StreamView()), OutOfMemory);
}

TEST(DefaultResource, EmulatedMemoryLivesAsLongAsTheTasksThatUseIt) {
  const Stream stream(Device::emulated());
  int read = 0;
  {
    Tensor t(Shape{1}, DType::i32, stream);
    stream.view().enqueue([p = t.as<std::int32_t>()] { *p = 42; });
    stream.view().enqueue([p = t.as<std::int32_t>(), &read] { read = *p; });
  }  // given back before the tasks ran: the address sanitizer sees a free that comes too early
  stream.view().synchronize();
  EXPECT_EQ(read, 42);
}

TEST(PinnedResource, IsHostMemory) {
  void* p = pinned_resource().allocate(100, StreamView());
  ASSERT_NE(p, nullptr);
  static_cast<char*>(p)[99] = 1;
  EXPECT_EQ(pinned_resource().device(), Device::cpu());
  pinned_resource().deallocate(p, 100, StreamView());
}

TEST(Buffer, GivesItsMemoryBackOnce) {
  StatisticsResource memory(default_resource(Device::cpu()));
  const Stream stream(Device::cpu());
  {
    Buffer a(100, stream, memory);
    Buffer b(200, stream, memory);
    a = std::move(b);  // the 100 go
    EXPECT_EQ(memory.statistics().current_bytes, 200U);
    Buffer& self = a;
    a = std::move(self);
    EXPECT_EQ(a.bytes(), 200U);
    EXPECT_EQ(memory.statistics().current_bytes, 200U);
    const Buffer c = std::move(a);
    EXPECT_EQ(c.bytes(), 200U);
  }
  EXPECT_EQ(memory.statistics().current_bytes, 0U);
  EXPECT_EQ(memory.statistics().deallocations, 2U);
}

TEST(Tensor, SharesItsElementsAndChecksTheirType) {
  const Stream stream(Device::cpu());
  const Tensor a = from_host({1, 2, 3, 4, 5, 6}, Shape{2, 3}, stream);
  const Tensor b = a.reshaped(Shape{3, 2});
  EXPECT_EQ(b.data(), a.data());
  EXPECT_EQ(to_host(b, stream), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_THROW(static_cast<void>(a.reshaped(Shape{4})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(a.as<std::int32_t>()), InvalidArgument);
  EXPECT_THROW(static_cast<void>(from_host({1}, Shape{2}, stream)), InvalidArgument);
  EXPECT_EQ(a.bytes(), 24U);
}

TEST(Tensor, RefusesASizeThatDoesNotFit) {
  const Stream stream(Device::cpu());
  EXPECT_THROW(Tensor(Shape{std::int64_t{1} << 62}, DType::f32, stream), InvalidArgument);
}

int destroyed = 0;
void destroy(int) { ++destroyed; }

TEST(UniqueHandle, DestroysOnceAndSurvivesMovingOntoItself) {
  using Handle = UniqueHandle<int, &destroy>;
  destroyed = 0;
  {
    Handle a(1), b(2);
    a = std::move(b);  // 1 goes
    EXPECT_EQ(destroyed, 1);
    Handle& self = a;
    a = std::move(self);
    EXPECT_EQ(a.get(), 2);
    const Handle c = std::move(a);
    EXPECT_FALSE(a);  // NOLINT: what is left of a moved handle is part of the contract
    EXPECT_TRUE(c);
  }
  EXPECT_EQ(destroyed, 2);
}

}  // namespace
}  // namespace fovea
