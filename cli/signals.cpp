#include <fovea/cli/signals.h>

#include <csignal>
#include <initializer_list>

namespace fovea::cli {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void remember(int signal) { stop_signal = signal; }

void set_handlers(bool ours) {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    action.sa_handler = ours ? remember : SIG_DFL;
    // RESETHAND: the second signal does what it does by default.
    action.sa_flags = ours ? static_cast<int>(SA_RESETHAND) : 0;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

StopSignals::StopSignals() {
  stop_signal = 0;
  set_handlers(true);
}
StopSignals::~StopSignals() { set_handlers(false); }
int StopSignals::received() { return stop_signal; }

}  // namespace fovea::cli
