.chip small
.input 0 f32 4x32
.output 0 f32 4x32
.constants 256 e95bfd49a53dfafba9edf2d2f59a505b3a9f91b53d298f419c82593080247041
.tmp 0
.limit cycles=1048576 steps=1048576

.composite 0 "npu.norm" "/model/norm"
# layer norm of 4x32
#   node /model/norm
# Each row: its mean is taken off, then it is divided by the root of its mean square, scaled and shifted.
# Configuration: slots 2
# 34 instructions in 30 records.
.buffer x0 in0 0x0 512
.buffer y out0 0x0 512  # the result
.buffer reduced sp 0x2000 4  # one value a row
.buffer scales sp 0x4000 128  # factors, one a channel or for all
.buffer biases sp 0x4080 128  # what is added, one value a channel or for all
.buffer results0 sp 0x0 128  # results
.buffer results1 sp 0x200 128  # results

# load scales
load [scales] <- [const] dims=(32@4:4)
# load biases
load [biases] <- [const + 128] dims=(32@4:4)
set r1 0  # how far in results0
set r2 0  # how far in x0, y
loop 2  # 2 times: load results, sum over rows of results, sub into results, squares over rows of results, rsqrt into reduced, mul into results, scale, shift into results, store results
  # load results
  load [results0 + r1] <- [x0 + r2] dims=(32@4:4) signal(compute)
  # sum over rows of results
  red f32[reduced] = sum f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125 wait(load)
  # sub into results
  vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} sub f32[reduced] shape=1x1x32
  # squares over rows of results
  red f32[reduced] = squares f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125
  # rsqrt into reduced
  vec f32[reduced] = f32[reduced] shape=1x1x1 act=rsqrt(1.5258789e-05, 0)
  # mul into results
  vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} mul f32[reduced] shape=1x1x32
  # scale, shift into results
  vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} * [scales] + [biases] shape=1x1x32 signal(store)
  # store results
  store [y + r2] <- [results0 + r1] dims=(32@4:4) wait(compute) signal(load)
  add r1 512
  add r2 128
end
set r1 0  # how far in results0
set r2 0  # how far in x0, y
loop 2  # 2 times: load results, sum over rows of results, sub into results, squares over rows of results, rsqrt into reduced, mul into results, scale, shift into results, store results
  # load results
  load [results0 + r1] <- [x0 + 256 + r2] dims=(32@4:4) wait(store) signal(compute)
  # sum over rows of results
  red f32[reduced] = sum f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125 wait(load)
  # sub into results
  vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} sub f32[reduced] shape=1x1x32
  # squares over rows of results
  red f32[reduced] = squares f32[results0 + r1]{0, 0, 4} shape=1x1x32 factor=0.03125
  # rsqrt into reduced
  vec f32[reduced] = f32[reduced] shape=1x1x1 act=rsqrt(1.5258789e-05, 0)
  # mul into results
  vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} mul f32[reduced] shape=1x1x32
  # scale, shift into results
  vec f32[results0 + r1]{0, 0, 4} = f32[results0 + r1]{0, 0, 4} * [scales] + [biases] shape=1x1x32 signal(store)
  # store results
  store [y + 256 + r2] <- [results0 + r1] dims=(32@4:4) wait(compute)
  add r1 512
  add r2 128
end

halt
