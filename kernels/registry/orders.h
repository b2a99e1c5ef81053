// orders.h - the orders in which a device may run the threads of a kernel, as far as they can be
// chosen here: for who checks that a kernel does not depend on them.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/device.h>

#include <functional>
#include <string>

namespace fovea {

/// On `emulated` a function that calls its argument under each schedule but the default
/// (kernels/emulator/schedule.h), with the schedule's name; what the argument waits for follows it.
/// Empty elsewhere: a card does not let its order be chosen.
FOVEA_API std::function<void(const std::function<void(const std::string& order)>&)> other_orders(
    const Device& device);

}  // namespace fovea
