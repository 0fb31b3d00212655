import type { Reference } from '@tsbuild/spec'
import { RegistryError, type RegistryErrorCode } from './errors.js'
import type { Hosts } from './http/hosts.js'
import { inMirror, type Mirror } from './http/mirror-name.js'

/** A mirror that could not be reached is not asked again for this long. */
const restMs = 60_000

const resting: readonly RegistryErrorCode[] = ['REGISTRY_UNREACHABLE', 'REGISTRY_FAILED', 'TOO_MANY_REQUESTS']

/** Pulls from a registry's mirrors first. */
export class Mirrors {
  readonly #hosts: Hosts
  readonly #restUntil = new Map<string, number>()

  constructor(hosts: Hosts) {
    this.#hosts = hosts
  }

  /** Calls `body` for each mirror until one succeeds, then for the registry itself, whose error is the one that is told.
   * @param body is told whether the reference is in a mirror */
  async first<T>(
    reference: Reference,
    signal: AbortSignal | undefined,
    body: (reference: Reference, mirrored: boolean) => Promise<T>,
  ): Promise<T> {
    const failures: string[] = []
    for (const mirror of (await this.#hosts.of(reference.registry)).mirrors) {
      if ((this.#restUntil.get(mirror.registry) ?? 0) > performance.now()) continue
      try {
        return await body(inMirror(reference, mirror), true)
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof RegistryError) || error.code === 'CLIENT_CLOSED') throw error
        if (resting.includes(error.code)) this.#restUntil.set(mirror.registry, performance.now() + restMs)
        failures.push(failureOf(mirror, error))
      }
    }
    try {
      return await body(reference, false)
    } catch (error) {
      if (failures.length === 0 || !(error instanceof RegistryError)) throw error
      const hint = [...(error.hint === undefined ? [] : [error.hint]), ...failures].join('; ')
      throw new RegistryError(error.code, error.message, { hint, cause: error.cause })
    }
  }
}

function failureOf({ registry }: Mirror, { message }: RegistryError): string {
  return `the mirror "${registry}" failed before: ${message}`
}
