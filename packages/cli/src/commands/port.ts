import type { ContainerDetails } from '@tsbuild/core'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { badFlag, CliError } from '../errors.js'
import type { CliCommand } from './command.js'

type Port = NonNullable<ContainerDetails['state']['ports']>[number]

export const port: CliCommand = {
  summary: 'Show the ports of the host that lead to a container',
  define(command) {
    command.argument('<CONTAINER>', 'name or id')
    command.argument('[PORT[/PROTOCOL]]', 'a port of the container, to show only what leads to it')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild port web 80/tcp')
  },
  async run(command) {
    const [name = '', wanted] = command.args
    await using engine = await openEngine(command.opts<EngineFlags>())
    const { state } = await (await engine.containers.get(name)).inspect()
    const ports = state.ports ?? []
    if (wanted === undefined) return { stdout: ports.map((one) => `${innerEnd(one)} -> ${outerEnd(one)}\n`).join('') }
    const key = wantedKey(wanted)
    const found = ports.filter((one) => innerEnd(one) === key)
    if (found.length === 0)
      throw new CliError('ARGUMENT_INVALID', `Cannot show port "${key}" of "${name}": it is not published`)
    return { stdout: found.map((one) => `${outerEnd(one)}\n`).join('') }
  },
}

function wantedKey(text: string): string {
  const [, number, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? []
  if (number === undefined) throw badFlag('PORT', text, 'not a port', 'e.g. 80 or 53/udp')
  return `${Number(number)}/${protocol}`
}

function innerEnd({ containerPort, protocol }: Port): string {
  return `${containerPort}/${protocol}`
}

function outerEnd({ hostAddress = '0.0.0.0', hostPort }: Port): string {
  return `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:${hostPort}`
}
