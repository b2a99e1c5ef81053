// added_convolution_test.cpp - convolutions of one's own: layouts, what is refused, and what a
// run() that does more than enqueue is told.
#include <fovea/core/error.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/kernels/registry/added.h>
#include <fovea/kernels/registry/transpose.h>
#include <fovea/tests/support/broken_convolutions.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <numeric>

namespace fovea {
namespace {

using compare::Options;
using compare::Row;
using compare::Status;
using test::right_convolution;

// Rows of one algorithm on one problem in its pass and math mode.
Row row_of(const ConvAlgorithm& a, const std::string& problem, Options o = {}) {
  Registry registry;
  add_convolution(registry, a);
  if (a.devices == Devices::emulated) o.device = Device::emulated();
  o.passes = {a.pass};
  o.maths = {a.math};
  return compare_all(registry, {compare::parse_problem(problem)}, o, {}).at(0);
}
Row checked(const ConvAlgorithm& a, const std::string& problem) {
  Options o;
  o.time = false;
  return row_of(a, problem, o);
}

// Strides of a tensor [n][h][w][c] (or a filter [k][r][s][c]) that lies in NCHW.
std::ptrdiff_t nchw(const Shape& s, std::int64_t n, std::int64_t h, std::int64_t w,
                    std::int64_t c) {
  return ((n * s[3] + c) * s[1] + h) * s[2] + w;
}

// f(n, i, j, k, h, w, c, r, s) for every product of a convolution that meets no padding.
template <class F>
void for_each_product(const ConvProblem& p, const F& f) {
  for (int n = 0; n < p.n; ++n)
    for (int i = 0; i < p.p(); ++i)
      for (int j = 0; j < p.q(); ++j)
        for (int k = 0; k < p.k; ++k)
          for (int r = 0; r < p.r; ++r)
            for (int s = 0; s < p.s; ++s)
              for (int c = 0; c < p.c_per_group(); ++c) {
                const int h = i * p.u - p.ph.begin + r, w = j * p.v - p.pw.begin + s;
                if (h < 0 || h >= p.h || w < 0 || w >= p.w) continue;
                f(n, i, j, k, h, w, c, r, s);
              }
}

// Any pass on NCHW: adds products where they belong, into zeros.
void naive_nchw(const ConvArgs& a, Pass pass) {
  const ConvProblem& p = a.problem;
  const Shape x = p.x_shape(), w = p.w_shape(), y = p.y_shape();
  const auto group = [&](int k) { return k / p.k_per_group() * p.c_per_group(); };
  const auto zero = [](float* to, std::int64_t count) { std::fill_n(to, count, 0.0F); };
  if (pass == Pass::forward) {
    float* out = a.y;
    const float *in = a.x, *filter = a.w;
    zero(out, y.elements());
    for_each_product(p, [&](int n, int i, int j, int k, int h, int v, int c, int r, int s) {
      out[nchw(y, n, i, j, k)] += in[nchw(x, n, h, v, group(k) + c)] * filter[nchw(w, k, r, s, c)];
    });
  } else if (pass == Pass::dgrad) {
    float* out = a.dx;
    const float *in = a.dy, *filter = a.w, *mask = a.mask;
    if (!p.epilogue.acc) zero(out, x.elements());
    for_each_product(p, [&](int n, int i, int j, int k, int h, int v, int c, int r, int s) {
      const std::ptrdiff_t at = nchw(x, n, h, v, group(k) + c);
      if (a.mask && mask[at] <= 0) return;
      out[at] += in[nchw(y, n, i, j, k)] * filter[nchw(w, k, r, s, c)];
    });
  } else {
    float *out = a.dw, *sums = a.db;
    const float *in = a.x, *dy = a.dy;
    if (!p.epilogue.acc) {
      zero(out, w.elements());
      if (a.db) zero(sums, p.k);
    }
    for_each_product(p, [&](int n, int i, int j, int k, int h, int v, int c, int r, int s) {
      out[nchw(w, k, r, s, c)] += in[nchw(x, n, h, v, group(k) + c)] * dy[nchw(y, n, i, j, k)];
    });
    for (std::int64_t n = 0; a.db && n < p.n; ++n) {
      for (int k = 0; k < p.k; ++k) {
        for (int e = 0; e < p.p() * p.q(); ++e) sums[k] += dy[nchw(y, n, e / p.q(), e % p.q(), k)];
      }
    }
  }
}

ConvAlgorithm in_nchw(Pass pass, Devices devices = Devices::cpu) {
  ConvAlgorithm a;
  a.name = "mine";
  a.pass = pass;
  a.layout = Layout::nchw;
  a.devices = devices;
  a.epilogue = {
      .mask = pass == Pass::dgrad, .acc = pass != Pass::forward, .db = pass == Pass::wgrad};
  a.run = [pass](const ConvArgs& args) {
    args.stream.enqueue([args, pass] { naive_nchw(args, pass); });
  };
  return a;
}

class TransposeTest : public testing::TestWithParam<Schedule> {};

TEST_P(TransposeTest, TurnsMatricesOfAnySize) {
  const ScopedSchedule schedule(GetParam());
  for (const Device& device : {Device::cpu(), Device::emulated()}) {
    const Stream stream(device);
    for (const std::size_t bytes : {std::size_t{2}, std::size_t{4}}) {
      for (const MatrixBatch& m : {MatrixBatch{3, 1, 1, bytes}, MatrixBatch{2, 33, 7, bytes},
                                   MatrixBatch{1, 64, 70, bytes}, MatrixBatch{0, 5, 5, bytes}}) {
        const auto count = static_cast<std::size_t>(m.batch * m.rows * m.columns);
        std::vector<std::byte> from(count * bytes), to(count * bytes), back(count * bytes);
        for (std::size_t i = 0; i < from.size(); ++i)
          from[i] = static_cast<std::byte>(i * 37 % 251);
        transpose(m, from.data(), to.data(), stream);
        transpose({m.batch, m.columns, m.rows, bytes}, to.data(), back.data(), stream);
        stream.view().synchronize();
        EXPECT_EQ(from, back);
        for (std::size_t i = 0; i < count; ++i) {  // element (b, r, c) of `from`
          const auto columns = static_cast<std::size_t>(m.columns);
          const auto rows = static_cast<std::size_t>(m.rows);
          const std::size_t c = i % columns, r = i / columns % rows, b = i / columns / rows;
          const std::size_t j = (b * columns + c) * rows + r;
          ASSERT_TRUE(std::equal(&from[i * bytes], &from[i * bytes] + bytes, &to[j * bytes]))
              << to_string(device) << ", element " << i << " of " << m.rows << " x " << m.columns;
        }
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Schedules, TransposeTest, testing::ValuesIn(all_schedules()));

TEST(Transpose, RefusesOtherElements) {
  const Stream stream(Device::emulated());
  EXPECT_THROW(transpose({1, 2, 2, 8}, nullptr, nullptr, stream), InvalidArgument);
}

TEST(AddedConvolution, WorksOnNchwInEveryPassAndTheRowSaysSo) {
  for (const Devices devices : {Devices::cpu, Devices::emulated}) {
    for (const auto& [pass, problem] :
         {std::pair{Pass::forward, "n2c4h7w9k6r3u2ph1g2"},
          std::pair{Pass::dgrad, "n2c4h7w9k6r3u2ph1g2"},
          std::pair{Pass::dgrad, "n2c4h6k3r3ph1+mask+acc"}, std::pair{Pass::wgrad, "n2c3h6k4r3"},
          std::pair{Pass::wgrad, "n2c4h6k4r3g2+db+acc"}}) {
      const Row row = checked(in_nchw(pass, devices), problem);
      EXPECT_EQ(row.status, Status::ok) << row.why << " " << row.reproduce;
      EXPECT_EQ(row.layout, "nchw");
      EXPECT_EQ(algorithm_of(row), "mine:mine on nchw");
      EXPECT_EQ(row.exact_on_integers, true);
      EXPECT_FALSE(row.conversion_us.has_value()) << "nothing was timed";
    }
  }
}

TEST(AddedConvolution, TimesItsConversionsApart) {
  Options o;
  o.reps = 3;
  const Row row = row_of(in_nchw(Pass::forward), "n2c8h16k8r3ph1", o);
  ASSERT_EQ(row.status, Status::ok) << row.why;
  ASSERT_TRUE(row.times && row.conversion_us);
  EXPECT_GT(*row.conversion_us, 0);
  EXPECT_LT(*row.conversion_us, row.times->median)
      << "a naive kernel is not faster than two copies";
  EXPECT_EQ(row_of(right_convolution(), "n2c8h16k8r3ph1", o).conversion_us, 0.0);
}

TEST(AddedConvolution, IsDeclinedForItsOwnReasonsAndForEpiloguesItDoesNotOffer) {
  ConvAlgorithm a = right_convolution();
  a.why_not = [](const ConvProblem& p, const DeviceInfo&) {
    return std::string(p.groups == 1 ? "" : "groups > 1");
  };
  EXPECT_EQ(checked(a, "n1c4h5k4r3").status, Status::ok);
  const Row groups = checked(a, "n1c4h5k4r3g2");
  EXPECT_EQ(groups.status, Status::declined);
  EXPECT_EQ(groups.why, "groups > 1");
  EXPECT_EQ(groups.layout, "") << "nothing ran";
  EXPECT_EQ(checked(a, "n1c4h5k4r3+bias").why, "+bias is not an epilogue of this algorithm");
}

TEST(AddedConvolution, FindsAWorkspaceOfTheSizeItAskedFor) {
  const auto writing = [](ConvAlgorithm a, int more) {
    a.workspace = [](const ConvProblem& p) {
      return sizeof(float) * static_cast<std::size_t>(p.k);
    };
    a.run = [run = a.run, more](const ConvArgs& args) {
      auto* w = static_cast<float*>(args.workspace);
      std::fill_n(w, args.problem.k + more, 1.0F);
      run(args);
    };
    return checked(a, "n1c2h6k64r3");
  };
  for (const ConvAlgorithm& a : {right_convolution(), in_nchw(Pass::forward)}) {
    const Row row = writing(a, 0);
    EXPECT_EQ(row.status, Status::ok) << row.why;
    EXPECT_GE(row.workspace_bytes, 256U);
    const Row wrong = writing(a, 1);
    EXPECT_EQ(wrong.why, "workspace: written outside, 0 bytes after its end");
  }
}

TEST(AddedConvolution, RefusesAPointerToElementsOfAnotherSize) {
  ConvAlgorithm a = right_convolution();
  a.run = [](const ConvArgs& args) {
    const std::uint16_t* x = args.x;
    static_cast<void>(x);
  };
  const Row row = checked(a, "n1c1h3k1r1");
  EXPECT_EQ(row.status, Status::failed);
  EXPECT_EQ(row.why, "a kernel takes elements of 2 bytes, the tensor holds f32");
}

TEST(AddedConvolution, RefusesWhatCannotBeMeant) {
  const auto refusal = [](const std::function<void(ConvAlgorithm&)>& change) -> std::string {
    ConvAlgorithm a = right_convolution();
    change(a);
    Registry registry;
    try {
      add_convolution(registry, a);
    } catch (const InvalidArgument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(refusal([](ConvAlgorithm&) {}), "");
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.name = ""; }).find("a name is a word"),
            std::string::npos);
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.name = "a,b"; }), "");
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.engine = "fovea"; }).find("is not yours"),
            std::string::npos);
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.devices = Devices::none; }), "");
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.run = {}; }), "");
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.layout = Layout::s2d4; }).find("nhwc or nchw"),
            std::string::npos);
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.epilogue.drop = true; }).find("+drop"),
            std::string::npos);
  EXPECT_NE(refusal([](ConvAlgorithm& a) { a.epilogue.acc = true; }).find("+acc"),
            std::string::npos);
}

// A right kernel that does `also` besides; `when`: on the stream, or in run() itself.
ConvAlgorithm ill_behaved(Devices devices, const std::function<void(const ConvArgs&)>& also) {
  ConvAlgorithm a = right_convolution();
  a.devices = devices;
  a.run = [compute = a.run, also](const ConvArgs& args) {
    args.stream.enqueue([compute, args] { compute(args); });
    also(args);
  };
  return a;
}

void expect_blamed(const Row& row, const std::string& what) {
  EXPECT_EQ(row.status, Status::wrong);
  EXPECT_NE(row.why.find(what), std::string::npos) << row.why;
  EXPECT_NE(row.reproduce.find("--algo 'mine:mine'"), std::string::npos);
}

TEST(Conduct, OfAKernelThatOnlyEnqueuesIsGood) {
  for (const Devices d : {Devices::cpu, Devices::emulated}) {
    const Row row = checked(ill_behaved(d, [](const ConvArgs&) {}), "n1c2h5k3r3");
    EXPECT_EQ(row.status, Status::ok) << row.why;
  }
}

TEST(Conduct, FindsRunThatWaits) {
  const auto wait = [](const ConvArgs& a) { a.stream.synchronize(); };
  expect_blamed(checked(ill_behaved(Devices::emulated, wait), "n1c2h5k3r3"),
                "run() does more than enqueue: synchronize()");
}

TEST(Conduct, FindsRunThatAllocates) {
  const auto allocate = [](const ConvArgs& a) { const Tensor t({4}, DType::f32, a.stream); };
  for (const Devices d : {Devices::cpu, Devices::emulated}) {
    expect_blamed(checked(ill_behaved(d, allocate), "n1c2h5k3r3"), "run() allocates memory");
  }
}

TEST(Conduct, FindsRunThatComputesBeforeItsTurn) {
  ConvAlgorithm a = right_convolution();
  a.devices = Devices::emulated;  // its streams are lazy: what was enqueued before has not run yet
  expect_blamed(checked(a, "n1c2h5k3r3"), "y: computed by run() itself, not on the stream");
}

TEST(Conduct, FindsWritesBeyondTheOutput) {
  const auto beyond = [](const ConvArgs& a) {
    a.stream.enqueue([a] {
      float* y = a.y;
      y[a.y.elements() + 2] = 1;
    });
  };
  for (const Devices d : {Devices::cpu, Devices::emulated}) {
    expect_blamed(checked(ill_behaved(d, beyond), "n1c2h5k3r3"),
                  "y: written outside, 8 bytes after its end");
    ConvAlgorithm nchw_too = in_nchw(Pass::forward, d);
    nchw_too.run = [run = nchw_too.run, beyond](const ConvArgs& args) {
      run(args);
      beyond(args);
    };
    expect_blamed(checked(nchw_too, "n1c2h5k3r3"),
                  "y in nchw: written outside, 8 bytes after its end");
  }
}

}  // namespace
}  // namespace fovea
