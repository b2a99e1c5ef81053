// op_traits.h - OpTraits of every op. Internal. Include this one: GCC 12 dies ("in nothrow_spec_p")
// where it meets op_traits_values.h first.
#pragma once

#include <fovea/kernels/compare/op_traits_planes.h>
#include <fovea/kernels/compare/op_traits_products.h>
#include <fovea/kernels/compare/op_traits_values.h>
