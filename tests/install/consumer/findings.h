// findings.h - what the program finds goes to a file: nothing may be printed beside it.
#pragma once

#include <fstream>
#include <string>

class Findings {
 public:
  explicit Findings(const char* path) : file_{path} {}

  // One line; the test looks for lines that begin with WRONG.
  void check(bool holds, const std::string& what) {
    file_ << (holds ? "ok    " : "WRONG ") << what << '\n';
    all_hold_ = all_hold_ && holds;
  }
  bool all_hold() const { return all_hold_ && file_.good(); }

 private:
  std::ofstream file_;
  bool all_hold_ = true;
};
