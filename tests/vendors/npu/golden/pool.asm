.chip small
.input 0 f32 1x8x6x6
.output 0 f32 1x8x3x3
.constants 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.pool" "/model/pool"
# maxpool 1x8x6x6, 2x2, stride 2
#   node /model/pool
# A window of the input becomes one value, all channels at once: rows of the input are loaded with their padding, the
# vector unit goes over the taps of each window into the accumulators, and the result is drained.
# Configuration: slots 2
# 12 instructions in 12 records.
.buffer x0 in0 0x0 1152
.buffer y out0 0x0 288  # the result
.buffer rows0 sp 0x0 384  # input, as windows and the matrix unit read it
.buffer rows1 sp 0x400 384  # input, as windows and the matrix unit read it
.buffer sums0 acc 0x0 3  # sums, a column each lane
.buffer sums1 acc 0x200 3  # sums, a column each lane
.buffer results0 sp 0x4000 96  # results
.buffer results1 sp 0x4200 96  # results

# load rows
load [rows0] <- [x0] dims=(2@24:192, 6@4:32, 8@144:4) signal(compute)
# largest of windows
win [sums0] = max [rows0] m=1x3 k=2x2 channels=8 am=(384, 64) ak=(192, 32) wait(load) signal(load)
# drain sums
vec f32[results0]{0, 4, 12} = f32[sums0]{0, 1, 1} shape=1x3x8 signal(store)
# store results
store [y] <- [results0] dims=(8@36:12, 3@4:4) wait(compute) signal(compute)
# load rows
load [rows1] <- [x0 + 48] dims=(2@24:192, 6@4:32, 8@144:4) signal(compute)
# largest of windows
win [sums1] = max [rows1] m=1x3 k=2x2 channels=8 am=(384, 64) ak=(192, 32) wait(load)
# drain sums
vec f32[results1]{0, 4, 12} = f32[sums1]{0, 1, 1} shape=1x3x8 signal(store)
# store results
store [y + 12] <- [results1] dims=(8@36:12, 3@4:4) wait(compute)
# load rows
load [rows0] <- [x0 + 96] dims=(2@24:192, 6@4:32, 8@144:4) wait(compute) signal(compute)
# largest of windows
win [sums0] = max [rows0] m=1x3 k=2x2 channels=8 am=(384, 64) ak=(192, 32) wait(load)
# drain sums
vec f32[results0]{0, 4, 12} = f32[sums0]{0, 1, 1} shape=1x3x8 wait(store) signal(store)
# store results
store [y + 24] <- [results0] dims=(8@36:12, 3@4:4) wait(compute)

halt
