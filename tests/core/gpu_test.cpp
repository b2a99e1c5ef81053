// gpu_test.cpp - streams, events, graphs and memory of a GPU. Skipped where there is none.
#include <fovea/core/cuda/architectures.h>
#include <fovea/core/error.h>
#include <fovea/core/guard_resource.h>
#include <fovea/core/pool_resource.h>
#include <fovea/core/resource_adaptors.h>
#include <fovea/core/tensor.h>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace fovea {
namespace {

class Gpu : public testing::Test {
 protected:
  void SetUp() override {
    if (Device::best().kind() != DeviceKind::cuda) GTEST_SKIP() << Device::reason();
    device = Device::best();
    stream.emplace(device);
  }
  Device device;
  std::optional<Stream> stream;
};

TEST_F(Gpu, IsDescribed) {
  const DeviceInfo info = device_info(device);
  EXPECT_EQ(info.device, device);
  EXPECT_FALSE(info.name.empty());
  EXPECT_GE(info.capability, 80);
  EXPECT_TRUE(cuda_code_for(info.capability));
  EXPECT_GT(info.multiprocessors, 0);
  EXPECT_GE(info.shared_bytes_per_block, std::size_t{48} << 10);
  EXPECT_GT(info.memory_bytes, info.l2_bytes);
  EXPECT_EQ(Device::parse(to_string(device)), device);
}

TEST_F(Gpu, CopiesThereAndBackInOrder) {
  const std::vector<float> sent{1, 2, 3, 4, 5};
  const Tensor t = from_host(sent, Shape{5}, *stream);
  EXPECT_EQ(t.device(), device);
  EXPECT_EQ(to_host(t, *stream), sent);
  stream->view().fill(t.data(), 0, 2 * sizeof(float));
  EXPECT_EQ(to_host(t, *stream), (std::vector<float>{0, 0, 3, 4, 5}));
}

TEST_F(Gpu, RefusesHostFunctions) {
  EXPECT_THROW(stream->view().enqueue([] {}), DeviceError);
  EXPECT_NE(stream->view().native(), nullptr);
}

TEST_F(Gpu, EventsOrderStreamsAndMeasureTime) {
  const Stream other(device);
  const Tensor a = from_host(std::vector<float>(1 << 20, 1), Shape{1 << 20}, *stream);
  const Tensor b(Shape{1 << 20}, DType::f32, *stream);
  Event begin(device, true), end(device, true), cleared(device);
  begin.record(*stream);
  stream->view().fill(a.data(), 0, a.bytes());
  end.record(*stream);
  cleared.record(*stream);
  other.view().wait(cleared);
  other.view().copy(b.data(), a.data(), a.bytes());
  EXPECT_EQ(to_host(b, other), std::vector<float>(1 << 20, 0));
  end.wait();
  EXPECT_GT(Event::elapsed_us(begin, end), 0.0F);
}

TEST_F(Gpu, ReplaysAGraphAcrossStreams) {
  const Stream side(device);
  Event fork(device), join(device);
  const Tensor a = from_host({1, 2}, Shape{2}, *stream);
  const Tensor b = from_host({0, 0}, Shape{2}, *stream);
  const CapturedWork captured(*stream, [&] {
    fork.record(*stream);
    side.view().wait(fork);
    side.view().copy(b.data(), a.data(), a.bytes());
    join.record(side);
    stream->view().wait(join);
    stream->view().fill(a.data(), 0, a.bytes());
  });
  EXPECT_EQ(to_host(b, *stream), (std::vector<float>{0, 0})) << "a capture must not run the work";
  captured.launch(*stream);
  EXPECT_EQ(to_host(b, *stream), (std::vector<float>{1, 2}));
  captured.launch(*stream);
  EXPECT_EQ(to_host(b, *stream), (std::vector<float>{0, 0}));
}

TEST_F(Gpu, ABadCaptureLeavesTheStreamsUsable) {
  const Stream side(device);
  Event fork(device);
  const Tensor a = from_host({1, 2}, Shape{2}, *stream);
  const auto unjoined = [&] {
    fork.record(*stream);
    side.view().wait(fork);
    side.view().fill(a.data(), 0, a.bytes());
  };
  EXPECT_THROW(CapturedWork(*stream, unjoined), InvalidArgument);
  EXPECT_THROW(CapturedWork(*stream, [&] { stream->view().synchronize(); }), InvalidArgument);
  EXPECT_THROW(CapturedWork(*stream, [] { throw Unsupported("planted"); }), Unsupported);
  EXPECT_EQ(to_host(a, *stream), (std::vector<float>{1, 2}));
}

TEST_F(Gpu, SaysWhenThereIsNoRoomAndGoesOn) {
  MemoryResource& memory = default_resource(device);
  EXPECT_THROW(memory.allocate(std::size_t{1} << 46, *stream), OutOfMemory);
  void* p = memory.allocate(100, *stream);
  EXPECT_NE(p, nullptr);
  memory.deallocate(p, 100, *stream);
}

TEST_F(Gpu, PinnedMemoryIsTheHosts) {
  auto* p = static_cast<float*>(pinned_resource().allocate(8, *stream));
  p[0] = 1;
  p[1] = 2;
  const Tensor t(Shape{2}, DType::f32, *stream);
  stream->view().copy(t.data(), p, 8);
  EXPECT_EQ(to_host(t, *stream), (std::vector<float>{1, 2}));
  pinned_resource().deallocate(p, 8, *stream);
}

TEST_F(Gpu, ThePoolHandsMemoryFromStreamToStream) {
  StatisticsResource upstream(default_resource(device));
  PoolResource pool(upstream, {.chunk_bytes = std::size_t{1} << 20});
  const Stream other(device);
  const std::vector<float> ones(1 << 18, 1);
  for (int i = 0; i < 20; ++i) {
    std::vector<float> back(1 << 18);
    {
      const Tensor t(Shape{1 << 18}, DType::f32, i % 2 == 0 ? *stream : other, pool);
      const StreamView s = i % 2 == 0 ? *stream : other;
      s.copy(t.data(), ones.data(), t.bytes());
      s.copy(back.data(), t.data(), t.bytes());
    }
    stream->view().synchronize();
    other.view().synchronize();
    ASSERT_EQ(back, ones);
  }
  EXPECT_EQ(upstream.statistics().allocations, 1U);
  pool.release();
  EXPECT_EQ(upstream.statistics().current_bytes, 0U);
}

TEST_F(Gpu, TheGuardSeesAnOverrun) {
  std::vector<std::string> said;
  GuardResource memory(default_resource(device), [&](const std::string& s) { said.push_back(s); });
  auto* p = static_cast<std::byte*>(memory.allocate(100, *stream));
  stream->view().fill(p, 0, 101);
  memory.deallocate(p, 100, *stream);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("0 bytes behind its end"), std::string::npos) << said[0];
}

}  // namespace
}  // namespace fovea
