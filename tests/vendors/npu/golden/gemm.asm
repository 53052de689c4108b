.chip small
.input 0 f32 64x32
.output 0 f32 64x16
.constants 2112 ba41c2c5eaf0748f681f37755456e8e2d21cc39c664ed6192411bee3f96b1387
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.gemm" "/model/gemm"
# matmul 64x32 by 32x16, bias, relu
#   node /model/gemm
# Products of rows of the input with weights are summed in the accumulators, a tile of the result at a time: load
# what the tile reads, multiply pass after pass, then drain: scale, bias, second operand, function, conversion.
# Loads of the next tile, products of this one and stores of the last one run at once, as far as slots go.
# Configuration: slots 2
# 34 instructions in 32 records.
.buffer x0 in0 0x0 8192
.buffer y out0 0x0 4096  # the result
.buffer weights sp 0x8000 2048  # packed weights
.buffer rows0 sp 0x0 1024  # input, as windows and the matrix unit read it
.buffer rows1 sp 0x400 1024  # input, as windows and the matrix unit read it
.buffer sums0 acc 0x0 16  # sums, a column each lane
.buffer sums1 acc 0x200 16  # sums, a column each lane
.buffer biases sp 0x9000 64  # what is added, one value a channel or for all
.buffer results0 sp 0x4000 512  # results
.buffer results1 sp 0x4200 512  # results

# load weights
load [weights] <- [const] dims=(512@4:4)
# load biases
load [biases] <- [const + 2048] dims=(16@4:4)
# load rows
load [rows0] <- [x0] dims=(256@4:4) signal(compute)
# multiply
mm [sums0] = [rows0] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 wait(load) signal(load)
# drain sums
vec f32[results0]{0, 64, 4} = f32[sums0]{0, 1, 8} + [biases] shape=1x8x16 act=relu signal(store)
# store results
store [y] <- [results0] dims=(128@4:4) wait(compute) signal(compute)
# load rows
load [rows1] <- [x0 + 1024] dims=(256@4:4) signal(compute)
# multiply
mm [sums1] = [rows1] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 wait(load) signal(load)
# drain sums
vec f32[results1]{0, 64, 4} = f32[sums1]{0, 1, 8} + [biases] shape=1x8x16 act=relu signal(store)
set r1 0  # how far in y
set r2 0  # how far in x0
loop 2  # 2 times: store results, load rows, multiply, drain sums
  # store results
  store [y + 512 + r1] <- [results1] dims=(128@4:4) wait(compute) signal(compute)
  # load rows
  load [rows0] <- [x0 + 2048 + r2] dims=(256@4:4) wait(compute) signal(compute)
  # multiply
  mm [sums0] = [rows0] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 wait(load) signal(load)
  # drain sums
  vec f32[results0]{0, 64, 4} = f32[sums0]{0, 1, 8} + [biases] shape=1x8x16 act=relu wait(store) signal(store)
  # store results
  store [y + 1024 + r1] <- [results0] dims=(128@4:4) wait(compute) signal(compute)
  # load rows
  load [rows1] <- [x0 + 3072 + r2] dims=(256@4:4) wait(compute) signal(compute)
  # multiply
  mm [sums1] = [rows1] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 wait(load) signal(load)
  # drain sums
  vec f32[results1]{0, 64, 4} = f32[sums1]{0, 1, 8} + [biases] shape=1x8x16 act=relu wait(store) signal(store)
  add r1 1024
  add r2 2048
end
# store results
store [y + 2560] <- [results1] dims=(128@4:4) wait(compute) signal(compute)
# load rows
load [rows0] <- [x0 + 6144] dims=(256@4:4) wait(compute) signal(compute)
# multiply
mm [sums0] = [rows0] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 wait(load)
# drain sums
vec f32[results0]{0, 64, 4} = f32[sums0]{0, 1, 8} + [biases] shape=1x8x16 act=relu wait(store) signal(store)
# store results
store [y + 3072] <- [results0] dims=(128@4:4) wait(compute)
# load rows
load [rows1] <- [x0 + 7168] dims=(256@4:4) wait(compute) signal(compute)
# multiply
mm [sums1] = [rows1] * [weights] m=1x8 n=16 k=1x1x32 am=(0, 128) accn=8 bn=1024 wait(load)
# drain sums
vec f32[results1]{0, 64, 4} = f32[sums1]{0, 1, 8} + [biases] shape=1x8x16 act=relu wait(store) signal(store)
# store results
store [y + 3584] <- [results1] dims=(128@4:4) wait(compute)

halt
