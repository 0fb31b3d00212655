import { createNativeRuntime } from '@tsbuild/runtime'
import { runtimeConformance, tests } from '@tsbuild/testkit'

for (const transport of ['thread', 'process'] as const) {
  tests(`native runtime, ${transport}`, (test) => {
    runtimeConformance(test, (stateDir) => createNativeRuntime({ transport, stateDir }))
  })
}
