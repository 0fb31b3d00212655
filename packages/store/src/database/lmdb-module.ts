import { existsSync } from 'node:fs'
import { requireLmdb } from './require-lmdb.js'

/** Loads lmdb; the CommonJS build, since it starts in half the time of the other one.
 *
 * Two of its helpers read the environment while they load: one looks for the C library by running programs unless `LIBC` says which,
 * the other loads a native msgpack decoder that is of no use here. */
export function loadLmdb(): typeof import('lmdb') {
  const settings: Record<string, string> = { MSGPACKR_NATIVE_ACCELERATION_DISABLED: 'true' }
  if (process.platform === 'linux' && !existsSync(muslLoader())) settings.LIBC = 'glibc'
  return withEnvironment(settings, requireLmdb)
}

function muslLoader(): string {
  const arch = ({ x64: 'x86_64', arm64: 'aarch64' } as Record<string, string>)[process.arch] ?? process.arch
  return `/lib/ld-musl-${arch}.so.1`
}

function withEnvironment<Result>(settings: Record<string, string>, work: () => Result): Result {
  const added = Object.keys(settings).filter((name) => process.env[name] === undefined)
  for (const name of added) process.env[name] = settings[name]
  try {
    return work()
  } finally {
    for (const name of added) delete process.env[name]
  }
}
