// process.h - what of a process a library must leave alone.
#pragma once

#include <cfenv>
#include <clocale>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

// Comparable: equal before and after means that nothing was changed.
struct ProcessState {
  std::string folder = std::filesystem::current_path();
  std::string locale = std::setlocale(LC_ALL, nullptr);
  int rounding = std::fegetround();
  std::vector<std::string> environment = environment_now();
  std::vector<void*> handlers = handlers_now();
  friend bool operator==(const ProcessState&, const ProcessState&) = default;

 private:
  static std::vector<std::string> environment_now() {
    std::vector<std::string> all;
    for (char** e = environ; *e != nullptr; ++e) all.emplace_back(*e);
    return all;
  }
  static std::vector<void*> handlers_now() {
    std::vector<void*> all;
    for (int number = 1; number < 32; ++number) {
      struct sigaction action {};
      sigaction(number, nullptr, &action);
      all.push_back(reinterpret_cast<void*>(action.sa_handler));
    }
    return all;
  }
};

// Threads of this process.
inline long threads_now() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}
