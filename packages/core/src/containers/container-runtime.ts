import type { ContainerRuntime, Runtime } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'

/** The engine's runtime, which has to be one that keeps processes. @throws {CoreError} `UNSUPPORTED` */
export async function containerRuntime({ runtime }: Pick<EngineParts, 'runtime'>): Promise<ContainerRuntime> {
  const opened = await runtime()
  if (isContainerRuntime(opened)) return opened
  throw new CoreError('UNSUPPORTED', `Cannot run containers with the runtime "${opened.kind}"`, {
    hint: 'Use --runtime native',
  })
}

function isContainerRuntime(runtime: Runtime): runtime is ContainerRuntime {
  return 'start' in runtime && 'exec' in runtime
}
