# check_instructions.cmake - the tensor-core kernels as PTX hold the instructions that they are for.
if(NOT WITH_CUDA)
  message("SKIPPED: this tree is configured without CUDA (-DFOVEA_CUDA=ON where nvcc is)")
  return()
endif()
execute_process(COMMAND ${NVCC} -std=c++20 -arch=compute_80 --expt-relaxed-constexpr -ptx -I ${INCLUDE}
  ${SOURCES}/conv/implicit_gemm/forward.cu -o ${OUT}/forward.ptx
  COMMAND_ERROR_IS_FATAL ANY)
file(READ "${OUT}/forward.ptx" ptx)
foreach(instruction IN ITEMS
    mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    ldmatrix.sync.aligned.m8n8.x4.shared.b16 cvt.rna.tf32.f32 cvt.rn.bf16x2.f32
    cp.async.cg.shared.global cp.async.ca.shared.global)
  string(FIND "${ptx}" "${instruction}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "implicit_gemm/forward.cu has no ${instruction}")
  endif()
endforeach()
