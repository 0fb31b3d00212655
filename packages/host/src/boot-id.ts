import { readFileSync } from 'node:fs'

let bootId: string | undefined

/** An id of this boot of the machine: what was written but not synced under another one may be lost. Empty where /proc is missing. */
export function currentBootId(): string {
  bootId ??= readBootId()
  return bootId
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
