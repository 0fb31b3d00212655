import type { Engine, EngineOptions } from '@tsbuild/core'
import { type Command, Option } from 'commander'

export interface EngineFlags {
  readonly root?: string
  readonly runtime?: string
  readonly snapshotter?: 'auto' | 'overlay' | 'native'
}

/** Adds the flags that say where the images are. */
export function addRootFlag(command: Command): void {
  command.option('--root <dir>', 'folder that images and cache are kept in (default: $TSBUILD_ROOT)')
}

/** Adds the flags that say how steps are run. */
export function addEngineFlags(command: Command): void {
  addRootFlag(command)
  command.option('--runtime <name>', 'runs RUN steps: native, oci, or the path of an OCI runtime')
  const snapshotter = new Option('--snapshotter <kind>', 'keeps layers: auto, overlay or native')
  command.addOption(snapshotter.choices(['auto', 'overlay', 'native']))
}

/** Opens the folder that the flags name. The library is loaded only here. */
export async function openEngine(flags: EngineFlags, more: EngineOptions = {}): Promise<Engine> {
  const core = await import('@tsbuild/core')
  const { root, runtime, snapshotter } = flags
  return core.openEngine({
    ...(root === undefined ? {} : { root }),
    ...(runtime === undefined ? {} : { runtime }),
    ...(snapshotter === undefined ? {} : { snapshotter }),
    ...more,
  })
}
