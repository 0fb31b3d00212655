import { parseArgs } from 'node:util'
import { type Figure, figures } from './figures/index.js'
import { type Workload, workloads } from './workloads/index.js'

export const peerNames = ['docker', 'buildah'] as const
export type PeerName = (typeof peerNames)[number]

export interface Options {
  readonly workloads: readonly Workload[]
  /** Measured instead of the time of builds. */
  readonly figures: readonly Figure[]
  readonly peers: readonly PeerName[]
  readonly runs: number
  /** Leave tsbuild itself out: to try the peers. */
  readonly peersOnly: boolean
  /** Put the tables into README.md. */
  readonly write: boolean
}

export const usage = `npm run bench -- [figure…] [workload…] [--peers docker,buildah] [--runs N] [--write]

Workloads (default: noop-steps copy-small dag; of figures: copy-small untar):
${list(workloads)}

Figures, instead of the time of builds:
${list(figures)}

--peers   builders to hold tsbuild against (default docker,buildah; "" for none)
--runs    how often each is measured; the median counts (default 3)
--write   put the tables into bench/README.md
`

/** @throws Error that says what is wrong with the arguments */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      peers: { type: 'string', default: peerNames.join(',') },
      runs: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
      'peers-only': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1)
    throw new Error(`Cannot measure "${values.runs}" runs: not a whole number above 0`)
  const wanted = figures.filter(({ name }) => positionals.includes(name))
  const given = positionals.filter((name) => !wanted.some((figure) => figure.name === name))
  const usual = wanted.length === 0 ? ['noop-steps', 'copy-small', 'dag'] : ['copy-small', 'untar']
  return {
    workloads: (given.length === 0 ? usual : given).map(findWorkload),
    figures: wanted,
    peers: values.peers
      .split(',')
      .filter((name) => name !== '')
      .map(findPeer),
    runs,
    peersOnly: values['peers-only'],
    write: values.write,
  }
}

function list(items: readonly { readonly name: string; readonly about: string }[]): string {
  return items.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')
}

function findWorkload(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name)
  if (found === undefined) {
    const all = [...workloads, ...figures].map((one) => one.name)
    throw new Error(`Cannot find workload or figure "${name}": there are ${all.join(', ')}`)
  }
  return found
}

function findPeer(name: string): PeerName {
  const found = peerNames.find((peer) => peer === name)
  if (found === undefined) throw new Error(`Cannot find peer "${name}": there are ${peerNames.join(', ')}`)
  return found
}
