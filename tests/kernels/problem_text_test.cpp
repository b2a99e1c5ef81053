// problem_text_test.cpp - problems as text: what is printed is parsed back, what is wrong is said
// with a caret under it, what cannot be is refused.
#include <fovea/kernels/ops/problem_text.h>
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/tests/support/problem_lists.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

// The message of the InvalidArgument that f throws; "" where it throws none.
template <class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

template <class Op, class Parse>
void expect_round_trips(const std::string& name, const Parse& parse) {
  for (const std::string& list : kLists) {
    for (const auto& p : problems<Op>(list)) {
      EXPECT_EQ(parse(to_string(p)), p) << to_string(p);
      EXPECT_EQ(parse(to_string(p, true)), p) << to_string(p, true);
      EXPECT_EQ(parse(name + ":" + to_string(p)), p);
      EXPECT_EQ(to_string(parse(to_string(p))), to_string(p));
    }
  }
}

TEST(ProblemText, DropHasNumbersOfItsOwn) {
  const LinearProblem plain = parse_linear("m2n3k4+bias+drop");
  EXPECT_EQ(plain.drop, Drop{});
  EXPECT_EQ(to_string(plain), "m2n3k4+bias+drop");
  const LinearProblem p = parse_linear("gemm:m2n3k4+bias+relu+drop0.3:1.4285715:7");
  EXPECT_EQ(p.drop, (Drop{0.3F, 1.4285715F, 7}));
  EXPECT_EQ(to_string(p), "m2n3k4+bias+relu+drop0.3:1.4285715:7");
  EXPECT_EQ(parse_conv("n1c1h4k1r3+drop0.25:1:2").drop.layer, 2U);
  for (const char* bad :
       {"m2n3k4+drop1:1:0", "m2n3k4+drop0.5:0:0", "m2n3k4+drop0.5", "m2n3k4+dropx"}) {
    EXPECT_THROW(parse_linear(bad), InvalidArgument) << bad;
  }
}

TEST(ProblemText, S2dIsOfAConvolutionThatCanBeFolded) {
  const ConvProblem p = parse_conv("n2c3h227k96r11u4+s2d+bias");
  EXPECT_TRUE(p.s2d);
  EXPECT_EQ(to_string(p), "n2c3h227k96r11u4+s2d+bias");
  EXPECT_EQ(p.x_shape(), (Shape{2, 57, 57, 48}));
  EXPECT_THROW(parse_conv("n2c3h227k96r11u3+s2d"), InvalidArgument);
  EXPECT_EQ(forward_w_shape(p), (Shape{96, 3, 3, 48}));
  EXPECT_EQ(p.w_shape(), (Shape{96, 11, 11, 3})) << "dw lies as ever";
  EXPECT_EQ(folding_of_weights(p).ws_shape(), forward_w_shape(p));
  EXPECT_EQ(to_string(folding_of_weights(p)), "k96c3r11u4");
}

TEST(ProblemText, FiltersAreFoldedBy2Or4) {
  EXPECT_NO_THROW(validate(FoldWeightsProblem{.k = 8, .c = 3, .r = 7, .s = 5, .u = 2}));
  EXPECT_EQ(to_string(FoldWeightsProblem{.k = 8, .c = 3, .r = 7, .s = 5, .u = 2}), "k8c3r7s5u2");
  for (const FoldWeightsProblem& bad : {FoldWeightsProblem{8, 3, 7, 7, 3},
                                        {8, 3, 7, 7, 1},
                                        {0, 3, 7, 7, 4},
                                        {1 << 20, 3, 64, 64, 4}}) {
    EXPECT_THROW(validate(bad), InvalidArgument) << to_string(bad);
  }
}

TEST(ProblemText, PrintsWhatItParses) {
  expect_round_trips<ConvForward>("conv", parse_conv);
  expect_round_trips<ConvDgrad>("conv", parse_conv);
  expect_round_trips<ConvWgrad>("conv", parse_conv);
  expect_round_trips<LinearForward>("gemm", parse_linear);
  expect_round_trips<MaxPoolForward>("maxpool", parse_pool);
  expect_round_trips<AvgPoolForward>("avgpool", parse_pool);
  expect_round_trips<LrnForward>("lrn", parse_lrn);
  expect_round_trips<LrnPoolBackward>("lrn_pool", parse_lrn_pool);
}

TEST(ProblemText, LeavesDefaultsOut) {
  EXPECT_EQ(to_string(kAlexConv1), "n128c3h227k96r11u4");
  EXPECT_EQ(to_string(parse_conv("n1c2h3w3k4r5s5u1v1ph2:2pw2dh1dw1g1+relu+bias")),
            "n1c2h3k4r5ph2+bias+relu");
  EXPECT_EQ(to_string(parse_conv("n1c1h9k1r3"), true), "n1c1h9w9k1r3s3u1v1ph0pw0dh1dw1g1");
}

TEST(ProblemText, TakesFieldsInAnyOrderAndSidesFromTheirPartners) {
  const ConvProblem p = parse_conv("k8r3u2ph1:2h9c4n2");
  EXPECT_EQ(p, parse_conv("n2c4h9w9k8r3s3u2v2ph1:2pw1:2"));
  EXPECT_EQ(p.w, 9);
  EXPECT_EQ(p.s, 3);
  EXPECT_EQ(p.v, 2);
  EXPECT_EQ(p.pw, (Padding{1, 2}));
  // w and width, s and size, dh and d: the longest name wins.
  EXPECT_EQ(parse_lrn("n1c8h2size3a0.5b0.75k2").size, 3);
  EXPECT_EQ(parse_conv("n1c1h9k1r2dh3").dh, 3);
}

TEST(ProblemText, ReadsSmallRealsAsPrinted) {
  LrnProblem p = parse_lrn("n1c8h2");
  p.alpha = 1e-7F;
  p.beta = 0.1F;
  EXPECT_EQ(parse_lrn(to_string(p)), p) << to_string(p);
}

TEST(ProblemText, PutsACaretUnderWhatItDoesNotUnderstand) {
  const std::string unknown = refusal([] { parse_conv("n1c2h3z4k5r6"); });
  EXPECT_TRUE(contains(unknown, "  n1c2h3z4k5r6\n        ^")) << unknown;
  const std::string no_number = refusal([] { parse_conv("n1c2hk5r6"); });
  EXPECT_TRUE(contains(no_number, "  n1c2hk5r6\n      ^")) << no_number;
  const std::string twice = refusal([] { parse_conv("n1c2h3k4r5n2"); });
  EXPECT_TRUE(contains(twice, "twice\n  n1c2h3k4r5n2\n            ^")) << twice;
  const std::string epilogue = refusal([] { parse_conv("n1c2h3k4r1+bias+what"); });
  EXPECT_TRUE(contains(epilogue, "  n1c2h3k4r1+bias+what\n                 ^")) << epilogue;
}

TEST(ProblemText, NamesTheFieldThatIsMissingOrOutOfRange) {
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c2h3k4"); }), "field r is missing"));
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c2h3k4r0"); }), "r = '0'"));
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c2h3k4r99999999999"); }), "r = '99999999999'"));
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c2h3k4r1ph1:"); }), "ph"));
  EXPECT_TRUE(contains(refusal([] { parse_lrn("n1c2h3a1.2.3"); }), "not a number"));
}

TEST(Validation, RefusesConvolutionsThatCannotBe) {
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c1h3k1r5"); }), "does not fit"));
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c4h3k4r1g3"); }), "groups"));
  EXPECT_TRUE(contains(refusal([] { parse_conv("n1c1h9k1r3dh5"); }), "does not fit"));
  EXPECT_TRUE(contains(refusal([] { parse_conv("n9999c999h999k1r1"); }), "2^31"));
  // The output's extent would wrap in 32 bits.
  EXPECT_NE(refusal([] { parse_conv("n1c1h1k1r2dh2147483647"); }), "");
  ConvProblem negative = parse_conv("n1c1h3k1r1");
  negative.ph = {-1, 0};
  EXPECT_TRUE(contains(refusal([&] { validate(negative); }), "not negative"));
}

TEST(Validation, RefusesTheOthersThatCannotBe) {
  EXPECT_NE(refusal([] { parse_linear("m0n1k1"); }), "");
  EXPECT_NE(refusal([] { parse_linear("m99999n99999k1"); }), "");
  EXPECT_TRUE(contains(refusal([] { parse_pool("n1c1h20r16"); }), "255"));
  EXPECT_TRUE(contains(refusal([] { parse_pool("n1c1h9r3ph3"); }), "smaller than the window"));
  EXPECT_TRUE(contains(refusal([] { parse_pool("n1c1h2r3"); }), "no output"));
  EXPECT_TRUE(contains(refusal([] { parse_lrn("n1c4h2size4a1b1k1"); }), "odd"));
  EXPECT_TRUE(contains(refusal([] { parse_lrn("n1c4h2g3"); }), "groups"));
  EXPECT_TRUE(contains(refusal([] { parse_lrn_pool("n1c4h2g3r2"); }), "groups"));
  EXPECT_TRUE(contains(refusal([] { parse_lrn_pool("n1c4h2r3"); }), "no output"));
  EXPECT_TRUE(contains(refusal([] { parse_lrn("n1c4h2a1b1k0"); }), "above 0"));
  EXPECT_NE(
      refusal([] {
        validate(InputProblem{.n = 1, .h = 4, .w = 4, .c = 1, .out_h = 7, .out_w = 4, .pad = 1});
      }),
      "");
}

TEST(PoolExtent, FollowsFloorOrCeil) {
  EXPECT_EQ(parse_pool("n1c1h55r3u2").p(), 27);
  EXPECT_EQ(parse_pool("n1c1h28r3u2").p(), 13);
  EXPECT_EQ(parse_pool("n1c1h28r3u2ceil1").p(), 14);
  // A last window that would start outside plane and leading padding does not count.
  EXPECT_EQ(parse_pool("n1c1h4r2u3ceil1").p(), 2);
  EXPECT_EQ(parse_pool("n1c1h3r1u3ceil1").p(), 1);
}

}  // namespace
}  // namespace fovea::test
