import { TsbuildError } from '@tsbuild/spec'
import { HostError } from './errors.js'
import type { CarriedError } from './worker-protocol.js'

/** An error as plain data, so that it can be sent to another thread or process. Causes come along, eight deep. */
export function carryError(error: unknown, depth = 0): CarriedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), properties: {}, ours: false }
  const properties: Record<string, string | number | boolean> = {}
  for (const [key, value] of Object.entries(error)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') properties[key] = value
  }
  const cause = error.cause !== undefined && depth < 8 ? { cause: carryError(error.cause, depth + 1) } : {}
  const stack = error.stack === undefined ? {} : { stack: error.stack }
  return {
    name: error.name,
    message: error.message,
    ...stack,
    properties,
    ours: error instanceof TsbuildError,
    ...cause,
  }
}

/** The error again: a `TsbuildError` where it was one (a `HostError` if that is what it was), with `code`, `hint` and `cause`. */
export function restoreError(carried: CarriedError): Error {
  const error = blankError(carried)
  for (const [key, value] of Object.entries(carried.properties)) {
    Object.defineProperty(error, key, { value, enumerable: true, configurable: true, writable: true })
  }
  Object.defineProperty(error, 'name', { value: carried.name, configurable: true, writable: true })
  if (carried.stack !== undefined) {
    Object.defineProperty(error, 'stack', { value: carried.stack, configurable: true, writable: true })
  }
  return error
}

function blankError(carried: CarriedError): Error {
  const details = carried.cause ? { cause: restoreError(carried.cause) } : {}
  if (!carried.ours) return new Error(carried.message, details)
  if (carried.name === 'HostError') return new HostError('SYSCALL_FAILED', carried.message, details)
  return new TsbuildError(String(carried.properties.code), carried.message, details)
}
