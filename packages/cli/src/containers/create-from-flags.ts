import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { Container, ContainerOptions, Engine } from '@tsbuild/core'
import { badFlag, CliError } from '../errors.js'
import type { Io } from '../io.js'
import { createTransferView } from '../progress/transfer-view.js'
import type { ContainerFlags } from './flags.js'

/** Makes the container that the flags describe, and shows the pull where there is one.
 * @throws {CliError} `ARGUMENT_INVALID`, `OUTPUT_INVALID` for the file of the id */
export async function createFromFlags(
  engine: Engine,
  options: ContainerOptions,
  { cidfile, quiet }: ContainerFlags,
  io: Io,
): Promise<Container> {
  warnOfPorts(options, io)
  if (cidfile !== undefined && existsSync(cidfile))
    throw badFlag('--cidfile', cidfile, 'it exists', 'Remove it, or make sure that its container is not running')
  const view = createTransferView(io, quiet === true)
  let pulling = false
  const onPull: NonNullable<ContainerOptions['onPull']> = (event) => {
    if (!pulling && options.pull !== 'always') view.line(`Unable to find image '${options.image}' locally`)
    pulling = true
    view.pulling(event)
  }
  let container: Container
  try {
    container = await engine.containers.create({ ...options, signal: io.signal, onPull })
  } finally {
    view.close()
  }
  if (cidfile !== undefined) await writeId(cidfile, container)
  return container
}

/** In Docker's words for the network of the host. */
function warnOfPorts({ network, publish = [], publishAll = false }: ContainerOptions, { stderr }: Io): void {
  if (publish.length === 0 && !publishAll) return
  if (network === 'host' || network === 'none')
    stderr.write(`WARNING: Published ports are discarded when using ${network} network mode\n`)
}

async function writeId(path: string, container: Container): Promise<void> {
  try {
    await writeFile(path, container.id, { flag: 'wx' })
  } catch (cause) {
    await container.remove()
    throw new CliError('OUTPUT_INVALID', `Cannot write file "${path}": ${(cause as Error).message}`, { cause })
  }
}
