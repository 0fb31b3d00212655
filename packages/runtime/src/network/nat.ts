import { findNetworkProgram, runNetworkProgram } from './programs.js'
import type { Subnet } from './subnets.js'

/** Rules that let a network reach the outside under the host's address. Each names the device that it belongs to, so that one whose
 * device is gone can be told from the others. Whoever changes rules holds the lock of the machine's networks. */
export interface Nat {
  readonly kind: 'iptables' | 'nft'
  add(device: string, subnet: Subnet): void
  /** Harmless where there are none. */
  remove(device: string): void
  /** The devices that there are rules of. */
  devices(): string[]
}

const mark = 'tsbuild:'

/** iptables where it is found, since another program that uses it may let nothing pass that it does not know; otherwise nft. */
export function openNat(): Nat | undefined {
  const iptables = findNetworkProgram('iptables')
  if (iptables !== undefined) return iptablesNat((args) => runNetworkProgram(iptables, ['-w', '10', ...args]))
  const nft = findNetworkProgram('nft')
  return nft === undefined ? undefined : nftNat((input) => runNetworkProgram(nft, ['-f', '-'], input), nft)
}

function iptablesNat(run: (args: readonly string[]) => string): Nat {
  const chains = [
    ['nat', 'POSTROUTING'],
    ['filter', 'FORWARD'],
  ] as const
  const own = () =>
    chains.flatMap(([table, chain]) =>
      run(['-t', table, '-S', chain])
        .split('\n')
        .filter((line) => line.startsWith('-A ') && line.includes(mark))
        .map((line) => ({ table, line })),
    )
  return {
    kind: 'iptables',
    add(device, { range, pool }) {
      const comment = ['-m', 'comment', '--comment', `${mark}${device}`]
      run(['-t', 'nat', '-A', 'POSTROUTING', '-s', range, '!', '-d', pool, ...comment, '-j', 'MASQUERADE'])
      const answers = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED']
      run(['-t', 'filter', '-I', 'FORWARD', '-o', device, ...answers, ...comment, '-j', 'ACCEPT'])
      run(['-t', 'filter', '-I', 'FORWARD', '-i', device, ...comment, '-j', 'ACCEPT'])
    },
    remove(device) {
      for (const { table, line } of own()) if (deviceOf(line) === device) run(['-t', table, ...removalOf(line)])
    },
    devices: () => own().flatMap(({ line }) => deviceOf(line) ?? []),
  }
}

/** The arguments that take a rule away again, of the line that `-S` shows of it. */
export function removalOf(line: string): string[] {
  return ['-D', ...line.replaceAll('"', '').split(' ').slice(1)]
}

function deviceOf(line: string): string | undefined {
  return /tsbuild:([\w-]+)/.exec(line)?.[1]
}

/** A table for each device: it is there as a whole or not at all. */
function nftNat(load: (input: string) => string, nft: string): Nat {
  const devices = () =>
    runNetworkProgram(nft, ['list', 'tables', 'ip'])
      .split('\n')
      .flatMap((line) => /^table ip tsbuild-([\w-]+)/.exec(line)?.[1] ?? [])
  return {
    kind: 'nft',
    add(device, { range, pool }) {
      load(`table ip tsbuild-${device} {
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr ${range} ip daddr != ${pool} masquerade
  }
}
`)
    },
    remove(device) {
      if (devices().includes(device)) load(`delete table ip tsbuild-${device}\n`)
    },
    devices,
  }
}
