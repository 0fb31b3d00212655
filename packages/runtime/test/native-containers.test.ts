import { createNativeRuntime } from '@tsbuild/runtime'
import { containerConformance, tests } from '@tsbuild/testkit'

for (const transport of ['thread', 'process'] as const) {
  tests(`containers of the native runtime, ${transport}`, (test) => {
    containerConformance(test, (stateDir) => createNativeRuntime({ transport, stateDir }))
  })
}
