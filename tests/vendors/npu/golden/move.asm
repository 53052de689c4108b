.chip small
.input 0 f32 12x10
.output 0 f32 12x16
.constants 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.move" "/model/move"
# transposed 12x10, padded, the first row overwritten
#   node /model/move
# Nothing is computed: elements are brought to where, or into the order in which, others want them.
# Configuration: slots 2
# 3 instructions in 3 records.
.buffer x0 in0 0x0 480
.buffer y out0 0x0 768  # the result
.buffer results sp 0x0 768  # results

# load results
load [results] <- [x0] dims=(1+10+1@4:64, 2+12+2@40:4) signal(compute)
# fill results
fill [results] = 0xff800000 shape=1x1x16 strides=(0, 0, 4) wait(load) signal(store)
# store results
store [y] <- [results] dims=(192@4:4) wait(compute)

halt
