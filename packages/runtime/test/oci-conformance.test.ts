import { createOciRuntime } from '@tsbuild/runtime'
import { busyboxRootfs, findProgram, runtimeConformance, tests } from '@tsbuild/testkit'

const skip = process.getuid?.() === 0 ? (findProgram('runc') ? undefined : 'needs runc') : 'needs root'

tests('OCI runtime, runc', (test) => {
  runtimeConformance(test, (stateDir) => createOciRuntime({ program: 'runc', stateDir }), busyboxRootfs, skip)
})
