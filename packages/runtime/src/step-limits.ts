import { type ChildCall, type Limit, openHost, RLIMITS } from '@tsbuild/host'
import type { ResourceLimit } from '@tsbuild/spec'
import { RuntimeError } from './errors.js'

/** Node raises its own soft limit to the hard one; programs that close every possible descriptor would take for ever with that. */
const usualOpenFiles = 1024

/** The calls by which a child gets the limits that the step asks for, and the usual number of open files otherwise.
 * @throws {RuntimeError} `LIMIT_REFUSED` for an unknown name or where `soft` is above `hard` */
export function limitCalls(limits: readonly ResourceLimit[]): ChildCall[] {
  const calls = limits.map(({ name, soft, hard }) => {
    const resource = Object.hasOwn(RLIMITS, name) ? RLIMITS[name] : undefined
    if (resource === undefined) throw refused(name, 'there is no such limit')
    if (soft > hard) throw refused(name, 'the soft limit is above the hard one')
    return limitCall(resource, { soft, hard })
  })
  if (limits.some(({ name }) => name === 'nofile')) return calls
  const { hard } = openHost().prlimit(0, 'nofile')
  return [limitCall(RLIMITS.nofile!, { soft: Math.min(usualOpenFiles, hard), hard }), ...calls]
}

export function refused(name: string, why: string, cause?: unknown): RuntimeError {
  return new RuntimeError('LIMIT_REFUSED', `Cannot set the limit "${name}": ${why}`, { cause })
}

function limitCall(resource: number, { soft, hard }: Limit): ChildCall {
  const words = BigUint64Array.from([soft, hard].map(encode))
  return { name: 'prlimit64', args: [0, resource, new Uint8Array(words.buffer), null] }
}

function encode(value: number): bigint {
  return Number.isFinite(value) ? BigInt(value) : 0xffffffffffffffffn
}
