// error.h - the exceptions of fovea. Each message says what, where, and what to do.
#pragma once

#include <fovea/core/api.h>

#include <stdexcept>
#include <string>

namespace fovea {

/// Base of every exception that fovea throws on purpose.
class FOVEA_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller's argument is wrong: a shape, an option, a name. Nothing was touched.
class FOVEA_API InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// A correct request that no engine here can carry out; the message names the engines and why.
class FOVEA_API Unsupported : public Error {
 public:
  using Error::Error;
};

/// A memory resource has no room; the object that asked is unchanged.
class FOVEA_API OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// A library or the device reported a failure; the message names call, file and line.
class FOVEA_API DeviceError : public Error {
 public:
  using Error::Error;
};

/// A file is not what it claims to be; the message names file and place.
class FOVEA_API FormatError : public Error {
 public:
  using Error::Error;
};

}  // namespace fovea
