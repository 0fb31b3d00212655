import { RuntimeError } from '../errors.js'

/** @throws {RuntimeError} `NETWORK_UNAVAILABLE` with what `action` threw */
export function attempt<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    const denied = code === 'EPERM' || /not permitted|permission denied/i.test(message)
    throw unavailable(
      `this process cannot ${what} (${message.replace(/\.$/, '')})`,
      denied ? 'It takes root with CAP_NET_ADMIN and CAP_SYS_ADMIN' : undefined,
      cause,
    )
  }
}

/** Why there is no bridge, and what helps besides doing without. */
export function unavailable(state: string, hint?: string, cause?: unknown): RuntimeError {
  const remedy = hint === undefined ? '' : `${hint}; or `
  return new RuntimeError('NETWORK_UNAVAILABLE', `Cannot set up network "bridge": ${state}`, {
    hint: `${remedy}${remedy === '' ? 'Use' : 'use'} --network host or none`,
    ...(cause === undefined ? {} : { cause }),
  })
}
