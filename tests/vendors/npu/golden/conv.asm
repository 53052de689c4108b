.chip small
.input 0 u8 1x4x6x6
.output 0 s8 1x8x6x6
.constants 352 e1854b33a6c80ebc77995fa84d694029a1647fbcfcf12477bec6441827c40939
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.gemm" "/model/gemm"
# conv 1x4x6x6, 3x3, padding 1, uint8 to int8
#   node /model/gemm
# Products of rows of the input with weights are summed in the accumulators, a tile of the result at a time: load
# what the tile reads, multiply pass after pass, then drain: scale, bias, second operand, function, conversion.
# Loads of the next tile, products of this one and stores of the last one run at once, as far as slots go.
# Configuration: slots 2
# 14 instructions in 14 records.
.buffer x0 in0 0x0 144
.buffer y out0 0x0 288  # the result
.buffer weights sp 0x8000 288  # packed weights
.buffer rows0 sp 0x0 128  # input, as windows and the matrix unit read it
.buffer rows1 sp 0x400 128  # input, as windows and the matrix unit read it
.buffer sums0 acc 0x0 12  # sums, a column each lane
.buffer sums1 acc 0x200 12  # sums, a column each lane
.buffer biases sp 0x9000 32  # what is added, one value a channel or for all
.buffer results0 sp 0x4000 96  # results
.buffer results1 sp 0x4200 96  # results

# load weights
load [weights] <- [const] size=1 dims=(288@1:1)
# load biases
load [biases] <- [const + 320] dims=(8@4:4)
# load rows
load [rows0] <- [x0] size=1 dims=(1+3+0@6:32, 1+6+1@1:4, 4@36:1) fill=117 signal(compute)
# multiply
mm [sums0] = [rows0] * [weights] m=2x6 n=8 k=3x3x4 am=(32, 4) ak=(32, 4) types=(u8, s8) zero=(117, 0) wait(load) signal(load)
# drain sums
vec s8[results0]{48, 8, 1; 4, -3} = s32[sums0]{6, 1, 1; 0.25, 0} + [biases] shape=2x6x8 signal(store)
# store results
store [y] <- [results0] size=1 dims=(8@36:1, 12@1:8) wait(compute) signal(compute)
# load rows
load [rows1] <- [x0 + 6] size=1 dims=(4@6:32, 1+6+1@1:4, 4@36:1) fill=117 signal(compute)
# multiply
mm [sums1] = [rows1] * [weights] m=2x6 n=8 k=3x3x4 am=(32, 4) ak=(32, 4) types=(u8, s8) zero=(117, 0) wait(load)
# drain sums
vec s8[results1]{48, 8, 1; 4, -3} = s32[sums1]{6, 1, 1; 0.25, 0} + [biases] shape=2x6x8 signal(store)
# store results
store [y + 12] <- [results1] size=1 dims=(8@36:1, 12@1:8) wait(compute)
# load rows
load [rows0] <- [x0 + 18] size=1 dims=(0+3+1@6:32, 1+6+1@1:4, 4@36:1) fill=117 wait(compute) signal(compute)
# multiply
mm [sums0] = [rows0] * [weights] m=2x6 n=8 k=3x3x4 am=(32, 4) ak=(32, 4) types=(u8, s8) zero=(117, 0) wait(load)
# drain sums
vec s8[results0]{48, 8, 1; 4, -3} = s32[sums0]{6, 1, 1; 0.25, 0} + [biases] shape=2x6x8 wait(store) signal(store)
# store results
store [y + 24] <- [results0] size=1 dims=(8@36:1, 12@1:8) wait(compute)

halt
