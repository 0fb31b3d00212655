import { RuntimeError } from '../errors.js'

export type Fields = Readonly<Record<string, unknown>>

/** @throws {RuntimeError} `SECCOMP_PROFILE_INVALID` */
export function refuse(where: string, why: string): never {
  throw new RuntimeError('SECCOMP_PROFILE_INVALID', `Cannot use the seccomp profile, "${where}": ${why}`, {
    hint: 'It has the form of Docker\'s: {"defaultAction": …, "syscalls": [{"names": […], "action": …}]}',
  })
}

export function record(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(where, 'it is not an object')
  return value as Fields
}

export function list(value: unknown, where: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(where, 'it is not a list')
}

export function text(value: unknown, where: string): string {
  return typeof value === 'string' ? value : refuse(where, 'it is not a text')
}

export function integer(value: unknown, where: string, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  return refuse(where, `${JSON.stringify(value)} is not a number from 0 to ${most}`)
}

/** Numbers above 2^53, which JSON.parse rounds, are given as text. */
export function uint64(value: unknown, where: string): bigint {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) {
    if (Number.isSafeInteger(value)) return BigInt(value)
    refuse(where, `${value} may have been rounded; write it as text`)
  }
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) {
    const number = BigInt(value)
    if (number <= 0xffffffffffffffffn) return number
  }
  return refuse(where, `${JSON.stringify(value)} is not a number of 64 bits`)
}

/** Missing and null are the same, as Go has it. */
export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value)
}
