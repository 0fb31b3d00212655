import { CAPABILITIES } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { RuntimeError } from './errors.js'

/** What a process in a Docker container may have by default. */
export const defaultCapabilities: readonly string[] = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
]

const all = 'ALL'
const lastCapability = 63

/** The capabilities that programs of a process may get, by names with `CAP_`, sorted. As with Docker, `ALL` of `capAdd` wins over
 * `ALL` of `capDrop`, and a name in both is there.
 * @param own bits of what this process has
 * @throws {RuntimeError} `CAPABILITY_UNKNOWN`; `CAPABILITY_UNAVAILABLE` for one of `capAdd` that this process lacks */
export function capabilitiesOf(
  { security, sandbox }: Pick<ProcessSpec, 'security' | 'sandbox'>,
  own: bigint,
): string[] {
  const add = (sandbox?.capAdd ?? []).map(capabilityName)
  const drop = (sandbox?.capDrop ?? []).map(capabilityName)
  const ours = Object.keys(CAPABILITIES).filter((name) => has(own, name))
  const added = add.filter((name) => name !== all)
  for (const name of added) if (!has(own, name)) throw unavailable(name)
  const base = (): readonly string[] => {
    if (add.includes(all)) return ours
    if (drop.includes(all)) return []
    return security === 'insecure' ? ours : defaultCapabilities
  }
  const kept = base().filter((name) => !drop.includes(name))
  return [...new Set([...kept, ...added])].sort()
}

/** Bit numbers of the capabilities that are not among `names`, also of those that are newer than us. */
export function droppedCapabilities(names: readonly string[]): number[] {
  const kept = new Set(names.map((name) => CAPABILITIES[name]))
  return Array.from({ length: lastCapability + 1 }, (_, bit) => bit).filter((bit) => !kept.has(bit))
}

/** `ALL`, or the name with `CAP_`. @throws {RuntimeError} `CAPABILITY_UNKNOWN` */
export function capabilityName(text: string): string {
  const upper = text.toUpperCase()
  if (upper === all) return all
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
  if (Object.hasOwn(CAPABILITIES, name)) return name
  const known = Object.keys(CAPABILITIES).map((candidate) => candidate.slice('CAP_'.length))
  const near = nearest(name.slice('CAP_'.length), known)
  throw new RuntimeError('CAPABILITY_UNKNOWN', `Cannot use the capability "${text}": there is none of that name`, {
    hint: near === undefined ? 'See capabilities(7); ALL is all of them' : `Did you mean ${near}?`,
  })
}

function has(bits: bigint, name: string): boolean {
  return ((bits >> BigInt(CAPABILITIES[name] ?? lastCapability)) & 1n) === 1n
}

function unavailable(name: string): RuntimeError {
  return new RuntimeError(
    'CAPABILITY_UNAVAILABLE',
    `Cannot add the capability "${name.slice('CAP_'.length)}": this process does not have it itself`,
  )
}

const mostEdits = 3

/** Names are long and often guessed in part: one that holds the text, or the other way round, is near, too. */
function nearest(text: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(text, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  if (ranked[0] && ranked[0].distance <= mostEdits) return ranked[0].candidate
  return text === '' ? undefined : candidates.find((candidate) => candidate.includes(text) || text.includes(candidate))
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + change))
    }
    row = next
  }
  return row[b.length] ?? 0
}
