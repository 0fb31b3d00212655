import { CAPABILITIES, openHost, RLIMITS } from '@tsbuild/host'
import type { ResourceLimit } from '@tsbuild/spec'
import { refused } from '../step-limits.js'

/** A limit as the OCI runtime spec has it (config.md "POSIX process"). */
export interface OciLimit {
  readonly type: string
  readonly soft: bigint
  readonly hard: bigint
}

const unlimited = 0xffffffffffffffffn
/** Node raises its own soft limit to the hard one; programs that close every possible descriptor would take for ever with that. */
const usualOpenFiles = 1024

/** The limits of a step, and the usual number of open files where it asks for none.
 * @throws {RuntimeError} `LIMIT_REFUSED` for an unknown name, `soft` above `hard`, or more than this process may give */
export function ociLimits(limits: readonly ResourceLimit[]): OciLimit[] {
  const wanted = limits.map(checkedLimit)
  if (limits.some(({ name }) => name === 'nofile')) return wanted
  const { hard } = openHost().prlimit(0, 'nofile')
  return [{ type: 'RLIMIT_NOFILE', soft: encode(Math.min(usualOpenFiles, hard)), hard: encode(hard) }, ...wanted]
}

function checkedLimit({ name, soft, hard }: ResourceLimit): OciLimit {
  if (!Object.hasOwn(RLIMITS, name)) throw refused(name, 'there is no such limit')
  if (soft > hard) throw refused(name, 'the soft limit is above the hard one')
  if (!mayRaise() && hard > openHost().prlimit(0, name).hard)
    throw refused(name, 'the hard limit is above that of this process')
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: encode(soft), hard: encode(hard) }
}

function mayRaise(): boolean {
  const bit = BigInt(CAPABILITIES.CAP_SYS_RESOURCE ?? 0)
  return ((openHost().capget().effective >> bit) & 1n) === 1n
}

function encode(value: number): bigint {
  return Number.isFinite(value) ? BigInt(value) : unlimited
}
