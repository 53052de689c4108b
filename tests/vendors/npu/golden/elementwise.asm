.chip small
.input 0 s8 4x128
.input 1 s8 4x128
.output 0 s8 4x128
.constants 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.elementwise" "/model/elementwise"
# add and clip of 4x128 int8
#   node /model/elementwise
# Every element by itself: a part of the tensor is loaded, the vector unit computes it, and it is stored while the
# next part is loaded.
# Configuration: slots 2
# 16 instructions in 16 records.
.buffer x0 in0 0x0 512
.buffer x1 in1 0x0 512
.buffer y out0 0x0 512  # the result
.buffer others0 sp 0x400 128  # second operands
.buffer others1 sp 0x480 128  # second operands
.buffer results0 sp 0x800 128  # results
.buffer results1 sp 0x880 128  # results
.buffer values0 sp 0x0 128  # values
.buffer values1 sp 0x80 128  # values

# load values
load [values0] <- [x0] size=1 dims=(128@1:1)
# load others
load [others0] <- [x1] size=1 dims=(128@1:1) signal(compute)
# add, clip into results
vec s8[results0]{0, 0, 1; 0.0625, 5} = s8[values0]{0, 0, 1; 0.03125, 3} add s8[others0]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) wait(load) signal(load, store)
# store results
store [y] <- [results0] size=1 dims=(128@1:1) wait(compute) signal(compute)
# load values
load [values1] <- [x0 + 128] size=1 dims=(128@1:1)
# load others
load [others1] <- [x1 + 128] size=1 dims=(128@1:1) signal(compute)
# add, clip into results
vec s8[results1]{0, 0, 1; 0.0625, 5} = s8[values1]{0, 0, 1; 0.03125, 3} add s8[others1]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) wait(load) signal(load, store)
# store results
store [y + 128] <- [results1] size=1 dims=(128@1:1) wait(compute) signal(compute)
# load values
load [values0] <- [x0 + 256] size=1 dims=(128@1:1) wait(compute)
# load others
load [others0] <- [x1 + 256] size=1 dims=(128@1:1) signal(compute)
# add, clip into results
vec s8[results0]{0, 0, 1; 0.0625, 5} = s8[values0]{0, 0, 1; 0.03125, 3} add s8[others0]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) wait(load, store) signal(store)
# store results
store [y + 256] <- [results0] size=1 dims=(128@1:1) wait(compute)
# load values
load [values1] <- [x0 + 384] size=1 dims=(128@1:1) wait(compute)
# load others
load [others1] <- [x1 + 384] size=1 dims=(128@1:1) signal(compute)
# add, clip into results
vec s8[results1]{0, 0, 1; 0.0625, 5} = s8[values1]{0, 0, 1; 0.03125, 3} add s8[others1]{0, 0, 1; 0.125, -7} shape=1x1x128 act=clip(-6, 6) wait(load, store) signal(store)
# store results
store [y + 384] <- [results1] size=1 dims=(128@1:1) wait(compute)

halt
