/** What Docker hides from a step, below /proc. */
export const maskedProc = [
  'acpi',
  'asound',
  'interrupts',
  'kcore',
  'keys',
  'latency_stats',
  'sched_debug',
  'scsi',
  'timer_list',
  'timer_stats',
] as const

/** What it shows read-only, below /proc. */
export const readonlyProc = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'] as const

/** What it hides below /sys. */
export const maskedSys = ['firmware', 'devices/virtual/powercap'] as const
